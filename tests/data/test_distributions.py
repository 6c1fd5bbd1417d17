"""Distributions of factors: their tables, densities and draws."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import data, errors
from disentangle_jax.data import distributions, factorial

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
  changed = distributions.correlated(dataset, PAIR, 0.4)
  grid = factorial.grid(dataset.factor_sizes)
  a, b = grid[:, 1] / 3, grid[:, 3] / 3
  want = np.exp(-((a - b) ** 2) / (2 * 0.4**2))
  want /= want.sum()
  got = np.exp(np.asarray(changed.log_density(jnp.asarray(grid))))
  np.testing.assert_allclose(got, want, rtol=1e-4)


@pytest.mark.parametrize('sizes', [(4, 4), (6, 32), (10, 10)])
@pytest.mark.parametrize('name', distributions.JOINTS)
def test_joint_tables_have_the_stated_ratio(name, sizes):
  table = distributions.joint_table(name, *sizes)
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
