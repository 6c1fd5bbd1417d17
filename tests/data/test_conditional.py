"""Draws given some factors, and halves of a set: exact on every grid."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny_grids as tiny

from disentangle_jax import errors, requests
from disentangle_jax.data import conditional, factorial, samplers, stream

ASKS = ('the test', 'asks')


def test_a_table_holds_the_shares_of_each_group():
  rng = np.random.default_rng(0)
  groups, weights = rng.integers(-1, 5, 300), rng.random(300)
  weights[rng.random(300) < 0.3] = 0.0
  groups[groups == 2] = 4
  table = conditional.tabulate(groups, weights, 5)
  assert table.count[2] == 0 and table.count.sum() == len(table.point)
  for group in (0, 1, 3, 4):
    place = slice(table.start[group], table.start[group] + table.count[group])
    points, bottom = table.point[place], table.bottom[place].astype(float)
    kept = (groups == group) & (weights > 0)
    np.testing.assert_array_equal(points, np.flatnonzero(kept))
    widths = np.diff([*bottom, 2.0**32]) / 2**32
    exact = weights[points] / weights[points].sum()
    np.testing.assert_allclose(widths, exact, atol=2.0**-31)
    # Levels at every edge, and just below.
    edges = table.bottom[place]
    levels = np.concatenate([edges, edges[1:] - 1, [0, 2**32 - 1]])
    levels = levels.astype(np.uint32)
    expected = points[np.searchsorted(edges, levels, side='right') - 1]
    find = jax.jit(jax.vmap(table.find, (0, None)))
    np.testing.assert_array_equal(find(levels, group), expected)


@pytest.mark.parametrize('columns', [(1,), (2, 0)])
@pytest.mark.parametrize('name', ['uniform', 'pairwise', 'holes', 'any'])
def test_draws_given_factors_have_the_exact_conditional(name, columns):
  dataset = tiny.distributed()[name]
  given = conditional.given(dataset, columns, ASKS)
  points = factorial.grid(tiny.SIZES)
  density = tiny.density(dataset)
  number = np.asarray(given.number(jnp.asarray(points)))
  sizes = [tiny.SIZES[k] for k in columns]
  expected = np.ravel_multi_index(tuple(points[:, list(columns)].T), sizes)
  np.testing.assert_array_equal(number, expected)
  share = np.bincount(number, density)
  np.testing.assert_allclose(given.share, share, rtol=1e-4, atol=1e-6)
  draw = jax.jit(given.draw)
  count = 3000
  for chosen in (np.argmax(share), np.flatnonzero(share)[-1]):
    batch = draw(
      jax.random.key(1),
      dataset.arrays,
      jnp.arange(count),
      jnp.full(count, chosen),
    )
    drawn = tiny.numbers(dataset, batch['factors'])
    tiny.check_frequencies(drawn, density * (number == chosen))
    shown = np.asarray(batch['observation'])[:, 0, 0, 0]
    np.testing.assert_allclose(shown * 64 - 1, drawn, atol=1e-4)


def test_only_coupled_factors_need_a_table(monkeypatch):
  """`pairwise` couples a and b; c is independent of both."""
  dataset = tiny.distributed()['pairwise']
  monkeypatch.setattr(conditional, 'tabulate', None)
  for columns in ((2,), (0, 1), (0, 1, 2)):
    conditional.given(dataset, columns, ASKS)
  with pytest.raises(TypeError):
    conditional.given(dataset, (0,), ASKS)


def test_rows_given_labels_are_uniform():
  labels = np.array([[0, 1], [0, 0], [2, 1], [0, 1], [0, 1]])
  dataset = stream.rows(np.arange(5.0)[:, None], labels, ('x', 'y'), exact=True)
  given = conditional.given(dataset, (0, 1), ASKS)
  np.testing.assert_allclose(given.share, [0.2, 0.6, 0, 0, 0, 0.2])
  batch = given.draw(
    jax.random.key(0), dataset.arrays, jnp.arange(900), jnp.ones(900, int)
  )
  drawn = np.asarray(batch['observation'])[:, 0].astype(int)
  tiny.check_frequencies(drawn, [1 / 3, 0, 0, 1 / 3, 1 / 3])


@pytest.mark.parametrize('name', ['uniform', 'pairwise', 'holes', 'any'])
def test_halves_share_no_point_and_keep_the_weights(name):
  dataset = tiny.distributed()[name]
  density = tiny.density(dataset)
  first, second = conditional.halves(dataset, ASKS)
  both = [tiny.density(half) for half in (first, second)]
  inside = [d > 0 for d in both]
  assert not (inside[0] & inside[1]).any()
  np.testing.assert_array_equal(inside[0] | inside[1], density > 0)
  assert abs(inside[0].sum() - inside[1].sum()) <= 1
  for half, exact, here in zip((first, second), both, inside):
    np.testing.assert_allclose(exact.sum(), 1, rtol=1e-5)
    expected = density * here / (density * here).sum()
    np.testing.assert_allclose(exact, expected, rtol=1e-4)
    batch = jax.jit(half.sample)(
      jax.random.key(0), half.arrays, jnp.arange(3000)
    )
    tiny.check_frequencies(tiny.numbers(half, batch['factors']), exact)
    assert half.num_examples == here.sum()


def test_halves_of_a_stream_are_rows():
  dataset = stream.rows(
    np.arange(7.0)[:, None], np.arange(7)[:, None] % 3, ('x',)
  )
  halves = conditional.halves(dataset, ASKS)
  seen = []
  for half, count in zip(halves, (4, 3)):
    batch = jax.jit(half.sample)(
      jax.random.key(0), half.arrays, jnp.arange(2000)
    )
    rows = np.asarray(batch['observation'])[:, 0].astype(int)
    here = np.isin(np.arange(7), rows)
    assert here.sum() == count == half.num_examples
    tiny.check_frequencies(rows, here / count)
    np.testing.assert_array_equal(batch['factors'][:, 0], rows % 3)
    labels = np.bincount(np.flatnonzero(here) % 3, minlength=3)
    density = np.exp(half.log_density(jnp.arange(3)[:, None]))
    np.testing.assert_allclose(density, labels / count, rtol=1e-5)
    seen += list(np.unique(rows))
  assert sorted(seen) == list(range(7))
  small = stream.rows(np.ones((3, 1)))
  with pytest.raises(errors.ConfigError, match='has 3 points'):
    conditional.halves(small, ASKS)


def sampled(dataset, request, keys):
  """Batches of several keys, each of the identities' size."""
  sample = samplers.make(dataset, (request,))
  size = request.identities * request.per_identity
  many = jax.jit(
    jax.vmap(lambda k: sample(k, dataset.arrays, jnp.arange(size)))
  )
  batch = many(jax.random.split(jax.random.key(0), keys))
  return {name: np.asarray(value) for name, value in batch.items()}


@pytest.mark.parametrize('name', ['uniform', 'holes', 'any'])
def test_identities_are_distinct_and_share_their_rows(name):
  dataset = tiny.distributed()[name]
  batch = sampled(dataset, requests.IdentityGroup(('c', 'b'), 5, 3), 40)
  number = batch['identity_number']
  np.testing.assert_array_equal(number, np.tile(np.arange(15) // 3, (40, 1)))
  factors = batch['identity_group_factors']
  assert (tiny.density(dataset)[tiny.numbers(dataset, factors)] > 0).all()
  identity = (factors[..., 2] * 3 + factors[..., 1]).reshape(40, 5, 3)
  assert (identity == identity[..., :1]).all()
  assert all(len(set(row)) == 5 for row in identity[..., 0])
  shown = batch['identity_group'][..., 0, 0, 0] * 64 - 1
  np.testing.assert_allclose(shown, tiny.numbers(dataset, factors), atol=1e-4)


def test_identities_come_by_their_probability_without_replacement():
  weights = np.array([5.0, 3.0, 2.0])[None, :, None] * np.ones(tiny.SIZES)
  dataset = tiny.weighted(weights.ravel())
  batch = sampled(dataset, requests.IdentityGroup(('b',), 2, 1), 4000)
  first, second = batch['identity_group_factors'][..., 1].T
  p = np.array([0.5, 0.3, 0.2])
  exact = p[:, None] * p / (1 - p[:, None])
  np.fill_diagonal(exact, 0)
  tiny.check_frequencies(first * 3 + second, exact.ravel())


def test_rows_of_an_identity_are_exact_under_holes():
  dataset = tiny.distributed()['holes']
  batch = sampled(dataset, requests.IdentityGroup(('a',), 2, 4), 800)
  factors = batch['identity_group_factors'].reshape(-1, 3)
  density = tiny.density(dataset)
  a = factorial.grid(tiny.SIZES)[:, 0]
  for value in range(2):
    drawn = tiny.numbers(dataset, factors[factors[:, 0] == value])
    tiny.check_frequencies(drawn, density * (a == value))


def test_identities_of_a_stream_are_its_labels():
  labels = np.array([0, 0, 0, 2, 3, 3])
  dataset = stream.rows(
    np.arange(6.0)[:, None], labels[:, None], ('label',), exact=True
  )
  batch = sampled(dataset, requests.IdentityGroup(('label',), 3, 2), 50)
  rows = batch['identity_group'][..., 0].astype(int).reshape(50, 3, 2)
  seen = labels[rows]
  np.testing.assert_array_equal(
    batch['identity_group_factors'][..., 0].reshape(50, 3, 2), seen
  )
  np.testing.assert_array_equal(
    np.sort(seen[..., 0]), np.tile([0, 2, 3], (50, 1))
  )


@pytest.mark.parametrize(
  'request_, said',
  [
    (requests.IdentityGroup(), 'must name factors, of a, b, c'),
    (requests.IdentityGroup(('d',)), 'IdentityGroup.identity: unknown'),
    (requests.IdentityGroup(('a', 'a')), 'names a twice'),
    (requests.IdentityGroup(('b',), 4), 'tiny has 3 identities'),
    (requests.IdentityGroup(('b',), 0), 'IdentityGroup.identities = 0'),
    (requests.IdentityGroup(('b',), 2, 0), 'IdentityGroup.per_identity = 0'),
  ],
)
def test_bad_groups_are_refused(request_, said):
  with pytest.raises(errors.ConfigError, match=said) as caught:
    samplers.make(tiny.grid(), (request_,))
  assert '\n' not in str(caught.value)
