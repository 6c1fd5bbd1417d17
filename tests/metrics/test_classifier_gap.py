"""The gap of a method's own classifier on writers whose answers are known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import data, errors, types
from disentangle_jax.data.text import grammar
from disentangle_jax.metrics.models import classifier_gap

CONFIG = classifier_gap.Config(per_class=20, block=15, temperature=0.3)


def test_shares_of_known_answers():
  """Soft sentences fool it where warm, greedy ones where about food."""
  sentences = data.load('template_sentences')
  probe = classifier_gap.make(CONFIG, sentences)

  def answers(state, tokens, label, temperature):
    del state
    factors, _ = grammar.parse(tokens)
    yes, no = (10 * jax.nn.one_hot(x, 2) for x in (label, 1 - label))
    soft = yes if temperature == 0.3 else no
    food = factors[:, 1:2] == 0
    return soft, jnp.where(food, yes, no)

  writer = types.Method(
    None, None, None, None, {'classify_transferred': answers}
  )

  @jax.jit
  @jax.vmap
  def run(state):
    key = jax.random.key(1)
    told = probe.score(key, (), writer, state, sentences.arrays, None)
    source = classifier_gap.held_out_sentences.draw(
      sentences, 0, key, sentences.arrays, 20
    )
    return told, jnp.mean(grammar.parse(source.tokens)[0][:, 1] == 0)

  told, food = run({'weight': jnp.array([0.0, jnp.nan])})
  assert set(told) == set(classifier_gap.SCORES)
  assert told['own_soft'][0] == 1
  assert 0.2 < food[0] < 0.8
  np.testing.assert_allclose(told['own_greedy'][0], food[0], rtol=1e-6)
  np.testing.assert_allclose(told['classifier_gap'][0], 1 - food[0], rtol=1e-6)
  for name in told:
    assert np.isnan(told[name][1]), name


@pytest.mark.parametrize(
  ('options', 'words'),
  [
    ({'temperature': 0.0}, 'temperature = 0.0'),
    ({'per_class': 0}, 'per_class'),
    ({'factor': 2}, 'between two'),
  ],
)
def test_constants_that_are_refused(options, words):
  sentences = data.load('template_sentences')
  with pytest.raises(errors.ConfigError, match=words) as caught:
    classifier_gap.make(classifier_gap.Config(**options), sentences)
  assert '\n' not in str(caught.value)
