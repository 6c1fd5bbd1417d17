"""Moved codes: an oracle crosses and keeps all, others what they should."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import data as data_lib
from disentangle_jax import errors, types
from disentangle_jax.data import stream
from disentangle_jax.data.text import grammar
from disentangle_jax.metrics.models import code_traversal, sentence_groups
from disentangle_jax.ops import traversal

SMALL = {
  'num_test': 16,
  'num_pool': 200,
  'num_test_pool': 200,
  'examples': 8,
  'budget': 1e-2,
  'budgets': (1e-2, 100.0),
  'num_steps': 60,
}
CONFIG = code_traversal.Config(**SMALL)
TOPIC = 10.0


@functools.cache
def sentences():
  return data_lib.load('template_sentences', purity=1.0)


def oracle():
  """Codes are the sentiment, the topic and the other factors, far smaller.

  Its state: the width of the topic, what the head adds, and whether what it
  writes is one sentence for each sentiment.
  """
  small = 1e-3 * jnp.arange(1.0, 8.0)

  def represent(state, observation):
    factors = grammar.parse(observation)[0].astype(jnp.float32)
    signs = 2 * factors[:, :2] - 1
    scaled = signs * jnp.stack([1.0, state['topic_width']])
    rest = factors[:, 2:] * small
    return types.Codes(jnp.concatenate([scaled, rest], axis=1), {})

  def write(state, vector):
    binary = (vector[:, :2] > 0).astype(jnp.int32)
    rest = jnp.round(vector[:, 2:] / small).astype(jnp.int32)
    rest = jnp.clip(rest, 0, jnp.asarray(grammar.SIZES[2:]) - 1)
    factors = jnp.concatenate([binary, rest], axis=1)
    alone = factors.at[:, 1:].set(0)
    return grammar.tokens_of(jnp.where(state['forgets'], alone, factors))

  def classify_code(state, vector):
    logit = vector[:, 0] + state['bias']
    return jnp.stack([-logit, logit], axis=1)

  extras = {
    'write': write,
    'classify_code': classify_code,
    'traverse_code': lambda state, *given, **options: traversal.traverse(
      *given, **options
    ),
  }
  return types.Method(None, None, represent, write, extras)


@functools.cache
def program():
  data = sentences()
  probe = code_traversal.make(CONFIG, data)

  @jax.jit
  def both(state, key, arrays):
    context = probe.fit(key, arrays)
    return probe.score(key, context, oracle(), state, arrays, None)

  return lambda state: both(state, jax.random.key(0), data.arrays)


@functools.cache
def scores(topic_width=TOPIC, bias=0.0, forgets=False):
  state = {'topic_width': topic_width, 'bias': bias, 'forgets': forgets}
  told = program()(jax.tree.map(jnp.asarray, state))
  return {name: float(value) for name, value in told.items()}


def test_a_code_of_factors_crosses_and_keeps_all():
  told = scores()
  declared = code_traversal.SCORES
  assert {name.split('/')[0] for name in told} == set(declared)
  for name, value in told.items():
    score = declared[name.split('/')[0]]
    assert score.low <= value <= score.high, name
  of = lambda name: told[f'traversal_{name}']
  assert of('reconstruction') == 1.0
  # No move: nothing crosses, the topic stays, texts are the sentences.
  assert of('crossed/none') == of('distance/none') == of('moved/none') == 0.0
  assert of('kept_topic/none') == of('written_content/none') == 1.0
  assert of('written_transfer/none') == 0.0
  assert of('written_bleu/none') == pytest.approx(100.0)
  assert of('written_copied/none') == 1.0
  # At a small budget and by the means every code is called the other one, and
  # what is written has the sentiment and its topic; other slots may move.
  for cell in ('', '/budget_0.01', '/means'):
    assert of(f'crossed{cell}') == of(f'crossed_within_topic{cell}') == 1.0
    assert of(f'written_transfer{cell}') == of(f'written_topic{cell}') == 1.0
    assert of(f'written_copied{cell}') == of(f'written_ambiguous{cell}') == 0.0
    # All texts have the target, those that keep the rest have both.
    assert of(f'written_both{cell}') == of(f'written_content{cell}')
  assert of('written_both/none') == 0.0
  assert of('witness') < of('witness/budget_100') <= of('witness/none')
  assert of('crossed/budget_100') == 0.0 and of('distance/budget_100') < 0.05
  assert of('moved') == 1.0 and of('moved/budget_100') == 0.0


def test_the_scale_is_that_of_sources_and_targets():
  """Half of the pairs share the topic: (2)^2, else 2^2 + (2 TOPIC)^2."""
  told = scores()['traversal_scale']
  low, high = 4.0, 4.0 + 4 * TOPIC**2
  assert low < told < high + 0.1
  assert scores(topic_width=0.0)['traversal_scale'] == pytest.approx(4, 0.01)


def test_a_code_without_topic_keeps_none_and_forgotten_slots_show():
  told = scores(topic_width=0.0)
  assert told['traversal_kept_topic/none'] < 0.95
  assert told['traversal_crossed/means'] == 1.0
  told = scores(forgets=True)
  assert told['traversal_written_transfer'] == 1.0
  assert told['traversal_written_content'] < 0.2
  assert told['traversal_written_both'] == told['traversal_written_content']
  assert told['traversal_written_topic'] == 0.5


def test_a_head_that_is_blind_crosses_half_without_a_move():
  assert scores(bias=100.0)['traversal_crossed/none'] == 0.5


def test_rows_of_groups_come_again_where_there_are_few():
  group = jnp.array([1, 0, -1, 1, 1, 0])
  rows = sentence_groups.of_groups(group, 2, 3)
  np.testing.assert_array_equal(rows, [[1, 5, 1], [0, 3, 4]])


def test_majority_by_hand():
  pool = jnp.array([[0.0], [1.0], [2.0], [10.0], [11.0], [12.0]])
  topic = jnp.array([0, 0, -1, 1, 1, 0])
  codes, own = jnp.array([[0.5], [11.0], [11.0]]), jnp.array([0, 1, 0])
  got = sentence_groups.majority(codes, pool, topic, own, 3)
  # The three nearest of 0.5 are 0, 1 and, as 2 has no topic, 10.
  np.testing.assert_array_equal(got, [True, True, False])


def files(labels=(0, 1)):
  vocabulary = (*grammar.VOCABULARY[:4], 'soup', 'lamp', 'good', 'bad')
  tokens = np.array([[4, 6, 2], [5, 6, 2], [4, 7, 2], [5, 7, 2]])
  labels = np.resize(labels, 4)
  labels.sort()
  return stream.sentences(
    tokens,
    vocabulary,
    labels[:, None],
    ('label',),
    fields={'label': labels.astype(np.int32)},
    exact=True,
  )


TOPICS = (('soup',), ('lamp',))


@pytest.mark.parametrize(
  'options, make, words',
  [
    ({'budget': -1.0}, sentences, 'budget = -1.0: must be at least 0'),
    ({'budgets': (0.1, -1.0)}, sentences, 'must be at least 0'),
    ({'budgets': (0.1, 0.1)}, sentences, 'holds a budget twice'),
    ({'examples': 7}, sentences, 'must be a multiple of 2'),
    ({'num_test': 6}, sentences, 'must be a multiple of 4'),
    ({'neighbours': 190}, sentences, 'leaves too few'),
    ({}, files, "this set has no factor 'topic'"),
    ({'topics': (('soup',),)}, files, 'must be lists of words'),
    (
      {'topics': (('soup', 'lamp'), ('good',))},
      files,
      'holds no sentence of label 0 and topic 0',
    ),
    (
      {},
      lambda: data_lib.load('template_sentences', purity=1.0, correlation=1.0),
      'holds no sentence of label 0 and topic 0',
    ),
    ({}, lambda: data_lib.load('dsprites'), 'sentences with a vocabulary'),
    (
      {'topics': TOPICS},
      lambda: files((0, 1, 2, 2)),
      'moves between two labels, this set has 3',
    ),
  ],
)
def test_what_cannot_be_scored(options, make, words):
  config = code_traversal.Config(**{**SMALL, **options})
  with pytest.raises(errors.ConfigError, match=words) as caught:
    code_traversal.make(config, make())
  assert '\n' not in str(caught.value)


def test_sentences_of_files_are_judged_by_a_classifier():
  data = files()
  config = code_traversal.Config(
    **{**SMALL, 'topics': TOPICS, 'steps': 30, 'budgets': (0.1,)}
  )
  probe = code_traversal.make(config, data)
  # soup good, lamp good: label 0; soup bad, lamp bad: label 1.
  code = jnp.array([[0.0, -3], [0, 3], [-1, 0], [1, 0]])

  def represent(state, observation):
    return types.Codes(jnp.sum(code[observation[:, :2] - 4], axis=1), {})

  def write(state, vector):
    bits = (vector > 0).astype(jnp.int32)
    end = jnp.full((len(vector), 1), 2)
    return jnp.concatenate([4 + bits[:, 1:], 6 + bits[:, :1], end], axis=1)

  extras = {
    'write': write,
    'classify_code': lambda state, z: jnp.stack([-z[:, 0], z[:, 0]], 1),
    'traverse_code': lambda state, *given, **options: traversal.traverse(
      *given, **options
    ),
  }
  method = types.Method(None, None, represent, write, extras)

  def both(key, arrays):
    context = probe.fit(key, arrays)
    return probe.score(key, context, method, (), arrays, None)

  told = jax.jit(both)(jax.random.key(0), data.arrays)
  assert 'traversal_written_content' not in told
  assert told['traversal_written_transfer'] == 1.0
  assert told['traversal_written_transfer/none'] == 0.0
  assert told['traversal_written_topic'] == 1.0
