"""Whether sentences that a model draws are like those of the data.

`num_samples` sentences are drawn by the method's `extras['generate']`, and as
many real ones are held out:

  perplexity_samples  exp(sum of nll / number of tokens) of the draws, by a
                      language model fitted once to training sentences: low for
                      sentences that are likely, be they few
  reverse_perplexity  perplexity of held-out sentences by the same model fitted
                      to the draws: high where modes lack
  samples_grammatical share of the draws that are sentences of the grammar,
                      where the data have one
  samples_distinct    share of the draws that no earlier draw equals

Source: Zhao et al. 2018, https://arxiv.org/abs/1706.04223 (reverse
perplexity); the share of grammatical and of distinct ones is this project's.

Deviations: the paper's language models are LSTMs, and it draws 100,000
sentences. A run whose parameters are not finite scores NaN.

Known failure modes: perplexity of draws rewards one good sentence; reverse
perplexity rises when the model is fitted too shortly, so that numbers of other
constants do not compare.
"""

import dataclasses

import jax
import jax.numpy as jnp

from disentangle_jax import types
from disentangle_jax.metrics import base
from disentangle_jax.metrics.models import held_out_sentences, language_model
from disentangle_jax.ops import tokens as tokens_lib

SCORES = {
  'perplexity_samples': types.Score(
    'perplexity of sentences that the model draws', 'lower', 1.0
  ),
  'reverse_perplexity': types.Score(
    'perplexity of held-out sentences by a language model of the draws',
    'lower',
    1.0,
  ),
  'samples_grammatical': types.Score(
    'share of draws that are sentences of the grammar', 'higher', 0.0, 1.0
  ),
  'samples_distinct': types.Score(
    'share of draws that no earlier draw equals', 'higher', 0.0, 1.0
  ),
}
CITATION = 'Zhao et al. 2018, arXiv:1706.04223'


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    num_samples: draws, and half as many held-out sentences of each label.
    block: sentences that are judged at once.
    model_hidden: width of the language models; 512 at full size.
    model_embedding: width of their vectors of words.
    model_steps: of their training.
    model_learning_rate: of it.
  """

  num_samples: int = 2000
  block: int = 250
  model_hidden: int = 128
  model_embedding: int = 64
  model_steps: int = 2000
  model_learning_rate: float = 5e-3


def make(config: Config, data: types.Dataset) -> types.Probe:
  """Builds the probe; its context is the language model's parameters.

  Args:
    config: constants.
    data: sentences with a vocabulary, of two classes, some held out.

  Returns:
    The probe.

  Raises:
    ConfigError: other data, or a constant out of range.
  """
  where = 'config.metric_options.text_samples'
  base.at_least(config, num_samples=2, block=1)
  held_out_sentences.check(data, 0, where)
  model = language_model.of_probe(config, data, where)
  grammar = data.extras.get('grammar')

  def perplexity(params, tokens):
    nll = held_out_sentences.in_blocks(
      lambda rows: model.nll(params, rows), tokens, config.block
    )
    return language_model.perplexity(nll, tokens_lib.mask_of(tokens))

  def score(key, context, method, state, arrays, batch):
    del batch
    draw_key, data_key, fit_key = jax.random.split(key, 3)
    draws, _ = method.extras['generate'](draw_key, state, config.num_samples)
    draws = tokens_lib.cut(draws)
    real = held_out_sentences.draw(
      data, 0, data_key, arrays, config.num_samples // 2
    )
    own = model.fit_to(fit_key, draws)
    scores = {
      'perplexity_samples': perplexity(context, draws),
      'reverse_perplexity': perplexity(own, real.tokens),
      'samples_distinct': distinct(draws),
    }
    if grammar is not None:
      _, grammatical = grammar.parse(draws)
      scores['samples_grammatical'] = jnp.mean(grammatical, dtype=jnp.float32)
    return held_out_sentences.where_finite(state, scores)

  return types.Probe(
    fit=model.fit,
    score=score,
    requires=('generate',),
    constants={
      **dataclasses.asdict(config),
      'oracles': 'none' if grammar is None else 'grammar',
    },
    kinds=('tokens',),
    at_once=4,
  )


def distinct(tokens: jax.Array) -> jax.Array:
  """Share of sentences that no earlier one equals.

  Args:
    tokens: int [N, L].

  Returns:
    float32 scalar in [1 / N, 1].
  """
  ordered = tokens[jnp.lexsort(tokens.T)]
  new = jnp.any(ordered[1:] != ordered[:-1], axis=-1)
  return (1 + jnp.sum(new)) / jnp.float32(len(tokens))
