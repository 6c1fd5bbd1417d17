"""Labels and factors of any kind as levels; what the line about them says."""

import struct

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.io

from disentangle_jax import data, errors
from disentangle_jax.data import levels, stream

GRID = np.array([(a, b) for a in range(4) for b in range(6)])
IMAGES = np.arange(24 * 16, dtype=np.uint8).reshape(24, 4, 4) % 251


def own(path, factors, images=IMAGES, name='npz', **options):
  """The data set of an archive with these factors."""
  key = 'factors' if name == 'npz' else 'labels'
  more = options.pop('arrays', {})
  np.savez(path, images=images, **{key: factors}, **more)
  return data.load(name, path=path, **options)


@pytest.mark.parametrize(
  'convert',
  [
    lambda f: f + 1,
    lambda f: f.astype(np.uint64),
    lambda f: f.astype('>i2') - 3,
    lambda f: f * 0.5,
    lambda f: f * 7 - 5,
    lambda f: f.astype(str),
    lambda f: np.char.add('level ', (f + 7).astype(str)),
    lambda f: np.char.encode((f + 7).astype(str)),
  ],
)
@pytest.mark.parametrize('grid', [True, False])
def test_every_table_of_factors_has_the_levels_that_occur(
  tmp_path, convert, grid
):
  order = np.random.default_rng(0).permutation(24)
  shown = IMAGES[order]
  dataset = own(tmp_path / 'own.npz', convert(GRID)[order], shown, grid=grid)
  assert dataset.factor_sizes == (4, 6)
  if grid:
    for point, image in zip(GRID[::5], IMAGES[::5]):
      render = dataset.render(dataset.arrays, point, None)
      np.testing.assert_allclose(render[..., 0], image / 255, atol=1e-7)
  else:
    np.testing.assert_array_equal(dataset.arrays['factors'], GRID[order])
    density = dataset.log_density(jnp.asarray(GRID))
    np.testing.assert_allclose(density, -np.log(24), rtol=1e-6)


def test_values_keep_the_numbers_and_words_the_text(tmp_path):
  dataset = own(tmp_path / 'a.npz', GRID * 10 + 5)
  np.testing.assert_array_equal(dataset.factor_values[0], [5, 15, 25, 35])
  words = np.array(['10 cm', '9 cm', 'Ä', 'b'])[GRID[:, 0]]
  dataset = own(tmp_path / 'b.npz', words, name='images')
  assert dataset.extras['words'] == {'label': ('9 cm', '10 cm', 'b', 'Ä')}
  np.testing.assert_array_equal(dataset.factor_values[0], np.arange(4))
  np.testing.assert_array_equal(
    dataset.arrays['factors'][:, 0], np.array([1, 0, 3, 2])[GRID[:, 0]]
  )


@pytest.mark.parametrize(
  'words, order',
  [
    (['10', '2', '1'], ['1', '2', '10']),
    (['0.5', '0.25', '-1', '1e3'], ['-1', '0.25', '0.5', '1e3']),
    (['img10', 'img9', 'IMG1'], ['IMG1', 'img9', 'img10']),
    (['b', 'B', 'a'], ['a', 'B', 'b']),
    (['', 'x', '3'], ['', '3', 'x']),
    (['nan', '1'], ['1', 'nan']),
    (['1', '01', '2'], ['01', '1', '2']),
  ],
)
def test_text_is_sorted_as_people_sort_it(words, order):
  read = levels.of(np.array(words), 'x')
  assert [order[i] for i in read.index[:, 0]] == words


def test_integers_that_floats_confuse_stay_apart():
  ids = np.array([2**60, 2**60 + 1, 7], np.uint64)
  read = levels.of(ids, 'x')
  assert read.index[:, 0].tolist() == [1, 2, 0]
  assert read.words[0] == ('7', str(2**60), str(2**60 + 1))
  np.testing.assert_array_equal(read.values[0], [0, 1, 2])


def test_labels_of_images(tmp_path):
  path = tmp_path / 'f.npz'
  of = lambda labels: own(path, labels, name='images')
  assert of(np.array(['a', 'b'] * 12)).factor_sizes == (2,)
  tenths = of((np.arange(24) % 3) / 10)
  assert tenths.factor_sizes == (3,)
  np.testing.assert_allclose(tenths.factor_values[0], [0, 0.1, 0.2])
  assert of(np.arange(24) % 2 == 0).factor_sizes == (2,)
  several = of(np.stack([np.arange(24) % n for n in (2, 3, 4, 1, 6)], 1))
  assert several.factor_sizes == (2, 3, 4, 1, 6)
  assert several.factor_names == tuple(f'label_{k}' for k in range(5))


@pytest.mark.parametrize(
  'labels, said',
  [
    (np.linspace(0, 1, 24), 'column 0: values = 24: are distinct'),
    (np.array([f'id {n}' for n in range(24)]), 'group them first'),
    (np.r_[np.nan, np.zeros(23)], r'row 0 = \[nan\]: must be finite'),
    (np.zeros((24, 2, 2)), 'must be \\[N\\] or \\[N, K\\]'),
    (np.zeros(24, complex), 'must be integers, floats, booleans or text'),
    (np.zeros(24, 'M8[D]'), 'must be integers, floats, booleans or text'),
    (np.zeros(12), 'number of labels = 12: must be 24'),
    (np.array(3), 'number of labels = 1: must be 24'),
    (np.full(24, b'\xff'), 'UTF-8'),
    (np.full(24, {}, object), r'np\.array\(words, str\)'),
  ],
)
def test_labels_without_a_meaning_are_one_line(tmp_path, labels, said):
  with pytest.raises(errors.ConfigError, match=said) as caught:
    own(tmp_path / 'f.npz', labels, name='images')
  assert '\n' not in str(caught.value) and 'f.npz' in str(caught.value)


def test_tables_that_do_not_fit_name_the_file(tmp_path):
  path = tmp_path / 'g.npz'
  with pytest.raises(errors.ConfigError, match=r'g\.npz.*= 12: must be 24'):
    own(path, GRID[:12])
  with pytest.raises(errors.ConfigError, match=r'g\.npz.*missing = 1'):
    own(path, np.concatenate([GRID[:-1], GRID[:1]]) + 1)
  with pytest.raises(errors.ConfigError, match=r'g\.npz.*grid=False'):
    own(path, np.concatenate([GRID[:-1], [[9, 9]]]))
  line = own(path, np.linspace(-1, 1, 24))
  assert line.factor_sizes == (24,) and line.factor_names == ('factor_0',)


def test_names_may_be_bytes(tmp_path):
  for names in ([b'row', b'col'], ['row', 'col']):
    arrays = {'factor_names': np.array(names)}
    dataset = own(tmp_path / 'n.npz', GRID, arrays=arrays)
    assert dataset.factor_names == ('row', 'col')
  twice = {'factor_names': np.array(['row', 'row'])}
  for grid in (True, False):
    with pytest.raises(errors.ConfigError, match='differ'):
      own(tmp_path / 'n.npz', GRID, arrays=twice, grid=grid)


def test_streams_in_python_have_the_levels_that_occur():
  labels = np.array([1, 2, 5, 1])[:, None]
  test = np.zeros((2, 4, 4), np.uint8), np.array([[2], [9]])
  dataset = stream.stream(IMAGES[:4], labels, ('digit',), test=test)
  assert dataset.factor_sizes == (4,)
  np.testing.assert_array_equal(dataset.factor_values[0], [1, 2, 5, 9])
  assert dataset.arrays['factors'][:, 0].tolist() == [0, 1, 2, 0]
  assert dataset.arrays['test_factors'][:, 0].tolist() == [1, 3]
  np.testing.assert_allclose(
    np.exp(dataset.log_density(jnp.arange(4)[:, None])), [0.5, 0.25, 0.25, 0]
  )
  batch = jax.jit(dataset.sample)(
    jax.random.key(0), dataset.arrays, jnp.arange(50)
  )
  assert set(np.asarray(batch['factors'])[:, 0].tolist()) == {0, 1, 2}
  vectors = stream.rows(np.ones((4, 2)), labels - 7.5, ('x',))
  assert vectors.factor_sizes == (3,)
  words = stream.sentences(
    np.ones((4, 2), int), ('', 'a'), labels.astype(str), ('x',)
  )
  assert words.factor_sizes == (3,)
  exact = stream.stream(IMAGES[:4], labels, ('digit',), exact=True)
  assert exact.factor_sizes == (6,)
  with pytest.raises(errors.ConfigError, match='both be numbers'):
    stream.stream(
      IMAGES[:4], labels, ('x',), test=(test[0], test[1].astype(str))
    )


def _idx(array):
  head = struct.pack(f'>HBB{array.ndim}I', 0, 8, array.ndim, *array.shape)
  return head + array.tobytes()


def test_published_sets_keep_their_labels(tmp_path):
  images = np.full((3, 28, 28), 7, np.uint8)
  labels = np.array([2, 4, 4], np.uint8)
  for name, array in (('images-idx3', images), ('labels-idx1', labels)):
    (tmp_path / f'train-{name}-ubyte').write_bytes(_idx(array))
    # What macOS leaves beside them, and what some archives unpack to.
    (tmp_path / f'._train-{name}-ubyte').write_bytes(b'\x00')
    (tmp_path / f'train-{name}-ubyte.d').mkdir()
  dataset = data.load('mnist', path=tmp_path)
  assert dataset.factor_sizes == (5,)
  assert dataset.arrays['factors'][:, 0].tolist() == [2, 4, 4]
  assert data.load('images', path=tmp_path).factor_sizes == (2,)
  (tmp_path / 'train-labels-idx1-ubyte').write_bytes(_idx(labels[:2]))
  for name in ('mnist', 'images'):
    with pytest.raises(errors.ConfigError, match='labels = 2: must be 3'):
      data.load(name, path=tmp_path)


@pytest.mark.parametrize(
  'labels, said',
  [
    (np.array([0.5, 1, 2]), '= 0.5: must be whole'),
    (np.array([-1, 1, 2]), '= -1: must be whole'),
    (np.array(['a', 'b', 'c']), 'must be whole'),
    (np.zeros((3, 2), int), r'must be \[N\]'),
    (np.array([0, 1, 2**40]), '= 1099511627776: must be whole'),
  ],
)
def test_labels_of_published_sets_are_whole_numbers(tmp_path, labels, said):
  path = tmp_path / 'm.npz'
  np.savez(path, images=np.zeros((3, 28, 28)), labels=labels)
  for name in ('mnist', 'moving_digits'):
    with pytest.raises(errors.ConfigError, match=said) as caught:
      data.load(name, path=path)
    assert '\n' not in str(caught.value) and 'm.npz' in str(caught.value)
  np.savez(path, images=np.zeros((3, 28, 28)), labels=np.array([0.0, 1, 2]))
  assert data.load('mnist', path=path).factor_sizes == (3,)


def test_matlab_labels(tmp_path):
  path = tmp_path / 'own.mat'
  images = np.moveaxis(IMAGES[:, :, :, None].repeat(3, -1), 0, -1)
  labels = np.arange(24) % 11
  scipy.io.savemat(path, {'X': images.astype(float), 'y': labels})
  dataset = data.load('images', path=path)
  # 0 and 10 stay apart: only SVHN has 10 for 0.
  assert dataset.factor_sizes == (11,)
  np.testing.assert_array_equal(dataset.arrays['images'][..., 1], IMAGES)
  scipy.io.savemat(path, {'X': images, 'y': GRID, 'other': labels})
  dataset = data.load('images', path=path)
  assert dataset.factor_sizes == (4, 6)
  assert 'not read: other' in dataset.extras['summary']
  scipy.io.savemat(path, {'X': images, 'y': labels[:20]})
  with pytest.raises(errors.ConfigError, match='labels = 20: must be 24'):
    data.load('images', path=path)


def test_the_line_says_what_was_read(tmp_path):
  bits = (IMAGES > 99).astype(np.uint8)
  arrays = {'factor_names': np.array(['row', 'col'])}
  line = own(tmp_path / 'a.npz', GRID, bits, arrays=arrays).extras['summary']
  assert line == (
    'data npz a.npz: 24 images 4 x 4 x 1, 0/1 as black/white; factors row 4, '
    'col 6 (grid)'
  )
  arrays['more'] = GRID
  line = own(
    tmp_path / 'b.npz', GRID * [1, 3] + [1, 0], arrays=arrays, grid=False
  ).extras['summary']
  assert line == (
    f'data npz b.npz: 24 images 4 x 4 x 1, 0 to {IMAGES.max()} of 255, not '
    'read: more; factors row 4 (1 to 4), col 6 (0, 3, 6, 9, 12, 15) (rows)'
  )
  words = np.array([f'kind {n}' for n in range(9)])[np.arange(24) % 9]
  line = own(tmp_path / 'c.npz', words, name='images').extras['summary']
  assert line.endswith('label 9 (kind 0, kind 1, ..., kind 8) (rows)')
  np.savez(tmp_path / 'd.npz', images=IMAGES / 500)
  line = data.load('images', path=tmp_path / 'd.npz').extras['summary']
  assert line == (
    'data images d.npz: 24 images 4 x 4 x 1, floats 0 to 0.5, kept as 8 bits; '
    'no factors'
  )
  test = IMAGES[:3], None
  line = stream.stream(IMAGES, name='mine', test=test).extras['summary']
  assert '3 more for tests' in line and line.startswith('data mine: 24')
