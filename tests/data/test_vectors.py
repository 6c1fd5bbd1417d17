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
