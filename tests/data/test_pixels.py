"""What numbers of pixels are taken for; the whole set decides."""

import numpy as np
import pytest

from disentangle_jax import data, errors
from disentangle_jax.data import factorial, image_files, lookup, pixels, stream
from disentangle_jax.data.real import source

SIZES = (2, 3)
BITS = np.random.default_rng(0).random((6, 4, 5)) < 0.5


@pytest.mark.parametrize(
  'dtype', ['bool', 'u1', 'i8', '>u2', 'f2', 'f4', '>f8']
)
def test_zeros_and_ones_are_black_and_white(dtype):
  read = pixels.read(BITS.astype(dtype), 'x')
  np.testing.assert_array_equal(read.images[..., 0], 255 * BITS)
  assert read.images.dtype == np.uint8 and read.note == '0/1 as black/white'


@pytest.mark.parametrize('dtype', ['u1', 'i2', '>i8', 'u8', 'f2', 'f4', 'f8'])
def test_whole_numbers_to_255_are_bytes(dtype):
  grey = np.arange(120).reshape(6, 4, 5) * 2
  read = pixels.read(grey.astype(dtype), 'x')
  np.testing.assert_array_equal(read.images[..., 0], grey)
  assert read.note.endswith('0 to 238 of 255')


def test_floats_are_rounded_and_bytes_are_not_copied():
  grey = np.random.default_rng(1).random((2500, 2, 2, 3)).astype(np.float32)
  read = pixels.read(grey, 'x')
  assert np.abs(read.images / 255.0 - grey).max() <= 0.5 / 255 + 1e-6
  assert 'kept as 8 bits' in read.note
  assert np.shares_memory(pixels.read(read.images, 'x').images, read.images)


@pytest.mark.parametrize(
  'images, got, cure',
  [
    (BITS * 300, '(0, 300)', 'divided by the value that is white'),
    (BITS * -1, '(-1, 0)', '0 to 255'),
    (BITS * 2.0 - 1, '(-1.0, 1.0)', 'subtract the least'),
    (BITS * 1.5, '(0.0, 1.5)', 'divide by the greatest'),
    (BITS * 256.0, '(0.0, 256.0)', 'whole numbers'),
    (np.where(BITS, np.nan, 0.5), '(nan, nan)', 'must be finite'),
    (np.where(BITS, np.inf, 0.5), 'inf', 'must be finite'),
    (BITS * 1j, 'complex128', 'bool, integers or floats'),
    (BITS[..., None].repeat(4, -1), '(6, 4, 5, 4)', 'on a ground first'),
    (np.zeros((6, 3, 8, 8)), '(6, 3, 8, 8)', 'np.moveaxis(images, 1, -1)'),
    (np.zeros((6, 2, 8, 8, 1)), '(6, 2, 8, 8, 1)', "kind='video'"),
  ],
)
def test_what_has_no_meaning_is_one_line(tmp_path, images, got, cure):
  path = tmp_path / 'own.npz'
  np.savez(path, images=images, factors=factorial.grid(SIZES))
  for name in ('npz', 'images'):
    with pytest.raises(errors.ConfigError) as caught:
      data.load(name, path=path)
    said = str(caught.value)
    assert got in said and cure in said and 'own.npz' in said
    assert '\n' not in said


def test_test_images_share_the_scale_of_the_others():
  dark, bright = np.uint8([[[1, 0]]]), np.uint8([[[200, 0]]])
  for images, test in ((dark, bright), (bright, dark)):
    arrays = stream.stream(images, test=(test, None)).arrays
    np.testing.assert_array_equal(arrays['images'][..., 0], images)
    np.testing.assert_array_equal(arrays['test_images'][..., 0], test)
  arrays = stream.stream(dark, test=(dark, None)).arrays
  assert arrays['images'].max() == arrays['test_images'].max() == 255


@pytest.mark.parametrize('kind', ['video', 'voxels'])
def test_films_and_solids_follow_the_same_rule(kind):
  films = BITS.reshape(6, 2, 2, 5).astype(np.uint8)
  streamed = stream.stream(films, kind=kind)
  np.testing.assert_array_equal(streamed.arrays['images'][..., 0], 255 * films)
  table = lookup.lookup(films, ('a', 'b'), SIZES, kind=kind)
  shown = table.render(table.arrays, np.array([1, 2]), None)
  np.testing.assert_array_equal(shown[..., 0], films[5])
  assert '0/1 as black/white' in table.extras['summary']


def test_exact_bytes_are_taken_as_they_are():
  dark = BITS.astype(np.uint8)
  streamed = stream.stream(dark, exact=True)
  assert streamed.arrays['images'].max() == 1
  table = lookup.lookup(dark, ('a', 'b'), SIZES, exact=True)
  shown = table.render(table.arrays, np.array([0, 1]), None)
  np.testing.assert_allclose(shown[..., 0], BITS[1] / 255, rtol=1e-6)
  assert 'summary' not in streamed.extras and 'summary' not in table.extras
  with pytest.raises(errors.ConfigError, match='must be uint8'):
    stream.stream(BITS, exact=True)


def test_mnist_made_binary_is_black_and_white(tmp_path):
  path = tmp_path / 'binary.npz'
  images = np.random.default_rng(0).integers(0, 2, (5, 28, 28))
  np.savez(path, x_train=images.astype(np.uint8), y_train=np.arange(5))
  read = image_files.read(path, source.FIELD)
  np.testing.assert_array_equal(read.images[..., 0], 255 * images)
  dataset = data.load('mnist', path=path)
  assert dataset.arrays['images'].max() == 255
  assert dataset.factor_sizes == (5,) and 'summary' not in dataset.extras
