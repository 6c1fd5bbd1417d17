"""Networks of SD-GANs: generators, and critics that see two images.

Donahue et al. 2018, "Semantically decomposing the latent spaces of generative
adversarial networks", https://arxiv.org/abs/1705.07904, appendix, for 64 x 64
images; here sides may be any multiple of 16 (DCGAN) or 8 (BEGAN). Networks with
batch normalisation are called as `(x, statistics=None, train=False) -> (output,
statistics)`, see `nn.norm`.
"""

import functools
import math

from flax import linen as nn
import jax
import jax.numpy as jnp

from disentangle_jax.nn import activations, conv, norm

# Uniform with deviation 0.02, as the published code draws all of its kernels.
_UNIFORM = lambda key, shape, dtype=jnp.float32: jax.random.uniform(
  key, shape, dtype, -0.02 * math.sqrt(3), 0.02 * math.sqrt(3)
)
_LEVELS = 4
leaky = functools.partial(activations.leaky_relu, negative_slope=0.2)


class DcganGenerator(nn.Module):
  """A dense layer and four transposed convolutions 5 x 5 of stride 2.

  Attributes:
    observation_shape: (H, W, C), sides divisible by 16.
    width: channels before the last layer; 8 times as many at the start.
  """

  observation_shape: tuple[int, ...]
  width: int = 64

  @nn.compact
  def __call__(self, x, statistics=None, train=False):
    """float [B, D] -> before the tanh, [B, H, W, C], statistics."""
    height, width, channels = self.observation_shape
    layers = norm.Layers(statistics, train)
    up = functools.partial(
      conv.Conv, kernel=5, stride=2, transpose=True, kernel_init=_UNIFORM
    )
    base = (height // 16, width // 16, 8 * self.width)
    x = nn.Dense(math.prod(base), kernel_init=_UNIFORM)(x).reshape(-1, *base)
    x = activations.relu(layers.batch_norm('norm_0', x))
    for number, factor in enumerate((4, 2, 1), start=1):
      x = up(factor * self.width)(x)
      x = activations.relu(layers.batch_norm(f'norm_{number}', x))
    return up(channels)(x), layers.statistics


class DcganEncoder(nn.Module):
  """Four convolutions 5 x 5 of stride 2; the first one is not normalised.

  Attributes:
    width: channels of the first layer; they double.
  """

  width: int = 64

  @nn.compact
  def __call__(self, x, statistics=None, train=False):
    """float [B, H, W, C] -> [B, H / 16, W / 16, 8 width], statistics."""
    layers = norm.Layers(statistics, train)
    down = functools.partial(
      conv.Conv, kernel=5, stride=2, kernel_init=_UNIFORM
    )
    x = leaky(down(self.width)(x))
    for number, factor in enumerate((2, 4, 8)):
      x = down(factor * self.width)(x)
      x = leaky(layers.batch_norm(f'norm_{number}', x))
    return x, layers.statistics


class DcganCollate(nn.Module):
  """Feature maps of all images of an example -> one logit.

  Attributes:
    width: as that of the encoder.
  """

  width: int = 64

  @nn.compact
  def __call__(self, x, statistics=None, train=False):
    """float [B, h, w, F] -> [B, 1], statistics."""
    layers = norm.Layers(statistics, train)
    x = conv.Conv(8 * self.width, 3, 2, kernel_init=_UNIFORM)(x)
    x = leaky(layers.batch_norm('norm', x)).reshape(len(x), -1)
    return nn.Dense(1, kernel_init=_UNIFORM)(x), layers.statistics


class BeganDecoder(nn.Module):
  """Dense to 8 x 8, then four levels with nearest neighbours between them.

  Attributes:
    observation_shape: (H, W, C), sides divisible by 8.
    width: n, channels of every layer.
  """

  observation_shape: tuple[int, ...]
  width: int = 128

  @nn.compact
  def __call__(self, x):
    """float [B, D] -> [B, H, W, C], without an activation at the end."""
    height, width, channels = self.observation_shape
    base = (height // 8, width // 8, self.width)
    x = nn.Dense(math.prod(base))(x).reshape(-1, *base)
    for level in range(_LEVELS):
      for _ in range(2):
        x = nn.elu(conv.Conv(self.width, 3, 1)(x))
      if level < _LEVELS - 1:
        x = jnp.repeat(jnp.repeat(x, 2, axis=1), 2, axis=2)
    return conv.Conv(channels, 3, 1)(x)


class BeganEncoder(nn.Module):
  """Four levels of 3 x 3 convolutions, strided ones between; a dense layer.

  Attributes:
    features: length of the result.
    width: n; level l has l n channels.
  """

  features: int
  width: int = 128

  @nn.compact
  def __call__(self, x):
    """float [B, H, W, C] -> [B, features]."""
    x = nn.elu(conv.Conv(self.width, 3, 1)(x))
    for level in range(1, _LEVELS + 1):
      for _ in range(2):
        x = nn.elu(conv.Conv(level * self.width, 3, 1)(x))
      if level < _LEVELS:
        x = nn.elu(conv.Conv(level * self.width, 3, 2)(x))
    return nn.Dense(self.features)(x.reshape(len(x), -1))
