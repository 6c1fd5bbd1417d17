"""Sets of vectors and of rendered faces."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import data, errors
from disentangle_jax.data import stream


def test_random_projection_has_as_many_directions_as_features():
  options = {'entries': 12, 'features': 3, 'rows': 500}
  one = data.load('random_projection', **options)
  assert one.observation_shape == (12,) and one.factor_sizes == ()
  rows = np.asarray(one.arrays['images'])
  assert rows.shape == (500, 12)
  values = np.linalg.svd(rows - rows.mean(0), compute_uv=False)
  assert (values[:3] > 1).all() and (values[3:] < 1e-4 * values[0]).all()
  again = data.load('random_projection', **options)
  np.testing.assert_array_equal(rows, again.arrays['images'])
  other = data.load('random_projection', projection=1, **options)
  assert np.abs(rows - np.asarray(other.arrays['images'])).max() > 0.1


def test_sources_change_their_deviation_with_the_segment():
  options = {'segments': 5, 'per_segment': 2000, 'sources': 3, 'layers': 1}
  one = data.load('nonstationary_sources', **options)
  assert one.factor_names == ('segment',) and one.factor_sizes == (5,)
  assert one.num_examples == 10_000 and one.fields == ('sources',)
  x = np.asarray(one.arrays['images'])
  sources = np.asarray(one.arrays['fields']['sources'])
  segment = np.asarray(one.arrays['factors'])[:, 0]
  np.testing.assert_array_equal(segment, np.repeat(np.arange(5), 2000))
  np.testing.assert_allclose(x.mean(0), 0, atol=1e-5)
  np.testing.assert_allclose(x.std(0), 1, rtol=1e-5)
  deviations = sources.reshape(5, 2000, 3).std(1)
  # Deviations are in the range, and variances of 0.25 to 9 are not meant.
  assert deviations.min() * 1.05 > 0.5 and deviations.max() < 3.15
  assert deviations.std(0).min() > 0.2
  # Sources are independent, and x is linear in them.
  apart = np.corrcoef(sources.T) - np.eye(3)
  assert np.abs(apart).max() < 0.05
  errors_of = lambda x: np.linalg.lstsq(
    np.c_[sources, np.ones(len(x))], x, rcond=None
  )[1]
  assert errors_of(x).max() < 1e-3
  deeper = data.load('nonstationary_sources', **{**options, 'layers': 3})
  np.testing.assert_array_equal(deeper.arrays['fields']['sources'], sources)
  assert errors_of(np.asarray(deeper.arrays['images'])).min() > 100
  other = data.load('nonstationary_sources', **options, mixing=1)
  assert np.abs(np.asarray(other.arrays['images']) - x).max() > 0.1
  batch = one.sample(jax.random.key(0), one.arrays, jnp.arange(9))
  for row, number in zip(batch['sources'], batch['factors'][:, 0]):
    (found,) = np.flatnonzero(np.all(sources == np.asarray(row), axis=1))
    assert segment[found] == number


def test_rows_are_drawn_as_they_are_by_key_and_index():
  values = np.array([[-2.0, 300.0], [0.25, 1e-3], [7.0, -1.0]])
  rows = stream.rows(values, np.array([[0], [1], [1]]), ('kind',))
  batch = rows.sample(jax.random.key(0), rows.arrays, jnp.arange(64))
  observation = np.asarray(batch['observation'])
  number = np.argmin(np.abs(observation[:, :1] - values[:, 0]), axis=1)
  np.testing.assert_allclose(observation, values[number], rtol=1e-6)
  np.testing.assert_array_equal(batch['factors'][:, 0], number > 0)
  assert set(number) == {0, 1, 2}
  np.testing.assert_allclose(
    rows.log_density(jnp.array([[0], [1]])), np.log([1 / 3, 2 / 3]), rtol=1e-5
  )


def test_xor_labels_are_the_exclusive_or():
  xor = data.load('xor')
  batch = xor.sample(jax.random.key(0), xor.arrays, jnp.arange(40))
  bits = np.asarray(batch['observation']).astype(int)
  np.testing.assert_array_equal(batch['factors'][:, 0], bits[:, 0] ^ bits[:, 1])
  assert len(np.unique(bits, axis=0)) == 4


@pytest.mark.parametrize(
  'name, options',
  [
    ('random_projection', {'features': 0}),
    ('random_projection', {'least_scale': 0.0}),
    ('nonstationary_sources', {'segments': 0}),
    ('nonstationary_sources', {'layers': 0}),
    ('nonstationary_sources', {'least_deviation': 0.0}),
    ('nonstationary_sources', {'greatest_deviation': 0.1}),
    ('faces', {'levels': 0}),
    ('faces', {'softness': 0.0}),
  ],
)
def test_options_out_of_range_are_refused(name, options):
  with pytest.raises(errors.ConfigError, match=next(iter(options))):
    data.load(name, **options)


def test_rows_that_are_not_finite_are_refused():
  with pytest.raises(errors.ConfigError, match='finite'):
    stream.rows(np.array([[np.nan, 0.0]]))


def test_faces_mirror_when_pose_gaze_and_light_do():
  faces = data.load('faces')
  render = jax.jit(lambda f: faces.render((), f, None)[..., 0])
  image = render(jnp.array([1, 2, 5, 0, 6]))
  mirrored = render(jnp.array([5, 2, 5, 6, 0]))
  # One side is painted over the other where soft edges meet.
  np.testing.assert_allclose(image, mirrored[:, ::-1], atol=5e-3)
  # An open mouth is darker there, and changes little elsewhere.
  shut, wide = (
    render(jnp.array([3, 0, 3, 3, 3])),
    render(jnp.array([3, 6, 3, 3, 3])),
  )
  change = np.abs(wide - shut)
  assert (
    wide[20, 10] < shut[22, 10] and change[17:25].sum() > 0.95 * change.sum()
  )
