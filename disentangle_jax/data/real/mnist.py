"""MNIST: handwritten digits, 28 x 28 (LeCun, Cortes & Burges)."""

import dataclasses

from disentangle_jax import types
from disentangle_jax.data.real import image_set

WHERE = (
  'download train-images-idx3-ubyte.gz and train-labels-idx1-ubyte.gz from '
  'https://storage.googleapis.com/cvdf-datasets/mnist/ into one folder and set '
  '--config.dataset.path to it, or set --config.dataset.source=tfds'
)


DISPLAY = 'MNIST'


@dataclasses.dataclass(frozen=True)
class Config(image_set.Config):
  """Static options, those of every image set."""


def make(config: Config) -> types.Dataset:
  """The data set; see `image_set.load`."""
  return image_set.load(config, 'mnist', WHERE, (28, 28, 1), 'mnist')
