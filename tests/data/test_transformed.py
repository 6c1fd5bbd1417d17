"""Images of one half under mechanisms, clean ones of the other half."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny_grids as tiny

from disentangle_jax import errors, requests
from disentangle_jax.data import samplers, stream
from disentangle_jax.data.draws import transformed

COUNT = 600


def draw(dataset, *wanted):
  sample = jax.jit(samplers.make(dataset, wanted))
  batch = sample(jax.random.key(0), dataset.arrays, jnp.arange(COUNT))
  return {name: np.asarray(value) for name, value in batch.items()}


def images():
  """20 grey images; number n has the grey n."""
  grey = np.arange(20, dtype=np.uint8)[:, None, None]
  return stream.stream(
    grey * np.ones((6, 6), np.uint8), np.arange(20)[:, None] % 4, ('label',)
  )


@pytest.mark.parametrize('name', ['stream', 'uniform', 'holes'])
def test_no_image_has_its_clean_twin(name):
  if name == 'stream':
    dataset, number = images(), lambda x: x[:, -1, 0, 0] * 255
    count = 20
  else:
    dataset = tiny.distributed()[name]._replace(observation_shape=(6, 6, 1))
    small = dataset.render
    # Images of 6 x 6, for there must be room to shift.
    grow = lambda *a: jnp.broadcast_to(small(*a)[:1, :1], (6, 6, 1))
    dataset = dataset._replace(render=grow)
    number, count = lambda x: x[:, -1, 0, 0] * 64 - 1, 24
  request = requests.Transformed(('invert', 'shift_n'), shift=2)
  everything = (request, requests.SecondBatch(), requests.MoreObservations(2))
  batch = draw(dataset, *everything, requests.Labelled(50))
  assert set(batch['mechanism']) == {0, 1}
  inverted = batch['mechanism'] == 0
  # A shift to the north leaves black rows below.
  assert not batch['transformed'][~inverted][:, -2:].any()
  other = set(np.rint(number(1 - batch['transformed'][inverted])).astype(int))
  more = batch['more_observations']
  clean = set()
  for field in (
    batch['observation'],
    batch['second_observation'],
    more.reshape(-1, *more.shape[2:]),
    batch['labelled_observation'],
  ):
    clean |= set(np.rint(number(field)).astype(int))
  assert not clean & other
  density = np.ones(20) if name == 'stream' else tiny.density(dataset)
  assert len(clean | other) == (density > 0).sum() <= count


def test_mechanisms_are_uniform():
  names = ('noise', 'shift_sw', 'invert')
  batch = draw(images(), requests.Transformed(names, shift=1))
  tiny.check_frequencies(batch['mechanism'], np.ones(3) / 3)


def one(name, image, **options):
  names = (name, 'invert' if name == 'noise' else 'noise')
  request = requests.Transformed(names, **options)
  dataset = images()._replace(observation_shape=image.shape)
  change = transformed.mechanism(dataset, request)
  return np.asarray(change(jax.random.key(0), 0, jnp.asarray(image)))


def test_inverting_twice_changes_nothing():
  image = np.random.default_rng(0).random((6, 8, 3)).astype(np.float32)
  np.testing.assert_allclose(one('invert', image), 1 - image)
  np.testing.assert_allclose(
    one('invert', one('invert', image)), image, atol=1e-6
  )


@pytest.mark.parametrize(
  'name, back, moved',
  [
    ('n', 's', (-2, 0)),
    ('ne', 'sw', (-2, 2)),
    ('e', 'w', (0, 2)),
    ('se', 'nw', (2, 2)),
    ('s', 'n', (2, 0)),
    ('sw', 'ne', (2, -2)),
    ('w', 'e', (0, -2)),
    ('nw', 'se', (-2, -2)),
  ],
)
def test_shifts_move_a_pixel_and_come_back(name, back, moved):
  image = np.zeros((9, 8, 1), np.float32)
  image[4, 3] = 1
  there = one(f'shift_{name}', image, shift=2)
  expected = np.roll(image, moved, (0, 1))
  np.testing.assert_array_equal(there, expected)
  np.testing.assert_array_equal(one(f'shift_{back}', there, shift=2), image)
  full = np.ones((9, 8, 1), np.float32)
  shape = 9 - abs(moved[0]), 8 - abs(moved[1])
  assert one(f'shift_{name}', full, shift=2).sum() == np.prod(shape)


def test_noise_has_its_variance_before_clipping():
  grey = np.full((120, 120, 1), 0.5, np.float32)
  noisy = one('noise', grey, noise_variance=0.01)
  # Five deviations to the border: nothing is clipped.
  assert abs(noisy.var() - 0.01) < 5 * 0.01 * np.sqrt(2 / grey.size)
  clipped = one('noise', grey, noise_variance=4.0)
  assert clipped.min() == 0 and clipped.max() == 1


@pytest.mark.parametrize(
  'request_, said',
  [
    (requests.Transformed(('invert',)), 'at least two different'),
    (requests.Transformed(('invert', 'invert')), 'at least two different'),
    (requests.Transformed(('invert', 'shift_up')), 'legal: invert, noise'),
    (requests.Transformed(('invert', 'shift_n'), shift=3), 'half of the side'),
    (requests.Transformed(('invert', 'shift_n'), shift=0), 'at least 1'),
    (requests.Transformed(noise_variance=0.0), 'Transformed.noise_variance'),
  ],
)
def test_bad_mechanisms_are_refused(request_, said):
  with pytest.raises(errors.ConfigError, match=said) as caught:
    samplers.make(images(), (request_,))
  assert '\n' not in str(caught.value)


def test_fields_of_the_set_do_not_go_with_it():
  dataset = stream.stream(
    np.ones((6, 4, 4), np.uint8), fields={'weight': np.arange(6.0)}
  )
  wanted = (requests.Transformed(), requests.Field('weight'))
  with pytest.raises(errors.ConfigError, match='beside Transformed'):
    samplers.make(dataset, wanted)
