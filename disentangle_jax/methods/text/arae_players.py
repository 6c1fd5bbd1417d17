"""Generator, critic and classifier of codes, and how `arae` moves players."""

from collections.abc import Callable
import dataclasses
from typing import NamedTuple

from flax import linen as nn
import jax
import jax.numpy as jnp
import optax

from disentangle_jax import checks, errors, types
from disentangle_jax.methods.text import two_decoders
from disentangle_jax.nn import mlp, nets
from disentangle_jax.ops import axis

CRITICS = ('penalty', 'clip')


@dataclasses.dataclass(frozen=True)
class Config(two_decoders.Config):
  """Static choices.

  Attributes:
    noise_size: entries of zeta.
    adversary_hidden: widths of the layers of critic (leaky ReLU, slope 0.2) and
      generator (ReLU).
    classifier_hidden: of u (ReLU).
    critic_steps: updates of the critic per step.
    critic_form: how its slope is bounded, 'penalty' or 'clip'.
    weight_limit: of 'clip'.
  """

  noise_size: int = 32
  adversary_hidden: tuple[int, ...] = (128, 128)
  classifier_hidden: tuple[int, ...] = (128, 128)
  critic_steps: int = 5
  critic_form: str = 'penalty'
  weight_limit: float = 0.01


class Layers(nn.Module):
  """Dense layers and a linear one.

  Attributes:
    hidden: widths.
    width: of the last.
    slope: of the activation below 0.
  """

  hidden: tuple[int, ...]
  width: int
  slope: float = 0.0

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """float [B, F] -> float [B, width]."""
    h = mlp.MLP(self.hidden, lambda h: nn.leaky_relu(h, self.slope))(x)
    return nn.Dense(self.width, kernel_init=mlp.KERNEL_INIT)(h)


def label_nats(logits: jax.Array, label: jax.Array) -> jax.Array:
  """Cross entropy of labels.

  Args:
    logits: float [B], of label 1.
    label: int [B], 0 or 1.

  Returns:
    float scalar, nats, mean over the batch; log 2 for logits of 0.
  """
  return axis.mean(jax.nn.softplus(logits) - label * logits)


def within(limit: float) -> optax.GradientTransformation:
  """Keeps what an update leads to in [-limit, limit], entry by entry.

  Arjovsky et al. 2017, algorithm 1; the last of a chain.
  """

  def update(updates, state, params):
    bounded = lambda u, p: jnp.clip(p + u, -limit, limit) - p
    return jax.tree.map(bounded, updates, params), state

  return optax.GradientTransformation(lambda params: (), update)


def apart(
  step: optax.GradientTransformation, clip: jax.Array, moved: tuple[str, ...]
) -> optax.GradientTransformation:
  """An optimiser for each of several parameter sets, some of which stay.

  Args:
    step: of every set.
    clip: global norm of the gradient, of all that move together.
    moved: names of the sets that move; others keep their values and states.

  Returns:
    An optimiser of {name: parameters}.
  """

  def init(params):
    return {name: step.init(own) for name, own in params.items()}

  def update(grads, states, params):
    some, _ = optax.clip_by_global_norm(clip).update(
      {name: grads[name] for name in moved}, optax.EmptyState()
    )
    updates = jax.tree.map(jnp.zeros_like, grads)
    states = dict(states)
    for name in moved:
      updates[name], states[name] = step.update(
        some[name], states[name], params[name]
      )
    return updates, states

  return optax.GradientTransformation(init, update)


class Players(NamedTuple):
  """Generator, critic and classifier as pure functions of their parameters.

  Attributes:
    init: `(key) -> {'generator', 'critic', 'classifier'}`.
    generate: `(params, zeta [B, noise_size]) -> codes [B, D]`.
    judge: `(params, codes) -> float [B]`, f.
    classify: `(params, codes) -> float [B]`, logits of label 1.
  """

  init: Callable[..., types.PyTree]
  generate: Callable[..., jax.Array]
  judge: Callable[..., jax.Array]
  classify: Callable[..., jax.Array]


def build(config: Config) -> Players:
  """The three of them.

  Args:
    config: static choices.

  Returns:
    Pure functions.

  Raises:
    ConfigError: an option out of range.
  """
  where = 'config.static.{}'.format
  for name in ('noise_size', 'critic_steps'):
    checks.integer(where(name), getattr(config, name), 1)
  for name in ('adversary_hidden', 'classifier_hidden'):
    widths = getattr(config, name)
    if not all(checks.is_integer(w) and w >= 1 for w in widths):
      raise errors.value(where(name), widths, 'must be widths of at least 1')
  checks.choice(where('critic_form'), config.critic_form, CRITICS)
  limit = config.weight_limit
  if not checks.is_number(limit) or limit <= 0:
    raise errors.value(where('weight_limit'), limit, 'must be > 0')
  modules = {
    'generator': Layers(config.adversary_hidden, config.code),
    'critic': Layers(config.adversary_hidden, 1, 0.2),
    'classifier': Layers(config.classifier_hidden, 1),
  }
  widths = {'generator': config.noise_size}

  def init(key):
    keys = dict(zip(modules, jax.random.split(key, len(modules))))
    zeros = lambda name: jnp.zeros((1, widths.get(name, config.code)))
    return {
      name: module.init(keys[name], zeros(name))['params']
      for name, module in modules.items()
    }

  run = lambda name, params, x: nets.apply(
    modules[name], params, x, config.precision
  )
  return Players(
    init,
    lambda params, zeta: run('generator', params, zeta),
    lambda params, codes: run('critic', params, codes)[:, 0],
    lambda params, codes: run('classifier', params, codes)[:, 0],
  )
