"""Distributions of factors: their tables, densities and draws."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny_grids as tiny

from disentangle_jax import data, errors
from disentangle_jax.data import dependent, distributions, factorial

SMALL = {
  'resolution': 8,
  'scales': 4,
  'orientations': 1,
  'positions': 4,
}
PAIR = ('scale', 'position_x')


def frequencies(dataset, count=20000):
  batch = jax.jit(dataset.sample)(
    jax.random.key(0), dataset.arrays, jnp.arange(count)
  )
  flat = factorial.flat_index(batch['factors'], dataset.factor_sizes)
  total = np.prod(dataset.factor_sizes)
  return np.bincount(np.asarray(flat), minlength=total) / count


@pytest.mark.parametrize(
  'options',
  [
    {'distribution': 'correlated', 'pair': PAIR, 'strength': 0.3},
    {'distribution': 'joint', 'pair': PAIR, 'joint': 'both'},
    {'distribution': 'held_out', 'pair': PAIR, 'held_out': 0.5},
    {'distribution': 'held_out', 'pair': PAIR, 'complement': True},
  ],
)
def test_draws_follow_the_stated_density(options):
  dataset = data.load('dsprites', **SMALL, **options)
  grid = factorial.grid(dataset.factor_sizes)
  density = np.exp(np.asarray(dataset.log_density(jnp.asarray(grid))))
  np.testing.assert_allclose(density.sum(), 1, rtol=1e-5)
  got = frequencies(dataset)
  assert (got[density == 0] == 0).all()
  some = density > 0
  chi = (20000 * (got - density)[some] ** 2 / density[some]).sum()
  free = some.sum() - 1
  assert abs(chi - free) < 5 * np.sqrt(2 * free)


def test_correlation_has_the_stated_form():
  dataset = data.load('dsprites', **SMALL)
  changed = dependent.correlated(dataset, PAIR, 0.4)
  grid = factorial.grid(dataset.factor_sizes)
  a, b = grid[:, 1] / 3, grid[:, 3] / 3
  want = np.exp(-((a - b) ** 2) / (2 * 0.4**2))
  want /= want.sum()
  got = np.exp(np.asarray(changed.log_density(jnp.asarray(grid))))
  np.testing.assert_allclose(got, want, rtol=1e-4)


THREE = (('scale', 'position_x'), ('position_y', 'shape'), ('hue', 'light'))


def six_factors():
  """Sizes 2, 3, 4, 2, 3, 2 of a grid whose pairs are named by hand."""
  grid = tiny.grid((2, 3, 4, 2, 3, 2))
  names = ('shape', 'scale', 'position_x', 'position_y', 'hue', 'light')
  return grid._replace(factor_names=names)


@pytest.mark.parametrize('count', [1, 2, 3])
def test_dependent_pairs_have_the_product_of_their_bands(count):
  """Every one of 288 points by brute force, and the draws."""
  strengths = (0.3, 0.5, 1.0)[:count]
  dataset = distributions.apply(
    six_factors(),
    distributions.Config(
      distribution='correlated',
      pairs=THREE,
      num_pairs=count,
      strengths=(0.3, 0.5, 1.0),
    ),
  )
  sizes = dataset.factor_sizes
  places = ((1, 2), (3, 0), (4, 5))
  want = np.zeros(sizes)
  for point in np.ndindex(*sizes):
    weight = 1.0
    for (a, b), strength in zip(places, strengths):
      gap = point[a] / (sizes[a] - 1) - point[b] / (sizes[b] - 1)
      weight *= np.exp(-(gap**2) / (2 * strength**2))
    want[point] = weight
  want = want.reshape(-1) / want.sum()
  np.testing.assert_allclose(tiny.density(dataset), want, rtol=1e-4)
  batch = jax.jit(dataset.sample)(
    jax.random.key(5), dataset.arrays, jnp.arange(20000)
  )
  tiny.check_frequencies(tiny.numbers(dataset, batch['factors']), want)


def test_one_pair_draws_the_same_bits_however_it_is_named():
  load = lambda **options: data.load(
    'dsprites', **SMALL, distribution='correlated', **options
  )
  key, index = jax.random.key(2), jnp.arange(64)
  one = load(pair=PAIR, strength=0.3)
  several = (PAIR, ('shape', 'position_y'))
  for other in (
    load(pairs=(PAIR,), strength=0.3),
    load(pairs=several, num_pairs=1, strength=0.3),
    load(pairs=[list(pair) for pair in several], num_pairs=1, strength=0.3),
  ):
    first, second = (
      d.sample(key, d.arrays, index)['factors'] for d in (one, other)
    )
    np.testing.assert_array_equal(first, second)


def test_one_strength_is_that_of_every_pair():
  options = {'distribution': 'correlated', 'pairs': THREE}
  config = lambda **more: distributions.Config(**options, **more)
  one = distributions.apply(six_factors(), config(strength=0.4))
  each = distributions.apply(six_factors(), config(strengths=[0.4] * 3))
  np.testing.assert_array_equal(tiny.density(one), tiny.density(each))


@pytest.mark.parametrize('sizes', [(4, 4), (6, 32), (10, 10)])
@pytest.mark.parametrize('name', dependent.JOINTS)
def test_joint_tables_have_the_stated_ratio(name, sizes):
  table = dependent.joint_table(name, *sizes)
  np.testing.assert_allclose(table.sum(), 1)
  ratio = table.max() / table.min()
  np.testing.assert_allclose(ratio, 1 if name == 'uniform' else 4, rtol=1e-6)
  product = table.sum(1, keepdims=True) * table.sum(0, keepdims=True)
  independent = np.allclose(table, product)
  assert independent == (name in ('uniform', 'marginals'))
  flat = np.allclose(table.sum(0), table.sum(0)[0])
  if name in ('uniform', 'correlated'):
    assert flat
  else:
    assert not flat


def test_held_out_leaves_out_the_corner_alone():
  options = {'distribution': 'held_out', 'pair': PAIR, 'held_out': 0.5}
  seen = data.load('dsprites', **SMALL, **options)
  unseen = data.load('dsprites', **SMALL, **options, complement=True)
  grid = factorial.grid(seen.factor_sizes)
  corner = (grid[:, 1] >= 2) & (grid[:, 3] >= 2)
  for dataset, out in ((seen, corner), (unseen, ~corner)):
    density = np.asarray(dataset.log_density(jnp.asarray(grid)))
    np.testing.assert_array_equal(np.isinf(density), out)


def test_images_do_not_depend_on_the_distribution():
  plain = data.load('dsprites', **SMALL)
  changed = distributions.held_out(plain, lambda f: f[:, 0] == 0)
  key, factors = jax.random.key(0), jnp.asarray([1, 2, 0, 1, 3])
  np.testing.assert_array_equal(
    jax.jit(changed.render)(changed.arrays, factors, key),
    jax.jit(plain.render)(plain.arrays, factors, key),
  )


def test_unflatten_inverts_flat_index():
  sizes = (3, 1, 5, 4)
  numbers = jnp.arange(60)
  factors = factorial.unflatten(numbers, sizes)
  np.testing.assert_array_equal(factors, factorial.grid(sizes))
  np.testing.assert_array_equal(factorial.flat_index(factors, sizes), numbers)


@pytest.mark.parametrize(
  'options, said',
  [
    ({'distribution': 'corelated'}, "did you mean 'correlated'"),
    ({'distribution': 'correlated'}, 'two different factors'),
    (
      {'distribution': 'correlated', 'pair': ('scale', 'size')},
      'config.dataset.pair',
    ),
    ({'distribution': 'correlated', 'pair': PAIR, 'strength': 0.0}, '> 0'),
    ({'distribution': 'joint', 'pair': PAIR, 'joint': 'A'}, 'unknown'),
    (
      {
        'distribution': 'correlated',
        'pairs': (PAIR, ('position_x', 'position_y')),
      },
      "'position_x' is in two pairs",
    ),
    ({'distribution': 'correlated', 'pairs': PAIR}, 'two different factors'),
    (
      {'distribution': 'correlated', 'pairs': (PAIR, ('shape', 'size'))},
      r'config\.dataset\.pairs: unknown .size',
    ),
    ({'distribution': 'correlated', 'pairs': (PAIR,) * 4}, 'one to 3 pairs'),
    (
      {'distribution': 'correlated', 'pairs': (PAIR,), 'pair': PAIR},
      'must be None where',
    ),
    (
      {'distribution': 'correlated', 'pairs': (PAIR,), 'strengths': (1, 2)},
      'one for each of 1 pairs',
    ),
    (
      {'distribution': 'correlated', 'pairs': (PAIR,), 'strengths': (-1,)},
      'numbers > 0',
    ),
    (
      {'distribution': 'correlated', 'pairs': (PAIR,), 'num_pairs': 2},
      'num_pairs = 2: must be an integer',
    ),
    (
      {'distribution': 'correlated', 'pair': PAIR, 'strengths': (1.0,)},
      'give config.dataset.pairs',
    ),
    ({'distribution': 'joint', 'pairs': (PAIR,)}, "is of distribution 'corr"),
    ({'distribution': 'held_out', 'pair': PAIR, 'held_out': 1.5}, 'from 0.0'),
    (
      {
        'distribution': 'held_out',
        'pair': PAIR,
        'held_out': 0.0,
        'complement': True,
      },
      'must keep some',
    ),
  ],
)
def test_bad_distributions_are_one_clear_line(options, said):
  with pytest.raises(errors.ConfigError, match=said) as caught:
    data.load('dsprites', **SMALL, **options)
  assert '\n' not in str(caught.value)


def test_huge_grids_cannot_hold_out():
  with pytest.raises(errors.ConfigError, match='number of grid points'):
    data.load(
      'multi_sprites',
      distribution='held_out',
      pair=('sprite_0_shape', 'sprite_1_shape'),
    )
