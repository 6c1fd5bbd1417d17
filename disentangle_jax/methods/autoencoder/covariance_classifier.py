"""Classifier of logistic units whose hidden layers are penalised.

Kågebäck & Mogren, "Disentanglement by penalizing correlation", NIPS 2017
workshop on learning disentangled representations,
https://arxiv.org/abs/1802.05591, section 3.3: two hidden layers of four
logistic units and a logistic output, trained on exclusive or with L_Sigma on
both hidden layers at lambda = 0.2. Minimised, in nats per example:

  -log p(label|x) + lambda_code sum_l L(h_l)

with L as in `covariance_autoencoder`. The label is the first factor of the data
set; with two values there is one logistic output, with more a softmax.

Deviations, where the paper is silent: cross entropy as the error; Adam; the
covariance is taken over batches drawn with replacement, not over all examples;
weights start normal with variance 1 / inputs (LeCun).
"""

import dataclasses

from flax import linen as nn
import jax
import jax.numpy as jnp

from disentangle_jax import errors, requests, types
from disentangle_jax.methods import training
from disentangle_jax.methods.vae import common
from disentangle_jax.nn import nets
from disentangle_jax.ops import activations, axis

CITATION = 'Kågebäck & Mogren 2018, arXiv:1802.05591, section 3.3'
HPARAMS = {**common.HPARAMS, 'learning_rate': 1e-2, 'lambda_code': 0.2}
STRENGTH = 'lambda_code'
MIN_BATCH = 2
State = common.State


@dataclasses.dataclass(frozen=True)
class Config:
  """Static choices.

  Attributes:
    hidden: widths of the hidden layers, at least one.
    penalty: a key of `activations.PENALTIES`.
  """

  hidden: tuple[int, ...] = (4, 4)
  penalty: str = 'covariance'


def batch(config: Config) -> tuple[requests.Request, ...]:
  """Labels beside the observations."""
  del config
  return (requests.Observation(), requests.Label())


class _Net(nn.Module):
  """Observation -> (activations of every hidden layer, logits)."""

  hidden: tuple[int, ...]
  outputs: int

  @nn.compact
  def __call__(self, x):
    start = nn.initializers.lecun_normal()
    x = x.reshape(x.shape[0], -1)
    layers = []
    for width in self.hidden:
      x = nn.sigmoid(nn.Dense(width, kernel_init=start)(x))
      layers.append(x)
    return layers, nn.Dense(self.outputs, kernel_init=start)(x)


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: the data set, for its first factor.

  Returns:
    The method, without a decoder. The code is the last hidden layer; the parts
    'hidden_1', 'hidden_2', ... are all of them, float32 [B, width]. It reports
    'cross_entropy' (nats), 'accuracy' and 'penalty' (sum over layers).

  Raises:
    ConfigError: no hidden layer, an unknown penalty, a data set without labels.
  """
  if not config.hidden or min(config.hidden) < 1:
    rule = 'needs at least one hidden layer, of widths >= 1'
    raise errors.value('config.static.hidden', config.hidden, rule)
  if config.penalty not in activations.PENALTIES:
    raise errors.choices(
      'config.static.penalty', config.penalty, activations.PENALTIES
    )
  if not data.factor_sizes:
    rule = 'has no labels'
    raise errors.value('config.dataset.name', data.name, rule)
  classes = data.factor_sizes[0]
  outputs = 1 if classes == 2 else classes
  module = _Net(config.hidden, outputs)
  penalty_of = activations.PENALTIES[config.penalty]

  def run(params, observation):
    layers, logits = nets.apply(module, params['net'], observation)
    if outputs == 1:
      logits = jnp.concatenate([jnp.zeros_like(logits), logits], axis=-1)
    return layers, logits

  def loss_fn(params, key, state, batch, hparams):
    del key, state
    layers, logits = run(params, batch['observation'])
    label = batch['label']
    log_p = jax.nn.log_softmax(logits)
    error = -axis.mean(jnp.take_along_axis(log_p, label[:, None], 1)[:, 0])
    hit = jnp.argmax(logits, axis=-1) == label
    penalty = sum(penalty_of(h) for h in layers)
    loss = error + hparams['lambda_code'] * penalty
    scalars = {
      'loss': loss,
      'cross_entropy': error,
      'accuracy': axis.mean(hit.astype(jnp.float32)),
      'penalty': penalty,
    }
    return loss, (scalars, ())

  def classify(state, observation):
    return run(state.params, observation)[1]

  def represent(state, observation):
    layers, _ = run(state.params, observation)
    parts = {f'hidden_{i}': h for i, h in enumerate(layers, 1)}
    return types.Codes(layers[-1], parts)

  init, update = training.minimise(
    lambda key, batch: {
      'net': module.init(key, batch['observation'])['params']
    },
    loss_fn,
  )
  layout = types.Layout(plain=config.hidden[-1])
  extras = {'classify': classify}
  return types.Method(init, update, represent, None, extras, layout)
