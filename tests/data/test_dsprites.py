"""The dSprites renderer: geometry, grid, and agreement with the original."""

import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import data, errors
from disentangle_jax.data import factorial

FRAMES = (
  pathlib.Path(__file__).parents[2].parent / 'shared/data/dsprites_frames.npz'
)


@pytest.fixture(scope='module')
def dataset():
  return data.load('dsprites')


@pytest.fixture(scope='module')
def render(dataset):
  one = lambda factors: dataset.render((), factors, jax.random.key(0))[..., 0]
  return jax.jit(jax.vmap(one))


def test_grid_is_the_published_one(dataset):
  assert dataset.factor_sizes == (3, 6, 40, 32, 32)
  assert np.prod(dataset.factor_sizes) == 737280
  shape, scale, angle, x, y = dataset.factor_values
  np.testing.assert_array_equal(shape, [1, 2, 3])
  np.testing.assert_allclose(scale, [0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
  np.testing.assert_allclose(angle, 2 * np.pi * np.arange(40) / 39)
  np.testing.assert_allclose(x, np.arange(32) / 31)
  np.testing.assert_allclose(y, np.arange(32) / 31)


@pytest.mark.parametrize('resolution', [8, 33, 64, 96])
def test_binary_at_every_resolution(resolution):
  small = data.load('dsprites', resolution=resolution)
  batch = jax.jit(small.sample)(jax.random.key(0), (), jnp.arange(32))
  images = np.asarray(batch['observation'])
  assert images.shape == (32, resolution, resolution, 1)
  assert images.dtype == np.float32
  assert set(np.unique(images)) == {0.0, 1.0}


def test_antialiased_is_the_mean_of_the_fine_image():
  fine = data.load('dsprites', resolution=64)
  soft = data.load('dsprites', resolution=32, antialias=2)
  factors = jnp.asarray([2, 5, 7, 3, 30])
  key = jax.random.key(0)
  got = np.asarray(jax.jit(soft.render)((), factors, key))[..., 0]
  want = np.asarray(jax.jit(fine.render)((), factors, key))[..., 0]
  np.testing.assert_allclose(got, want.reshape(32, 2, 32, 2).mean((1, 3)))
  assert len(np.unique(got)) > 2


def test_first_and_last_angle_coincide_unless_dropped(dataset, render):
  # Exactly 2 pi in float32 turns a pixel on an edge at most.
  ends = np.asarray([[s, 5, o, 11, 20] for s in range(3) for o in (0, 39)])
  images = np.asarray(render(jnp.asarray(ends)))
  differ = np.abs(images[0::2] - images[1::2]).sum((1, 2))
  assert differ.max() <= 4
  dropped = data.load('dsprites', drop_duplicate=True)
  np.testing.assert_allclose(
    dropped.factor_values[2], 2 * np.pi * np.arange(40) / 40
  )
  once = jax.jit(dropped.render)
  last = [once((), jnp.asarray(e), jax.random.key(0)) for e in ends[4:]]
  assert np.abs(last[0] - last[1]).sum() > 4


def test_vmapped_equals_looped(dataset):
  key, index = jax.random.key(3), jnp.arange(6)
  batch = jax.jit(dataset.sample)(key, (), index)
  # Row b depends on (key, index[b]) alone.
  part = jax.jit(dataset.sample)(key, (), index[4:])
  for name in batch:
    np.testing.assert_array_equal(batch[name][4:], part[name])
  one = jax.jit(lambda f: dataset.render((), f, key))
  loop = np.stack([one(f) for f in batch['factors']])
  np.testing.assert_array_equal(loop, batch['observation'])


def test_areas_and_centres_match_the_exact_shapes(render):
  # A square of half side 9.6 s and an ellipse of half axes 12.8 s and 7.2 s.
  exact = (4 * 9.6**2, np.pi * 12.8 * 7.2)
  grid = np.asarray(
    [[s, c, o, 10, 21] for s in range(2) for c in range(6) for o in range(39)]
  )
  images = np.asarray(render(jnp.asarray(grid)))
  scale = np.linspace(0.5, 1, 6)[grid[:, 1]]
  want = np.asarray(exact)[grid[:, 0]] * scale**2
  area = images.sum((1, 2))
  # Counting pixel centres errs by a fraction of the perimeter; its mean over
  # angles is far smaller.
  assert np.abs(area / want - 1).max() < 0.15
  for shape in range(2):
    for c in range(6):
      here = (grid[:, 0] == shape) & (grid[:, 1] == c)
      assert abs(area[here].mean() / want[here][0] - 1) < 0.01
  rows, cols = np.mgrid[:64, :64] + 0.5
  x = (images * cols).sum((1, 2)) / area
  y = (images * rows).sum((1, 2)) / area
  assert np.abs(x - (16 + 32 * 10 / 31)).max() < 0.35
  assert np.abs(y - (16 + 32 * 21 / 31)).max() < 0.35


def test_orientation_turns_the_ellipse(render):
  # Second moments of a rotated ellipse: the long axis at -angle in image
  # coordinates (rows grow downwards).
  angles = np.arange(0, 39, 3)
  grid = np.asarray([[1, 5, a, 16, 16] for a in angles])
  images = np.asarray(render(jnp.asarray(grid)))
  rows, cols = np.mgrid[:64, :64] + 0.5 - (16 + 32 * 16 / 31)
  xx, yy, xy = (
    (images * m).sum((1, 2)) for m in (cols**2, rows**2, rows * cols)
  )
  axis = 0.5 * np.arctan2(2 * xy, xx - yy)
  want = -2 * np.pi * angles / 39
  off = np.angle(np.exp(2j * (axis - want))) / 2
  assert np.abs(off).max() < np.deg2rad(3)


def test_sample_is_uniform_and_density_says_so(dataset):
  small = data.load(
    'dsprites', resolution=8, scales=2, orientations=3, positions=2
  )
  batch = jax.jit(small.sample)(jax.random.key(0), (), jnp.arange(7200))
  cells = factorial.flat_index(batch['factors'], small.factor_sizes)
  counts = np.bincount(np.asarray(cells), minlength=72)
  # Chi-square with 71 degrees of freedom: mean 71, deviation 12.
  chi = ((counts - 100) ** 2 / 100).sum()
  assert 30 < chi < 130
  np.testing.assert_allclose(
    small.log_density(batch['factors'][:2]), -np.log(72), rtol=1e-6
  )


def test_flat_index_is_the_order_of_the_published_file(dataset):
  grid = factorial.grid((3, 2, 4))
  got = factorial.flat_index(jnp.asarray(grid), (3, 2, 4))
  np.testing.assert_array_equal(got, np.arange(24))


@pytest.mark.parametrize(
  'options, said',
  [
    ({'resolution': 4}, 'resolution'),
    ({'scales': 0}, 'scales'),
    ({'positions': 2.5}, 'positions'),
    ({'antialias': True}, 'antialias'),
    ({'resolutoin': 64}, "did you mean 'resolution'"),
  ],
)
def test_bad_options_are_one_clear_line(options, said):
  with pytest.raises(errors.ConfigError, match=said) as caught:
    data.load('dsprites', **options)
  assert '\n' not in str(caught.value)


def test_unknown_data_set_names_the_nearest():
  with pytest.raises(errors.ConfigError, match="did you mean 'dsprites'"):
    data.load('dsprite')


def _best_setting(frame, shape, canonical):
  """Best overlap of a frame with any factor setting of one shape.

  Args:
    frame: bool [64, 64].
    shape: the sprite's number.
    canonical: renders int32 [N, 5] to bool [N, 64, 64].

  Returns:
    intersection over union, pixel agreement of the same setting.
  """
  rows, cols = np.nonzero(frame)
  near = lambda p: round((p.mean() + 0.5 - 16) * 31 / 32)
  # The heart's centroid lies up to a pixel and a half from its centre.
  reach = 2 if shape == 2 else 1
  xs = np.arange(near(cols) - reach, near(cols) + reach + 1)
  ys = np.arange(near(rows) - reach, near(rows) + reach + 1)
  # Areas follow the square of the scale; two scales are worth a look.
  scale = np.sqrt(len(rows) / (368.0, 289.0, 227.0)[shape])
  likely = np.argsort(np.abs(np.linspace(0.5, 1, 6) - scale))[:2]
  mesh = np.meshgrid([shape], likely, np.arange(40), xs, ys, indexing='ij')
  grid = np.stack([m.ravel() for m in mesh], -1)
  grid = grid[((grid[:, 3:] >= 0) & (grid[:, 3:] <= 31)).all(1)]
  full = np.zeros((2 * 40 * (2 * reach + 1) ** 2, 5), np.int32)
  full[: len(grid)] = grid
  images = canonical(full)[: len(grid)]
  both = (images & frame).sum((1, 2))
  overlap = both / (images | frame).sum((1, 2))
  best = overlap.argmax()
  return overlap[best], (images[best] == frame).mean()


@pytest.mark.skipif(
  not FRAMES.exists(), reason='needs ../shared/data/dsprites_frames.npz'
)
def test_agrees_with_frames_of_the_original(render):
  frames = np.load(FRAMES, allow_pickle=False)['images'].astype(bool)
  canonical = lambda grid: np.asarray(render(jnp.asarray(grid))).astype(bool)
  # Odd hearts were not used to fit the outline.
  numbers = [*range(1, 96, 4), *range(97, 128, 4), *range(129, 160, 4)]
  shapes = [2 if n < 96 else 1 if n < 128 else 0 for n in numbers]
  results = np.asarray(
    [_best_setting(frames[n], s, canonical) for n, s in zip(numbers, shapes)]
  )
  shapes = np.asarray(shapes)
  assert results[:, 1].mean() >= 0.995
  for shape in range(3):
    assert results[shapes == shape, 0].mean() >= 0.98
