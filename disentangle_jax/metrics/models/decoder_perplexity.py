"""How surprised each decoder of a model of sentences is by its target.

Source: Brunner et al. 2018, https://arxiv.org/abs/1801.06024, section 3.4 and
table 1: perplexity is exp of the cross entropy per symbol. Per decoder

  decoder_perplexity/<decoder>   exp(sum of nats / number of tokens), ends
                                 counted, teacher-forced, at the code of the
                                 sentence

of sentences that training never draws, where the set has such, else of new
draws. Range [1, inf), lower is better.

Known failure modes: values of tokens of another kind (letters, words, tags) or
of another vocabulary do not compare; a decoder may be good at its language and
ignore the code.
"""

import dataclasses

import jax
import jax.numpy as jnp

from disentangle_jax import checks, errors, types
from disentangle_jax.ops import tokens as tokens_lib

SCORES = {
  'decoder_perplexity': types.Score(
    'exp of the nats per token of what a decoder is to write', 'lower', 1.0
  ),
}
CITATION = 'Brunner et al. 2018, arXiv:1801.06024, table 1'


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    sentences: how many.
    block: of them at once; divides their number.
  """

  sentences: int = 2000
  block: int = 500


def make(config: Config, data: types.Dataset) -> types.Probe:
  """Builds the probe.

  Args:
    config: constants.
    data: sentences.

  Returns:
    The probe.

  Raises:
    ConfigError: a constant out of range.
  """
  where = 'config.metric_options.decoder_perplexity'
  for field in ('sentences', 'block'):
    checks.integer(f'{where}.{field}', getattr(config, field), 1)
  if config.sentences % config.block:
    rule = f'must divide sentences={config.sentences}'
    raise errors.value(f'{where}.block', config.block, rule)
  draw = data.extras.get('held_out', data.sample)

  def score(key, context, method, state, arrays, batch):
    del context, batch
    fields = method.extras['decoders']()

    def of_block(index):
      batch = draw(key, arrays, index)
      vector = method.represent(state, batch['observation']).vector
      sums = {}
      for name, field in fields.items():
        target = batch[field]
        logs = method.extras['log_likelihood'](
          state, vector, target, decoder=name
        )
        count = jnp.sum(tokens_lib.mask_of(target))
        sums[name] = jnp.stack([-jnp.sum(logs), count.astype(jnp.float32)])
      return sums

    index = jnp.arange(config.sentences, dtype=jnp.int32)
    sums = jax.lax.map(of_block, index.reshape(-1, config.block))
    perplexities = {}
    for name, of_blocks in sums.items():
      nats, count = jnp.sum(of_blocks, axis=0)
      perplexities[f'decoder_perplexity/{name}'] = jnp.exp(nats / count)
    return perplexities

  return types.Probe(
    fit=None,
    score=score,
    requires=('represent', 'decoders', 'log_likelihood'),
    constants=dataclasses.asdict(config),
    kinds=('tokens',),
    at_once=1,
  )
