"""Paths of data: in any form, of the right kind, and blamed where they are."""

import errno
import io
import os
import pathlib
import tarfile

import numpy as np
import pytest
import scipy.io

from disentangle_jax import data, errors
from disentangle_jax.data import cache
from disentangle_jax.data.real import cars3d, mpi3d_toy

ARCHIVES = ('cars3d', 'dsprites_file', 'mpi3d_toy', 'shapes3d_file', 'npz')


def archive(path):
  np.savez(path, images=np.eye(4)[:, :, None] > 0, factors=np.arange(4))
  return path


@pytest.mark.parametrize('name', ARCHIVES)
@pytest.mark.parametrize('verify', [True, False])
def test_a_folder_is_no_archive(tmp_path, name, verify):
  options = {} if name == 'npz' else {'verify': verify}
  if name != 'npz':
    options['cache'] = tmp_path / 'cache'
  with pytest.raises(errors.ConfigError, match='is a folder') as caught:
    data.load(name, path=tmp_path, **options)
  assert str(caught.value).startswith('config.dataset.path')
  assert '\n' not in str(caught.value)


@pytest.mark.parametrize('name', ['smallnorb', 'celeba'])
def test_a_file_is_no_folder(tmp_path, name):
  path = archive(tmp_path / 'a.npz')
  with pytest.raises(errors.ConfigError, match='is a file, must be a folder'):
    data.load(name, path=path)


def test_home_and_path_objects(tmp_path, monkeypatch):
  monkeypatch.setenv('HOME', str(tmp_path))
  archive(tmp_path / 'a.npz')
  for path in ('~/a.npz', pathlib.Path('~/a.npz'), tmp_path / 'a.npz'):
    for name in ('npz', 'images'):
      assert data.load(name, path=path).num_examples in (0, 4)
  part = ('npz', {'path': pathlib.Path('~/a.npz')})
  joined = data.load('joined', first=part, second=part)
  assert joined.name == 'joined'
  assert cache.directory('~/c') == tmp_path / 'c'


@pytest.mark.parametrize('path', [7, '~nobody_of_that_name/a.npz', 'a\0b'])
def test_what_is_no_path_is_one_line(path):
  with pytest.raises(errors.ConfigError, match=r'config\.dataset\.path') as e:
    data.load('npz', path=path)
  assert '\n' not in str(e.value)


def table(folder, blocks):
  shape = (2, 2, 1)
  return cache.table('x', 'k', str(folder), 2, shape, False, blocks)


def test_errors_of_the_source_are_not_the_caches(tmp_path):
  def breaks():
    yield np.zeros((1, 2, 2, 1), np.uint8)
    raise OSError(errno.EIO, os.strerror(errno.EIO))

  with pytest.raises(OSError, match='Input/output') as caught:
    table(tmp_path, breaks)
  assert not isinstance(caught.value, errors.ConfigError)
  assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_the_caches(tmp_path, monkeypatch):
  def full(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

  monkeypatch.setattr(np.lib.format, 'open_memmap', full)
  with pytest.raises(errors.ConfigError, match=r'dataset\.cache.*No space'):
    table(tmp_path, lambda: [np.zeros((2, 2, 2, 1), np.uint8)])


def test_a_source_that_cannot_be_read_is_named(tmp_path, monkeypatch):
  path = archive(tmp_path / 'mpi3d_toy.npz')

  def no_right(*_):
    raise PermissionError(errno.EACCES, 'Permission denied', str(path))

  monkeypatch.setattr('disentangle_jax.data.files.md5', no_right)
  with pytest.raises(errors.ConfigError, match=r'dataset\.path.*denied'):
    data.load('mpi3d_toy', path=path, cache=tmp_path / 'cache')


def test_published_images_are_never_cast(tmp_path, monkeypatch):
  path = tmp_path / 'mpi3d_toy.npz'
  monkeypatch.setattr(mpi3d_toy, 'SIZES', (2, 1, 1, 1, 1, 1, 1))
  np.savez(path, images=np.full((2, 64, 64, 3), 300.0))
  with pytest.raises(errors.ConfigError, match='are float64, must be uint8'):
    data.load('mpi3d_toy', path=path, cache=tmp_path / 'cache', verify=False)
  path = tmp_path / 'cars.tar'
  raw = io.BytesIO()
  monkeypatch.setattr(cars3d, 'SIZES', (1, 1, 1))
  scipy.io.savemat(raw, {'im': np.full((8, 8, 3, 1, 1), 300.0)})
  with tarfile.open(path, 'w') as archive:
    info = tarfile.TarInfo('car_000.mat')
    info.size = raw.tell()
    raw.seek(0)
    archive.addfile(info, raw)
  with pytest.raises(
    errors.ConfigError, match=r'float64, must be uint8|no imag'
  ):
    data.load('cars3d', path=path, cache=tmp_path / 'cache', verify=False)
