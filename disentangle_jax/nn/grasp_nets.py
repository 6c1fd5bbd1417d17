"""Networks of grasping: of a view, of a shape, of what a grasp will do.

Residual convolutions as Yan et al. 2018 say, https://arxiv.org/abs/1708.07303,
in the widths of Yan et al. 2016, https://arxiv.org/abs/1612.00814. Without
channels they are fully connected.
"""

from flax import linen as nn
import jax
import jax.numpy as jnp

from disentangle_jax.nn import activations, conv, mlp


class ViewEncoder(nn.Module):
  """(image [B, H, W, C], numbers [B, N]) -> features [B, hidden[-1]].

  Attributes:
    channels: of the convolutions, each 5 x 5 with stride 2 and, behind it, a
      residual pair of 3 x 3.
    hidden: widths of the layers behind them, which see the numbers as well.
  """

  channels: tuple[int, ...]
  hidden: tuple[int, ...]

  @nn.compact
  def __call__(self, given: tuple[jax.Array, jax.Array]) -> jax.Array:
    """The features, after a ReLU."""
    x, numbers = given
    for width in self.channels:
      x = activations.relu(conv.Conv(width, 5, 2)(x))
      rest = activations.relu(conv.Conv(width, 3, 1)(x))
      x = activations.relu(x + conv.Conv(width, 3, 1)(rest))
    x = x.reshape(len(x), -1)
    return mlp.MLP(self.hidden)(jnp.concatenate([x, numbers], axis=-1))


class OccupancyDecoder(nn.Module):
  """Code [B, D] -> logits of an occupancy grid [B, n, n, n].

  Attributes:
    grid: n; with channels, a multiple of 2 to their number.
    hidden: widths of the layers before the grid.
    channels: of the grids before the last one, each of twice the side of the
      one before it, by transposed convolutions of 4 with stride 2.
    start: logit of all cells at first: below 0, or no ray would come through.
  """

  grid: int
  hidden: tuple[int, ...]
  channels: tuple[int, ...]
  start: float = -3.0

  @nn.compact
  def __call__(self, code: jax.Array) -> jax.Array:
    """The logits."""
    x = mlp.MLP(self.hidden)(code) if self.hidden else code
    if not self.channels:
      x = nn.Dense(self.grid**3, kernel_init=mlp.KERNEL_INIT)(x)
      return x.reshape(-1, *(self.grid,) * 3) + self.start
    base = self.grid // 2 ** len(self.channels)
    first, *rest = self.channels
    x = activations.relu(
      nn.Dense(base**3 * first, kernel_init=mlp.KERNEL_INIT)(x)
    ).reshape(-1, base, base, base, first)
    for width in rest:
      x = activations.relu(conv.Conv(width, 4, 2, transpose=True, rank=3)(x))
    x = conv.Conv(1, 4, 2, transpose=True, rank=3)(x)
    return x[..., 0] + self.start


class Outcome(nn.Module):
  """Features of grasps [..., F] -> logits of success [...].

  Attributes:
    hidden: widths of the layers.
  """

  hidden: tuple[int, ...]

  @nn.compact
  def __call__(self, features: jax.Array) -> jax.Array:
    """The logits."""
    x = mlp.MLP(self.hidden)(features.reshape(-1, features.shape[-1]))
    logit = nn.Dense(1, kernel_init=mlp.KERNEL_INIT)(x)
    return logit.reshape(features.shape[:-1])
