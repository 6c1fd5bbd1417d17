"""Experts of `causal_mechanisms` before the game: each learns to copy.

Parascandolo et al., "Learning Independent Causal Mechanisms", ICML 2018,
https://arxiv.org/abs/1712.00961, section 4 ("approximate identity
initialization"). With x' an image of one half of the set under a random
mechanism, expert j minimises

  E |E_j(x') - x'|^2 per value of a pixel,

on batches of its own, by Adam. 'loss' is the mean over experts. The experts are
one tree with an axis of experts in front, under one optimiser: each parameter
has the gradient of its own expert's loss. The game takes their parameters and
running averages and starts a fresh Adam.

The paper runs up to 200 steps; two published re-implementations go on to an
error of 0.002 or for 500 steps.
"""

from collections.abc import Callable, Mapping
import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from disentangle_jax import checks, errors, requests, types
from disentangle_jax.methods import training
from disentangle_jax.nn import image_experts, nets
from disentangle_jax.ops import axis
from disentangle_jax.ops import mechanisms as changes

CITATION = 'Parascandolo et al. 2018, arXiv:1712.00961, section 4'
HPARAMS = {'learning_rate': 1e-3}
# Moments of one image are no moments.
MIN_BATCH = 2
TEST = {
  'static': {
    'experts': 3,
    'channels': (4,),
    'mechanisms': ('invert', 'noise', 'shift_e'),
    'shift': 1,
  }
}


@dataclasses.dataclass(frozen=True)
class Config:
  """Static choices.

  Attributes:
    experts: number of them, at least 1.
    channels: of the hidden layers of each.
    residual: whether experts add to the logit of what they see.
    mechanisms: names, see `requests.Transformed`; eight translations, noise and
      inversion in the paper.
    shift: of translations, pixels; less than half of the side.
    noise_variance: before clipping.
    precision: of the products in the networks, one of `nets.PRECISIONS`.
  """

  experts: int = 10
  channels: tuple[int, ...] = (32, 32, 32, 32)
  residual: bool = False
  mechanisms: tuple[str, ...] = tuple(sorted(changes.MECHANISMS))
  shift: int = 4
  noise_variance: float = 0.25
  precision: str = 'auto'


def request(config: Config, more: int = 0) -> requests.Transformed:
  """What a batch must hold beside the observations."""
  mechanisms = tuple(config.mechanisms)
  return requests.Transformed(
    mechanisms, config.shift, config.noise_variance, more
  )


def batch(config: Config) -> tuple[requests.Request, ...]:
  """A batch of changed images for each expert."""
  return (requests.Observation(), request(config, config.experts))


class Experts(NamedTuple):
  """The experts as pure functions, an axis of N' experts first.

  Attributes:
    init: `(key, observation) -> (params, statistics)`, leaves [N', ...].
    apply: `(params, statistics, images [B, H, W, C], train) -> (images
      [N', B, H, W, C], statistics)`: every expert sees all images.
    apply_own: the same with images [N', B, H, W, C], some for each expert.
  """

  init: Callable[..., tuple[types.PyTree, types.PyTree]]
  apply: Callable[..., tuple[jax.Array, types.PyTree]]
  apply_own: Callable[..., tuple[jax.Array, types.PyTree]]


def widths(field: str, value: tuple[int, ...]) -> None:
  """Raises ConfigError unless a field holds widths of layers."""
  ok = isinstance(value, tuple) and value
  if not ok or not all(checks.is_integer(v) and v > 0 for v in value):
    rule = 'must be a list of integers of at least 1, e.g. (32, 32)'
    raise errors.value(f'config.static.{field}', value, rule)


def build(config: Config, data: types.Dataset) -> Experts:
  """The experts for a data set's images.

  Args:
    config: static choices.
    data: gives the observation shape.

  Returns:
    The functions.

  Raises:
    ConfigError: an option out of range, or mechanisms that such images do not
      allow.
  """
  checks.integer('config.static.experts', config.experts, 1)
  widths('channels', config.channels)
  if config.precision not in nets.PRECISIONS:
    where = 'config.static.precision'
    raise errors.choices(where, config.precision, nets.PRECISIONS)
  mechanisms(config, data)
  module = image_experts.Expert(tuple(config.channels), config.residual)

  def init(key, observation):
    def one(own):
      (_, statistics), variables = module.init_with_output(own, observation[:1])
      return variables['params'], statistics

    return jax.vmap(one)(jax.random.split(key, config.experts))

  def run(params, statistics, images, train):
    return nets.apply(
      module,
      params,
      images,
      config.precision,
      statistics=statistics,
      train=train,
    )

  def mapped(images_axis):
    return lambda params, statistics, images, train: jax.vmap(
      lambda p, s, x: run(p, s, x, train), in_axes=(0, 0, images_axis)
    )(params, statistics, images)

  return Experts(init, mapped(None), mapped(0))


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: the data set, of images.

  Returns:
    The method, without encoder and decoder. `state.params` holds 'experts' and
    their 'statistics', leaves [N', ...]. The extra 'experts' is `(state,
    observation [B, ...]) -> [N', B, ...]`.

  Raises:
    ConfigError: see `build`.
  """
  experts = build(config, data)
  adam = lambda hparams: optax.adam(hparams['learning_rate'])

  def init(key, batch, hparams):
    params, statistics = experts.init(key, batch['observation'])
    return training.State(
      {'experts': params, 'statistics': statistics},
      adam(hparams).init(params),
      jnp.zeros((), jnp.int32),
    )

  def update(key, state, batch, hparams):
    del key
    images = jnp.moveaxis(batch['more_transformed'], 1, 0)
    statistics = state.params['statistics']

    def loss(params):
      copies, after = experts.apply_own(params, statistics, images, True)
      squares = jnp.mean(jnp.square(copies - images), axis=(2, 3, 4))
      errors_of_experts = axis.mean(squares.T)  # [N']
      return jnp.sum(errors_of_experts), (jnp.mean(errors_of_experts), after)

    params, opt_state, (error, after) = training.descend(
      loss, adam(hparams), state.params['experts'], state.opt_state
    )
    params = {'experts': params, 'statistics': after}
    return training.State(params, opt_state, state.step + 1), {'loss': error}

  def read(state, observation):
    params = state.params
    return experts.apply(
      params['experts'], params['statistics'], observation, False
    )[0]

  return types.Method(init, update, None, None, {'experts': read})


def mechanisms(
  config: Config, data: types.Dataset
) -> Callable[[jax.Array, jax.Array], Mapping[str, jax.Array]]:
  """All mechanisms on the same images.

  Args:
    config: which.
    data: of images.

  Returns:
    `(key, observation [B, H, W, C]) -> {mechanism: [B, H, W, C]}`.
  """
  if len(data.observation_shape) != 3:
    rule = 'mechanisms change images'
    raise errors.value('config.dataset.name', data.name, rule)
  change = changes.by_number(
    tuple(config.mechanisms),
    config.shift,
    config.noise_variance,
    min(data.observation_shape[:2]),
    'config.static',
  )

  def changed(key, observation):
    keys = jax.random.split(key, len(observation))
    every = lambda number: jax.vmap(lambda k, x: change(k, number, x))(
      keys, observation
    )
    return {name: every(n) for n, name in enumerate(config.mechanisms)}

  return changed
