"""SVHN, cropped: house numbers, 32 x 32 x 3 (Netzer et al. 2011)."""

import dataclasses

from disentangle_jax import types
from disentangle_jax.data.real import image_set

WHERE = (
  'get it with: curl -LO http://ufldl.stanford.edu/housenumbers/'
  'train_32x32.mat and set --config.dataset.path=train_32x32.mat, or set '
  '--config.dataset.source=tfds'
)


@dataclasses.dataclass(frozen=True)
class Config(image_set.Config):
  """Static options, those of every image set."""


def make(config: Config) -> types.Dataset:
  """The data set; see `image_set.load`."""
  return image_set.load(config, 'svhn', WHERE, (32, 32, 3), 'svhn_cropped')
