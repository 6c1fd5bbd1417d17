"""How judges learn: networks that scores fit once and no method shares."""

from collections.abc import Callable
from typing import Any

from flax import linen as nn
import jax
import jax.numpy as jnp
import optax

from disentangle_jax import types


def falling_adam(rate: float, steps: int) -> optax.GradientTransformation:
  """Adam whose rate falls to 0 along a half cosine.

  Args:
    rate: at the start.
    steps: until it is 0.

  Returns:
    The optimiser.
  """
  return optax.adam(optax.cosine_decay_schedule(rate, steps))


def learnt(
  key: jax.Array,
  network: nn.Module,
  example: jax.Array,
  loss: Callable[[types.PyTree, Any], jax.Array],
  optimiser: optax.GradientTransformation,
  draw: Callable[[jax.Array], Any],
  steps: int,
) -> types.PyTree:
  """Trains a network from its start on batches that are drawn anew.

  Args:
    key: a typed PRNG key.
    network: what is trained.
    example: an input of one row, for the shapes of its parameters.
    loss: `(params, batch) -> scalar`.
    optimiser: of the parameters.
    draw: `(key) -> batch`.
    steps: how many.

  Returns:
    The parameters.
  """
  init_key, data_key = jax.random.split(key)
  params = network.init(init_key, example)['params']

  def step(carry, number):
    params, opt_state = carry
    batch = draw(jax.random.fold_in(data_key, number))
    grads = jax.grad(loss)(params, batch)
    updates, opt_state = optimiser.update(grads, opt_state)
    return (optax.apply_updates(params, updates), opt_state), None

  carry = (params, optimiser.init(params))
  (params, _), _ = jax.lax.scan(step, carry, jnp.arange(steps))
  return params
