"""Scores that fit a judge to the data first: once for all runs."""

import dataclasses
import types as python_types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_study import tiny_config

import disentangle_jax as dj
from disentangle_jax import types
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

  def score(key, context, method, state, arrays):
    observation = data.sample(key, arrays, index)['observation']
    vector = jnp.zeros_like(method.represent(state, observation).vector)
    error = jnp.square(method.decode(state, vector[:1])[0] - context)
    return {
      'off_mean/all': jnp.sum(error),
      'off_mean/top': jnp.sum(error[: len(error) // 2]),
      'mean_light': jnp.mean(context),
    }

  return types.Probe(
    fit, score, ('decode',), (), dataclasses.asdict(config), at_once=1
  )


off_mean = python_types.SimpleNamespace(
  KEYS=('off_mean', 'mean_light'),
  DIRECTION='none',
  RANGE=(0.0, float('inf')),
  NEEDS_DATA=True,
  Config=Config,
  make=make,
)
OWN = {'metrics': {'off_mean': off_mean}}


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
