"""Networks that undo changes of images, and a critic that judges them.

Sizes of Parascandolo et al. 2018, https://arxiv.org/abs/1712.00961, appendix B,
where the docstrings say so. The expert is called as `(x, statistics=None,
train=False) -> (image, statistics)`, see `nn.norm`.
"""

from flax import linen as nn
import jax
import jax.numpy as jnp

from disentangle_jax.nn import conv, mlp, norm

# Images are kept this far from 0 and 1 where their logit is taken.
_MARGIN = 0.01
_SMALL = nn.initializers.normal(0.01)


class Expert(nn.Module):
  """3 x 3 convolutions with batch normalisation and ELU; an image at the end.

  Attributes:
    channels: of the hidden layers; four of 32 in the paper.
    residual: whether E(x) = sigmoid(logit(x) + net(x)), the identity to about
      0.01 at the start, in place of sigmoid(net(x)).
  """

  channels: tuple[int, ...] = (32, 32, 32, 32)
  residual: bool = False

  @nn.compact
  def __call__(self, x, statistics=None, train=False):
    """float [B, H, W, C] in [0, 1] -> the same, statistics."""
    layers = norm.Layers(statistics, train)
    h = x
    for number, width in enumerate(self.channels):
      h = conv.Conv(width, 3, 1, use_bias=False)(h)
      h = nn.elu(layers.batch_norm(f'norm_{number}', h))
    init = _SMALL if self.residual else mlp.KERNEL_INIT
    raw = conv.Conv(x.shape[-1], 3, 1, kernel_init=init)(h)
    if self.residual:
      inside = jnp.clip(x, _MARGIN, 1 - _MARGIN)
      raw = raw + jnp.log(inside) - jnp.log1p(-inside)
    return jax.nn.sigmoid(raw), layers.statistics


def stages(channels: tuple[int, ...]) -> tuple[int, ...]:
  """Numbers of layers of equal width in a row, with a pool behind each.

  Args:
    channels: widths, e.g. (16, 16, 32).

  Returns:
    lengths, e.g. (2, 1).
  """
  lengths = []
  for number, width in enumerate(channels):
    if number and width == channels[number - 1]:
      lengths[-1] += 1
    else:
      lengths.append(1)
  return tuple(lengths)


class ExpertCritic(nn.Module):
  """3 x 3 convolutions with ELU, means of 2 x 2 between, one logit.

  Attributes:
    channels: of the convolutions. A pool stands where the width changes and
      behind the last; an odd row or column is dropped there. The paper has
      (16, 16, 16, 32, 32, 64, 64), which takes 28 pixels to 3.
    hidden: width of the dense layer.
  """

  channels: tuple[int, ...] = (16, 16, 16, 32, 32, 64, 64)
  hidden: int = 1024

  @nn.compact
  def __call__(self, x):
    """float [B, H, W, C] -> logits float [B]."""
    begin = 0
    for length in stages(self.channels):
      for width in self.channels[begin : begin + length]:
        x = nn.elu(conv.Conv(width, 3, 1)(x))
      begin += length
      x = nn.avg_pool(x, (2, 2), (2, 2))
    x = x.reshape(len(x), -1)
    x = nn.elu(nn.Dense(self.hidden, kernel_init=mlp.KERNEL_INIT)(x))
    return nn.Dense(1, kernel_init=mlp.KERNEL_INIT)(x)[:, 0]
