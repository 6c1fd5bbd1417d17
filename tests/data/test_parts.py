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


def test_a_few_images_of_each_class_are_nested_and_not_test_images(archive):
  few, more = (
    data.load('mnist', path=archive, labelled=n, test='held_out').arrays
    for n in (2, 5)
  )
  for arrays, count in ((few, 2), (more, 5)):
    labels = np.asarray(arrays['factors'])[:, 0]
    np.testing.assert_array_equal(np.bincount(labels), [count] * 5)
    numbers = np.asarray(arrays['images'])[:, 0, 0, 0]
    np.testing.assert_array_equal(labels, numbers % 5)
  assert _numbers(few['images']) < _numbers(more['images'])
  assert not _numbers(more['images']) & _numbers(more['test_images'])
  # The same ones every time.
  again = data.load('mnist', path=archive, labelled=2, test='held_out').arrays
  np.testing.assert_array_equal(again['images'], few['images'])


@pytest.mark.parametrize(
  'labels, wanted, said',
  [
    (np.arange(70) % 5, 15, r'labelled = 15: class 0 has 14 images'),
    (np.arange(70) % 5 * 2, 1, r'labelled = 1: class 1 has 0 images'),
    (None, 1, r'labelled = 1: .*no labels'),
  ],
)
def test_a_class_without_enough_images_is_refused(labels, wanted, said):
  config = parts.Config(labelled=wanted)
  with pytest.raises(errors.ConfigError, match=said) as caught:
    parts.divide(70, config, labels)
  assert '\n' not in str(caught.value)


def test_noise_of_digits_is_that_of_the_image():
  options = {'resolution': 12, 'slants': 2, 'thicknesses': 1, 'sizes': 1}
  options |= {'hues': 3, 'background_hues': 2}
  clean, noisy = (data.load('digits', **options, noise=n) for n in (0.0, 0.1))
  assert clean.deterministic and not noisy.deterministic
  point = jnp.array([3, 1, 0, 0, 1, 1])
  render = jax.jit(jax.vmap(noisy.render, (None, None, 0)))
  drawn = render((), point, jax.random.split(jax.random.key(0), 400))
  image = np.asarray(clean.render((), point, None))
  # Where nothing is clipped, it has the mean and the deviation asked for.
  inside = (image > 0.35) & (image < 0.65)
  assert inside.sum() > 20
  gap = np.asarray(drawn)[:, inside] - image[inside]
  assert abs(gap.mean()) < 0.003 and gap.std() == pytest.approx(0.1, rel=0.03)
  assert drawn.min() >= 0 and drawn.max() <= 1
  # A stream of them holds one draw of each image, of its own.
  fixed = data.load('digits', **options, noise=0.1, share=0.99).arrays['images']
  numbers = np.asarray(fixed, np.float64) / 255
  background = numbers[:, 0, 0]
  assert len(np.unique(background, axis=0)) > 0.9 * len(background)
  with pytest.raises(errors.ConfigError, match=r'config\.dataset\.noise'):
    data.load('digits', noise=-0.1)
