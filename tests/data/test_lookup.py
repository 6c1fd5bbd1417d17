"""Tables of images: order, bits, the cache, and files of the user's own."""

import gzip
import io
import os
import struct
import tarfile

import jax
import jax.numpy as jnp
import numpy as np
import PIL.Image
import pytest
import scipy.io

from disentangle_jax import data, errors
from disentangle_jax.data import cache, factorial, files
from disentangle_jax.data import lookup as lookup_module
from disentangle_jax.data.real import (
  cars3d,
  dsprites_file,
  mpi3d_toy,
  smallnorb,
)

SIZES = (2, 3, 4)
NAMES = ('a', 'b', 'c')


def numbered(count, shape=(5, 3, 1)):
  """Images that differ: image n holds n, and n + 1 at one place."""
  images = np.zeros((count, *shape), np.uint8)
  images[:] = np.arange(count).reshape(-1, *[1] * len(shape))
  images[:, 0, 0] += 1
  return images


def every_image(dataset):
  grid = factorial.grid(dataset.factor_sizes)
  render = jax.jit(jax.vmap(dataset.render, (None, 0, None)))
  return np.asarray(render(dataset.arrays, grid, jax.random.key(0)))


def one_line(caught):
  assert '\n' not in str(caught.value)


def test_lookup_gives_each_point_its_image():
  images = numbered(24)
  dataset = lookup_module.lookup(images, NAMES, SIZES)
  assert dataset.observation_shape == (5, 3, 1)
  np.testing.assert_allclose(every_image(dataset), images / 255.0, atol=1e-7)
  batch = jax.jit(dataset.sample)(
    jax.random.key(0), dataset.arrays, jnp.arange(50)
  )
  flat = np.asarray(factorial.flat_index(batch['factors'], SIZES))
  np.testing.assert_allclose(
    batch['observation'], images[flat] / 255.0, atol=1e-7
  )


@pytest.mark.parametrize('kind', ['bool', 'bytes', 'floats'])
def test_binary_images_are_kept_as_bits(kind):
  rng = np.random.default_rng(0)
  bits = rng.integers(0, 2, (24, 5, 3)).astype(bool)
  given = {
    'bool': bits,
    'bytes': bits.astype(np.uint8) * 255,
    'floats': bits.astype(np.float32),
  }[kind]
  dataset = lookup_module.lookup(given, NAMES, SIZES)
  assert dataset.arrays.shape == (24, 2) and dataset.arrays.dtype == np.uint8
  np.testing.assert_array_equal(every_image(dataset)[..., 0], bits)


def test_nuisances_are_drawn_and_not_factors():
  images = numbered(24)
  dataset = lookup_module.lookup(images, NAMES, SIZES, nuisances=('b',))
  assert dataset.factor_names == ('a', 'c') and not dataset.deterministic
  render = jax.jit(jax.vmap(dataset.render, (None, None, 0)))
  keys = jax.random.split(jax.random.key(0), 40)
  got = np.asarray(render(dataset.arrays, jnp.asarray([1, 2]), keys))
  numbers = set(np.round(got[:, 1, 1, 0] * 255).astype(int).tolist())
  assert numbers == {12 + 2, 12 + 4 + 2, 12 + 8 + 2}


@pytest.mark.parametrize(
  'images, names, sizes, said',
  [
    (numbered(23), NAMES, SIZES, 'product of the factor sizes'),
    (numbered(24), ('a', 'b'), SIZES, 'one per size'),
    (numbered(24) * 2.5, NAMES, SIZES, 'lie in 0 to 1'),
    (np.full((24, 2, 2), np.nan), NAMES, SIZES, 'must be finite'),
    (numbered(24).astype(int) - 9, NAMES, SIZES, '0 to 255'),
    (numbered(24, (5, 3, 2)), NAMES, SIZES, 'images must have the shape'),
    (np.full((24, 2, 2), 'x'), NAMES, SIZES, 'bool, integers or floats'),
  ],
)
def test_bad_tables_are_one_clear_line(images, names, sizes, said):
  with pytest.raises(errors.ConfigError, match=said) as caught:
    lookup_module.lookup(images, names, sizes)
  one_line(caught)


def test_order_finds_gaps_and_doubles():
  grid = factorial.grid(SIZES)
  shuffled = np.random.default_rng(0).permutation(24)
  places = lookup_module.order(grid[shuffled], SIZES, 'x')
  np.testing.assert_array_equal(grid[shuffled][places], grid)
  double = grid.copy()
  double[5] = double[6]
  with pytest.raises(errors.ConfigError, match=r'missing = 1'):
    lookup_module.order(double, SIZES, 'x')
  with pytest.raises(errors.ConfigError, match='below the factor sizes'):
    lookup_module.order(grid + 1, SIZES, 'x')


def test_own_npz_in_any_order(tmp_path):
  grid, images = factorial.grid(SIZES), numbered(24)
  shuffled = np.random.default_rng(0).permutation(24)
  path = tmp_path / 'own.npz'
  np.savez(
    path,
    images=images[shuffled],
    factors=grid[shuffled],
    factor_names=np.asarray(NAMES),
  )
  dataset = data.load('npz', path=str(path))
  assert dataset.factor_names == NAMES and dataset.factor_sizes == SIZES
  np.testing.assert_allclose(every_image(dataset), images / 255.0, atol=1e-7)
  np.savez(path, images=images[:20], factors=grid[:20])
  with pytest.raises(errors.ConfigError, match='grid=False') as caught:
    data.load('npz', path=str(path))
  one_line(caught)
  loose = data.load('npz', path=str(path), grid=False)
  assert loose.render is None
  batch = jax.jit(loose.sample)(jax.random.key(0), loose.arrays, jnp.arange(60))
  flat = np.asarray(factorial.flat_index(batch['factors'], SIZES))
  assert flat.max() < 20
  np.testing.assert_allclose(
    batch['observation'], images[flat] / 255.0, atol=1e-7
  )
  density = np.asarray(loose.log_density(jnp.asarray(grid)))
  np.testing.assert_allclose(np.exp(density[:20]), 1 / 20, rtol=1e-5)
  assert np.isinf(density[20:]).all()


@pytest.mark.parametrize(
  'made, said',
  [
    ('nothing', 'no such file'),
    ('foreign', 'truncated or foreign'),
    ('truncated', 'truncated or foreign'),
    ('other', "no array 'images'"),
    ('pickle', 'Python objects'),
  ],
)
def test_broken_archives_are_one_clear_line(tmp_path, made, said):
  path = tmp_path / 'broken.npz'
  if made == 'foreign':
    path.write_bytes(b'PK' + bytes(100))
  if made == 'truncated':
    np.savez(path, images=numbered(24), factors=factorial.grid(SIZES))
    path.write_bytes(path.read_bytes()[:300])
  if made == 'other':
    np.savez(path, pictures=numbered(24))
  if made == 'pickle':
    np.savez(path, images=np.asarray([{'a': 1}], object))
  with pytest.raises(errors.ConfigError, match=said) as caught:
    data.load('npz', path=str(path))
  one_line(caught)


@pytest.mark.parametrize(
  'name',
  sorted(
    {*data.DATASETS}
    - {*data.RENDERED, *data.VECTORS, *data.WORLDS, *data.TEXTS, 'joined'}
  ),
)
def test_missing_paths_say_where_to_get_the_data(name):
  with pytest.raises(errors.ConfigError, match=r'config\.dataset\.path') as e:
    data.load(name)
  one_line(e)
  assert '--config.dataset.path' in str(e.value)


def _tiny_dsprites(path, monkeypatch, classes=None):
  """A file of the official format on a coarse grid, of rendered sprites."""
  sizes = (3, 2, 3, 4, 4)
  dataset = data.load(
    'dsprites', scales=sizes[1], orientations=sizes[2], positions=sizes[3]
  )
  images = every_image(dataset)[..., 0].astype(np.uint8)
  grid = factorial.grid(sizes)
  colour = np.zeros((len(grid), 1), np.int64)
  if classes is None:
    classes = np.concatenate([colour, grid], 1)
  np.savez_compressed(
    path,
    imgs=images,
    latents_classes=classes,
    metadata=np.asarray({'a pickle': 'that nobody reads'}, object),
  )
  monkeypatch.setattr(dsprites_file, 'SIZES', sizes)
  monkeypatch.setitem(dsprites_file.MD5, dsprites_file.NAME, files.md5(path))
  return images, classes


def test_dsprites_file(tmp_path, monkeypatch):
  path, folder = tmp_path / 'd.npz', tmp_path / 'cache'
  images, classes = _tiny_dsprites(path, monkeypatch)
  options = {'path': str(path), 'cache': str(folder)}
  dataset = data.load('dsprites_file', **options)
  assert dataset.arrays.shape == (288, 512)
  np.testing.assert_array_equal(every_image(dataset)[..., 0], images)
  (table,) = folder.iterdir()
  # A second load reads the table; the source is not opened again.
  monkeypatch.setattr(files, 'npz_blocks', None)
  again = data.load('dsprites_file', **options)
  np.testing.assert_array_equal(again.arrays, dataset.arrays)
  assert [p.name for p in folder.iterdir()] == [table.name]
  monkeypatch.undo()
  # Axes in another order: caught by the file's own table of factors.
  _tiny_dsprites(path, monkeypatch, classes[:, [0, 1, 3, 2, 4, 5]])
  with pytest.raises(errors.ConfigError, match='published order'):
    data.load('dsprites_file', **options)
  assert len(list(folder.iterdir())) == 1


def test_dsprites_pixels_are_compared(tmp_path, monkeypatch):
  path = tmp_path / 'd.npz'
  images, classes = _tiny_dsprites(path, monkeypatch)
  np.savez(path, imgs=images.transpose(0, 2, 1), latents_classes=classes)
  with pytest.raises(errors.ConfigError, match='another order') as caught:
    data.load(
      'dsprites_file', path=str(path), cache=str(tmp_path), verify=False
    )
  one_line(caught)


def test_checksums_are_compared(tmp_path, monkeypatch):
  path, folder = tmp_path / 'd.npz', tmp_path / 'cache'
  _tiny_dsprites(path, monkeypatch)
  monkeypatch.setitem(dsprites_file.MD5, dsprites_file.NAME, '0' * 32)
  options = {'path': str(path), 'cache': str(folder)}
  with pytest.raises(errors.ConfigError, match='MD5') as caught:
    data.load('dsprites_file', **options)
  one_line(caught)
  assert list(folder.iterdir()) == []
  data.load('dsprites_file', **options, verify=False)


def test_md5_is_that_of_hashlib(tmp_path):
  path = tmp_path / 'x'
  path.write_bytes(b'abc')
  # RFC 1321, appendix A.5.
  assert files.md5(path) == '900150983cd24fb0d6963f7d28e17f72'


def test_cache_uses_nothing_half_written(tmp_path):
  images = numbered(6)
  load = lambda blocks: cache.table(
    'x', 'key', str(tmp_path), 6, (5, 3, 1), False, lambda: blocks
  )

  def breaks():
    yield images[:3]
    raise errors.ConfigError('broken')

  with pytest.raises(errors.ConfigError, match='broken'):
    load(breaks())
  assert list(tmp_path.iterdir()) == []
  with pytest.raises(errors.ConfigError, match='number of images = 3'):
    load([images[:3]])
  with pytest.raises(errors.ConfigError, match='does not fit'):
    load([images, images])
  assert list(tmp_path.iterdir()) == []
  np.testing.assert_array_equal(load([images[:4], images[4:]]), images)
  # What is there but damaged is made anew.
  (table,) = tmp_path.iterdir()
  table.write_bytes(table.read_bytes()[:50])
  np.testing.assert_array_equal(load([images]), images)


def test_cache_that_cannot_be_written(tmp_path):
  taken = tmp_path / 'file'
  taken.write_text('not a folder')
  with pytest.raises(errors.ConfigError, match='cache') as caught:
    cache.table('x', 'k', str(taken), 1, (1, 1, 1), False, lambda: [])
  one_line(caught)


def test_cache_follows_the_source(tmp_path):
  path = tmp_path / 'x'
  path.write_bytes(b'abc')
  first = cache.fingerprint([path], 1)
  assert cache.fingerprint([path], 1) == first
  assert cache.fingerprint([path], 2) != first
  path.write_bytes(b'abcd')
  assert cache.fingerprint([path], 1) != first


def test_cache_folder_can_be_chosen(monkeypatch, tmp_path):
  monkeypatch.setenv('DISENTANGLE_JAX_CACHE', str(tmp_path))
  assert cache.directory(None) == tmp_path
  assert str(cache.directory('/else')) == '/else'
  monkeypatch.delenv('DISENTANGLE_JAX_CACHE')
  monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
  assert cache.directory(None) == tmp_path / 'disentangle_jax'


def test_mpi3d(tmp_path, monkeypatch):
  sizes = (2, 1, 1, 1, 1, 2, 3)
  rng = np.random.default_rng(0)
  images = rng.integers(0, 256, (12, 64, 64, 3)).astype(np.uint8)
  path = tmp_path / 'mpi3d_toy.npz'
  np.savez(path, images=images)
  monkeypatch.setattr(mpi3d_toy, 'SIZES', sizes)
  monkeypatch.setattr(mpi3d_toy, 'MD5', files.md5(path))
  dataset = data.load('mpi3d_toy', path=str(path), cache=str(tmp_path))
  np.testing.assert_allclose(every_image(dataset), images / 255.0, atol=1e-6)
  monkeypatch.setattr(mpi3d_toy, 'SIZES', (3, *sizes[1:]))
  with pytest.raises(errors.ConfigError, match='must be 18'):
    data.load('mpi3d_toy', path=str(path), cache=str(tmp_path))


def _norb(array):
  """The set's format: code, axes, at least three sizes, elements."""
  code = {np.dtype('u1'): 0x1E3D4C55, np.dtype('<i4'): 0x1E3D4C54}[array.dtype]
  shape = [*array.shape, *[1] * (3 - array.ndim)]
  head = struct.pack(f'<Ii{len(shape)}i', code, array.ndim, *shape)
  return gzip.compress(head + array.tobytes())


def test_smallnorb(tmp_path, monkeypatch):
  sizes = (2, 1, 3, 1, 2)
  grid = factorial.grid(sizes)
  monkeypatch.setattr(smallnorb, 'SIZES', sizes)
  shuffled = np.random.default_rng(0).permutation(len(grid))
  pairs = np.zeros((len(grid), 2, 96, 96), np.uint8)
  pairs[:, 0] = 10 * (np.arange(len(grid)) + 1)[:, None, None]
  pairs[:, 1] = 255
  labels = grid[shuffled]
  category = labels[:, 0].astype('<i4')
  info = np.stack(
    [labels[:, 4], labels[:, 1], 2 * labels[:, 2], labels[:, 3]], 1
  ).astype('<i4')
  half = len(grid) // 2
  for start, part in (
    (smallnorb.TRAIN, slice(half)),
    (smallnorb.TEST, slice(half, None)),
  ):
    for kind, array in (
      ('dat', pairs[shuffled][part]),
      ('cat', category[part]),
      ('info', info[part]),
    ):
      name = f'{start}-{kind}.mat.gz'
      (tmp_path / name).write_bytes(_norb(array))
      monkeypatch.setitem(smallnorb.MD5, name, files.md5(tmp_path / name))
  options = {'path': str(tmp_path), 'cache': str(tmp_path / 'cache')}
  dataset = data.load('smallnorb', **options)
  assert dataset.factor_names == (
    'category',
    'elevation',
    'azimuth',
    'lighting',
  )
  table = np.asarray(dataset.arrays)
  assert table.shape == (12, 64, 64, 1)
  np.testing.assert_array_equal(table[:, 30, 30, 0], 10 * (np.arange(12) + 1))
  os.remove(tmp_path / f'{smallnorb.TEST}-cat.mat.gz')
  with pytest.raises(errors.ConfigError, match='lacks smallnorb') as caught:
    data.load('smallnorb', **options)
  one_line(caught)


def test_cars3d(tmp_path, monkeypatch):
  monkeypatch.setattr(cars3d, 'SIZES', (2, 3, 2))
  path = tmp_path / cars3d.NAME
  grid = factorial.grid((2, 3, 2))
  with tarfile.open(path, 'w:gz') as archive:
    for model in (1, 0):
      images = np.zeros((128, 128, 3, 3, 2), np.uint8)
      for number, (elevation, azimuth, which) in enumerate(grid):
        if which == model:
          images[..., azimuth, elevation] = 20 * number
      raw = io.BytesIO()
      scipy.io.savemat(raw, {'im': images})
      info = tarfile.TarInfo(f'data/cars/car_00{model}_mesh.mat')
      info.size = raw.tell()
      raw.seek(0)
      archive.addfile(info, raw)
  monkeypatch.setitem(cars3d.MD5, cars3d.NAME, files.md5(path))
  dataset = data.load('cars3d', path=str(path), cache=str(tmp_path))
  assert dataset.factor_names == ('elevation', 'azimuth', 'object')
  np.testing.assert_array_equal(
    np.asarray(dataset.arrays)[:, 9, 9, 1], 20 * np.arange(12)
  )
  broken = tmp_path / 'broken.tar.gz'
  broken.write_bytes(path.read_bytes()[:200])
  with pytest.raises(errors.ConfigError, match='truncated or foreign'):
    data.load('cars3d', path=str(broken), cache=str(tmp_path), verify=False)


def _idx(array):
  head = struct.pack(f'>HBB{array.ndim}I', 0, 8, array.ndim, *array.shape)
  return head + array.tobytes()


def drawn(dataset, count=200):
  """Bytes of drawn images and their factors."""
  batch = jax.jit(dataset.sample)(
    jax.random.key(0), dataset.arrays, jnp.arange(count)
  )
  images = np.round(np.asarray(batch['observation']) * 255).astype(int)
  return images, np.asarray(batch['factors'])


@pytest.mark.parametrize('packed', [False, True])
def test_idx_folder(tmp_path, packed):
  images = np.full((10, 28, 28), 0, np.uint8)
  images += (10 * np.arange(10, dtype=np.uint8))[:, None, None]
  labels = np.arange(10, dtype=np.uint8)
  end, write = ('.gz', gzip.compress) if packed else ('', bytes)
  for name, array in (('images-idx3', images), ('labels-idx1', labels)):
    path = tmp_path / f'train-{name}-ubyte{end}'
    path.write_bytes(write(_idx(array)))
  dataset = data.load('mnist', path=str(tmp_path))
  assert dataset.factor_names == ('label',) and dataset.factor_sizes == (10,)
  assert dataset.render is None
  got, factors = drawn(dataset)
  np.testing.assert_array_equal(got[:, 3, 3, 0], 10 * factors[:, 0])
  assert len(set(factors[:, 0].tolist())) == 10
  np.testing.assert_allclose(
    dataset.log_density(jnp.asarray([[3], [9]])), -np.log(10), rtol=1e-6
  )
  with pytest.raises(errors.ConfigError, match='svhn has images of'):
    data.load('svhn', path=str(tmp_path))


def test_svhn_mat(tmp_path):
  labels = np.asarray([[1], [10], [2]])
  images = np.zeros((32, 32, 3, 3), np.uint8)
  images += (50 * np.asarray([1, 0, 2], np.uint8)).reshape(1, 1, 1, 3)
  path = tmp_path / 'train_32x32.mat'
  scipy.io.savemat(path, {'X': images, 'y': labels})
  # The label 10 stands for the digit 0.
  for given in (path, tmp_path):
    got, factors = drawn(data.load('svhn', path=str(given)))
    np.testing.assert_array_equal(got[:, 0, 0, 2], 50 * factors[:, 0])
  path.write_bytes(path.read_bytes()[:200])
  with pytest.raises(errors.ConfigError, match='truncated or foreign'):
    data.load('svhn', path=str(path))


def test_cifar_batches(tmp_path):
  rng = np.random.default_rng(0)
  planes = rng.integers(0, 256, (4, 3, 32, 32)).astype(np.uint8)
  labels = np.arange(4, dtype=np.uint8)
  rows = np.concatenate([labels[:, None], planes.reshape(4, -1)], 1)
  rows[:2].tofile(tmp_path / 'data_batch_1.bin')
  rows[2:].tofile(tmp_path / 'data_batch_2.bin')
  got, factors = drawn(data.load('cifar10', path=str(tmp_path)))
  want = planes.transpose(0, 2, 3, 1)[factors[:, 0]]
  np.testing.assert_array_equal(got, want)


def test_frey_faces_in_both_formats(tmp_path):
  images = numbered(7, (28, 20))
  np.savez(tmp_path / 'frey.npz', images=images)
  flat = images.reshape(7, -1).T
  scipy.io.savemat(tmp_path / 'frey_rawface.mat', {'ff': flat})
  for name in ('frey.npz', 'frey_rawface.mat'):
    dataset = data.load('frey_faces', path=str(tmp_path / name))
    assert dataset.observation_shape == (28, 20, 1)
    np.testing.assert_array_equal(
      np.asarray(dataset.arrays['images'])[..., 0], images
    )
  got, factors = drawn(dataset)
  assert factors.shape == (200, 0)
  assert {int(i[5, 5, 0]) for i in got} == set(range(7))


def test_folder_of_pictures(tmp_path):
  for number, size in enumerate([(40, 40), (60, 40)]):
    picture = PIL.Image.new('RGB', size, (50 * (number + 1), 0, 0))
    picture.save(tmp_path / f'{number}.png')
  with pytest.raises(errors.ConfigError, match='resolution'):
    data.load('images', path=str(tmp_path))
  dataset = data.load('images', path=str(tmp_path), resolution=16)
  assert dataset.observation_shape == (16, 16, 3)
  got, _ = drawn(dataset)
  assert {int(i[8, 8, 0]) for i in got} == {50, 100}
  faces = data.load('celeba', path=str(tmp_path), resolution=8)
  assert faces.observation_shape == (8, 8, 3)
  (tmp_path / '2.png').write_bytes(b'broken')
  with pytest.raises(errors.ConfigError, match='cannot be read as a picture'):
    data.load('images', path=str(tmp_path), resolution=16)
  (tmp_path / 'empty').mkdir()
  with pytest.raises(errors.ConfigError, match='no pictures'):
    data.load('images', path=str(tmp_path / 'empty'))
