"""dSprites itself, from its official npz, or through TFDS.

Matthey et al. 2017, https://github.com/google-deepmind/dsprites-dataset. Kept
as bits: 737,280 images of 64 x 64 take 0.35 GiB on the device. The file's own
table of factors is compared with the order used here, and some images with
those that the renderer `dsprites` draws. Its metadata, a pickle, is not read.
"""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import errors, types
from disentangle_jax.data import factorial, files, lookup
from disentangle_jax.data.procedural import dsprites
from disentangle_jax.data.real import source

NAME = 'dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz'
MD5 = {NAME: '7da33b31b13a06f4b04a70402ce90c2e'}
WHERE = (
  'get it with: curl -LO https://raw.githubusercontent.com/google-deepmind/'
  f'dsprites-dataset/master/{NAME} and set --config.dataset.path={NAME}'
)
SIZES = (3, 6, 40, 32, 32)
_SHAPE = (64, 64, 1)
_TFDS = (
  'label_shape',
  'label_scale',
  'label_orientation',
  'label_x_position',
  'label_y_position',
)


@dataclasses.dataclass(frozen=True)
class Config(source.Config):
  """Static options, those of every published set."""


def _check_factors(path):
  """The stored factors must be those of the place in the file."""
  classes = files.npz_array(path, 'latents_classes', source.FIELD)
  want = factorial.grid(SIZES)
  if classes.shape != (len(want), 6) or (classes[:, 1:] != want).any():
    rule = 'its latents_classes are not in the published order'
    raise errors.value(source.FIELD, str(path), rule)


def check_pixels(bits: np.ndarray, sizes: tuple[int, ...], where: str) -> None:
  """Compares images all over the table with rendered ones.

  Args:
    bits: uint8 [N, 512], the table.
    sizes: of the factors.
    where: what to name in errors.

  Raises:
    ConfigError: the images do not look like dSprites in the order of `sizes`.
  """
  config = dsprites.Config(
    scales=sizes[1], orientations=sizes[2], positions=sizes[3]
  )
  values = dsprites.factor_values(config)
  numbers = np.linspace(0, len(bits) - 1, 24).astype(int)
  factors = np.stack(np.unravel_index(numbers, sizes), -1)
  draw = jax.vmap(lambda f: dsprites.silhouette(config, values, f))
  rendered = np.asarray(draw(jnp.asarray(factors))) > 0.5
  stored = np.unpackbits(np.asarray(bits[numbers]), axis=-1)
  stored = stored.reshape(rendered.shape) > 0
  both = (stored & rendered).sum((1, 2)) / np.maximum(
    (stored | rendered).sum((1, 2)), 1
  )
  if both.mean() < 0.9:
    rule = (
      f'its images overlap the expected sprites by {both.mean():.2f} only; '
      'factors or pixels are in another order'
    )
    raise errors.value(source.FIELD, where, rule)


def make(config: Config) -> types.Dataset:
  """The data set.

  Args:
    config: static options.

  Returns:
    A lookup set with the factors of `dsprites`; observations are float32
    [64, 64, 1] in {0, 1}.

  Raises:
    ConfigError: a file that is missing, corrupt or foreign.
  """
  source.choose(config)
  total = math.prod(SIZES)
  if config.source == 'tfds':
    images, labels = source.tfds_images('dsprites', 'train', config, _TFDS)
    places = lookup.order(labels, SIZES, 'dsprites')
    bits = lookup.pack(images[places])
  else:
    path = files.require(config.path, source.FIELD, WHERE, 'file')

    def blocks():
      for block in files.npz_blocks(path, 'imgs', source.FIELD):
        yield (block[..., None] > 0).astype(np.uint8) * np.uint8(255)

    bits = source.table(
      'dsprites_file',
      config,
      total,
      _SHAPE,
      True,
      [path],
      {path.name: MD5[NAME]},
      lambda: _check_factors(path),
      blocks,
    )
  check_pixels(bits, SIZES, str(config.path or 'tfds'))
  return lookup.lookup(
    bits,
    dsprites.FACTORS,
    SIZES,
    name='dsprites_file',
    values=dsprites.factor_values(
      dsprites.Config(
        scales=SIZES[1], orientations=SIZES[2], positions=SIZES[3]
      )
    ),
    shape=_SHAPE,
  )
