"""Networks that tell distributions apart."""

from flax import linen as nn
import jax

from disentangle_jax.nn import mlp


class Discriminator(nn.Module):
  """Fully connected classifier of codes with leaky ReLU.

  Kim & Mnih 2018: 6 layers of 1000 units, slope 0.2, two logits; at 10 latents
  5,018,002 parameters.

  Attributes:
    width: units per layer.
    depth: hidden layers.
    classes: logits.
  """

  width: int = 1000
  depth: int = 6
  classes: int = 2

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """float [B, D] -> float [B, classes]."""
    leaky = lambda h: nn.leaky_relu(h, 0.2)
    x = mlp.MLP((self.width,) * self.depth, leaky)(x)
    return nn.Dense(self.classes, kernel_init=mlp.KERNEL_INIT)(x)
