"""Concepts, operators and their splits against sets; symbols with images."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import data, errors, requests
from disentangle_jax.data import concepts, samplers

GRAMMAR = concepts.Grammar(('a', 'b', 'c'), (2, 3, 2))
ROOMS = {
  'resolution': 8,
  'hues': 3,
  'scales': 1,
  'orientations': 2,
  'unseen': 6,
  'concepts': 40,
  'images': 2,
  'tested': 4,
}


def as_set(concept):
  """A concept as the set of its (attribute, value)."""
  return {(k, int(v)) for k, v in enumerate(concept) if v >= 0}


def every_set(sizes):
  """All concepts, by choosing attributes first and values then."""
  places = range(len(sizes))
  for level in range(1, len(sizes) + 1):
    for chosen in itertools.combinations(places, level):
      for values in itertools.product(*(range(sizes[k]) for k in chosen)):
        yield frozenset(zip(chosen, values))


@pytest.mark.parametrize(
  'sizes, count',
  [((2, 3, 2), 35), ((4, 4, 4, 3), 499), ((16,) * 3 + (3,), 19651)],
)
def test_all_concepts_are_listed(sizes, count):
  grammar = concepts.Grammar(tuple('abcd'[: len(sizes)]), sizes)
  table = grammar.concepts()
  assert len(table) == grammar.count == count
  assert {frozenset(as_set(row)) for row in table} == set(every_set(sizes))
  # The slides say 18,883, fewer by the assignments of two hues and a shape.
  if count == 19651:
    assert count - 18883 == 16 * 16 * 3


def test_symbols_are_k_hot_and_read_back():
  table = GRAMMAR.concepts()
  symbols = GRAMMAR.symbols(table)
  assert symbols.shape == (35, 7) and symbols.dtype == np.float32
  np.testing.assert_array_equal(symbols.sum(1), concepts.levels(table))
  for row, symbol in zip(table, symbols):
    np.testing.assert_array_equal(GRAMMAR.read(symbol), row)
    places = {(0, 2, 5)[k] + v for k, v in as_set(row)}
    assert set(np.flatnonzero(symbol)) == places


@pytest.mark.parametrize(
  'symbol, word',
  [
    ([1, 1, 0, 0, 0, 0, 0], "gives 'a' 2 values"),
    ([0, 0, 0, 0, 0, 0, 0], 'must give an attribute a value'),
    ([0, 0, 1, 0, 0], 'must be 7 numbers'),
    ([0, 0, 0.5, 0, 0, 0, 0], 'must be 7 numbers'),
  ],
)
def test_symbols_that_are_none_are_refused(symbol, word):
  with pytest.raises(errors.ConfigError, match=word) as caught:
    GRAMMAR.read(symbol)
  assert '\n' not in str(caught.value)


def defined(operator, a, b):
  """What sets say: the result, or None outside of the domain."""
  attributes = lambda s: {k for k, _ in s}
  if operator == 'and':
    return a | b if not attributes(a) & attributes(b) else None
  if operator == 'in_common':
    return a & b or None
  return a - b if b < a else None


def test_operators_are_those_of_sets():
  table = GRAMMAR.concepts()
  for operator in concepts.OPERATORS:
    legal = concepts.in_domain(operator, table[:, None], table[None])
    for i, j in itertools.product(range(35), repeat=2):
      result = defined(operator, as_set(table[i]), as_set(table[j]))
      assert legal[i, j] == (result is not None)
      if result is not None:
        combined = concepts.combine(operator, table[i], table[j])
        assert as_set(combined) == result


@pytest.mark.parametrize(
  'operator, first, second, word',
  [
    ('and', [0, 1, -1], [0, -1, -1], 'share no attribute'),
    ('in_common', [0, -1, -1], [1, 1, -1], 'share a value'),
    ('ignore', [0, 1, -1], [1, -1, -1], 'part of the first'),
    ('ignore', [0, 1, -1], [0, 1, -1], 'less than it'),
    ('or', [0, 1, -1], [0, 1, -1], 'legal: and, ignore, in_common'),
  ],
)
def test_operators_outside_of_their_domain_are_refused(
  operator, first, second, word
):
  with pytest.raises(errors.ConfigError, match=word) as caught:
    concepts.combine(operator, np.array(first), np.array(second))
  assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
  'numbers', [(4, 4, 4, 3, 16, 80), (16, 16, 16, 3, 300, 133)]
)
def test_what_is_tested_is_never_trained(numbers):
  *sizes, held_out, trained = numbers
  grammar = concepts.Grammar(tuple('abcd'), tuple(sizes))
  split = concepts.split(grammar, held_out, trained, 32, seed=0)
  sets = lambda rows: [frozenset(as_set(row)) for row in rows]
  known, tested, apart = map(
    sets, (split.trained, split.tested, split.held_out)
  )
  for group, size in ((known, trained), (apart, held_out)):
    assert len(group) == len(set(group)) == size
  assert all(len(concept) == 4 for concept in apart)
  assert not set(known) & (set(apart) | set(tested))
  # Trained ones are of all levels, alike where there are so many.
  levels = np.bincount([len(c) for c in known], minlength=5)[1:]
  assert max(levels) - min(levels) <= (1 if held_out == 300 else 7)
  lessons, exams = split.lessons, split.exams
  for rows, results in ((lessons, None), (exams, set(tested))):
    made = set()
    for first, second, place, result in zip(*rows):
      operator = concepts.OPERATORS[place]
      a, b = known[first], known[second]
      assert defined(operator, a, b) == as_set(result)
      assert operator != 'ignore' or len(b) == 1
      made.add(frozenset(as_set(result)))
    if results is None:
      assert not made & (set(tested) | set(apart))
    else:
      assert made == results
  # Held-out combinations are the first that AND is asked for.
  conjunctions = exams.where(exams.operator == 0)
  asked = set(sets(conjunctions.result))
  assert len(asked & set(apart)) == min(16, len(asked & set(apart)) or 16)
  assert len(asked) == len(conjunctions.result) == 32
  # AND knows both orders of what it is taught.
  rows = lessons.where(lessons.operator == 0)
  pairs = set(zip(rows.first.tolist(), rows.second.tolist()))
  assert pairs == {(b, a) for a, b in pairs}


@pytest.mark.parametrize(
  'numbers, word',
  [
    ((12, 5, 4), 'below the 12 assignments'),
    ((2, 40, 4), 'concepts not held out'),
    ((2, 1, 4), 'leaves nothing'),
  ],
)
def test_splits_that_cannot_be_are_refused(numbers, word):
  with pytest.raises(errors.ConfigError, match=word):
    concepts.split(GRAMMAR, *numbers, seed=0)


@pytest.fixture(scope='module')
def rooms():
  return data.load('rooms', **ROOMS)


@pytest.fixture(scope='module')
def batch(rooms):
  asked = (requests.Symbol(), requests.Recombination())
  sample = jax.jit(samplers.make(rooms, asked))
  return lambda key: jax.device_get(
    sample(jax.random.key(key), rooms.arrays, jnp.arange(300))
  )


def test_held_out_rooms_are_never_drawn(rooms, batch):
  known = rooms.extras['concepts']
  held_out = {tuple(row) for row in known.split.held_out}
  seen = {tuple(row) for key in (0, 1) for row in batch(key)['factors']}
  assert len(seen) == 3**4 - 6 and not seen & held_out
  density = rooms.log_density(jnp.asarray(known.split.held_out))
  assert not np.isfinite(density).any()


def fits(rooms, concept, image):
  """Whether an image is one of those of a concept that are not held out."""
  sizes, density = rooms.factor_sizes, rooms.log_density
  points = [
    point
    for point in itertools.product(*map(range, sizes))
    if as_set(concept) <= as_set(point)
  ]
  points = [p for p in points if np.isfinite(density(jnp.asarray(p)))]
  shown = every_room(rooms)[[np.ravel_multi_index(p, sizes) for p in points]]
  return np.min(np.max(np.abs(shown - image), axis=(2, 3, 4))) < 1e-3


@functools.cache
def _drawn(render):
  points = np.stack(np.unravel_index(np.arange(81), (3,) * 4), 1)
  keys = jax.random.split(jax.random.key(0), 12)
  draw = jax.jit(jax.vmap(jax.vmap(render, (None, None, 0)), (None, 0, None)))
  return lambda arrays: np.asarray(draw(arrays, points, keys))


def every_room(rooms):
  """float32 [81, 12, H, W, 3]: each combination with several nuisances."""
  return _drawn(rooms.render)(rooms.arrays)


def test_symbols_come_with_a_few_images_that_fit(rooms, batch):
  known = rooms.extras['concepts']
  of = {}
  for key in range(3):
    rows = batch(key)
    for symbol, image in zip(rows['symbol'], rows['symbol_observation']):
      concept = tuple(known.grammar.read(symbol))
      of.setdefault(concept, {})[image.round(3).tobytes()] = image
  assert set(of) == {tuple(row) for row in known.split.trained}
  assert max(len(images) for images in of.values()) == 2
  for concept in list(of)[::8]:
    assert all(fits(rooms, concept, image) for image in of[concept].values())


def test_operators_come_with_images_of_what_they_make(rooms, batch):
  known, rows = rooms.extras['concepts'], batch(0)
  counts = np.bincount(rows['operator'], minlength=3)
  assert counts.min() > 60  # all equally often
  trained = {tuple(row) for row in known.split.trained}
  read = lambda name, row: known.grammar.read(rows[name][row])
  for row in range(300):
    first, second = read('first_symbol', row), read('second_symbol', row)
    assert {tuple(first), tuple(second)} <= trained
    operator = concepts.OPERATORS[rows['operator'][row]]
    result = concepts.combine(operator, first, second)
    np.testing.assert_array_equal(result, read('result_symbol', row))
    if row % 60 == 0:
      assert fits(rooms, result, rows['result_observation'][row])


def test_trained_results_alone_where_asked(rooms):
  asked = requests.Recombination(trained_results=True)
  sample = samplers.make(rooms, (asked,))
  rows = jax.jit(sample)(jax.random.key(0), rooms.arrays, jnp.arange(100))
  known = rooms.extras['concepts']
  trained = {tuple(row) for row in known.split.trained}
  for symbol in np.asarray(rows['result_symbol']):
    assert tuple(known.grammar.read(symbol)) in trained


@pytest.mark.parametrize('request_', [requests.Symbol, requests.Recombination])
def test_sets_without_symbols_are_refused(request_):
  plain = data.load('dsprites', resolution=8, scales=1, orientations=1)
  with pytest.raises(
    errors.ConfigError, match="has no symbols; legal: 'rooms'"
  ):
    samplers.make(plain, (request_(),))


def test_stored_rooms_are_those_that_are_drawn(rooms):
  stored = data.load('rooms', **ROOMS, stored=True)
  sample = lambda d: jax.jit(d.sample)(
    jax.random.key(2), d.arrays, jnp.arange(40)
  )
  drawn, kept = sample(rooms), sample(stored)
  np.testing.assert_array_equal(drawn['factors'], kept['factors'])
  np.testing.assert_allclose(
    drawn['observation'], kept['observation'], atol=0.502 / 255
  )
  with pytest.raises(errors.ConfigError, match='must be False for more'):
    data.load('rooms', stored=True)


def test_hsv_goes_there_and_back():
  import colorsys

  from disentangle_jax.ops import hsv as colours

  image = np.random.default_rng(0).uniform(size=(50, 3)).astype(np.float32)
  image[0], image[1] = 0.0, 0.3
  hsv = np.asarray(colours.rgb_to_hsv(jnp.asarray(image)))
  want = [colorsys.rgb_to_hsv(*map(float, row)) for row in image]
  np.testing.assert_allclose(hsv, want, atol=2e-6)
  back = colours.hsv_to_rgb(jnp.asarray(hsv))
  np.testing.assert_allclose(back, image, atol=1e-6)
