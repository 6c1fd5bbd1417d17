"""Trained runs loaded back; new metrics and scores over seeds of old runs."""

import json

import jax
import numpy as np
import pytest
from safetensors import numpy as safetensors
from tiny_study import tiny_config

import disentangle_jax as dj
from disentangle_jax import folders, metrics, types
from disentangle_jax.engine import progress
from disentangle_jax.engine.plan import group_shapes, planning
from disentangle_jax.engine.programs import (
  code_scores,
  devices,
  encoding,
  score_setup,
  train,
)
from disentangle_jax.engine.workdir import status
from disentangle_jax.metrics import catalogue, designs

KEY = ['run_id', 'step', 'representation', 'name', 'metric_seed']


class Heard(progress.Progress):
  """Keeps what the user would read."""

  def __init__(self):
    super().__init__()
    self.lines = []

  def say(self, text):
    self.lines.append(text)


def small(names):
  config = tiny_config()
  config.methods = ('beta_vae',)
  config.sweep = dj.product({'hparams.beta': [1, 4]})
  config.metrics = names
  config.metric_options.udr.num_train = 64
  config.metric_options.irs.num_train = 200
  return config


@pytest.fixture(scope='module')
def finished(tmp_path_factory):
  """A study of four runs with one metric: workdir and rows."""
  workdir = tmp_path_factory.mktemp('study')
  return workdir, dj.sweep(small(('kl',)), workdir)


def test_a_loaded_run_gives_the_scores_that_were_stored(finished):
  workdir, rows = finished
  run = dj.load_run(workdir, 2)
  stored = rows[(rows['run_number'] == 2) & rows['name'].str.match(r'kl/\d')]
  batch = run.sample(2000)
  parts = run.represent(batch['observation']).parts
  mean, logvar = np.asarray(parts['mean']), np.asarray(parts['logvar'])
  kl = 0.5 * (mean**2 + np.exp(logvar) - 1 - logvar).mean(0)
  # 64 images there and 2,000 here.
  np.testing.assert_allclose(kl, stored.sort_values('name')['value'], atol=0.03)
  np.testing.assert_allclose(run.kl(2000), kl, rtol=1e-4)
  assert run.about['hparams']['beta'] == 4 and run.about['seed'] == 0


def test_status_says_where_a_study_stands(finished):
  workdir, rows = finished
  contents, runs = status.summarise(workdir)
  assert contents['study'] == 'tiny'
  assert set(runs['run_id']) == set(rows['run_id'])
  assert runs['finished'].all() and not runs['diverged'].any()
  assert (runs['seconds'] > 0).all()
  with pytest.raises(dj.StoreError, match=r'holds no study\.json'):
    status.summarise(workdir / 'params')


def test_traversals_of_a_loaded_run_are_those_in_the_store(finished):
  workdir, rows = finished
  run_id = rows[rows['run_number'] == 1]['run_id'].iloc[0]
  run = dj.load_run(workdir / 'params' / f'{run_id}.safetensors')
  with np.load(workdir / 'samples' / f'{run_id}.npz') as pictures:
    first = pictures['observations'][0] / np.float32(255)
    moved = np.asarray(run.traverse(first, pictures['traversal_values']))
    assert np.abs(moved * 255 - pictures['traversals']).max() <= 1
  centre = np.asarray(run.traverse(values=[0.0]))
  np.testing.assert_allclose(centre[0], centre[2], atol=1e-6)
  np.testing.assert_allclose(centre[0], run.decode(np.zeros((1, 3))), atol=1e-6)


def test_what_cannot_be_loaded_is_said(finished, tmp_path):
  workdir, rows = finished
  with pytest.raises(dj.ConfigError, match='give the number of a run'):
    dj.load_run(workdir)
  with pytest.raises(dj.ConfigError, match='run = 99: no such finished run'):
    dj.load_run(workdir, 99)
  with pytest.raises(dj.StoreError, match='cannot be read'):
    dj.load_run(tmp_path / 'none.safetensors')
  source = folders.params(workdir, rows['run_id'].iloc[0])
  torn = tmp_path / 'torn.safetensors'
  torn.write_bytes(source.read_bytes()[:-5])
  with pytest.raises(dj.StoreError, match='cannot be read'):
    dj.load_run(torn)
  foreign = tmp_path / 'foreign.safetensors'
  foreign.write_bytes(safetensors.save({'x': np.zeros(2)}))
  with pytest.raises(dj.StoreError, match="lacks \\['method'"):
    dj.load_run(foreign)
  with pytest.raises(dj.ConfigError, match=r'must have shape \(B, \*\(8, 8'):
    dj.load_run(source).represent(np.zeros((2, 9, 9, 1)))


def test_other_options_of_a_metric_are_refused_and_named(finished):
  workdir, _ = finished
  config = small(('kl',))
  config.metric_options.kl.num_points = 48
  before = {p: p.stat().st_mtime_ns for p in workdir.rglob('*')}
  said = r'kl\.num_points = 48: finished runs were scored with \d+; keep'
  with pytest.raises(dj.ConfigError, match=said):
    dj.sweep(config, workdir)
  after = {p: p.stat().st_mtime_ns for p in workdir.rglob('*')}
  changed = {p.name for p in before if before[p] != after.get(p)}
  assert changed <= {'lock', workdir.name}


def test_studies_grow_by_metrics_without_training(finished, monkeypatch):
  workdir, rows = finished
  monkeypatch.setattr(
    train, 'compile_group', lambda *a, **k: pytest.fail('trained again')
  )
  config, heard = small(('kl', 'irs', 'udr')), Heard()
  more = dj.sweep(config, workdir, progress=heard)
  assert any('scoring 4 finished runs by irs' in line for line in heard.lines)
  assert not more.duplicated(KEY).any()
  per_run = more[more['name'] == 'irs'].groupby('run_id').size()
  assert set(per_run) == {2} and len(per_run) == 4
  old = more[more['name'].isin(set(rows['name']))]
  values = lambda frame: frame.set_index(KEY)['value'].sort_index()
  np.testing.assert_array_equal(values(old), values(rows))
  # A third time nothing is left to do.
  files = {p: p.stat().st_mtime_ns for p in workdir.glob('results/*')}
  heard = Heard()
  dj.sweep(config, workdir, progress=heard)
  assert files == {p: p.stat().st_mtime_ns for p in workdir.glob('results/*')}
  assert not any('scoring' in line for line in heard.lines)


def test_scores_over_seeds_are_those_of_the_metric_itself(finished):
  workdir, _ = finished
  more = dj.sweep(small(('kl', 'irs', 'udr')), workdir)
  rows = more[(more['name'] == 'udr_spearman') & (more['strength'] == 4)]
  mean = rows[rows['representation'] == 'mean'].set_index('seed')['value']
  assert sorted(mean.index) == [0, 1]
  assert json.loads(rows['constants'].iloc[0])['seeds'] == [0, 1]
  runs = [dj.load_run(workdir, number) for number in (2, 3)]
  metric = metrics.METRICS['udr'].make(
    metrics.METRICS['udr'].Config(num_train=64), runs[0].dataset
  )
  factors = metric.design.sample(encoding.metric_key('udr', 0))
  render = jax.vmap(runs[0].dataset.render, (None, 0, None))
  images = render((), factors, jax.random.key(0))
  parts = [run.represent(images).parts for run in runs]
  found = metrics.evaluate(
    np.stack([p['mean'] for p in parts]),
    factors,
    'udr_spearman',
    parts={
      name: np.stack([p[name] for p in parts]) for name in ('mean', 'logvar')
    },
  )
  np.testing.assert_allclose(mean[[0, 1]], found['udr_spearman'], atol=1e-4)


def test_added_seeds_renew_the_scores_over_seeds(tmp_path):
  config = small(('udr',))
  dj.sweep(config, tmp_path)
  config.seeds = 3
  rows = dj.sweep(config, tmp_path)
  rows = rows[~rows['name'].str.startswith('train/')]
  assert not rows.duplicated(KEY).any()
  assert rows['run_id'].nunique() == 6
  seeds = {tuple(json.loads(c)['seeds']) for c in rows['constants']}
  assert seeds == {(0, 1, 2)}


def test_asking_for_the_rest_of_a_family_doubles_nothing(tmp_path):
  dj.sweep(small(('irs', 'udr_lasso')), tmp_path)
  first = dj.sweep(small(('irs_active', 'udr_spearman')), tmp_path)
  more = dj.sweep(small(('irs', 'irs_active', 'udr')), tmp_path)
  for rows in (first, more):
    assert not rows.duplicated(KEY).any()
  names = {'irs', 'irs_active', 'udr_lasso', 'udr_spearman'}
  assert names <= set(first['name'])
  assert {'udr_lasso_paper', 'udr_spearman_paper'} <= set(more['name'])
  per_run = more[more['name'] == 'udr_lasso'].groupby('run_id').size()
  assert set(per_run) == {2} and len(per_run) == 4


def test_runs_without_parameters_are_named(tmp_path):
  config = small(('kl',))
  config.seeds, config.engine.keep_params = 1, False
  dj.sweep(config, tmp_path)
  config.metrics, heard = ('kl', 'irs', 'udr'), Heard()
  rows = dj.sweep(config, tmp_path, progress=heard)
  assert any('2 finished runs of beta_vae left no' in x for x in heard.lines)
  assert any('udr compares runs over seeds' in x for x in heard.lines)
  assert not set(rows['name']) & {'irs', 'udr_lasso'}


def test_every_metric_traces_inside_the_scoring_program(config):
  """Solvers with loops of their own must not trip over the mesh."""
  config.metrics = tuple(
    name
    for name, module in metrics.METRICS.items()
    # One compares seeds, one is for discrete codes.
    if catalogue.of_codes(module) and name not in ('udr', 'clustering_accuracy')
  )
  plan = planning.make(config)
  group = plan.groups[0]
  setup = score_setup.ScoreSetup(plan, devices.mesh())
  programs = code_scores.CodeScores(setup, code_scores.Encoder(setup))
  shapes = group_shapes.state_shapes(group)
  grow = lambda s: jax.ShapeDtypeStruct((4, *s.shape), s.dtype)
  codes = jax.eval_shape(
    jax.vmap(group.method.represent),
    jax.tree.map(grow, shapes),
    jax.ShapeDtypeStruct((4, 128, *group.dataset.observation_shape), 'float32'),
  )
  key = jax.random.key(0)
  of_codes = setup.metrics(group, types.Metric)
  for name, metric in of_codes.items():
    factors = jax.eval_shape(metric.design.sample, key)
    points = designs.points_of(factors)
    index = jax.ShapeDtypeStruct(points.shape[:-1], 'int32')
    scorer = programs.program(name, metric, 'sampled')
    found = scorer.shapes(key, codes, index, factors)
    # A score by factor stands behind a '/'.
    own = set(metrics.METRICS[name].SCORES)
    assert {k if k in own else k.partition('/')[0] for k in found} == own
    assert {x.shape for x in found.values()} == {(4,)}


def test_independent_points_are_encoded_once_for_all_metrics(config):
  """A set whose grid is not encoded: nuisance noise in every image."""
  config.dataset.update({'name': 'dsprites_noisy', 'resolution': 8})
  config.metrics = ('mig_binned', 'sap', 'irs', 'factor_vae_score')
  config.metric_options.mig_binned.num_train = 50
  config.metric_options.sap.update({'num_train': 60, 'num_test': 20})
  config.metric_options.irs.num_train = 40
  plan = planning.make(config)
  group = plan.groups[0]
  setup = score_setup.ScoreSetup(plan, devices.mesh())
  scores = code_scores.CodeScores(setup, code_scores.Encoder(setup))
  encoded, scored = [], {}
  for task in scores.tasks(group):
    encoded.append(len(task.points))
    for draw in task.draws:
      points = designs.points_of(draw.factors)
      scored[draw.name] = np.asarray(points)
      rows = task.points[np.asarray(draw.index)]
      np.testing.assert_array_equal(rows, points)
  # 80 points of SAP serve MIG and IRS; FactorVAE's votes are its own.
  assert sorted(encoded) == [80, 200 + 8 * 150]
  np.testing.assert_array_equal(scored['sap'][:50], scored['mig_binned'])
