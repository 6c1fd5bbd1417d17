"""Sentences whose codes are moved: gradients, kept examples, refusals."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import data as data_lib
from disentangle_jax import errors
from disentangle_jax.data import stream
from disentangle_jax.methods.text import code_map, examples, sentiment_mmd
from disentangle_jax.ops import topics, traversal

TOPICS = (('soup', 'rice'), ('lamp', 'book'))


@pytest.fixture(scope='module')
def steps(harness, history):
  """The harness and states of its runs."""
  made = harness('sentiment_mmd')
  return made, history(made, False)[0]


def of_run(states, run=0):
  return jax.tree.map(lambda x: jnp.asarray(x[run]), states)


def test_weight_zero_leaves_the_code_to_the_autoencoder(steps):
  """Only the head learns from labels then, and it learns at full rate."""
  made, states = steps
  runs = {
    value: 1 + i
    for i, (name, value) in enumerate(made.probes)
    if name == 'lambda_class'
  }
  own, none = (of_run(states[1], run) for run in (0, runs[0.0]))
  start = of_run(states[0])
  # Adam's first moment is a tenth of the cut gradient.
  moment = lambda state: state.opt_state[1][0].mu
  assert np.abs(moment(none)['head']['kernel']).max() > 1e-6
  mine, plain = moment(own), moment(none)
  differs = np.abs(
    mine['encoder']['WindowCNN_0']['height_1']['kernel']
    - plain['encoder']['WindowCNN_0']['height_1']['kernel']
  )
  assert differs.max() > 1e-6
  # The writer's gradient is the same but for the cut at a norm.
  ratio = [
    np.asarray(a) @ np.asarray(b) / (np.linalg.norm(a) * np.linalg.norm(b))
    for a, b in [
      (
        np.ravel(mine['writer']['readout']['kernel']),
        np.ravel(plain['writer']['readout']['kernel']),
      ),
    ]
  ]
  np.testing.assert_allclose(ratio, 1.0, atol=1e-5)
  assert start.params['net']['head']['kernel'].shape == (4, 2)


def test_the_first_sentences_of_each_label_and_topic_are_kept(steps):
  made, states = steps
  wanted = {group: [] for group in range(4)}
  for step in range(len(states) - 1):
    batch = made.batch(step)
    for tokens, label, factors in zip(
      batch['observation'], batch['label'], batch['factors']
    ):
      wanted[2 * int(label) + int(factors[1])].append(np.asarray(tokens))
  store = of_run(states[-1]).params['examples']
  assert store.tokens.shape == (4, 2, 14)
  for group, sentences in wanted.items():
    assert store.count[group] == min(2, len(sentences))
    for row, sentence in zip(store.tokens[group], sentences):
      np.testing.assert_array_equal(row, sentence)


def test_examples_of_no_group_are_left_out_and_few_come_again():
  tokens = jnp.arange(1, 13).reshape(4, 3)
  store = examples.empty(2, 3, 3)
  group = jnp.array([1, -1, 1, -1])
  # The order is that of the numbers, not of the rows.
  store = examples.with_batch(store, tokens, group, jnp.array([7, 1, 3, 2]))
  np.testing.assert_array_equal(store.count, [0, 2])
  np.testing.assert_array_equal(store.tokens[0], 0)
  rows = examples.rows_of(store)[1]
  np.testing.assert_array_equal(rows, tokens[jnp.array([2, 0, 2])])


def test_transfer_moves_each_sentence_towards_its_label(steps):
  """It writes what the moved code writes; labels choose the direction."""
  made, states = steps
  method, state = made.method, of_run(states[-1])
  tokens = made.batch(0)['observation']
  label = jnp.arange(len(tokens)) % 2

  def by_hand(state):
    vector = method.represent(state, tokens).vector
    rows = examples.rows_of(state.params['examples']).reshape(2, -1, 14)
    sources, targets = (method.represent(state, x).vector for x in rows)
    moved = traversal.traverse(
      vector, sources, targets, state.params['budget'], 2.0 * label - 1
    )
    return method.extras['write'](state, moved.vector), moved

  both = lambda s: (method.extras['transfer'](s, tokens, label), by_hand(s))
  got, (wanted, moved) = made.jit(both)(state)
  np.testing.assert_array_equal(got, wanted)
  assert got.dtype == jnp.int32 and got.shape == tokens.shape
  assert np.all(moved.after < moved.before)


def test_texts_and_pictures_of_a_run(steps):
  made, states = steps
  method, state = made.method, of_run(states[-1])
  tokens = made.batch(0)['observation']
  both = made.jit(
    lambda s: [
      method.extras[name](jax.random.key(0), s, tokens)
      for name in ('texts', 'pictures')
    ]
  )
  texts, pictures = both(state)
  assert set(texts) == {'source', 'reconstruction', 'traversed_at_0.01'}
  np.testing.assert_array_equal(texts['source'], tokens)
  image = np.asarray(pictures['code_map'])
  assert image.shape == (1, 1, 160, 160, 3)
  seen = {tuple(pixel) for pixel in image.reshape(-1, 3).round(4).tolist()}
  wanted = code_map.colours(2).reshape(-1, 3).round(4).tolist()
  assert (0.0, 0.0, 0.0) in seen  # ways of codes
  wanted += [[1.0] * 3, [0.0] * 3]
  assert seen <= {tuple(colour) for colour in wanted}
  assert len(seen) > 2


def test_components_are_those_of_numpy():
  rng = np.random.default_rng(0)
  codes = (rng.normal(size=(30, 4)) * [3, 1, 2, 0.1]).astype(np.float32)
  mean, directions = code_map.components(jnp.asarray(codes))
  got = np.asarray((codes - mean) @ directions)
  centred = codes - codes.mean(0)
  _, _, axes = np.linalg.svd(centred, full_matrices=False)
  wanted = centred @ axes[:2].T
  wanted *= np.sign(np.sum(wanted * got, axis=0))
  np.testing.assert_allclose(got, wanted, atol=1e-3)
  assert code_map.components(jnp.ones((3, 1)))[1].shape == (1, 2)


def test_the_first_phase_has_no_head_and_reads_no_label():
  config = sentiment_mmd.Config(
    **{**sentiment_mmd.TEST['static'], 'stage': 'autoencode'}
  )
  assert len(sentiment_mmd.batch(config)) == 1
  assert sentiment_mmd.after(config) is None
  later = sentiment_mmd.Config(**sentiment_mmd.TEST['static'])
  assert sentiment_mmd.after(later).static == {'stage': 'autoencode'}
  grammar = data_lib.load('template_sentences')
  first, second = (sentiment_mmd.make(c, grammar) for c in (config, later))
  assert set(first.extras) == {'write'}
  batch = {
    'observation': jnp.full((2, 14), 4, jnp.int32),
    'label': jnp.zeros(2, jnp.int32),
  }
  hparams = sentiment_mmd.HPARAMS
  before = jax.jit(first.init)(jax.random.key(0), batch, hparams)
  state = jax.jit(second.init)(jax.random.key(1), batch, hparams, before)
  assert 'head' not in before.params['net']
  for name, part in before.params['net'].items():
    jax.tree.map(np.testing.assert_array_equal, state.params['net'][name], part)


def sentences(labels=(0, 1)):
  """Three sentences in a stream, of as many labels."""
  tokens = np.array([[4, 2], [5, 2], [4, 2]])
  labels = np.resize(labels, 3)
  vocabulary = ('<pad>', '<bos>', '<eos>', '<unk>', 'soup', 'lamp')
  return stream.sentences(
    tokens,
    vocabulary,
    labels[:, None],
    ('label',),
    fields={'label': labels.astype(np.int32)},
  )


@pytest.mark.parametrize(
  'static, words',
  [
    ({'heights': (0, 1)}, 'must be numbers of words of at least 1'),
    ({'heights': (2, 2)}, 'holds a height twice'),
    ({'heights': ()}, 'must be numbers of words of at least 1'),
    ({'filters': 0}, 'config.static.filters'),
    ({'text_budgets': (-0.1,)}, 'must be budgets of at least 0'),
    ({'stage': 'jiont'}, "did you mean 'joint'"),
    ({'examples': 5}, 'must be a multiple of the 2 topics'),
    ({'topics': (('soup',),)}, 'must be lists of words'),
    ({'topics': (('soup',), ('ham',))}, 'holds no word of the vocabulary'),
    ({'precision': 'half'}, 'config.static.precision'),
  ],
)
def test_settings_that_cannot_be(static, words):
  config = sentiment_mmd.Config(**static)
  with pytest.raises(errors.ConfigError, match=words) as caught:
    sentiment_mmd.make(config, data_lib.load('template_sentences'))
  assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
  'make, words',
  [
    (lambda: data_lib.load('dsprites'), 'needs sentences with a vocabulary'),
    (lambda: sentences((0, 1, 2)), 'between two labels, this set has 3'),
  ],
)
def test_data_that_do_not_fit(make, words):
  with pytest.raises(errors.ConfigError, match=words):
    sentiment_mmd.make(sentiment_mmd.Config(), make())


def test_topics_by_words_leave_other_sentences_out(harness):
  """Of the grammar's nouns two a topic are named; others count as unknown."""
  grammar = data_lib.load('template_sentences')
  table = topics.table(grammar.extras['vocabulary'], TOPICS, 'x')
  config = sentiment_mmd.Config(
    **{**sentiment_mmd.TEST['static'], 'topics': TOPICS}
  )
  method = sentiment_mmd.make(config, grammar)
  index = jnp.arange(16, dtype=jnp.int32)
  batch = grammar.sample(jax.random.key(0), grammar.arrays, index)
  hparams = sentiment_mmd.HPARAMS
  both = harness('sentiment_mmd').jit(
    lambda key: method.update(
      key, method.init(key, batch, hparams), batch, hparams
    )[0].params['examples']
  )
  store = both(jax.random.key(1))
  topic = np.asarray(topics.of_sentences(batch['observation'], table))
  label = np.asarray(batch['label'])
  for group in range(4):
    count = np.sum((label == group // 2) & (topic == group % 2))
    assert store.count[group] == min(2, count)
