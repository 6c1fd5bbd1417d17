"""The three exclusions: which points they leave out, and that none is drawn."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny_grids as tiny

from disentangle_jax import data, errors, requests
from disentangle_jax.data import (
  distributions,
  exclusions,
  samplers,
)

SMALL = {
  'resolution': 8,
  'scales': 3,
  'orientations': 1,
  'positions': 4,
}
# Of dsprites: shapes 1, 2, 3; scales 0.5, 0.75, 1; positions 0, 1/3, 2/3, 1.
BOXES = {
  'recombination_to_element': (
    ('shape', 2),
    ('scale', 0.7, 1.0),
    ('position_x', 0.5, 1.0),
    ('position_y', 1.0),
  ),
  'recombination_to_range': (('shape', 1), ('position_x', 0.5, 1.0)),
  'extrapolation': ('position_x', 0.5, 1.0),
}
# The same, by hand: factors are (shape, scale, orientation, x, y).
LEFT_OUT = {
  'recombination_to_element': lambda s, c, o, x, y: (
    s == 1 and c >= 1 and x >= 2 and y == 3
  ),
  'recombination_to_range': lambda s, c, o, x, y: s == 0 and x >= 2,
  'extrapolation': lambda s, c, o, x, y: x >= 2,
}
COUNTS = {
  'recombination_to_element': 1 * 2 * 1 * 2 * 1,
  'recombination_to_range': 1 * 3 * 1 * 2 * 4,
  'extrapolation': 3 * 3 * 1 * 2 * 4,
}
# On the grid of 2 x 3 x 4 whose values are their numbers.
TINY = {
  'recombination_to_element': (('a', 1), ('b', 0, 1), ('c', 2)),
  'recombination_to_range': (('a', 0), ('c', 2, 3)),
  'extrapolation': ('c', 1),
}


@pytest.mark.parametrize('name', exclusions.NAMES)
def test_densities_are_uniform_off_the_box_and_on_its_complement(name):
  options = {**SMALL, 'distribution': name, name: BOXES[name]}
  seen = data.load('dsprites', **options)
  unseen = data.load('dsprites', **options, complement=True)
  points = list(itertools.product(*map(range, seen.factor_sizes)))
  out = np.array([LEFT_OUT[name](*point) for point in points])
  assert out.sum() == COUNTS[name]
  for dataset, inside in ((seen, ~out), (unseen, out)):
    density = tiny.density(dataset)
    np.testing.assert_allclose(density, inside / inside.sum(), rtol=1e-5)
    np.testing.assert_array_equal(
      exclusions.left_out(dataset), np.flatnonzero(~inside)
    )
    batch = jax.jit(dataset.sample)(
      jax.random.key(0), dataset.arrays, jnp.arange(4000)
    )
    drawn = tiny.numbers(dataset, batch['factors'])
    tiny.check_frequencies(drawn, density)


def test_lists_of_json_and_one_condition_are_read_alike():
  pair = [['shape', 1], ['position_x', 0.5, 1]]
  read = lambda box, name: exclusions.mask(
    data.load('dsprites', **SMALL), name, box
  )
  as_lists = read(pair, 'recombination_to_range')
  as_tuples = read(BOXES['recombination_to_range'], 'recombination_to_range')
  np.testing.assert_array_equal(as_lists, as_tuples)
  one = read(('position_x', 0.5, 1.0), 'extrapolation')
  bracketed = read([['position_x', 0.5, 1.0]], 'extrapolation')
  np.testing.assert_array_equal(one, bracketed)


def test_values_are_found_beside_the_rounding_of_their_storage():
  dataset = tiny.grid((3, 4))
  values = (np.linspace(0, 1, 3), np.float32([0.1, 0.3, 0.7, 0.9]))
  dataset = dataset._replace(factor_values=values)
  box = exclusions.levels(dataset, 'extrapolation', ('b', 0.3, 0.7))
  np.testing.assert_array_equal(box[1], [False, True, True, False])


def reaching(dataset, request):
  """Everything that a request draws, as factors."""
  sample = samplers.make(dataset, (requests.Observation(), request))
  batch = jax.jit(sample)(jax.random.key(3), dataset.arrays, jnp.arange(600))
  return {
    name: value
    for name, value in batch.items()
    if name == 'factors' or name.endswith('_factors')
  }


@pytest.mark.parametrize('name', exclusions.NAMES)
@pytest.mark.parametrize(
  'request_of',
  [
    requests.MoreObservations(2),
    requests.Pair(changes=1),
    requests.Pair(changes=2),
    requests.Pair(transition='laplace'),
    requests.Varying(),
    requests.IdentityPair(('a',)),
    requests.IdentityGroup(('b',), identities=2, per_identity=3),
    requests.Sequence(4),
    requests.Labelled(count=20),
  ],
  ids=lambda r: f'{type(r).__name__}{getattr(r, "changes", "")}',
)
def test_no_request_reaches_an_excluded_combination(name, request_of):
  grid = tiny.grid()
  left_out = exclusions.mask(grid, name, TINY[name])
  assert 0 < left_out.sum() < 24
  dataset = distributions.apply(
    grid, distributions.Config(distribution=name, **{name: TINY[name]})
  )
  drawn = reaching(dataset, request_of)
  assert len(drawn) > 1 or isinstance(request_of, requests.MoreObservations)
  for factors in drawn.values():
    assert not left_out[tiny.numbers(dataset, factors)].any()


def test_the_whole_grid_is_reached_where_nothing_is_excluded():
  """The test above can fail: without an exclusion the box is drawn."""
  grid = tiny.grid()
  left_out = exclusions.mask(grid, 'extrapolation', TINY['extrapolation'])
  for factors in reaching(grid, requests.Pair(changes=1)).values():
    assert left_out[tiny.numbers(grid, factors)].any()


@pytest.mark.parametrize(
  'name, box, said',
  [
    ('extrapolation', (), 'must hold conditions (factor, value)'),
    ('extrapolation', ('position_x',), 'must hold conditions'),
    ('extrapolation', ('position_x', 'left'), 'must hold conditions'),
    ('extrapolation', ('position_z', 0.5, 1.0), "did you mean 'position"),
    ('extrapolation', ('position_x', 0.0, 1.0), 'leaves no value of'),
    ('extrapolation', ('position_x', 0.4, 0.6), 'no value of'),
    ('extrapolation', ('orientation', 0.0), 'leaves no value of'),
    ('extrapolation', (('shape', 1), ('scale', 1.0)), 'one factor'),
    ('recombination_to_range', (('shape', 1),), 'two factors or more'),
    (
      'recombination_to_range',
      (('shape', 1), ('shape', 2)),
      "names 'shape' twice",
    ),
    (
      'recombination_to_range',
      (('shape', 1, 3), ('scale', 1.0)),
      'leaves no value of',
    ),
    (
      'recombination_to_element',
      (('shape', 1), ('scale', 1.0), ('position_x', 0.0)),
      'position_y too',
    ),
  ],
)
def test_what_makes_no_exclusion_is_one_clear_line(name, box, said):
  options = {'distribution': name, name: box}
  with pytest.raises(errors.ConfigError) as caught:
    data.load('dsprites', **SMALL, **options)
  assert said in str(caught.value)
  assert str(caught.value).startswith(f'config.dataset.{name}')
  assert '\n' not in str(caught.value)


def test_huge_grids_and_streams_are_refused():
  options = {
    'distribution': 'extrapolation',
    'extrapolation': ('sprite_0_hue', 0.0),
  }
  with pytest.raises(errors.ConfigError, match='number of grid points'):
    data.load('multi_sprites', **options)
  with pytest.raises(errors.ConfigError, match='no grid of factors'):
    data.load('xor', distribution='extrapolation', extrapolation=('xor', 1))


def test_published_boxes_of_2d_shapes_have_their_sizes():
  """Counted factor by factor, from the values of the published grid."""
  dataset = data.load('dsprites')
  third = 2 * math.pi / 3
  turns = np.linspace(0, 2 * math.pi, 40)
  inside = int(((turns > third) & (turns < 2 * third)).sum())
  box = (
    ('shape', 2),
    ('scale', 0.6, 1.0),
    ('orientation', third + 0.01, 2 * third - 0.01),
    ('position_x', 0.66, 1.0),
    ('position_y', 0.66, 1.0),
  )
  mask = exclusions.mask(dataset, 'recombination_to_element', box)
  assert mask.sum() == 5 * inside * 11 * 11
