"""What the codes between and beside those of sentences are written as.

Source: Brunner et al. 2018, https://arxiv.org/abs/1801.06024, sections 4.2 and
4.3, which print examples. Here the languages are made by rules, so that it can
be counted, on greedy sentences of the decoder of the observation:

  sentence_arithmetic               share of the analogies whose a - b + c is
                                    written exactly as d; a and b differ in one
                                    word or in number, d and c in the same
  sentence_interpolation            share of grammatical sentences among those
                                    at equal steps inside the line between the
                                    codes of two random sentences
  sentence_interpolation_words      share of words of the language in them
  sentence_reconstruction           share of sentences written as they were

Ranges [0, 1], higher is better. The last is no score of the paper's but what
bounds the first: who cannot write d from its own code cannot from another.

Deviations: the measures are ours; a sentence is grammatical at any length.

Known failure modes: a decoder that always writes the same good sentence
interpolates perfectly, so read it with the reconstruction; a token per word
makes every word one of the language, and the share of words says nothing then.
"""

import dataclasses

import jax
import jax.numpy as jnp

from disentangle_jax import checks, errors, types

SCORES = {
  name: types.Score(definition, 'higher', 0.0, 1.0)
  for name, definition in {
    'sentence_arithmetic': (
      'share of analogies whose code a - b + c is written exactly as d'
    ),
    'sentence_interpolation': (
      'share of sentences between those of two others that are grammatical'
    ),
    'sentence_interpolation_words': (
      'share of their words that are words of the language'
    ),
    'sentence_reconstruction': (
      'share of sentences that are written as they were read'
    ),
  }.items()
}
CITATION = 'Brunner et al. 2018, arXiv:1801.06024, sections 4.2 and 4.3'


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    analogies: how many.
    pairs: of sentences between which codes are taken.
    points: inside each line.
  """

  analogies: int = 200
  pairs: int = 100
  points: int = 5


def same(first: jax.Array, second: jax.Array) -> jax.Array:
  """Whether sentences are equal; int32 [..., L] twice -> bool [...]."""
  return jnp.all(first == second, axis=-1)


def make(config: Config, data: types.Dataset) -> types.Probe:
  """Builds the probe.

  Args:
    config: constants.
    data: sentences made by rules, with 'analogies' and 'syntax'.

  Returns:
    The probe.

  Raises:
    ConfigError: a constant out of range, or sentences without rules.
  """
  where = 'config.metric_options.sentence_arithmetic'
  for field in ('analogies', 'pairs', 'points'):
    checks.integer(f'{where}.{field}', getattr(config, field), 1)
  if not {'analogies', 'syntax'} <= set(data.extras):
    rule = (
      "'sentence_arithmetic' needs a language made by rules: "
      "'parallel_sentences'"
    )
    raise errors.value('config.dataset.name', data.name, rule)
  syntax, analogies = data.extras['syntax'], data.extras['analogies']

  def fit(key, arrays):
    analogy_key, pair_key = jax.random.split(key)
    index = jnp.arange(2 * config.pairs, dtype=jnp.int32)
    sentences = data.sample(pair_key, arrays, index)['observation']
    return {
      'analogies': analogies(analogy_key, config.analogies),
      'pairs': sentences.reshape(2, config.pairs, -1),
    }

  def score(key, context, method, state, arrays, batch):
    del key, arrays, batch
    first, second = context['pairs']
    lines = method.extras['interpolate'](state, first, second, config.points)
    inner = lines[:, 1:-1]
    forms, there = syntax.read(inner)
    known = jnp.sum(there & (forms >= 0))
    given = context['analogies']
    codes = method.represent(state, given.reshape(-1, given.shape[-1])).vector
    a, b, c, _ = jnp.moveaxis(codes.reshape(*given.shape[:2], -1), 1, 0)
    written = method.extras['write'](state, a - b + c)
    rebuilt = [same(lines[:, 0], first), same(lines[:, -1], second)]
    scores = {
      'sentence_arithmetic': jnp.mean(same(written, given[:, 3])),
      'sentence_interpolation': jnp.mean(syntax.accepts(inner)),
      # Nothing written is no word of the language.
      'sentence_interpolation_words': known / jnp.maximum(jnp.sum(there), 1),
      'sentence_reconstruction': jnp.mean(jnp.stack(rebuilt)),
    }
    usable = jnp.all(jnp.isfinite(codes))
    return {
      name: jnp.where(usable, value, jnp.nan).astype(jnp.float32)
      for name, value in scores.items()
    }

  return types.Probe(
    fit=fit,
    score=score,
    requires=('represent', 'write', 'interpolate'),
    constants=dataclasses.asdict(config),
    kinds=('tokens',),
    at_once=1,
  )
