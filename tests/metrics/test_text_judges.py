"""Judges of sentences against laws that are known exactly."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import data, errors
from disentangle_jax.data import factorial
from disentangle_jax.data.text import grammar
from disentangle_jax.metrics.models import language_model, text_classifier
from disentangle_jax.ops import tokens as tokens_lib

WHERE = 'config.metric_options.text_transfer'


def held_out(dataset, count, seed=5):
  draw = jax.jit(dataset.extras['held_out'])
  return draw(jax.random.key(seed), dataset.arrays, jnp.arange(count))


def entropy_rate(dataset):
  """Exact, of the sentences that `sample` draws, nats per token."""
  factors = factorial.grid(grammar.SIZES)
  tokens = np.unique(np.asarray(jax.jit(grammar.tokens_of)(factors)), axis=0)
  known = jax.jit(dataset.extras['grammar'].log_probability)(tokens)
  logs = np.asarray(known, np.float64)
  logs, tokens = logs[np.isfinite(logs)], tokens[np.isfinite(logs)]
  lengths = np.asarray(tokens_lib.mask_of(tokens)).sum(axis=1)
  return -np.sum(np.exp(logs) * logs) / np.sum(np.exp(logs) * lengths)


def test_a_language_model_learns_and_stays_above_the_entropy():
  dataset = data.load('template_sentences')
  config = language_model.Config(
    hidden=16, embedding=8, steps=120, batch_size=32, learning_rate=2e-2
  )
  judge = language_model.make(config, dataset, WHERE)

  @jax.jit
  def run(key, tokens):
    params = judge.fit(key, dataset.arrays)
    # Words behind the end are not read, nor do they count.
    ended = tokens_lib.mask_of(tokens)
    noisy = jnp.where(ended, tokens, 9)
    return (
      judge.nll(params, tokens),
      judge.nll(params, noisy),
      judge.perplexity(params, tokens),
    )

  tokens = dataset.sample(jax.random.key(9), dataset.arrays, jnp.arange(1500))[
    'observation'
  ]
  nll, noisy, perplexity = map(np.asarray, run(jax.random.key(0), tokens))
  np.testing.assert_allclose(nll, noisy, rtol=1e-5)
  count = np.sum(np.asarray(tokens_lib.mask_of(tokens)))
  np.testing.assert_allclose(perplexity, np.exp(nll.sum() / count), rtol=1e-4)
  rate = entropy_rate(dataset)
  assert np.exp(rate) < perplexity < 15
  # Sentence by sentence the mean excess is a divergence.
  exact = np.asarray(dataset.extras['grammar'].log_probability(tokens))
  assert np.mean(nll + exact) > 0


def test_it_can_be_fitted_to_written_sentences():
  dataset = data.load('template_sentences')
  config = language_model.Config(
    hidden=8, embedding=4, steps=60, batch_size=8, learning_rate=5e-2
  )
  judge = language_model.make(config, dataset, WHERE)
  tokens = held_out(dataset, 2)['observation']
  params = jax.jit(judge.fit_to)(jax.random.key(0), tokens[:1])
  own, other = (judge.perplexity(params, tokens[k : k + 1]) for k in (0, 1))
  assert own < 1.5 < 5 < other


@pytest.mark.slow
def test_a_fitted_language_model_is_near_the_entropy():
  dataset = data.load('template_sentences', part='all')
  judge = language_model.make(language_model.Config(), dataset, WHERE)
  params = jax.jit(judge.fit)(jax.random.key(0), dataset.arrays)
  tokens = dataset.sample(jax.random.key(9), dataset.arrays, jnp.arange(5000))[
    'observation'
  ]
  perplexity = float(jax.jit(judge.perplexity)(params, tokens))
  best = float(np.exp(entropy_rate(dataset)))
  assert 0.995 * best <= perplexity <= 1.05 * best


def test_a_classifier_names_every_sentence_whose_label_is_a_word():
  # Without 'not' the adjective alone tells, and one label in ten is wrong.
  dataset = data.load('template_sentences', negation=0.0, purity=0.9)
  config = text_classifier.Config(
    filters=8, embedding=8, steps=150, batch_size=64, learning_rate=2e-2
  )
  judge = text_classifier.make(config, dataset, WHERE)
  params = jax.jit(judge.fit)(jax.random.key(0), dataset.arrays)
  test = held_out(dataset, 1000)
  sentiment = test['factors'][:, 0]
  assert judge.accuracy(params, test['observation'], sentiment) == 1
  named = judge.accuracy(params, test['observation'], test['label'])
  np.testing.assert_allclose(named, 0.9, atol=0.03)
  # Only words up to the end are read.
  tokens = test['observation'][:20]
  noisy = jnp.where(tokens_lib.mask_of(tokens), tokens, 20)
  np.testing.assert_allclose(
    judge.logits(params, noisy), judge.logits(params, tokens), atol=1e-5
  )


def test_another_factor_can_be_the_label():
  dataset = data.load('template_sentences')
  config = text_classifier.Config(
    factor=1, filters=4, embedding=8, steps=100, learning_rate=2e-2
  )
  judge = text_classifier.make(config, dataset, WHERE)
  params = jax.jit(judge.fit)(jax.random.key(0), dataset.arrays)
  test = held_out(dataset, 500)
  topic = test['factors'][:, 1]
  assert judge.accuracy(params, test['observation'], topic) > 0.98


@pytest.mark.parametrize(
  'module, options, said',
  [
    (language_model, {'hidden': 0}, r'text_transfer\.hidden'),
    (language_model, {'learning_rate': 0.0}, r'\.learning_rate'),
    (text_classifier, {'heights': ()}, r'\.heights'),
    (text_classifier, {'factor': 9}, r'\.factor'),
    (text_classifier, {'steps': 0}, r'\.steps'),
  ],
)
def test_settings_out_of_range(module, options, said):
  dataset = data.load('template_sentences')
  with pytest.raises(errors.ConfigError, match=said) as caught:
    module.make(module.Config(**options), dataset, WHERE)
  assert '\n' not in str(caught.value)


def test_sets_without_sentences_or_words():
  for module in (language_model, text_classifier):
    with pytest.raises(errors.ConfigError, match='judges sentences'):
      module.make(module.Config(), data.load('blobs', resolution=8), WHERE)
    bare = data.load('template_sentences')
    with pytest.raises(errors.ConfigError, match='needs a vocabulary'):
      module.make(module.Config(), bare._replace(extras={}), WHERE)
