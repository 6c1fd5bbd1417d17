"""Scenes in parts, and how slots are held against them: for `scene_objects`."""

import dataclasses

import chex
import jax
import jax.numpy as jnp
import optax

from disentangle_jax import types

# Added above and below the line of ratios that may be 0 / 0.
SMALL = 1e-6


def ratio(above: jax.Array, below: jax.Array) -> jax.Array:
  """above / below, 1 for 0 / 0: both have 1e-6 added."""
  return (above + SMALL) / (below + SMALL)


def masked_median(x: jax.Array, mask: jax.Array) -> jax.Array:
  """Median of the entries under a mask.

  Args:
    x: float [N], finite.
    mask: bool [N].

  Returns:
    Scalar, the mean of the middle two of an even number; NaN of none.
  """
  chex.assert_rank(x, 1)
  chex.assert_equal_shape([x, mask])
  chex.assert_type(mask, bool)
  sorted_values = jnp.sort(jnp.where(mask, x, jnp.inf))
  count = jnp.sum(mask)
  low, high = (count - 1) // 2, count // 2
  middle = (sorted_values[jnp.maximum(low, 0)] + sorted_values[high]) / 2
  return jnp.where(count > 0, middle, jnp.nan)


def fit_threshold(
  kl: jax.Array, count: jax.Array, num_thresholds: int
) -> tuple[jax.Array, jax.Array]:
  """The threshold on KL by which most scenes are counted right.

  Args:
    kl: float [N, S], nats.
    count: int [N], the true numbers.
    num_thresholds: quantiles of all KL that are tried.

  Returns:
    Threshold and share, scalars; the lowest of several that are equally good.
  """
  levels = jnp.linspace(0.0, 1.0, num_thresholds)
  thresholds = jnp.quantile(kl.reshape(-1), levels)
  shares = jax.lax.map(lambda t: counted(kl, count, t), thresholds)
  best = jnp.argmax(shares)
  return thresholds[best], shares[best]


def counted(kl: jax.Array, count: jax.Array, threshold: jax.Array) -> jax.Array:
  """Share of rows with `count` entries of `kl` above a threshold."""
  chex.assert_rank([kl, count], [2, 1])
  chex.assert_equal_shape_prefix([kl, count], 1)
  above = jnp.sum(kl > threshold, axis=1)
  return jnp.mean((above == count).astype(jnp.float32))


def assign(cost: jax.Array, exists: jax.Array, size: jax.Array) -> jax.Array:
  """A slot of its own for every sprite, by the least sum of costs.

  Args:
    cost: float [S, N], sprites by slots.
    exists: bool [S]; others take what is left and cost nothing.
    size: float [S], the cost of a sprite without a slot.

  Returns:
    int [S]; N and above where sprites outnumber slots.
  """
  chex.assert_rank([cost, exists, size], [2, 1, 1])
  chex.assert_equal_shape_prefix([cost, exists, size], 1)
  count, slots = cost.shape
  missing = jnp.broadcast_to(size[:, None], (count, max(0, count - slots)))
  wide = jnp.concatenate([cost, missing], axis=1)
  wide = jnp.where(exists[:, None], wide, 0)
  rows, columns = optax.assignment.hungarian_algorithm(wide)
  return jnp.zeros(count, jnp.int32).at[rows].set(columns.astype(jnp.int32))


def blobs(alone: jax.Array, exists: jax.Array) -> jax.Array:
  """How many parts of a scene can be told apart.

  Args:
    alone: float [S, H, W, C], every sprite by itself.
    exists: bool [S].

  Returns:
    int scalar: sprites, those of one colour that overlap, directly or by way
    of others, counted as one.
  """
  chex.assert_rank([alone, exists], [4, 1])
  chex.assert_equal_shape_prefix([alone, exists], 1)
  lit = jnp.any(alone > 0, axis=-1).reshape(len(alone), -1)
  overlap = jnp.any(lit[:, None] & lit[None, :], axis=-1)
  colour = jnp.sum(alone, axis=(1, 2))
  total = jnp.sum(colour, axis=1, keepdims=True)
  colour = colour / jnp.maximum(total, SMALL)
  apart = jnp.max(jnp.abs(colour[:, None] - colour[None, :]), axis=-1)
  linked = overlap & (apart < 1e-3) & exists[:, None] & exists[None, :]
  for _ in range(len(alone)):
    linked = linked | jnp.any(linked[:, :, None] & linked[None], axis=1)
  earlier = jnp.tri(len(alone), k=-1, dtype=bool)
  first = exists & ~jnp.any(linked & earlier, axis=1)
  return jnp.sum(first)


def squared(x: jax.Array, axes: int) -> jax.Array:
  """Sum of squares over all but the first `axes` axes."""
  return jnp.sum(jnp.square(x), axis=tuple(range(axes, x.ndim)))


@dataclasses.dataclass(frozen=True)
class Scenes:
  """Scenes in parts: what a data set of sprites can be asked.

  Attributes:
    data: with 'entities' among its extras.
  """

  data: types.Dataset

  @property
  def entities(self) -> int:
    """S, the largest number of sprites."""
    return self.data.extras['entities']

  def blocks(self, factors: jax.Array) -> jax.Array:
    """int32 [..., S, F] of int32 [..., K]."""
    return factors.reshape(*factors.shape[:-1], self.entities, -1)

  def exists(self, factors: jax.Array) -> jax.Array:
    """bool [..., S] of int32 [..., K]."""
    return self.blocks(factors)[..., 0] > 0

  def render(self, arrays: types.PyTree, blocks: jax.Array) -> jax.Array:
    """float32 [..., H, W, C] of int32 [..., S, F]."""
    flat = blocks.reshape(-1, blocks.shape[-2] * blocks.shape[-1])
    key = jax.random.key(0)  # of a renderer without noise: not used
    one = lambda factors: self.data.render(arrays, factors, key)
    images = jax.vmap(one)(flat)
    return images.reshape(*blocks.shape[:-2], *images.shape[1:])

  def alone(self, arrays: types.PyTree, factors: jax.Array) -> jax.Array:
    """Every sprite by itself, float32 [B, S, H, W, C] of int32 [B, K]."""
    count = self.entities
    blocks = self.blocks(factors)[:, None]
    own = jnp.eye(count, dtype=bool)[None, :, :]
    shape = (len(factors), count, *blocks.shape[2:])
    blocks = jnp.broadcast_to(blocks, shape)
    exists = jnp.where(own, blocks[..., 0], 0)
    return self.render(arrays, blocks.at[..., 0].set(exists))

  def exchanged(
    self, factors: jax.Array, other: jax.Array, mine: jax.Array, its: jax.Array
  ) -> jax.Array:
    """A scene with one sprite of another in place of its own.

    Args:
      factors: int32 [K].
      other: int32 [K], of the other scene.
      mine: int scalar, number of the sprite that goes.
      its: int scalar, number of the sprite that comes.

    Returns:
      int32 [S, F].
    """
    return self.blocks(factors).at[mine].set(self.blocks(other)[its])
