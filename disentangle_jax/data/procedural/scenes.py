"""Scenes of several sprites: what `multi_sprites` and `multi_shapes` share.

Factors come in blocks of equal length, one block per sprite, and the first
factor of a block says whether the sprite exists. The number of blocks stands in
`Dataset.extras['entities']`: who sets the first factors of some blocks to 0
renders the other sprites alone.
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import types
from disentangle_jax.data import factorial


def make(
  *,
  name: str,
  sprites: int,
  factors: Sequence[str],
  values: Sequence[np.ndarray],
  resolution: int,
  draw: Callable[[jax.Array], jax.Array],
) -> types.Dataset:
  """A data set of scenes: sprites are added and clipped at one.

  Args:
    name: the key in DATASETS.
    sprites: largest number of sprites.
    factors: names of one sprite's factors; the first is whether it exists.
    values: of these factors, grid index -> real value.
    resolution: side of the square image, pixels.
    draw: `(factors int32 [len(factors)]) -> float32 [resolution, resolution,
      3]`, one sprite that exists, in [0, 1].

  Returns:
    A procedural data set; observations are float32 [resolution, resolution, 3]
    in [0, 1]; factors are named `sprite_0_exists` and so on.
  """

  def one(own):
    return own[0].astype(jnp.float32) * draw(own)

  def render(arrays, points, key):
    del arrays, key
    each = jax.vmap(one)(points.reshape(sprites, len(factors)))
    return jnp.minimum(each.sum(0), 1.0)

  return factorial.make(
    name=name,
    factor_names=[
      f'sprite_{n}_{factor}' for n in range(sprites) for factor in factors
    ],
    factor_values=tuple(values) * sprites,
    observation_shape=(resolution, resolution, 3),
    render=render,
    extras={'entities': sprites},
  )
