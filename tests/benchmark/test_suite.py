"""The suite's members, and estimates beside measurements."""

import jax
import pytest

import disentangle_jax as dj
from disentangle_jax.benchmark import (
  engines,
  forms,
  machine,
  record,
  suite,
)
from disentangle_jax.engine.plan import planning
from disentangle_jax.engine.programs import devices


def tiny_plan(metrics=('kl', 'reconstruction')):
  config = dj.base_config()
  config.study = 'tiny'
  config.methods, config.metrics = ('beta_vae',), metrics
  config.dataset.name = 'dsprites'
  config.dataset.resolution = 8
  config.net.name = 'mlp'
  config.net.mlp.encoder_hidden = config.net.mlp.decoder_hidden = (8,)
  config.static.num_latents = 2
  config.steps, config.batch_size, config.seeds = 40, 4, 1
  return planning.make(config)


def test_a_scored_model_takes_compiling_training_and_scoring():
  plan = tiny_plan()
  group = plan.groups[0]
  member = suite.Member('tiny', plan, group)
  mesh = devices.mesh()
  engine = forms.Engine(group._replace(steps=4), 2, mesh)
  assert engine.state is None
  rate = engine.rate()
  assert engine.best == rate
  assert jax.tree.leaves(engine.state)[0].shape[0] == devices.padded(
    2, mesh.shape[devices.RUNS]
  )
  found = suite.scored(member, engine, mesh)
  assert found['score_s'] > 0 and found['score_compile_s'] > 0
  # 40 steps of two runs at that rate, shared by two models.
  least = (engine.compile_seconds + 80 / rate + found['score_s']) / 2
  assert found['model_s'] > least


@pytest.mark.parametrize(
  ('runs', 'rate', 'steps'),
  [
    (1, 0.0, 100),  # nothing is known
    (8, 1000.0, 100),
    (8, 10.0, 37),  # 30 s at 10 run-steps/s are 300
    (64, 10.0, 4),
    (76, 10.0, 0),
  ],
)
def test_a_slow_machine_takes_fewer_steps_or_leaves_out(runs, rate, steps):
  assert suite.steps_within(30.0, runs, rate, 100) == steps


def test_engines_compiled_ahead_are_those_that_are_measured(monkeypatch):
  group = tiny_plan().groups[0]._replace(steps=3)
  mesh, counts = devices.mesh(), (1, 2)
  wanted = [('tiny', group, None)]
  ahead = engines.compile_ahead(wanted, counts, mesh, threads=2)['tiny']
  found = list(engines.within(group, counts, mesh, 0.0, ahead))
  assert found == [ahead[count].result() for count in counts]
  assert [engine.runs for engine in found] == [1, 2]
  # Where time allows fewer steps their program is another one.
  monkeypatch.setattr(suite, 'steps_within', lambda *_: 2)
  (shorter,) = engines.within(group, (1,), mesh, 0.0, ahead)
  assert shorter.group.steps == 2 and shorter is not found[0]


def test_scoring_is_foreseen_from_the_rate():
  plan = tiny_plan()
  member = suite.Member('tiny', plan, plan.groups[0])

  class Engine:
    runs, best = 6, 50.0

  assert suite.scoring_seconds(member, Engine) == 0  # no score reads codes
  plan = tiny_plan(('mig_binned',))
  member = suite.Member('tiny', plan, plan.groups[0])
  # A small grid is encoded whole; three passes in batches of 4 make a step.
  expected = 6 * 32_768 / 4 / 3 / 50
  assert suite.scoring_seconds(member, Engine) == pytest.approx(expected)


def test_estimates_stand_beside_what_was_measured(tmp_path):
  group = tiny_plan().groups[0]
  what = suite.title('tiny', group)
  assert what == 'tiny: beta_vae, mlp, 8 x 8 x 1, batch 4'
  about = {
    'devices': '4 x TPU v5 lite (estimated)',
    'backend': 'tpu',
    'matmul_gflop_per_s': 197e3,
    'copy_gb_per_s': 819.0,
  }
  estimate = suite.estimated(what, group, 8, 0.002, 12.0)
  path = record.save(tmp_path, about, [estimate])
  assert path.name == '4_x_tpu_v5_lite_estimated.json'
  measured = {**estimate, 'rows': [{**estimate['rows'][0]}]}
  measured['rows'][0]['run_steps_per_s'] = 1000.0
  here = {'machine': {**about, 'devices': '1 x H200'}}
  here['measurements'] = [measured]
  heads, (line,) = record.compare([here, record.load(path)])
  assert heads[2:] == ['1 x H200', '4 x TPU v5 lite (estimated)']
  # 8 runs in 2 ms.
  assert line == [what, 'engine, 8 runs', '1,000', '4,000 (4.00x)']


@pytest.mark.parametrize(
  ('devices_of', 'backend', 'count'),
  [('4 x TPU v5 lite', 'tpu', 4), ('2 x cpu', 'cpu', 1)],
)
def test_devices_are_counted_from_the_file_not_from_here(
  devices_of, backend, count
):
  about = {'devices': devices_of, 'backend': backend}
  assert machine.parallel(about) == count


def test_the_suite_names_studies_that_exist():
  kinds = {}
  for member in suite.members():
    kind = member.what.removeprefix('suite, ').partition(':')[0]
    kinds[kind] = member.group
    assert member.plan.groups[0] is member.group
  assert set(kinds) == set(suite.STUDIES) == {'mlp', 'conv', 'gan', 'gru'}
  assert kinds['conv'].config.net.name == 'conv'
