"""The output attack: an image whose reconstruction is that of the target.

Gondim-Ribeiro, Tabacof & Valle, "Adversarial attacks on variational
autoencoders", 2018, https://arxiv.org/abs/1806.04646, compare it with the
latent attack. Per image:

  1/2 |decode(code(x + d)) - decode(code(t))|^2, summed over pixels.

A categorical latent enters by its probabilities (`latent.soft_vector`). Where
the model is sure of the class they are flat, and so is this objective along the
class: the attack can then miss what the latent one finds.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from disentangle_jax import layouts, types
from disentangle_jax.metrics.models.attacks import latent


def objective(
  method: types.Method, state: Any, target: jax.Array
) -> Callable[[jax.Array], jax.Array]:
  """What the output attack lowers.

  Args:
    method: offers `represent` and `decode`.
    state: of one model.
    target: float32 [B, ...] in [0, 1], the images whose reconstruction to show.

  Returns:
    images [B, ...] -> float32 [B], squared intensity.
  """
  codes = method.represent(state, target)
  layout = layouts.layout_of(method, codes)
  goal = jax.lax.stop_gradient(method.decode(state, codes.vector))

  def far(images):
    soft = latent.soft_vector(method.represent(state, images), layout)
    decoded = method.decode(state, soft)
    error = jnp.square(decoded - goal).reshape(len(images), -1)
    return 0.5 * jnp.sum(error, axis=-1)

  return far
