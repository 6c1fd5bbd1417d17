"""Images with their labels, from any format known here."""

from collections.abc import Iterable
import pathlib
from typing import Any, NamedTuple

import numpy as np

from disentangle_jax import errors
from disentangle_jax.data import files, pictures, pixels

_SVHN = (32, 32, 3)
_ARRAYS = ('images', 'labels', 'x_train', 'y_train', 'x_test', 'y_test')


class Read(NamedTuple):
  """What a file or folder holds.

  Attributes:
    images: uint8 [N, H, W, C].
    labels: [N] or [N, K] as they are stored; None where there are none.
    notes: what the pixels were taken for, what was left out.
  """

  images: np.ndarray
  labels: np.ndarray | None
  notes: tuple[str, ...]


def read(
  path: Any, field: str, split: str = 'train', where: str = 'give a path'
) -> Read:
  """Images, with labels where there are some.

  Args:
    path: an npz archive with 'images' (or 'x_train') and perhaps 'labels'; a
      MATLAB file with X [H, W, C, N] and y (of SVHN's shape, where the label 10
      stands for the digit 0); an idx file or a folder that holds MNIST's idx
      files; a binary batch of CIFAR-10 or the folder of them; a folder of
      pictures.
    field: dotted name of the setting.
    split: 'train' or 'test', for sources that hold both.
    where: how to get the data, for the error message.

  Returns:
    Images, labels and notes.

  Raises:
    ConfigError: nothing there, a file that cannot be used, or not as many
      labels as images.
  """
  path = files.require(path, field, where)
  images, labels, notes = _reader(path, field)(path, field, split)
  if labels is not None and len(labels) != len(images):
    rule = f'must be {len(images)}, one for each image'
    named = f'{field} ({path}): number of labels'
    raise errors.value(named, len(labels), rule)
  return Read(images, labels, notes)


def _reader(path: pathlib.Path, field: str):
  """What reads a path: `(path, field, split) -> Read`."""
  if path.is_dir():
    return _from_folder
  suffixes = ''.join(path.suffixes[-2:]).lower()
  for suffix, reader in (
    ('.npz', _from_npz),
    ('.mat', _from_matlab),
    ('.bin', lambda path, field, split: _cifar([path], field)),
  ):
    if suffixes.endswith(suffix):
      return reader
  if 'idx' in path.name:
    return lambda path, field, split: _of_pixels(
      files.idx(path, field), None, f'{field} ({path})'
    )
  rule = 'must be an npz, mat, idx or bin file, or a folder'
  raise errors.value(field, str(path), rule)


def _of_pixels(images, labels, where, notes: Iterable[str] = ()) -> Read:
  converted = pixels.read(images, where)
  return Read(converted.images, labels, (converted.note, *notes))


def unread(names: Iterable[str], used: Iterable[str]) -> list[str]:
  """A note about arrays of a file that are not read."""
  left = sorted(set(names) - set(used))
  return [f'not read: {", ".join(left)}'] if left else []


def _from_npz(path, field, split) -> Read:
  names = files.npz_names(path, field)
  for key, label in (('images', 'labels'), (f'x_{split}', f'y_{split}')):
    if key in names:
      labels = None
      if label in names:
        labels = np.atleast_1d(files.npz_array(path, label, field))
      images = files.npz_array(path, key, field)
      left = unread(names, _ARRAYS)
      return _of_pixels(images, labels, f'{field} ({path})', left)
  rule = f"has no array 'images'; it holds: {', '.join(sorted(names))}"
  raise errors.value(field, str(path), rule)


def _from_matlab(path, field, split) -> Read:
  del split
  arrays = files.matlab(path, field)
  if 'X' not in arrays or arrays['X'].ndim != 4:
    raise errors.value(field, str(path), 'has no array X [H, W, C, N]')
  images, labels, notes = np.moveaxis(arrays['X'], -1, 0), None, []
  names = [name for name in arrays if not name.startswith('__')]
  notes += unread(names, ('X', 'y'))
  if 'y' in arrays:
    labels = arrays['y']
    # MATLAB knows no vectors: one axis of a single column or row.
    labels = labels.reshape(-1) if 1 in labels.shape else labels
    if images.shape[1:] == _SVHN and set(labels.flat) <= set(range(1, 11)):
      notes += ['label 10 as 0'] if (labels == 10).any() else []
      labels = np.where(labels == 10, 0, labels)
  return _of_pixels(images, labels, f'{field} ({path})', notes)


def _cifar(paths, field) -> Read:
  rows = []
  for path in paths:
    with files.reading(path, field, 'a binary batch of CIFAR-10'):
      rows.append(np.fromfile(path, np.uint8).reshape(-1, 3073))
  rows = np.concatenate(rows)
  images = rows[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
  return Read(np.ascontiguousarray(images), rows[:, 0], ())


def _matching(path: pathlib.Path, pattern: str) -> list[pathlib.Path]:
  return sorted(file for file in path.glob(pattern) if file.is_file())


def _from_folder(path, field, split) -> Read:
  start = 'train' if split == 'train' else 't10k'
  images = _matching(path, f'{start}-images*idx3-ubyte*')
  if images:
    labels = _matching(path, f'{start}-labels*idx1-ubyte*')
    labels = files.idx(labels[0], field) if labels else None
    where = f'{field} ({images[0]})'
    return _of_pixels(files.idx(images[0], field), labels, where)
  batches = 'data_batch_*.bin' if split == 'train' else 'test_batch.bin'
  batches = _matching(path, batches)
  if batches:
    return _cifar(batches, field)
  matlab = path / f'{split}_32x32.mat'
  if matlab.is_file():
    return _from_matlab(matlab, field, split)
  return of_folder(path, None, field)


def of_folder(path: pathlib.Path, size: int | None, field: str) -> Read:
  """A folder of pictures; arguments and errors as `pictures.folder`."""
  images, notes = pictures.folder(path, size, field)
  return _of_pixels(images, None, f'{field} ({path})', notes)
