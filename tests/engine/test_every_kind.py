"""Every kind of system through the whole house, without a special case.

Six tiny methods (`tiny_kinds.py`) train through `dj.sweep` as 2 values of a
hyper-parameter x 2 seeds in one program, move a stated score off chance, are
scored by a probe, loaded, shown and extended, and resume to the same bits.
"""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from test_checkpoint import KEY, Killed, Scripted, kill
import tiny_kinds

import disentangle_jax as dj
from disentangle_jax import report
from disentangle_jax.engine import names as names_lib
from disentangle_jax.engine import plan as plan_lib
from disentangle_jax.engine import train

OWN = {
  'methods': tiny_kinds.METHODS,
  'datasets': tiny_kinds.DATASETS,
  'metrics': tiny_kinds.METRICS,
}
SPRITES = {'resolution': 8, 'scales': 2, 'orientations': 1, 'positions': 3}


@dataclasses.dataclass(frozen=True)
class Kind:
  """One of the six.

  Attributes:
    dataset: name and options.
    sweep: dotted name -> two values, the worse one first.
    score: what is stated.
    chance: what the worse value stays below.
    better: what the better one passes.
    programs: how many are compiled.
    runs: how many are stored.
  """

  dataset: dict
  sweep: dict
  score: str
  chance: float
  better: float
  steps: int = 200
  static: dict = dataclasses.field(default_factory=dict)
  programs: int = 1
  runs: int = 4
  rate: float = 1e-2


KINDS = {
  'tiny_gan': Kind(
    {'name': 'dsprites', **SPRITES},
    {'hparams.learning_rate': [1e-6, 1e-2]},
    'drawn_mean', 0.2, 0.3, steps=800,
  ),
  'tiny_video': Kind(
    {'name': 'columns'}, {'hparams.beta': [100, 0.1]}, 'explained', 0.3, 0.6,
    steps=400, static={'num_latents': 3, 'width': 32},
  ),
  'tiny_text': Kind(
    {'name': 'sentences'},
    {'hparams.shrinkage': [1e4, 0.0]},
    'tokens_right', 0.75, 0.9, steps=400,
  ),
  'tiny_agent': Kind(
    {'name': 'corridor'},
    {'hparams.learning_rate': [1e-6, 3e-2]},
    'success', 0.75, 0.95,
  ),
  'tiny_resident': Kind(
    {'name': 'corridor'},
    {'hparams.learning_rate': [1e-6, 5e-3]},
    'success', 0.75, 0.95, steps=1000,
  ),
  'tiny_stack': Kind(
    {'name': 'dsprites', **SPRITES},
    {'hparams.tiny_stack.sparsity': [10.0, 0.0]},
    'explained', 0.2, 0.5, programs=3, runs=8,
    static={'widths': (48, 32, 16)},
  ),
  'tiny_two': Kind(
    {
      'name': 'joined',
      'first': ('dsprites', {**SPRITES, 'resolution': 16}),
      'second': ('dsprites', {**SPRITES, 'resolution': 12}),
      'by': 'scale',
    },
    {'hparams.shrinkage': [1e4, 0.0]},
    'classes_right', 0.8, 0.9, steps=400,
  ),
}  # fmt: skip
every_kind = pytest.mark.parametrize('name', KINDS)


def config_of(name, **engine):
  kind = KINDS[name]
  config = dj.base_config(**OWN)
  config.study = name
  config.methods = (name,)
  for key, value in kind.dataset.items():
    config.dataset[key] = value
  config.steps, config.batch_size, config.seeds = kind.steps, 16, 2
  config.sweep = dj.product(kind.sweep)
  config.static.update(kind.static)
  config.hparams.learning_rate = kind.rate
  config.metrics = (kind.score,)
  config.primary = kind.score
  if name == 'tiny_stack':
    # The same for both values of the last phase, which share the earlier ones.
    config.hparams.bottom.sparsity = config.hparams.middle.sparsity = 0.0
    config.phases.bottom.steps = 100
  config.engine.update(engine)
  return config


@pytest.fixture(scope='module')
def finished(tmp_path_factory):
  """`(name) -> (workdir, rows, programs compiled)`, each trained once."""
  done = {}

  def of(name):
    if name not in done:
      workdir = tmp_path_factory.mktemp(name)
      compiled, compile_group = [], train.compile_group
      with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
          train,
          'compile_group',
          lambda *a: compiled.append(a) or compile_group(*a),
        )
        rows = dj.sweep(config_of(name), workdir, **OWN)
      done[name] = workdir, rows, len(compiled)
    return done[name]

  return of


def scores(rows, name):
  """One row per last-phase run: the stated score."""
  kind = KINDS[name]
  return rows[(rows['name'] == kind.score) & (rows['phase'] == '')]


def values(rows):
  return rows.set_index(KEY).sort_index()['value']


@every_kind
def test_one_program_trains_all_runs_off_chance(name, finished):
  kind = KINDS[name]
  _, rows, programs = finished(name)
  assert programs == kind.programs
  assert rows['run_id'].nunique() == kind.runs
  assert set(rows['status']) == {'ok'}
  ((field, (worse, _)),) = kind.sweep.items()
  got = scores(rows, name)
  assert len(got) == 4
  of_run = got['strength'] == worse
  assert got[of_run]['value'].max() < kind.chance, got['value'].tolist()
  assert got[~of_run]['value'].min() > kind.better, got['value'].tolist()
  assert got['seed'].nunique() == 2 and field.startswith('hparams.')


@every_kind
def test_a_loaded_run_does_what_its_method_can(name, finished):
  workdir, _, _ = finished(name)
  run = dj.load_run(
    workdir, 1, methods=OWN['methods'], datasets=OWN['datasets']
  )
  method, batch = run.method, run.sample(5)
  observation = np.asarray(batch['observation'])
  if method.represent is not None:
    codes = run.represent(observation)
    assert codes.vector.shape == (5, run.num_latents)
  if method.decode is not None:
    vector = np.zeros((5, run.num_latents), np.float32)
    decoded = run.decode(vector)
    assert decoded.shape == observation.shape
    assert decoded.dtype == observation.dtype
    walk = run.traverse(None, [-1.0, 1.0])
    assert walk.shape == (run.num_latents, 2, *observation.shape[1:])
  for extra in ('generate', 'classify', 'act'):
    use = {
      'generate': lambda: run.generate(3),
      'classify': lambda: run.classify(observation),
      'act': lambda: run.act(observation),
    }[extra]
    if extra in method.extras:
      assert len(use()) in (3, 5)
    else:
      with pytest.raises(dj.ConfigError, match=f'has no {extra!r}'):
        use()


def test_sentences_come_back_as_words(finished):
  workdir, _, _ = finished('tiny_text')
  run = dj.load_run(
    workdir, 3, methods=OWN['methods'], datasets=OWN['datasets']
  )
  tokens = run.sample(1)['observation']
  again = run.decode(run.represent(tokens).vector)
  (line,) = run.words(again)
  assert line.endswith(' .') and line.split()[0] in ('a', 'the')
  with pytest.raises(dj.ConfigError, match='must be integers'):
    run.represent(np.zeros((1, 4), np.float32))


@every_kind
def test_the_report_shows_it(name, finished):
  workdir, _, _ = finished(name)
  page = report.write(workdir, figures='none').read_text()
  assert KINDS[name].score in page


def test_phases_are_runs_that_others_start_from(finished):
  """A chain of three: two seeds share bottom and middle among the values."""
  workdir, rows, _ = finished('tiny_stack')
  names = names_lib.registry(**OWN)
  plan = plan_lib.make(config_of('tiny_stack'), names)
  assert [run.number for run in plan.runs] == list(range(8))
  assert [run.phase for run in plan.runs[:4]] == [''] * 4
  assert sorted(run.phase for run in plan.runs[4:]) == (
    ['bottom'] * 2 + ['middle'] * 2
  )
  assert [group.depth for group in plan.groups] == [0, 1, 2]
  assert [group.steps for group in plan.groups] == [100, 200, 200]
  top = plan.runs[0]
  assert [run.phase for run in top.ancestors()] == ['middle', 'bottom']
  assert top.all_hparams()['bottom.sparsity'] == 0.0
  shared = {run.after.run_id for run in plan.runs[:4]}
  assert len(shared) == 2
  # What a later phase keeps of an earlier one is what that one learned.
  load = lambda number: dj.load_run(
    workdir, number, methods=OWN['methods'], datasets=OWN['datasets']
  )
  middle = next(r for r in plan.runs if r.run_id == top.after.run_id)
  bottom = next(r for r in plan.runs if r.run_id == middle.after.run_id)
  of = [load(r.number).state.params for r in (top, middle, bottom)]
  for params in of[:2]:
    np.testing.assert_array_equal(
      params['layer_1']['up'], of[2]['layer_1']['up']
    )
  np.testing.assert_array_equal(of[0]['layer_2']['up'], of[1]['layer_2']['up'])
  assert load(top.number).about['after']['phase'] == 'middle'
  told = rows.drop_duplicates('run_id').set_index('run_number')
  assert told['after'][0] == top.after.run_id
  assert told['phase'][top.after.number] == 'middle'


@pytest.mark.slow
@every_kind
def test_a_killed_run_resumes_to_the_same_bits(name, finished, tmp_path):
  _, whole, _ = finished(name)
  config = config_of(name, checkpoint_minutes=1e-9)
  half = Scripted(KINDS[name].steps // 2, kill)
  with pytest.raises(Killed):
    dj.sweep(config, tmp_path, progress=half, **OWN)
  heard = Scripted()
  rows = dj.sweep(config, tmp_path, progress=heard, **OWN)
  assert any('continuing from step' in line for line in heard.lines)
  pd.testing.assert_series_equal(values(rows), values(whole))


@pytest.mark.slow
@every_kind
def test_a_seed_and_a_score_can_be_added(name, finished, tmp_path):
  _, whole, _ = finished(name)
  config = config_of(name)
  config.metrics = ()
  dj.sweep(config, tmp_path, **OWN)
  config = config_of(name)
  config.seeds = 3
  rows = dj.sweep(config, tmp_path, **OWN)
  assert rows['run_id'].nunique() == KINDS[name].runs // 2 * 3
  got = scores(rows, name).set_index('run_id')['value']
  old = scores(whole, name).set_index('run_id')['value']
  assert len(got) == 6
  np.testing.assert_allclose(got[old.index], old, rtol=1e-4, atol=1e-5)


SPLIT = [n for n in KINDS if getattr(tiny_kinds.METHODS[n], 'SPLITS', True)]


@pytest.mark.slow
@pytest.mark.parametrize('name', SPLIT)
def test_split_batches_train_the_same(name, finished):
  _, whole, _ = finished(name)
  config = config_of(name, data_shards=2)
  rows = dj.sweep(config, **OWN)
  losses = lambda r: values(r[r['name'] == 'train/loss'])
  first = lambda r: losses(r).groupby('run_id').first()
  np.testing.assert_allclose(first(rows), first(whole), rtol=1e-3, atol=1e-4)


def test_what_keeps_state_per_example_is_not_split():
  config = config_of('tiny_resident', data_shards=2)
  with pytest.raises(dj.ConfigError, match=r'data_shards = 2.*legal: 1'):
    dj.sweep(config, **OWN)


def test_one_run_alone_brings_the_phases_before_it():
  config = config_of('tiny_stack')
  config.only = '3'
  plan = plan_lib.only(plan_lib.make(config, names_lib.registry(**OWN)))
  assert [run.phase for run in plan.runs] == ['', 'bottom', 'middle']
  assert [len(group.runs) for group in plan.groups] == [1, 1, 1]


# --- What cannot work, in one line before any compile -------------------------


def refused(name, match, change=None, own=OWN):
  config = config_of(name)
  if change:
    change(config)
  with pytest.raises(dj.ConfigError, match=match) as caught:
    plan_lib.make(config, names_lib.registry(**own))
  assert '\n' not in str(caught.value)


def test_scores_that_nothing_can_supply_are_refused():
  ask = lambda name: lambda c: setattr(c, 'metrics', (name,))
  refused('tiny_gan', 'has no encoder', ask('mig_binned'))
  refused('tiny_gan', "needs 'act'", ask('success'))
  refused('tiny_agent', "needs 'decode'", ask('explained'))
  refused('tiny_text', 'holds tokens', ask('reconstruction'))


def test_a_score_of_some_methods_is_a_note():
  config = config_of('tiny_gan')
  config.methods = ('beta_vae', 'tiny_gan')
  config.net.name = 'mlp'
  config.sweep = None
  config.hparams.learning_rate = 1e-2
  config.metrics = ('kl', 'drawn_mean')
  plan = plan_lib.make(config, names_lib.registry(**OWN))
  assert [group.metrics for group in plan.groups] == [
    ('kl',),
    ('drawn_mean',),
  ]
  notes = ' '.join(plan.notes)
  assert 'kl' in notes and 'drawn_mean' in notes


def test_phases_that_do_not_fit_are_refused():
  stack = tiny_kinds.METHODS['tiny_stack']
  change = lambda **names: {
    **OWN,
    'methods': {'tiny_stack': tiny_kinds.module(**{**vars(stack), **names})},
  }
  phase = dj.Phase
  again = lambda config: phase('tiny_stack', {'stage': 2})
  with pytest.raises(dj.ConfigError, match='comes twice in the chain'):
    dj.base_config(**change(after=again))
  unknown = lambda config: phase('tiny_stakc')
  with pytest.raises(dj.ConfigError, match="did you mean 'tiny_stack'"):
    dj.base_config(**change(after=unknown))
  old = lambda config, data: None
  refused('tiny_stack', r'.make.*before=None', own=change(make=old))
  odd = lambda config: (
    None if config.stage == 2 else phase('tiny_stack', {'stagge': 2}, 'b')
  )
  refused('tiny_stack', "unknown 'stagge'", own=change(after=odd))
  no_params = lambda c: setattr(c.engine, 'keep_params', False)
  refused('tiny_stack', 'keep_params', no_params)

  def steps(config):
    config.methods = ('tiny_gan',)
    config.sweep, config.static.widths = None, None
    config.metrics = ()

  refused('tiny_stack', "config.phases: unknown 'bottom'", steps)


def test_data_that_lacks_what_a_method_asks_for_is_refused():
  def sprites(config):
    config.dataset.update(dict.fromkeys(('first', 'second', 'by')))
    config.dataset.update({'name': 'dsprites', **SPRITES})

  refused('tiny_two', 'secondary', sprites)


def test_the_old_form_of_a_batch_is_explained():
  gan = tiny_kinds.METHODS['tiny_gan']
  old = tiny_kinds.module(**vars(gan), BATCH=('observation',))
  own = {**OWN, 'methods': {'tiny_gan': old}}
  refused('tiny_gan', r'BATCH.*no longer read.*batch', own=own)


@pytest.mark.slow
def test_a_phase_that_is_listed_later_becomes_a_run_of_its_own(tmp_path):
  """Its rows are there already: nothing is trained, the headline counts it."""
  config = dj.base_config(**OWN)
  config.methods, config.dataset.name = ('tiny_stack',), 'corridor'
  config.static.widths, config.steps, config.seeds = (4, 3, 2), 4, 1
  config.batch_size, config.metrics = 4, ()
  dj.sweep(config, tmp_path, **OWN)
  config.static.stage = 2  # what was the middle phase
  config.methods = ('tiny_stack',)
  heard = Scripted()
  rows = dj.sweep(config, tmp_path, progress=heard, **OWN)
  assert any('2 runs are finished already' in line for line in heard.lines)
  told = rows.drop_duplicates('run_id').set_index('run_number').sort_index()
  assert told['phase'].tolist() == ['', 'bottom']
