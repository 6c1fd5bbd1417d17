"""Whether a method's own classifier is fooled by words that no sentence has.

A method that trains a writer by a classifier of soft words (averages of the
words' vectors) may satisfy it with averages, while the sentence of the
likeliest words stays what it was. Held-out sentences are rewritten under the
other label, softly and greedily, by the method's own
`extras['classify_transferred']`:

  own_soft        share of soft sentences that its classifier gives the other
                  label
  own_greedy      the same of greedy ones
  classifier_gap  own_soft - own_greedy

Source: this project's, after trap 1 of `attribute_transfer` (Melnyk et al.
2017, https://arxiv.org/abs/1711.09395, lowers the temperature of soft words for
this reason, section 2).

Deviations: none; the paper prints no such number. A run whose parameters are
not finite scores NaN.

Known failure modes: 0 for a writer that fools the classifier with greedy words,
too; compare own_greedy with the score `transfer`, whose judge no method trains.
"""

import dataclasses

import jax.numpy as jnp

from disentangle_jax import checks, errors, types
from disentangle_jax.metrics import base
from disentangle_jax.metrics.models import held_out_sentences

SCORES = {
  'own_soft': types.Score(
    "share of soft sentences that the method's classifier gives the other "
    'label',
    'none',
    0.0,
    1.0,
  ),
  'own_greedy': types.Score('the same of greedy sentences', 'none', 0.0, 1.0),
  'classifier_gap': types.Score('own_soft - own_greedy', 'lower', -1.0, 1.0),
}
CITATION = 'Melnyk et al. 2017, arXiv:1711.09395 (the gap is our own)'


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    factor: number of the factor that is the label.
    per_class: sentences of each label.
    block: sentences that are written at once.
    temperature: of soft words; that of training.
  """

  factor: int = 0
  per_class: int = 500
  block: int = 250
  temperature: float = 0.1


def make(config: Config, data: types.Dataset) -> types.Probe:
  """Builds the probe.

  Args:
    config: constants.
    data: sentences of two classes, some held out.

  Returns:
    The probe.

  Raises:
    ConfigError: other data, or a constant out of range.
  """
  where = 'config.metric_options.classifier_gap'
  base.at_least(config, per_class=1, block=1)
  warm = config.temperature
  if not checks.is_number(warm) or warm <= 0:
    raise errors.value(f'{where}.temperature', warm, 'must be finite and > 0')
  held_out_sentences.check(data, config.factor, where)

  def score(key, context, method, state, arrays, batch):
    del context, batch
    source = held_out_sentences.draw(
      data, config.factor, key, arrays, config.per_class
    )
    classify = method.extras['classify_transferred']

    def each(source):
      other = 1 - source.label
      soft, greedy = classify(state, source.tokens, other, warm)
      right = lambda logits: jnp.argmax(logits, axis=-1) == other
      return right(soft), right(greedy)

    told = held_out_sentences.in_blocks(each, source, config.block)
    soft, greedy = (jnp.mean(x, dtype=jnp.float32) for x in told)
    scores = {
      'own_soft': soft,
      'own_greedy': greedy,
      'classifier_gap': soft - greedy,
    }
    return held_out_sentences.where_finite(state, scores)

  return types.Probe(
    fit=None,
    score=score,
    requires=('classify_transferred',),
    constants=dataclasses.asdict(config),
    kinds=('tokens',),
    at_once=4,
  )
