"""What systems that act in a discrete world share: walks, legal actions."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from disentangle_jax import errors, types
from disentangle_jax.ops import axis

# (state of the world, key) -> (next state, whether it is an end, record)
Visit = Callable[[Any, jax.Array], tuple[Any, jax.Array, Any]]


def environment_of(data: types.Dataset, method: str) -> types.Environment:
  """The world of a data set.

  Args:
    data: the data set.
    method: who asks, for the error.

  Returns:
    Its environment.

  Raises:
    ConfigError: there is none, or one whose actions are continuous.
  """
  environment = data.extras.get('environment')
  if environment is None or not environment.num_actions:
    rule = (
      f'{method} acts: it needs a data set with an environment of discrete '
      "actions, such as 'gridworld' or 'two_digits'"
    )
    raise errors.value('config.dataset.name', data.name, rule)
  return environment


def log_policy(logits: jax.Array, legal: jax.Array) -> jax.Array:
  """Log probabilities of actions; minus infinity where illegal.

  Args:
    logits: float [..., A].
    legal: bool [..., A].

  Returns:
    float [..., A].
  """
  return jax.nn.log_softmax(jnp.where(legal, logits, -jnp.inf), axis=-1)


def entropy(log_probabilities: jax.Array) -> jax.Array:
  """Nats, float [...], of log probabilities [..., A], some maybe -inf."""
  finite = jnp.isfinite(log_probabilities)
  # Minus infinity must not meet the gradient.
  safe = jnp.where(finite, log_probabilities, 0.0)
  return -jnp.sum(jnp.where(finite, jnp.exp(safe) * safe, 0.0), axis=-1)


def of_action(values: jax.Array, action: jax.Array) -> jax.Array:
  """values[..., action]: float [..., A] and int32 [...] give float [...]."""
  return jnp.take_along_axis(values, action[..., None], axis=-1)[..., 0]


def explore(log_probabilities: jax.Array, epsilon: jax.Array) -> jax.Array:
  """A policy that takes a uniform legal action every so often.

  Args:
    log_probabilities: float [..., A], -inf where illegal.
    epsilon: how often, 0 to 1.

  Returns:
    float [..., A], log probabilities.
  """
  legal = jnp.isfinite(log_probabilities)
  uniform = legal / jnp.sum(legal, axis=-1, keepdims=True)
  mixed = (1 - epsilon) * jnp.exp(log_probabilities) + epsilon * uniform
  # A probability of 0 at epsilon 0 may be rounding: no draw finds it.
  return jnp.where(mixed > 0, jnp.log(jnp.where(mixed > 0, mixed, 1)), -jnp.inf)


def walk(
  environment: types.Environment,
  key: jax.Array,
  steps: int,
  visit: Visit,
  params: Any = (),
) -> Any:
  """An episode from a start of the environment's own.

  Args:
    environment: the world.
    key: of the episode.
    steps: visits.
    visit: `(s, key) -> (next s, done, record)`; after an end the walk goes on
      from a fresh start. States are numbers.
    params: what `visit` reads, where it differs between devices.

  Returns:
    The records, leaves [steps, ...].
  """
  start_key, key = jax.random.split(key)

  def one(s, key):
    visit_key, fresh_key = jax.random.split(key)
    after, done, record = visit(s, visit_key)
    fresh = environment.reset(fresh_key)
    s = jax.tree.map(lambda a, b: jnp.where(done, a, b), fresh, after)
    return s, record

  start = environment.reset(start_key)
  start = axis.spread(start, (start, params))
  _, records = jax.lax.scan(one, start, jax.random.split(key, steps))
  return records
