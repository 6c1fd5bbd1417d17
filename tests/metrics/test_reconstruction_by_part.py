"""Reconstruction inside and outside the seen combinations, by NumPy."""

import types as python_types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import data as data_lib
from disentangle_jax import errors, types
from disentangle_jax.data import factorial
from disentangle_jax.metrics.models import reconstruction_by_part

CONFIG = reconstruction_by_part.Config(num_points=300)
NAME = 'reconstruction_by_part'
OPTIONS = {
  'resolution': 8,
  'scales': 2,
  'orientations': 2,
  'positions': 4,
}
RANGE = (('shape', 3), ('position_x', 0.5, 1.0))


def load(**options):
  return data_lib.load('dsprites', **OPTIONS, **options)


@pytest.fixture(scope='module')
def shown():
  """The probe on squares and ellipses everywhere, hearts on the left alone."""
  dataset = load(
    distribution='recombination_to_range', recombination_to_range=RANGE
  )
  probe = reconstruction_by_part.make(CONFIG, dataset)
  return probe, jax.jit(probe.fit)(jax.random.key(0), dataset.arrays), dataset


def method_of(decode):
  """A model whose code is the image and whose decoder is given."""

  def log_likelihood(state, vector, observation):
    difference = decode(state, vector) - observation
    return -3 * jnp.sum(jnp.abs(difference), axis=(1, 2, 3))

  return python_types.SimpleNamespace(
    represent=lambda state, x: types.Codes(x.reshape(len(x), -1), {}),
    decode=decode,
    extras={'log_likelihood': log_likelihood},
  )


def test_parts_are_the_seen_and_the_left_out_images(shown):
  _, context, dataset = shown
  everything = load()
  grid = factorial.grid(everything.factor_sizes)
  render = jax.jit(jax.vmap(everything.render, (None, 0, None)))
  images = np.asarray(render((), grid, jax.random.key(0)))
  inside = (grid[:, 0] == 2) & (grid[:, 3] >= 2)
  of = lambda rows: {image.tobytes() for image in images[rows]}
  drawn = lambda part: {np.asarray(x).tobytes() for x in context[part]}
  assert drawn('left_out') == of(inside)
  assert drawn('seen') <= of(~inside)
  assert len(context['seen']) == len(context['left_out']) == 300
  assert dataset.name == 'dsprites'


def test_scores_are_those_of_numpy(shown):
  probe, context, dataset = shown
  weight = 0.75

  def decode(state, vector):
    return state * vector.reshape(-1, 8, 8, 1)

  scores = jax.jit(
    lambda state: probe.score(
      jax.random.key(1),
      context,
      method_of(decode),
      state,
      dataset.arrays,
      None,
    )
  )(jnp.float32(weight))
  assert set(scores) == set(reconstruction_by_part.SCORES)
  for part in ('seen', 'left_out'):
    x = np.asarray(context[part], float).reshape(300, -1)
    error = np.mean(np.sum((x - weight * x) ** 2, 1))
    variance = np.mean(np.sum((x - x.mean(0)) ** 2, 1))
    nats = np.mean(3 * np.sum(np.abs(x - weight * x), 1))
    for key, value in (
      ('nats', nats),
      ('squared_error', error),
      ('explained', 1 - error / variance),
    ):
      np.testing.assert_allclose(
        scores[f'{NAME}/{key}_{part}'], value, rtol=1e-4
      )


def test_the_best_constant_image_explains_nothing(shown):
  """And a copy everything."""
  probe, context, dataset = shown
  mean = jnp.mean(context['left_out'], axis=0)

  @jax.jit
  def explained(keep):
    """A decoder between the copy, keep = 1, and one image, keep = 0."""

    def decode(state, vector):
      return keep * vector.reshape(-1, 8, 8, 1) + (1 - keep) * mean

    return probe.score(
      jax.random.key(1), context, method_of(decode), (), dataset.arrays, None
    )

  constant, copy = explained(jnp.float32(0)), explained(jnp.float32(1))
  key = f'{NAME}/explained_'
  np.testing.assert_allclose(constant[key + 'left_out'], 0, atol=1e-5)
  assert constant[key + 'seen'] < 0  # the mean of hearts suits others less
  np.testing.assert_allclose(copy[key + 'left_out'], 1, atol=1e-6)
  np.testing.assert_allclose(copy[key + 'seen'], 1, atol=1e-6)


def test_equal_images_explain_nothing_that_could_be_said():
  images = jnp.ones((4, 2, 2, 1))
  assert np.isnan(reconstruction_by_part.explained(jnp.float32(1), images))


@pytest.mark.parametrize(
  'dataset, said',
  [
    (lambda: load(), 'leaves no combination out'),
    (lambda: data_lib.load('xor'), 'renders combinations'),
  ],
)
def test_sets_without_a_left_out_part_are_refused(dataset, said):
  with pytest.raises(errors.ConfigError, match=said) as caught:
    reconstruction_by_part.make(CONFIG, dataset())
  assert '\n' not in str(caught.value)
