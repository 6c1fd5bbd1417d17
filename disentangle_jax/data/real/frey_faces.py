"""Frey faces: 1,965 frames of one face, 28 x 20 (Roweis & Saul).

From an npz archive with 'images' [1965, 28, 20], or from the file
frey_rawface.mat of Sam Roweis' page (ff, [560, 1965]).
"""

import dataclasses

from disentangle_jax import errors, types
from disentangle_jax.data import files, image_files, pixels
from disentangle_jax.data.real import image_set, source

WHERE = (
  'get it with: curl -LO https://cs.nyu.edu/~roweis/data/frey_rawface.mat and '
  'set --config.dataset.path=frey_rawface.mat'
)
_SHAPE = (28, 20, 1)


@dataclasses.dataclass(frozen=True)
class Config:
  """Static options.

  Attributes:
    path: of the npz archive or of the MATLAB file.
  """

  path: str | None = None


def make(config: Config) -> types.Dataset:
  """The data set.

  Args:
    config: static options.

  Returns:
    A stream without factors; observations are float32 [28, 20, 1] in [0, 1].

  Raises:
    ConfigError: a file that is missing, corrupt or foreign.
  """
  path = files.require(config.path, source.FIELD, WHERE)
  if path.suffix.lower() == '.mat':
    arrays = files.matlab(path, source.FIELD)
    if 'ff' not in arrays or arrays['ff'].shape[:1] != (28 * 20,):
      raise errors.value(source.FIELD, str(path), 'has no array ff [560, N]')
    where = f'{source.FIELD} ({path})'
    images = pixels.read(arrays['ff'].T.reshape(-1, 28, 20), where).images
  else:
    images = image_files.read(path, source.FIELD, where=WHERE).images
  return image_set.streamed(images, None, 'frey_faces', _SHAPE)
