"""Scores of rewritten sentences against writers whose answers are known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import data, errors, metrics, types
from disentangle_jax.data.text import grammar
from disentangle_jax.metrics.models import (
  code_probe,
  held_out_sentences,
  text_samples,
  text_transfer,
)
from disentangle_jax.ops import tokens as tokens_lib

WRITERS = ('oracle', 'copier', 'mute', 'constant', 'other_nouns', 'diverged')
CONFIG = text_transfer.Config(
  per_class=30,
  block=25,
  classifier_filters=6,
  classifier_steps=120,
  model_hidden=8,
  model_embedding=4,
  model_steps=60,
  model_learning_rate=3e-2,
)


def rewritten(writer, tokens, label):
  """What each writer makes of sentences; `writer` is a number in WRITERS."""
  factors, _ = grammar.parse(tokens)
  flipped = grammar.tokens_of(factors.at[..., 0].set(label))
  # The first noun of the topic that the sentence lacks stands in both places.
  own = factors[..., 3:5, None] == jnp.arange(3)
  other = jnp.argmin(jnp.any(own, axis=-2), axis=-1)
  strange = factors.at[..., 3:5].set(other[..., None]).at[..., 0].set(label)
  others = grammar.tokens_of(strange)
  constant = grammar.tokens_of((0 * factors).at[..., 0].set(label))
  mute = jnp.zeros_like(tokens).at[..., 0].set(tokens_lib.EOS)
  choices = [flipped, tokens, mute, constant, others, flipped]
  return jnp.stack(choices)[writer]


def method(**extras):
  write = lambda state, tokens, label: rewritten(state['writer'], tokens, label)
  return types.Method(None, None, None, None, {'transfer': write, **extras})


@pytest.fixture(scope='module')
def sentences():
  return data.load('template_sentences', purity=0.9, negation=0.0)


@pytest.fixture(scope='module')
def scores(sentences):
  probe = text_transfer.make(CONFIG, sentences)
  context = jax.jit(probe.fit)(jax.random.key(0), sentences.arrays)

  @jax.jit
  @jax.vmap
  def run(state):
    return probe.score(
      jax.random.key(1), context, method(), state, sentences.arrays, None
    )

  number = jnp.arange(len(WRITERS))
  broken = jnp.where(number == WRITERS.index('diverged'), jnp.nan, 0.0)
  told = run({'writer': number, 'weight': broken})
  return {
    writer: {key: float(value[k]) for key, value in told.items()}
    for k, writer in enumerate(WRITERS)
  }


def test_an_oracle_has_every_best_score(scores):
  told = scores['oracle']
  assert set(told) == set(text_transfer.SCORES)
  for name in (
    'transfer_exact',
    'content_exact',
    'transfer_both',
    'transfer_content',
    'transfer_all_nouns',
    'reconstruction_exact',
  ):
    assert told[name] == 1, name
  for name in ('transfer_copied', 'transfer_ambiguous', 'transfer_identical'):
    assert told[name] == 0, name
  assert told['transfer_judge'] == told['transfer'] == 1
  # One word of each sentence differs, and without 'not' none is added.
  assert 20 < told['transfer_bleu'] < 90
  assert told['transfer_perplexity'] < 1.2 * told['transfer_perplexity_source']


def test_a_copier_keeps_everything(scores):
  told = scores['copier']
  assert told['transfer_bleu'] == pytest.approx(100)
  assert (
    told['transfer'] == told['transfer_exact'] == told['transfer_both'] == 0
  )
  for name in (
    'content_exact',
    'transfer_copied',
    'transfer_identical',
    'transfer_all_nouns',
    'reconstruction_exact',
  ):
    assert told[name] == 1, name
  assert told['transfer_perplexity'] == pytest.approx(
    told['transfer_perplexity_source'], rel=1e-5
  )


def test_one_that_says_nothing_has_no_polarity(scores):
  told = scores['mute']
  assert told['transfer_ambiguous'] == 1
  for name in (
    'transfer_exact',
    'content_exact',
    'transfer_copied',
    'transfer_content',
    'transfer_bleu',
    'reconstruction_exact',
  ):
    assert told[name] == 0, name


def test_transfer_alone_is_perfect_for_one_sentence_per_label(scores):
  told = scores['constant']
  assert told['transfer_exact'] == told['transfer'] == 1
  assert told['transfer_both'] == told['content_exact'] < 0.2
  assert told['transfer_content'] < 0.7


def test_other_nouns_are_no_content(scores):
  told = scores['other_nouns']
  assert told['transfer_exact'] == told['transfer'] == 1
  assert told['transfer_content'] == told['transfer_all_nouns'] == 0
  assert told['content_exact'] == 0


def test_a_run_that_diverged_has_no_scores(scores):
  assert np.isnan(list(scores['diverged'].values())).all()


def test_nouns_are_counted_by_hand():
  source = held_out_sentences.Sentences(
    jnp.array([[4, 20, 5, 2, 4], [4, 4, 6, 2, 0], [20, 21, 2, 0, 0]]),
    jnp.zeros(3, jnp.int32),
    jnp.array([[1, 0, 1, 0, 1], [1, 1, 1, 0, 0], [0, 0, 0, 0, 0]], bool),
  )
  written = jnp.array([[5, 20, 2, 0], [9, 4, 2, 0], [21, 20, 2, 0]])
  nouns, stay = text_transfer.nouns_of(source, written)
  # What stands behind the end is no noun; 4 stands twice in the second.
  assert nouns.tolist() == [2, 3, 0] and stay.tolist() == [1, 2, 0]


def test_draws_are_balanced_and_held_out(sentences):
  drawn = jax.jit(
    lambda key: held_out_sentences.draw(sentences, 0, key, sentences.arrays, 20)
  )(jax.random.key(3))
  assert drawn.label.tolist() == [0] * 20 + [1] * 20
  assert bool(jnp.all(grammar.is_held_out(drawn.tokens)))
  assert (grammar.polarity(drawn.tokens) == drawn.label).all()
  assert (grammar.noun_mask(drawn.tokens) == drawn.nouns).all()


def test_blocks_are_the_whole():
  rows = {'a': jnp.arange(7), 'b': jnp.arange(14).reshape(7, 2)}
  double = lambda rows: (2 * rows['a'], rows['b'] + rows['a'][:, None])
  for block in (1, 3, 7, 50):
    told = held_out_sentences.in_blocks(double, rows, block)
    for got, wanted in zip(told, double(rows)):
      np.testing.assert_array_equal(got, wanted)


def test_files_have_no_oracles(tmp_path):
  for name, word in (('a', 'bad'), ('b', 'good'), ('c', 'bad'), ('d', 'good')):
    lines = [f'the {noun} is {word} today' for noun in ('soup', 'tea', 'rice')]
    (tmp_path / name).write_text('\n'.join(lines * 2))
  path = lambda name: str(tmp_path / name)
  options = dict(path=path('a'), second=path('b'), least_count=1, length=7)
  tests = dict(test=path('c'), second_test=path('d'))
  own = data.load('sentences_file', **options, **tests)
  probe = text_transfer.make(CONFIG, own)
  assert probe.constants['oracles'] == probe.constants['nouns'] == 'none'
  context = jax.eval_shape(probe.fit, jax.random.key(0), own.arrays)
  copier = types.Method(
    None, None, None, None, {'transfer': lambda state, tokens, label: tokens}
  )
  run = lambda context, arrays: probe.score(
    jax.random.key(1), context, copier, (), arrays, None
  )
  told = jax.eval_shape(run, context, own.arrays)
  left_out = {
    'transfer_exact',
    'content_exact',
    'transfer_both',
    'transfer_copied',
    'transfer_ambiguous',
    'transfer_content',
    'transfer_all_nouns',
  }
  assert set(told) == set(text_transfer.SCORES) - left_out
  bare = data.load('sentences_file', **options)
  for name in ('text_transfer', 'text_samples', 'code_probe'):
    module = metrics.METRICS[name]
    with pytest.raises(errors.ConfigError, match='never draws') as caught:
      module.make(module.Config(), bare)
    assert '\n' not in str(caught.value)
    with pytest.raises(errors.ConfigError, match='reads sentences'):
      module.make(module.Config(), data.load('blobs', resolution=8))


def test_transfer_is_between_two_labels(sentences):
  for module in (text_transfer, code_probe):
    with pytest.raises(errors.ConfigError, match='between two'):
      module.make(module.Config(factor=2), sentences)
    with pytest.raises(errors.ConfigError, match='factor'):
      module.make(module.Config(factor=9), sentences)


def test_distinct_sentences_by_counting():
  tokens = np.random.default_rng(0).integers(0, 2, size=(40, 5))
  share = len(np.unique(tokens, axis=0)) / 40
  assert text_samples.distinct(jnp.array(tokens)) == pytest.approx(share)


def test_draws_of_the_data_and_of_one_sentence(sentences):
  config = text_samples.Config(
    num_samples=60,
    block=30,
    model_hidden=8,
    model_embedding=4,
    model_steps=60,
    model_learning_rate=3e-2,
  )
  probe = text_samples.make(config, sentences)

  def generate(key, state, count):
    rows = sentences.sample(key, sentences.arrays, jnp.arange(count))
    real = rows['observation']
    return jnp.where(state['one'], real[:1], real), None

  writer = types.Method(None, None, None, None, {'generate': generate})

  @jax.jit
  def run(state):
    context = probe.fit(jax.random.key(0), sentences.arrays)
    return jax.vmap(
      lambda state: probe.score(
        jax.random.key(1), context, writer, state, sentences.arrays, None
      )
    )(state)

  told = run({'one': jnp.array([False, True])})
  assert set(told) == set(text_samples.SCORES)
  assert told['samples_grammatical'].tolist() == [1, 1]
  assert told['samples_distinct'][0] > 0.9
  assert told['samples_distinct'][1] == pytest.approx(1 / 60)
  # One sentence for all is likely and says nothing of the others.
  low, high = told['reverse_perplexity'].tolist()
  assert low < 25 < 60 < high


def test_a_probe_reads_what_a_code_says(sentences):
  config = code_probe.Config(
    num_train=200, per_class=50, hidden=8, steps=80, block=100
  )
  probe = code_probe.make(config, sentences)

  def represent(state, tokens):
    polarity = grammar.polarity(tokens).astype(jnp.float32)
    # Exclusive or of two columns: no linear reader sees it.
    coin = (jnp.sum(tokens, axis=-1) % 2).astype(jnp.float32)
    told = jnp.abs(polarity - coin)
    columns = [told, coin, jnp.full_like(coin, 3.0)]
    code = jnp.stack(columns, axis=-1) * state['scale']
    return types.Codes(code, {})

  reader = types.Method(None, None, represent, None)

  @jax.jit
  @jax.vmap
  def run(state):
    return probe.score(
      jax.random.key(1), (), reader, state, sentences.arrays, None
    )

  both, half = jnp.ones(3), jnp.array([0.0, 1.0, 1.0])
  told = run({'scale': jnp.stack([100 * both, half, jnp.nan * both])})
  assert told['code_probe'][0] == told['code_probe_train'][0] == 1
  assert 0.3 < told['code_probe'][1] < 0.7
  assert jnp.isnan(told['code_probe'][2])
