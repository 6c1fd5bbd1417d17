"""The larger pair of Montero et al. 2021: that of Burgess with more channels.

"The role of Disentanglement in Generalisation", ICLR 2021,
https://openreview.net/forum?id=qbH974jKUVy: 32, 32, 64 and 64 channels instead
of four times 32, everything else as in `burgess`. At 64 x 64 with one channel
and ten codes the encoder has 448,724 parameters and the decoder 447,105.

The sizes are those of the code that the authors published with the paper
(github.com/mmrl/disent-and-gen, there `burgess_v2`, which its scripts run on
2D Shapes; 3D Shapes had the pair of Kim & Mnih, `conv` here with 4 x 4
kernels); the paper's own table could not be compared. Their next paper
(https://arxiv.org/abs/2204.02283) has a wider one, which the options give:
`channels=(64, 64, 128, 128, 256)` and `hidden=(256,)`.
"""

import dataclasses

from disentangle_jax.nn.nets import burgess


@dataclasses.dataclass(frozen=True)
class Config(burgess.Config):
  """As `burgess.Config`; the defaults are those of the published code."""

  channels: tuple[int, ...] = (32, 32, 64, 64)
  name: str = 'montero'


check, encode, decode = burgess.check, burgess.encode, burgess.decode
