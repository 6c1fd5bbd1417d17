"""Kinds of observations, and streams of sentences, videos and voxels."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny_grids as tiny

from disentangle_jax import data, errors, types
from disentangle_jax.data import factorial, kinds, lookup, stream

WORDS = ('<pad>', 'a', 'red', 'blue', 'hen', 'fox')


@pytest.mark.parametrize(
  'name, kind',
  [
    ('blobs', 'image'),
    ('moving_blobs', 'video'),
    ('moving_digits', 'video'),
    ('shape_motion', 'video'),
    ('xor', 'vector'),
    ('random_projection', 'vector'),
    ('nonstationary_sources', 'vector'),
  ],
)
def test_sets_say_what_they_hold(name, kind):
  dataset = data.load(name)
  assert dataset.kind == kind and dataset.dtype == 'float32'
  data.check(dataset)


def test_number_of_examples():
  assert kinds.num_examples(tiny.grid()) == 24
  assert tiny.grid().num_examples == 0
  rows = stream.rows(np.ones((7, 2)))
  assert rows.num_examples == kinds.num_examples(rows) == 7
  digits = data.load('digits', slants=2, thicknesses=2, sizes=2, share=0.5)
  assert digits.num_examples == 40


@pytest.mark.parametrize(
  'changed, said',
  [
    ({'kind': 'picture'}, 'tiny: kind: unknown .* legal: image, tokens'),
    ({'observation_shape': (2, 2)}, r'legal: image: float32 \[H, W, C\]'),
    ({'observation_shape': (2, 0, 1)}, 'does not fit'),
    ({'observation_shape': ()}, 'does not fit'),
    ({'kind': 'vector', 'observation_shape': ()}, 'does not fit'),
    ({'kind': 'video'}, "kind 'video'"),
    ({'kind': 'voxels'}, "kind 'voxels'"),
    ({'kind': 'tokens'}, "kind 'tokens'"),
    ({'dtype': 'int32'}, "must be 'float32'"),
    ({'kind': 'tokens', 'observation_shape': (5,)}, "must be 'int32'"),
    ({'extras': {'vocabulary': ['a']}}, 'tuple of strings'),
    ({'extras': {'vocabulary': ('a', 1)}}, 'tuple of strings'),
    ({'extras': {'vocabulary': ()}}, 'tuple of strings'),
    ({'fields': ('factors',)}, 'a name other than observation'),
    ({'fields': ('step',)}, 'a name other than observation'),
    ({'factor_names': ('a',)}, 'one per factor size'),
  ],
)
def test_what_does_not_fit_the_kind_is_refused(changed, said):
  with pytest.raises(errors.ConfigError, match=said) as caught:
    data.check(tiny.grid()._replace(**changed))
  assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
  'kind, shape, dtype',
  [
    ('image', (2, 3, 4), 'float32'),
    ('video', (5, 2, 3, 1), 'float32'),
    ('voxels', (5, 2, 3, 1), 'float32'),
    ('tokens', (5,), 'int32'),
    ('vector', (5,), 'float32'),
    ('vector', (5, 2), 'float32'),
  ],
)
def test_every_kind_has_sets_that_fit(kind, shape, dtype):
  changed = {'kind': kind, 'observation_shape': shape, 'dtype': dtype}
  data.check(tiny.grid()._replace(**changed))
  assert kind in types.KINDS


def test_load_checks_what_it_gives(monkeypatch):
  module = data.DATASETS['xor']
  wrong = module.make(module.Config())._replace(kind='image')
  monkeypatch.setattr(module, 'make', lambda config: wrong)
  with pytest.raises(errors.ConfigError, match='observation_shape'):
    data.load('xor')


def sentences(**changed):
  tokens = np.array([[1, 2, 4, 0], [1, 3, 5, 0], [1, 2, 3, 4]])
  arguments = {
    'tokens': tokens,
    'vocabulary': WORDS,
    'factors': np.array([[0], [1], [0]]),
    'names': ('animal',),
    **changed,
  }
  return stream.sentences(**arguments)


def test_sentences_are_drawn_as_tokens():
  dataset = sentences(
    test=(np.array([[1, 2, 5, 0]]), np.array([[2]])),
    fields={'length': np.array([3, 3, 4])},
  )
  data.check(dataset)
  assert (dataset.kind, dataset.dtype) == ('tokens', 'int32')
  assert dataset.observation_shape == (4,) and dataset.factor_sizes == (3,)
  batch = jax.jit(dataset.sample)(
    jax.random.key(0), dataset.arrays, jnp.arange(300)
  )
  assert batch['observation'].dtype == jnp.int32
  written = kinds.sentences(batch['observation'], dataset.extras['vocabulary'])
  lines = ['a red hen', 'a blue fox', 'a red blue hen']
  tiny.check_frequencies([lines.index(w) for w in written], np.ones(3) / 3)
  length = [len(w.split()) for w in written]
  np.testing.assert_array_equal(batch['length'], length)
  np.testing.assert_array_equal(
    batch['factors'][:, 0], ['fox' in w for w in written]
  )
  assert kinds.sentences(np.array([[3, 0, 1]])) == ['3 1']


@pytest.mark.parametrize(
  'changed, said',
  [
    ({'tokens': np.array([[6]])}, 'must lie in 0 to 5'),
    ({'tokens': np.array([[-1]])}, 'must lie in 0 to 5'),
    ({'tokens': np.array([[1.0]])}, r'integers \[N, L\]'),
    ({'tokens': np.array([1])}, r'integers \[N, L\]'),
    ({'factors': np.array([[0]])}, 'one row per image'),
    ({'fields': {'length': np.ones(2)}}, 'must have 3 rows'),
    ({'fields': {'length': np.array(['a'] * 3)}}, 'dtype of the field'),
    ({'test': (np.array([[9]]), np.array([[0]]))}, 'must lie in 0 to 5'),
    ({'test': (np.array([[1]]), np.array([[0]]))}, 'shape of test images'),
  ],
)
def test_sentences_that_do_not_fit_are_refused(changed, said):
  with pytest.raises(errors.ConfigError, match=said) as caught:
    sentences(**changed)
  assert '\n' not in str(caught.value)


def test_a_grid_can_be_of_sentences():
  def render(arrays, factors, key):
    del arrays, key
    return jnp.stack([jnp.int32(1), 2 + factors[0], 4 + factors[1]])

  dataset = factorial.make(
    name='hens',
    factor_names=('colour', 'animal'),
    factor_values=(np.arange(2.0),) * 2,
    observation_shape=(3,),
    render=render,
    kind='tokens',
    dtype='int32',
    extras={'vocabulary': WORDS},
  )
  data.check(dataset)
  batch = dataset.sample(jax.random.key(0), (), jnp.arange(8))
  colours, animals = np.array(WORDS[2:4]), np.array(WORDS[4:])
  assert kinds.sentences(batch['observation'], WORDS) == [
    f'a {colours[c]} {animals[a]}' for c, a in np.asarray(batch['factors'])
  ]


@pytest.mark.parametrize('kind', ['video', 'voxels'])
def test_solids_and_videos_from_arrays(kind):
  rng = np.random.default_rng(0)
  grey = rng.integers(0, 256, (6, 2, 4, 3)).astype(np.uint8)
  solid = stream.stream(grey, kind=kind)
  assert solid.observation_shape == (2, 4, 3, 1)
  data.check(solid)
  table = lookup.lookup(grey > 99, ('a', 'b'), (2, 3), kind=kind)
  assert table.arrays.dtype == np.uint8 and table.arrays.shape == (6, 3)
  data.check(table)
  points = jnp.asarray(factorial.grid((2, 3)))
  shown = jax.vmap(lambda f: table.render(table.arrays, f, None))(points)
  np.testing.assert_array_equal(shown[..., 0], grey > 99)
  with pytest.raises(errors.ConfigError, match='or'):
    stream.stream(grey[0], kind=kind)
