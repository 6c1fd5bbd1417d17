"""The covariance penalty's networks: losses by hand, what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import data, errors
from disentangle_jax.data import samplers
from disentangle_jax.methods import contract
from disentangle_jax.methods.autoencoder import (
  covariance_autoencoder,
  covariance_classifier,
)
from disentangle_jax.nn import nets

LINEAR = nets.mlp.Config(encoder_hidden=(), decoder_hidden=())
PROJECTED = data.load('random_projection', rows=200, entries=6)


def made(module, dataset, batch_size=16, hparams=None, **static):
  """(method, state, batch, hparams) of a method on a data set."""
  method = module.make(module.Config(**static), dataset)
  described = contract.read(module)
  asked = described.batch(module.Config(**static))
  sample = samplers.make(dataset, asked)
  batch = sample(jax.random.key(1), dataset.arrays, jnp.arange(batch_size))
  chosen = {**module.HPARAMS, **(hparams or {})}
  chosen = {k: jnp.float32(v) for k, v in chosen.items()}
  state = jax.jit(method.init)(jax.random.key(0), batch, chosen)
  return method, state, batch, chosen


@pytest.mark.parametrize('penalty', ['covariance', 'l1'])
def test_linear_autoencoder_and_its_loss_by_hand(penalty):
  method, state, batch, hparams = made(
    covariance_autoencoder,
    PROJECTED,
    net=LINEAR,
    num_latents=4,
    penalty=penalty,
    output='linear',
    hparams={'lambda_code': 0.7},
  )
  _, scalars = jax.jit(method.update)(jax.random.key(2), state, batch, hparams)
  x = np.asarray(batch['observation'], np.float64)
  ((encode,), (decode,)) = (
    [v for v in jax.tree.leaves(state.params[part]) if v.ndim == 2]
    for part in ('encoder', 'decoder')
  )
  code = x @ np.asarray(encode)  # biases start at zero
  error = np.mean((code @ np.asarray(decode) - x) ** 2)
  penalties = {
    'covariance': np.abs(np.cov(code.T)).sum() / 16,
    'l1': np.abs(code).mean(),
  }
  np.testing.assert_allclose(scalars['squared_error'], error, rtol=1e-4)
  np.testing.assert_allclose(scalars['penalty'], penalties[penalty], rtol=1e-4)
  want = error + 0.7 * penalties[penalty]
  np.testing.assert_allclose(scalars['loss'], want, rtol=1e-4)
  codes = method.represent(state, batch['observation'])
  np.testing.assert_allclose(codes.vector, code, atol=1e-5)
  assert codes.parts == {}
  # A Gaussian of scale one around the reconstruction.
  nats = method.extras['log_likelihood'](
    state, codes.vector, batch['observation']
  )
  want = -3 * np.log(2 * np.pi) - 6 * error / 2
  np.testing.assert_allclose(np.mean(nats), want, rtol=1e-4)


def test_logistic_output_stays_between_zero_and_one():
  method, state, *_ = made(
    covariance_autoencoder, PROJECTED, net=LINEAR, num_latents=2
  )
  decoded = method.decode(state, 50.0 * jnp.ones((3, 2)))
  assert decoded.shape == (3, 6)
  assert np.all((decoded >= 0) & (decoded <= 1))


def test_classifier_of_two_classes_by_hand():
  method, state, batch, hparams = made(
    covariance_classifier, data.load('xor'), hparams={'lambda_code': 0.3}
  )
  _, scalars = jax.jit(method.update)(jax.random.key(2), state, batch, hparams)
  net = jax.tree.map(lambda x: np.asarray(x, np.float64), state.params['net'])
  x, label = np.asarray(batch['observation']), np.asarray(batch['label'])
  np.testing.assert_array_equal(label, x[:, 0] != x[:, 1])
  logistic = lambda v: 1 / (1 + np.exp(-v))
  dense = lambda v, i: (
    v @ net[f'Dense_{i}']['kernel'] + net[f'Dense_{i}']['bias']
  )
  first = logistic(dense(x, 0))
  second = logistic(dense(first, 1))
  p = logistic(dense(second, 2))[:, 0]
  cross = -np.mean(np.where(label == 1, np.log(p), np.log(1 - p)))
  penalty = sum(np.abs(np.cov(h.T)).sum() / 16 for h in (first, second))
  assert penalty > 1e-3
  np.testing.assert_allclose(scalars['cross_entropy'], cross, rtol=1e-4)
  np.testing.assert_allclose(scalars['penalty'], penalty, rtol=1e-3)
  np.testing.assert_allclose(scalars['loss'], cross + 0.3 * penalty, rtol=1e-4)
  right = np.mean((p > 0.5) == label)
  np.testing.assert_allclose(scalars['accuracy'], right, rtol=1e-6)
  codes = method.represent(state, batch['observation'])
  np.testing.assert_allclose(codes.vector, second, atol=1e-5)
  np.testing.assert_allclose(codes.parts['hidden_1'], first, atol=1e-5)
  assert method.decode is None


def test_without_penalty_the_net_learns_exclusive_or():
  method, state, batch, hparams = made(
    covariance_classifier,
    data.load('xor'),
    batch_size=64,
    hparams={'lambda_code': 0.0, 'learning_rate': 0.03},
  )
  step = jax.jit(method.update)

  def steps(state, _):
    return step(jax.random.key(2), state, batch, hparams)

  _, scalars = jax.lax.scan(steps, state, None, length=2000)
  assert set(np.asarray(batch['observation']).sum(1)) == {0, 1, 2}
  assert scalars['accuracy'][-1] == 1


@pytest.mark.parametrize(
  'module, dataset, static, match',
  [
    (covariance_autoencoder, PROJECTED, {'penalty': 'l2'}, 'static.penalty'),
    (covariance_autoencoder, PROJECTED, {'output': 'relu'}, 'static.output'),
    (covariance_autoencoder, PROJECTED, {}, 'needs images'),
    (covariance_classifier, PROJECTED, {}, 'has no labels'),
    (covariance_classifier, PROJECTED, {'hidden': ()}, 'static.hidden'),
    (covariance_classifier, PROJECTED, {'penalty': 'x'}, 'static.penalty'),
  ],
)
def test_what_cannot_be_is_refused(module, dataset, static, match):
  with pytest.raises(errors.ConfigError, match=match):
    module.make(module.Config(**static), dataset)
