"""Sources that need the extra [data]: h5py and TensorFlow Datasets."""

import importlib
import sys

import numpy as np
import pytest

from disentangle_jax import data, errors
from disentangle_jax.data import factorial, files
from disentangle_jax.data.real import shapes3d_file, smallnorb, source

SIZES = (2, 2, 2, 3, 1, 2)


def test_what_is_missing_is_named(tmp_path, monkeypatch):
  for name in ('h5py', 'tensorflow_datasets'):
    monkeypatch.setitem(sys.modules, name, None)
  path = tmp_path / '3dshapes.h5'
  path.write_bytes(b'')
  with pytest.raises(errors.ConfigError, match='pip install h5py') as e:
    data.load('shapes3d_file', path=str(path))
  assert '\n' not in str(e.value)
  with pytest.raises(
    errors.ConfigError, match='pip install tensorflow-datasets'
  ) as e:
    data.load('mnist', source='tfds')
  assert '\n' not in str(e.value)
  with pytest.raises(errors.ConfigError, match='legal: file'):
    data.load('mpi3d_toy', source='tfds')


def test_shapes3d_file(tmp_path, monkeypatch):
  h5py = pytest.importorskip('h5py', reason='needs the extra [data]')
  grid = factorial.grid(SIZES)
  rng = np.random.default_rng(0)
  images = rng.integers(0, 256, (len(grid), 64, 64, 3)).astype(np.uint8)
  path = tmp_path / '3dshapes.h5'
  with h5py.File(path, 'w') as opened:
    opened['images'] = images
    opened['labels'] = 0.25 * grid - 1.0
  monkeypatch.setattr(shapes3d_file, 'SIZES', SIZES)
  monkeypatch.setitem(shapes3d_file.MD5, path.name, files.md5(path))
  options = {'path': str(path), 'cache': str(tmp_path / 'cache')}
  dataset = data.load('shapes3d_file', **options)
  np.testing.assert_array_equal(np.asarray(dataset.arrays), images)
  assert dataset.factor_sizes == SIZES
  with h5py.File(path, 'a') as opened:
    opened['labels'][:] = (0.25 * grid - 1.0)[::-1]
  with pytest.raises(errors.ConfigError, match='published order') as caught:
    data.load('shapes3d_file', **options, verify=False)
  assert '\n' not in str(caught.value)
  path.write_bytes(path.read_bytes()[:2000])
  with pytest.raises(errors.ConfigError, match='truncated or foreign'):
    data.load('shapes3d_file', **options, verify=False)


class _Tfds:
  """Stands for TFDS: examples as its builders give them, in another order."""

  def __init__(self, rows):
    self.rows = rows

  def data_source(self, name, split, data_dir=None):
    del data_dir
    if name not in self.rows:
      raise RuntimeError('no network\nand a second line')
    return self.rows[name][split]


def _offer(monkeypatch, rows):
  monkeypatch.setitem(sys.modules, 'tensorflow_datasets', _Tfds(rows))
  assert importlib.import_module('tensorflow_datasets').rows is rows


def test_tfds_rows_are_put_in_order(monkeypatch):
  sizes = (2, 1, 3, 1, 2)
  monkeypatch.setattr(smallnorb, 'SIZES', sizes)
  grid = factorial.grid(sizes)
  rows = []
  for number in np.random.default_rng(0).permutation(len(grid)):
    row = dict(zip(smallnorb.TFDS, grid[number]))
    row['image'] = np.full((96, 96, 1), 10 * number, np.uint8)
    rows.append(row)
  _offer(monkeypatch, {'smallnorb': {'train': rows[:5], 'test': rows[5:]}})
  dataset = data.load('smallnorb', source='tfds')
  np.testing.assert_array_equal(
    np.asarray(dataset.arrays)[:, 5, 5, 0], 10 * np.arange(12)
  )
  rows[0]['label_category'] = 1 - rows[0]['label_category']
  with pytest.raises(errors.ConfigError, match='exactly one image'):
    data.load('smallnorb', source='tfds')


def test_tfds_images_with_labels(monkeypatch):
  rows = [
    {'image': np.full((28, 28, 1), n, np.uint8), 'label': n} for n in range(4)
  ]
  _offer(monkeypatch, {'mnist': {'train': rows, 'test': rows[:2]}})
  assert len(data.load('mnist', source='tfds').arrays['images']) == 4
  test = data.load('mnist', source='tfds', split='test')
  np.testing.assert_array_equal(test.arrays['factors'], [[0], [1]])
  with pytest.raises(errors.ConfigError, match='no network') as caught:
    data.load('cifar10', source='tfds')
  assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
  'name, split, keys',
  [
    ('mnist', 'train', ('label',)),
    ('cifar10', 'test', ('label',)),
    ('svhn_cropped', 'train', ('label',)),
    ('dsprites', 'train', ('label_shape', 'label_y_position')),
    ('shapes3d', 'train', shapes3d_file.TFDS),
    ('smallnorb', 'train+test', smallnorb.TFDS),
  ],
)
def test_builders_of_tfds_have_these_features(name, split, keys, tmp_path):
  tfds = pytest.importorskip(
    'tensorflow_datasets', reason='needs the extra [data]'
  )
  with tfds.testing.mock_data(num_examples=2):
    config = source.Config(source='tfds', path=str(tmp_path))
    images, labels = source.tfds_images(name, split, config, keys)
  assert images.dtype == np.uint8 and images.ndim == 4
  assert labels.shape == (len(images), len(keys))
