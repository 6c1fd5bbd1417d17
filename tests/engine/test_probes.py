"""Scores that fit a judge to the data first: once for all runs."""

import dataclasses
import types as python_types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_study import tiny_config

import disentangle_jax as dj
from disentangle_jax import data as data_lib
from disentangle_jax import types
from disentangle_jax.engine.plan import parse, registry
from disentangle_jax.engine.programs import encoding
from disentangle_jax.methods.vae import beta_vae

FITS = []


@dataclasses.dataclass(frozen=True)
class Config:
  num_points: int = 64


def make(config, data):
  """How far what a model decodes at the origin is from the mean image."""
  index = jnp.arange(config.num_points)

  def fit(key, arrays):
    FITS.append(data.observation_shape)
    return jnp.mean(data.sample(key, arrays, index)['observation'], axis=0)

  def score(key, context, method, state, arrays, batch):
    assert batch is None
    observation = data.sample(key, arrays, index)['observation']
    vector = jnp.zeros_like(method.represent(state, observation).vector)
    error = jnp.square(method.decode(state, vector[:1])[0] - context)
    return {
      'off_mean/all': jnp.sum(error),
      'off_mean/top': jnp.sum(error[: len(error) // 2]),
      'mean_light': jnp.mean(context),
    }

  constants = dataclasses.asdict(config)
  return types.Probe(fit, score, ('decode',), constants=constants, at_once=1)


off_mean = python_types.SimpleNamespace(
  SCORES={
    'off_mean': types.Score('error of the image at the origin', low=0.0),
    'mean_light': types.Score('light of the mean image', low=0.0),
  },
  Config=Config,
  make=make,
)
OWN = {'metrics': {'off_mean': off_mean}}


SEEN = {}


def make_spread(config, data):
  """What the engine hands over, and the spread of codes that it gives."""

  def score(key, context, method, state, arrays, batch):
    SEEN[config.reduce] = {k: v for k, v in batch.items() if k != 'codes'}
    vector = batch['codes'].vector
    return {
      f'{config.reduce}_rows': jnp.float32(len(batch['index'])),
      f'{config.reduce}_spread': jnp.std(vector),
      f'{config.reduce}_mean': jnp.mean(vector),
    }

  return types.Probe(
    fit=None,
    score=score,
    requires=('represent',),
    constants=dataclasses.asdict(config),
    examples=config.examples,
    reduce=config.reduce,
    per_representation=True,
  )


def spread(reduce):
  made = [
    ('reduce', str, dataclasses.field(default=reduce)),
    ('examples', int, dataclasses.field(default=96)),
  ]
  return python_types.SimpleNamespace(
    SCORES={
      f'{reduce}_{key}': types.Score('made up')
      for key in ('rows', 'spread', 'mean')
    },
    Config=dataclasses.make_dataclass('Config', made, frozen=True),
    make=make_spread,
  )


OWN['metrics'].update({'mean': spread('mean'), 'whole': spread('whole')})


def config_of(metrics):
  config = tiny_config()
  declared = dj.base_config(**OWN)
  with config.unlocked():
    config.metric_options = declared.metric_options
  config.methods = ('beta_vae',)
  config.sweep = dj.product({'hparams.beta': [1, 4]})
  config.metrics = metrics
  config.metric_options.kl.num_points = 64
  return config


@pytest.fixture(scope='module')
def finished(tmp_path_factory):
  workdir = tmp_path_factory.mktemp('probes')
  FITS.clear()
  rows = dj.sweep(config_of(('off_mean',)), workdir, **OWN)
  return workdir, rows, len(FITS)


def test_the_judge_is_fitted_once_and_every_run_is_scored(finished):
  workdir, rows, fits = finished
  assert fits == 1
  scored = rows[~rows['name'].str.startswith('train/')]
  shown = scored.pivot(index='run_number', columns='name', values='value')
  judge = shown['mean_light']
  assert len(judge) == 4 and judge.nunique() == 1 and 0 < judge.iloc[0] < 1
  assert (shown['off_mean/top'] < shown['off_mean/all']).all()
  assert shown['off_mean/all'].nunique() == 4
  run = dj.load_run(workdir, 1)
  decoded = np.asarray(run.decode(np.zeros((1, 3), np.float32)))[0]
  fit_key, _ = jax.random.split(encoding.metric_key('off_mean', 0))
  seen = run.dataset.sample(fit_key, run.dataset.arrays, jnp.arange(64))
  error = np.square(decoded - np.asarray(seen['observation']).mean(0)).sum()
  np.testing.assert_allclose(shown['off_mean/all'][1], error, rtol=1e-4)


def test_a_finished_study_is_probed_from_its_parameters(finished, tmp_path):
  _, rows, _ = finished
  before = dj.sweep(config_of(('kl',)), tmp_path, **OWN)
  assert not before['name'].str.startswith('off_mean').any()
  after = dj.sweep(config_of(('kl', 'off_mean')), tmp_path, **OWN)
  key = ['run_id', 'name']
  judged = ('off_mean', 'mean_light')
  pick = lambda r: r[r['name'].str.startswith(judged)].set_index(key)['value']
  new, old = pick(after), pick(rows)
  assert len(new) == len(old) == 12
  np.testing.assert_allclose(new.sort_index(), old.sort_index(), rtol=1e-5)
  again = dj.sweep(config_of(('kl', 'off_mean')), tmp_path, **OWN)
  assert len(again) == len(after)


def test_a_method_without_a_decoder_is_refused_at_plan_time():
  make = lambda config, data: beta_vae.make(config, data)._replace(decode=None)
  blind = python_types.SimpleNamespace(**{**vars(beta_vae), 'make': make})
  config = config_of(('off_mean',))
  declared = dj.base_config(methods={'blind': blind}, **OWN)
  with config.unlocked():
    config.hparams, config.static = declared.hparams, declared.static
  config.static.num_latents = 3
  config.methods = ('blind',)
  with pytest.raises(dj.ConfigError, match="needs 'decode'"):
    dj.sweep(config, methods={'blind': blind}, **OWN)


def test_examples_come_in_blocks_or_as_a_whole(tmp_path):
  config = config_of(('mean', 'whole'))
  config.engine.eval_block = 32
  rows = dj.sweep(config, tmp_path, **OWN)
  rows = rows[~rows['name'].str.startswith('train/')]
  values = rows.set_index(['run_number', 'name', 'representation'])['value']
  assert set(values.xs('mean_rows', level='name')) == {32}
  assert set(values.xs('whole_rows', level='name')) == {96}
  for batch in SEEN.values():
    assert set(batch) == {'observation', 'factors', 'index'}
  run = dj.load_run(tmp_path, 1)
  _, key = jax.random.split(encoding.metric_key('whole', 0))
  data_key, *_ = jax.random.split(key, 3)
  batch = run.dataset.sample(data_key, run.dataset.arrays, jnp.arange(96))
  codes = run.represent(np.asarray(batch['observation'])).vector
  of_mean = values.loc[1, 'whole_spread', 'mean']
  assert of_mean == pytest.approx(float(np.std(codes)), rel=1e-4)
  assert values.loc[1, 'whole_spread', 'sampled'] > of_mean


@pytest.mark.parametrize(
  'change, message',
  [
    ({'SCORES': None}, r'metric mean: SCORES = None: must be'),
    ({'SCORES': {'mean': 'higher'}}, 'types.Score'),
    ({'make': lambda config, data: None}, r'must give a types\.Metric'),
    ({'Config': spread('median').Config}, "reduce: unknown 'median'"),
  ],
)
def test_a_module_that_says_something_else_is_refused(change, message):
  odd = python_types.SimpleNamespace(**{**vars(spread('mean')), **change})
  own = {'metrics': {**OWN['metrics'], 'mean': odd}}
  with pytest.raises(dj.ConfigError, match=message):
    dj.sweep(config_of(('mean',)), **own)


def test_only_metrics_of_codes_are_shared_by_data_sets_alike():
  known = registry.of(**OWN)
  options = {'resolution': 8, 'scales': 2, 'orientations': 3, 'positions': 4}
  load = lambda name, **more: data_lib.load(name, **{**options, **more})
  one, other = load('dsprites'), load('dsprites_noisy')
  fewer = load('dsprites', positions=3)
  scoring = parse.study(config_of(('mean',)), known).scoring
  made = {}
  of = lambda name, data: registry.shared_metric(
    made, name, scoring, known, data
  )
  assert of('irs', one) is of('irs', other) is not of('irs', fewer)
  assert of('mean', one) is of('mean', one) is not of('mean', other)
