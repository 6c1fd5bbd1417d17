"""Fully connected stacks and the linear heads on top of them."""

from collections.abc import Callable

from flax import linen as nn
import jax

# TensorFlow's default, which the published models of 2018 and 2019 used.
KERNEL_INIT = nn.initializers.glorot_uniform()


class MLP(nn.Module):
  """Dense layers with one activation between and after all of them.

  Attributes:
    hidden: widths of the layers.
    activation: applied after every layer.
  """

  hidden: tuple[int, ...]
  activation: Callable[[jax.Array], jax.Array] = nn.relu

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """float [B, ...] -> float [B, hidden[-1]]."""
    x = x.reshape(x.shape[0], -1)
    for width in self.hidden:
      x = self.activation(nn.Dense(width, kernel_init=KERNEL_INIT)(x))
    return x


class Heads(nn.Module):
  """One linear layer per named output.

  Attributes:
    sizes: (name, width) pairs.
  """

  sizes: tuple[tuple[str, int], ...]

  @nn.compact
  def __call__(self, x: jax.Array) -> dict[str, jax.Array]:
    """float [B, F] -> {name: float [B, width]}."""
    return {
      name: nn.Dense(size, kernel_init=KERNEL_INIT, name=name)(x)
      for name, size in self.sizes
    }
