"""Images kept from training: shares, and tests for judges."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import data, errors
from disentangle_jax.data import parts


@pytest.fixture
def archive(tmp_path):
  """An npz whose image n holds n, with the label n % 5."""
  images = np.zeros((70, 28, 28), np.uint8)
  images[:] = np.arange(70)[:, None, None]
  path = tmp_path / 'digits.npz'
  np.savez(path, images=images, labels=np.arange(70) % 5)
  return str(path)


def _numbers(images):
  return set(np.asarray(images)[:, 0, 0, 0].tolist())


def test_shares_are_nested_and_never_meet_the_test_images(archive):
  made = {
    share: data.load('mnist', path=archive, share=share, test='held_out')
    for share in (0.1, 0.3, 1.0)
  }
  seen = {s: _numbers(d.arrays['images']) for s, d in made.items()}
  test = {s: _numbers(d.arrays['test_images']) for s, d in made.items()}
  assert [len(seen[s]) for s in (0.1, 0.3, 1.0)] == [6, 18, 60]
  assert seen[0.1] < seen[0.3] < seen[1.0]
  assert test[0.1] == test[0.3] == test[1.0] and len(test[1.0]) == 10
  assert seen[1.0] | test[1.0] == set(range(70))
  small = made[0.1]
  for kind in ('', 'test_'):
    numbers = np.asarray(small.arrays[f'{kind}images'])[:, 0, 0, 0]
    labels = np.asarray(small.arrays[f'{kind}factors'])[:, 0]
    np.testing.assert_array_equal(labels, numbers % 5)
  batch = jax.jit(small.sample)(
    jax.random.key(0), small.arrays, jnp.arange(400)
  )
  drawn = np.round(255 * np.asarray(batch['observation'])).astype(int)
  assert _numbers(drawn) == seen[0.1]


def test_without_options_all_images_are_seen(archive):
  arrays = data.load('mnist', path=archive).arrays
  assert set(arrays) == {'images', 'factors'} and len(arrays['images']) == 70
  half = data.load('mnist', path=archive, share=0.5).arrays
  assert set(half) == {'images', 'factors'} and len(half['images']) == 35


def test_the_sources_own_test_images(archive, tmp_path):
  with pytest.raises(errors.ConfigError, match='no other images') as caught:
    data.load('mnist', path=archive, test='split')
  assert '\n' not in str(caught.value)
  path = tmp_path / 'both.npz'
  rng = np.random.default_rng(0)
  x = rng.integers(0, 256, (9, 28, 28)).astype(np.uint8)
  np.savez(
    path, x_train=x[:6], y_train=range(6), x_test=x[6:], y_test=[1, 8, 2]
  )
  dataset = data.load('mnist', path=str(path), test='split', share=0.5)
  assert dataset.arrays['images'].shape == (3, 28, 28, 1)
  np.testing.assert_array_equal(dataset.arrays['test_images'][..., 0], x[6:])
  assert dataset.factor_sizes == (9,)


def test_drawn_digits_can_be_divided_too():
  whole = data.load('digits', slants=2, thicknesses=2, sizes=2)
  assert whole.render is not None
  options = {'slants': 2, 'thicknesses': 2, 'sizes': 2}
  dataset = data.load('digits', **options, share=0.5, test='held_out')
  assert dataset.render is None and dataset.factor_names[0] == 'digit'
  factors = np.asarray(dataset.arrays['factors'])
  test = np.asarray(dataset.arrays['test_factors'])
  assert len(test) == 80 // 7 and len(factors) == round(0.5 * (80 - 80 // 7))
  points = {tuple(row) for row in factors} | {tuple(row) for row in test}
  assert len(points) == len(factors) + len(test)
  draw = jax.jit(whole.render)
  for row, image in zip(test[:3], dataset.arrays['test_images']):
    expected = np.asarray(draw((), jnp.asarray(row), None))
    np.testing.assert_allclose(np.asarray(image) / 255, expected, atol=0.003)


@pytest.mark.parametrize(
  'options, says',
  [
    ({'share': 0.0}, 'config.dataset.share'),
    ({'share': 1.5}, 'config.dataset.share'),
    ({'test': 'some'}, 'config.dataset.test'),
    ({'test': 'split'}, 'legal: held_out, none'),
  ],
)
def test_options_out_of_range_are_refused(options, says):
  with pytest.raises(errors.ConfigError, match=says) as caught:
    data.load('digits', **options)
  assert '\n' not in str(caught.value)


def test_too_few_images_to_hold_one_out():
  config = parts.Config(test='held_out')
  with pytest.raises(errors.ConfigError, match='at least 7 images'):
    parts.divide(6, config)
  seen, aside = parts.divide(7, config)
  assert len(seen) == 6 and len(aside) == 1
