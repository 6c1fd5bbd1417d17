"""Two sets as one: rows with the same label, or independent ones."""

import dataclasses
import json
import pathlib

import jax
import jax.numpy as jnp
from ml_collections import config_dict
import numpy as np
import pytest
import tiny_grids as tiny

from disentangle_jax import data, errors, requests
from disentangle_jax.data import conditional, joined, samplers, stream

DIGITS = {'resolution': 8, 'slants': 2, 'thicknesses': 1, 'sizes': 1}
FIRST = ('digits', {**DIGITS, 'hues': 3})
SECOND = ('digits', {**DIGITS, 'resolution': 10})


def draw(dataset, count=600, wanted=None):
  sample = dataset.sample if wanted is None else samplers.make(dataset, wanted)
  batch = jax.jit(sample)(jax.random.key(0), dataset.arrays, jnp.arange(count))
  return {name: np.asarray(value) for name, value in batch.items()}


def test_the_first_set_with_the_second_beside_it():
  dataset = data.load('joined', first=FIRST, second=SECOND, by='label')
  first, second = data.load('digits', **FIRST[1]), dataset.extras['secondary']
  assert dataset.name == 'joined' and set(dataset.arrays) == {'first', 'second'}
  assert second.observation_shape == (10, 10, 1)
  assert dataset.observation_shape == (8, 8, 3)
  assert dataset.factor_names == first.factor_names
  batch = draw(dataset, 64)
  expected = first.sample(jax.random.key(0), (), jnp.arange(64))
  for name, value in expected.items():
    np.testing.assert_allclose(batch[name], value, atol=1e-6)
  assert set(batch) == {'observation', 'factors', 'index', *dataset.fields}
  labels = batch['factors'][:, 0]
  for name in ('label', 'secondary_label'):
    np.testing.assert_array_equal(batch[name], labels)
  np.testing.assert_array_equal(batch['secondary_factors'][:, 0], labels)
  assert (batch['secondary_factors'][:, 1] != batch['factors'][:, 1]).any()
  render = jax.vmap(second.render, (None, 0, None))
  shown = render((), batch['secondary_factors'], jax.random.key(0))
  np.testing.assert_allclose(batch['secondary'], shown, atol=1e-6)
  # Every request for the first set can be had, and the fields.
  wanted = (requests.Pair(), requests.Field('secondary'), requests.Label())
  more = draw(dataset, 16, wanted)
  np.testing.assert_allclose(
    more['secondary'], batch['secondary'][:16], atol=1e-6
  )
  # Also from the half that Transformed leaves, though not the fields.
  halved = (
    requests.Transformed(shift=1),
    requests.IdentityGroup(('digit',), 4, 4),
    requests.Labelled(),
  )
  shapes = jax.eval_shape(
    samplers.make(dataset, halved),
    jax.random.key(0),
    dataset.arrays,
    jnp.arange(16),
  )
  assert shapes['transformed'].shape == (16, 8, 8, 3)


@pytest.mark.parametrize('name', ['uniform', 'pairwise', 'any'])
def test_the_second_row_has_its_exact_conditional(name):
  first, second = tiny.grid((3, 2)), tiny.distributed()[name]
  first = first._replace(factor_names=('b', 'x'))
  dataset = joined.join(first, second, 'b')
  batch = draw(dataset, 4000)
  b = batch['factors'][:, 0]
  density, column = tiny.density(second), np.arange(24) // 4 % 3
  for label in range(3):
    points = tiny.numbers(second, batch['secondary_factors'][b == label])
    tiny.check_frequencies(points, density * (column == label))
  np.testing.assert_array_equal(batch['secondary_label'], b)


def images(labels, greys):
  grey = np.asarray(greys, np.uint8)[:, None, None]
  pictures = grey * np.ones((2, 2), np.uint8)
  labels = np.asarray(labels)[:, None]
  return stream.stream(pictures, labels, ('label',), exact=True)


def test_rows_of_streams_are_uniform_among_those_of_a_label():
  first = images([0, 1, 1], [10, 11, 12])
  second = images([1, 0, 0, 1], [0, 1, 2, 3])
  batch = draw(joined.join(first, second, 'label'), 3000)
  row = np.rint(batch['secondary'][:, 0, 0, 0] * 255).astype(int)
  np.testing.assert_array_equal(batch['label'], batch['secondary_label'])
  tiny.check_frequencies(row, [1 / 3, 1 / 6, 1 / 6, 1 / 3])
  within = batch['label'] == 0
  tiny.check_frequencies(row[within], [0, 0.5, 0.5, 0])


def test_without_labels_rows_are_independent():
  dataset = joined.join(images([0, 1], [0, 1]), images([0, 1, 1], [0, 1, 2]))
  batch = draw(dataset, 3000)
  one, other = (
    np.rint(batch[name][:, 0, 0, 0] * 255).astype(int)
    for name in ('observation', 'secondary')
  )
  tiny.check_frequencies(one * 3 + other, np.ones(6) / 6)
  # Sets without factors have no labels either.
  bare = joined.join(*[stream.rows(np.ones((2, 1)))] * 2)
  assert bare.fields == ('secondary', 'secondary_factors')
  assert set(draw(bare, 2)) >= set(bare.fields)
  for request in (requests.SecondBatch(), requests.IdentityPair(('label',))):
    assert len(draw(dataset, 4, (request,))['observation']) == 4


def test_fields_of_both_sets_are_kept():
  greys = np.arange(4)
  first = stream.rows(greys[:, None], fields={'weight': greys / 4})
  second = stream.rows(
    greys[:, None], greys[:, None], ('x',), fields={'mask': greys > 1}
  )
  dataset = joined.join(first, second)
  assert dataset.fields == (
    'weight',
    'secondary',
    'secondary_factors',
    'secondary_mask',
    'secondary_label',
  )
  batch = draw(dataset, 50)
  np.testing.assert_array_equal(
    batch['secondary_mask'], batch['secondary_label'] > 1
  )
  np.testing.assert_allclose(
    batch['weight'], batch['observation'][:, 0] / 4, rtol=1e-6
  )


def test_rows_do_not_depend_on_the_split():
  dataset = joined.join(images([0, 1], [0, 1]), tiny.grid((2, 3)), 'label')
  batch = draw(dataset, 20)
  index = np.arange(20)[::-1]
  again = jax.jit(dataset.sample)(
    jax.random.key(0), dataset.arrays, jnp.asarray(index)
  )
  for name, value in again.items():
    np.testing.assert_array_equal(value, batch[name][index])


def test_options_of_all_forms_are_one_config():
  path = pathlib.Path('a') / 'b.npz'
  given = [
    ('npz', {'path': path, 'grid': False, 'sizes': [1, 2], 'none': None}),
    ['npz', {'path': 'a/b.npz', 'sizes': (1, 2), 'grid': False, 'none': None}],
    (
      'npz',
      config_dict.ConfigDict(
        {'path': 'a/b.npz', 'sizes': (1, 2), 'grid': False, 'none': None}
      ),
    ),
  ]
  configs = [joined.Config(first=one, second='xor') for one in given]
  text = json.dumps(dataclasses.asdict(configs[0]))
  configs.append(joined.Config(**json.loads(text)))
  assert len(set(configs)) == 1
  assert configs[0].second == ('xor', ())
  assert joined.Config() == joined.Config(None, None)


def test_it_loads_from_json():
  options = json.loads(
    json.dumps({'first': ('xor', {}), 'second': ['xor', {}], 'by': 'xor'})
  )
  batch = draw(data.load('joined', **options), 40)
  bits = batch['secondary'].astype(int)
  np.testing.assert_array_equal(batch['factors'][:, 0], bits[:, 0] ^ bits[:, 1])


@pytest.mark.parametrize(
  'options, said',
  [
    ({}, 'config.dataset.first = None: must be'),
    ({'first': 'xor'}, 'config.dataset.second = None: must be'),
    ({'first': 5}, r'config.dataset.first = 5: must be \(name'),
    ({'first': ('xor', {}, {})}, 'must be'),
    ({'first': ('xor', 3)}, 'must be'),
    ({'first': ('xor', ('size',))}, 'must be'),
    ({'first': ('joined', {}), 'second': 'xor'}, "not 'joined'"),
    ({'first': 'xxor', 'second': 'xor'}, "did you mean 'xor'"),
    ({'first': ('xor', {'size': 3}), 'second': 'xor'}, r'\(xor\): unknown'),
    ({'first': 'xor', 'second': FIRST, 'by': 'label'}, 'xor has 2 labels and'),
    ({'first': 'xor', 'second': 'xor', 'by': 'digit'}, r'by \(xor\): unknown'),
    (
      {'first': 'xor', 'second': 'random_projection', 'by': 'label'},
      r'by \(random_projection\): unknown',
    ),
    (
      {'first': FIRST, 'second': SECOND, 'distribution': 'joint'},
      'among the options of first and second',
    ),
  ],
)
def test_what_cannot_be_joined_is_refused(options, said):
  with pytest.raises(errors.ConfigError, match=said) as caught:
    data.load('joined', **options)
  assert '\n' not in str(caught.value)


def test_labels_without_rows_are_refused(monkeypatch):
  full, gap = images([0, 1, 2], [0, 1, 2]), images([0, 2], [0, 1])
  for pair in ((full, gap), (gap, full)):
    with pytest.raises(errors.ConfigError, match='no rows of label 1'):
      joined.join(*pair, 'label')
  keep = np.arange(24) // 12 == 0
  held = data.distributions.subset(tiny.grid(), keep)
  with pytest.raises(errors.ConfigError, match='tiny has no rows of label 1'):
    joined.join(held, tiny.grid(), 'a')
  monkeypatch.setattr(conditional, 'LARGEST', 20)
  with pytest.raises(errors.ConfigError, match=r'dataset\.by = .*listed'):
    joined.join(tiny.grid(), tiny.grid(), 'a')


@pytest.mark.parametrize(
  'second, said',
  [
    ([0, 2] * 6, 'has the labels 0, 1 and .* 0, 2'),
    (['a', 'b'] * 6, 'has the labels 0, 1 and .* a, b'),
    ([1, 0] * 6, None),
    (['1', '0'] * 6, None),
  ],
)
def test_labels_that_mean_something_else_are_not_paired(second, said):
  """Each set numbers its own levels: 0, 2 there would be 0, 1 here."""
  grey = np.linspace(0, 1, 12 * 16).reshape(12, 4, 4)
  of = lambda labels, name: stream.stream(
    grey, np.array(labels)[:, None], ('label',), name=name
  )
  first = of([0, 1] * 6, 'one')
  if said is None:
    batch = joined.join(first, of(second, 'two'), 'label')
    rows = batch.sample(jax.random.key(0), batch.arrays, jnp.arange(32))
    np.testing.assert_array_equal(rows['label'], rows['secondary_label'])
    return
  with pytest.raises(errors.ConfigError, match=said):
    joined.join(first, of(second, 'two'), 'label')
