"""Drawn characters: every factor shows, and parts split identities."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import data, errors, requests
from disentangle_jax.data import factorial, parts, samplers
from disentangle_jax.data.procedural import characters

IDENTITY = tuple(characters.ATTRIBUTES)
SIZES = tuple(characters.ATTRIBUTES.values())


@pytest.fixture(scope='module')
def grid():
  """All points, and their images as bytes at 16 x 16."""
  dataset = data.load('characters', resolution=16)
  points = factorial.grid(dataset.factor_sizes)
  render = jax.jit(jax.vmap(lambda f: dataset.render((), f, None)))
  images = np.asarray(render(points))
  return points, np.round(images * 255).astype(np.uint8)


def test_every_combination_has_an_image_of_its_own(grid):
  points, images = grid
  assert len(points) == 1152 * 12
  flat = images.reshape(len(images), -1)
  assert len(np.unique(flat, axis=0)) == len(points)


def test_left_is_right_in_a_mirror(grid):
  _, images = grid
  by_facing = images.reshape(1152, 4, 3, 16, 16, 3).astype(int)
  left, right = by_facing[:, 1], by_facing[:, 3]
  assert np.max(np.abs(left - right[:, :, :, ::-1])) <= 1
  assert np.max(np.abs(left - right)) > 50


def test_a_standing_figure_is_at_rest_and_steps_differ(grid):
  _, images = grid
  frames = images.reshape(1152, 4, 3, -1).astype(int)
  for first, second in ((0, 1), (0, 2), (1, 2)):
    apart = np.abs(frames[:, :, first] - frames[:, :, second]).max(-1)
    assert np.all(apart > 10)


def test_bare_arms_have_the_skin_and_armour_its_colour():
  """Pixels of a figure seen from the front, by its geometry."""
  look = lambda **own: jnp.array(
    [own.get(name, 0) for name in characters.FACTORS], jnp.int32
  )
  draw = jax.jit(characters.draw, static_argnums=1)
  image = np.asarray(draw(look(), 60))
  np.testing.assert_allclose(image[30, 30], (0.75, 0.75, 0.8), atol=1e-6)
  np.testing.assert_allclose(image[18, 30], (0.96, 0.80, 0.66), atol=1e-6)
  np.testing.assert_allclose(image[2, 2], (0.32, 0.4, 0.34), atol=1e-6)
  np.testing.assert_allclose(image[30, 40], (0.96, 0.80, 0.66), atol=1e-6)
  gloved = np.asarray(draw(look(arms=1), 60))
  np.testing.assert_allclose(gloved[30, 40], (0.16, 0.16, 0.2), atol=1e-6)
  behind = np.asarray(draw(look(facing=2), 60))
  np.testing.assert_allclose(behind[15, 30], (0.95, 0.82, 0.25), atol=1e-6)


def test_folds_are_disjoint_and_together_everything():
  sets = [set(parts.fold(1152, fold, 5)[1].tolist()) for fold in range(5)]
  assert sorted(map(len, sets)) == [230, 230, 230, 231, 231]
  assert set.union(*sets) == set(range(1152))
  assert sum(map(len, sets)) == 1152
  outside, inside = parts.fold(1152, 2, 5)
  assert not set(outside) & set(inside)
  assert len(outside) + len(inside) == 1152


@pytest.mark.parametrize('fold', [0, 3])
def test_parts_share_no_identity_and_densities_say_so(fold):
  grid = factorial.grid((*SIZES, 4, 3))
  present = {}
  for part in ('train', 'test'):
    dataset = data.load('characters', resolution=8, part=part, fold=fold)
    density = np.asarray(dataset.log_density(jnp.asarray(grid)), float)
    assert np.exp(density).sum() == pytest.approx(1, rel=1e-5)
    there = np.isfinite(density).reshape(1152, 12)
    # Identities are split, never images.
    assert np.all(there.all(1) == there.any(1))
    present[part] = set(np.flatnonzero(there.all(1)))
    sample = samplers.make(
      dataset, (requests.IdentityGroup(IDENTITY, identities=6, per_identity=4),)
    )
    batch = jax.jit(sample)(jax.random.key(fold), dataset.arrays, np.arange(24))
    for name in ('factors', 'identity_group_factors'):
      factors = np.asarray(batch[name])
      number = np.ravel_multi_index(tuple(factors[:, :7].T), SIZES)
      assert set(number) <= present[part], name
      assert len(set(number)) >= 6
    # The other part can be rendered, e.g. for scores.
    assert dataset.render is not None
  assert not present['train'] & present['test']
  assert len(present['train'] | present['test']) == math.prod(SIZES)


def test_draws_of_a_part_are_uniform():
  dataset = data.load('characters', resolution=8, part='test')
  identities = len(parts.fold(1152, 0, 5)[1])
  draw = jax.jit(lambda key: dataset.sample(key, (), jnp.arange(9000)))
  factors = np.asarray(draw(jax.random.key(0))['factors'])
  number = np.ravel_multi_index(tuple(factors[:, :7].T), SIZES)
  counts = np.bincount(number, minlength=1152)
  counts = counts[counts > 0]
  assert len(counts) == identities
  chi = np.sum((counts - 9000 / identities) ** 2) / (9000 / identities)
  # Mean 230, deviation 21.
  assert chi < identities + 5 * math.sqrt(2 * identities)


@pytest.mark.parametrize(
  ('options', 'words'),
  [
    ({'part': 'validation'}, 'config.dataset.part'),
    ({'fold': 5}, 'config.dataset.fold'),
    ({'resolution': 4}, 'config.dataset.resolution'),
    (
      {
        'part': 'train',
        'distribution': 'correlated',
        'pair': ('body', 'arms'),
      },
      "take config.dataset.part='all'",
    ),
  ],
)
def test_refusals(options, words):
  with pytest.raises(errors.ConfigError, match=words) as caught:
    data.load('characters', **{'resolution': 8, **options})
  assert '\n' not in str(caught.value)
