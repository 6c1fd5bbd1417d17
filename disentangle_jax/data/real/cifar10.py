"""CIFAR-10: small photographs, 32 x 32 x 3 (Krizhevsky 2009).

Of the three official archives only the binary one is read: the one for Python
is a pickle."""

import dataclasses

from disentangle_jax import types
from disentangle_jax.data.real import image_set

WHERE = (
  'get it with: curl -LO https://www.cs.toronto.edu/~kriz/'
  'cifar-10-binary.tar.gz, unpack it and set --config.dataset.path to the '
  'folder, or set --config.dataset.source=tfds'
)


@dataclasses.dataclass(frozen=True)
class Config(image_set.Config):
  """Static options, those of every image set."""


def make(config: Config) -> types.Dataset:
  """The data set; see `image_set.load`."""
  return image_set.load(config, 'cifar10', WHERE, (32, 32, 3), 'cifar10')
