"""What is left of a sentence that is written anew under the other label.

Held-out sentences x with label y (its clean value, as many of either) go
through the method's `extras['transfer']`, once with the other label and once
with their own. Of the first:

  transfer              share that the judge, a classifier of windows of words
                        fitted once to training sentences, gives the other label
  transfer_bleu         corpus BLEU-4 of the new sentences against the old ones,
                        0 to 100
  transfer_perplexity   exp(sum of nll / number of tokens) by a language model
                        fitted once to training sentences
  transfer_content      share that keep a noun at least, of sentences that have
                        one
  transfer_all_nouns    share that keep all of their nouns
  transfer_identical    share that come back word for word

and, where the data have a grammar, by its exact answers:

  transfer_exact        share that are grammatical and of the other polarity
  content_exact         share whose skeleton (the sentence without 'not', polar
                        words blanked) stays
  transfer_both         share of both at once
  transfer_copied       share of the old polarity
  transfer_ambiguous    share of no polarity, or of both

Of those written under their own label, `reconstruction_exact`, the share that
come back word for word. Beside them, the same for all runs: `transfer_judge`,
the judge's accuracy on the held-out sentences, and
`transfer_perplexity_source`, the perplexity of these.

Source: Zhao et al. 2018, https://arxiv.org/abs/1706.04223 (transfer by a
classifier, BLEU against the source, perplexity); content by nouns as in Melnyk
et al. 2017, https://arxiv.org/abs/1711.09395.

Deviations: the papers judge by fastText and an n-gram or recurrent model; here
by a CNN and a GRU. The exact scores, identical and all_nouns are this
project's. Scores by a grammar or by nouns are left out where the data have no
grammar or no nouns (`sentences_file` without a list). A run whose parameters
are not finite scores NaN.

Known failure modes: `transfer` alone is perfect for a decoder that ignores the
sentence, BLEU and content for one that copies it: read them together, or
`transfer_both`. A judge may be fooled by what no reader is.
"""

import dataclasses

import jax
import jax.numpy as jnp

from disentangle_jax import types
from disentangle_jax.metrics import base
from disentangle_jax.metrics.models import (
  held_out_sentences,
  language_model,
  text_classifier,
)
from disentangle_jax.ops import bleu
from disentangle_jax.ops import tokens as tokens_lib

_SHARE = 'share of sentences under the other label that '
_share = lambda what, direction='higher': types.Score(
  _SHARE + what, direction, 0.0, 1.0
)
SCORES = {
  'transfer': _share('a judge gives it'),
  'transfer_exact': _share('are grammatical and of its polarity'),
  'content_exact': _share('have the skeleton of their source'),
  'transfer_both': _share('are of its polarity and have the skeleton'),
  'transfer_copied': _share('are of the old polarity', 'lower'),
  'transfer_ambiguous': _share('are of no or both polarities', 'lower'),
  'transfer_content': _share('keep a noun of their source'),
  'transfer_all_nouns': _share('keep all nouns of their source'),
  'transfer_identical': _share('are their source, word for word', 'lower'),
  'transfer_bleu': types.Score(
    'BLEU-4 of sentences under the other label against their sources',
    'higher',
    0.0,
    100.0,
  ),
  'transfer_perplexity': types.Score(
    'perplexity of sentences under the other label', 'lower', 1.0
  ),
  'transfer_perplexity_source': types.Score(
    'perplexity of their sources', 'none', 1.0
  ),
  'transfer_judge': types.Score(
    "the judge's accuracy on the sources", 'none', 0.0, 1.0
  ),
  'reconstruction_exact': types.Score(
    'share of sentences that come back word for word under their own label',
    'higher',
    0.0,
    1.0,
  ),
}
CITATION = 'Zhao et al. 2018, arXiv:1706.04223; Papineni et al. 2002'


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    factor: number of the factor that is the label.
    per_class: sentences of each label.
    block: sentences that are written at once.
    classifier_filters: of the judge, for each height of 1 to 3 words.
    classifier_steps: of its training.
    model_hidden: width of the language model; 512 at full size.
    model_embedding: width of its vectors of words.
    model_steps: of its training.
    model_learning_rate: of it.
  """

  factor: int = 0
  per_class: int = 1000
  block: int = 250
  classifier_filters: int = 32
  classifier_steps: int = 1000
  model_hidden: int = 128
  model_embedding: int = 64
  model_steps: int = 2000
  model_learning_rate: float = 5e-3


def make(config: Config, data: types.Dataset) -> types.Probe:
  """Builds the probe; its context are the parameters of both judges.

  Args:
    config: constants.
    data: sentences with a vocabulary, of two classes, some held out.

  Returns:
    The probe.

  Raises:
    ConfigError: other data, or a constant out of range.
  """
  where = 'config.metric_options.text_transfer'
  base.at_least(config, per_class=1, block=1)
  held_out_sentences.check(data, config.factor, where)
  classifier = text_classifier.make(
    text_classifier.Config(
      factor=config.factor,
      filters=config.classifier_filters,
      steps=config.classifier_steps,
    ),
    data,
    where,
  )
  model = language_model.of_probe(config, data, where)
  grammar = data.extras.get('grammar')

  def fit(key, arrays):
    first, second = jax.random.split(key)
    return {
      'classifier': classifier.fit(first, arrays),
      'model': model.fit(second, arrays),
    }

  def each(context, method, state, source):
    """What is asked of every sentence: name -> [B] or [B, ...]."""
    tokens, label = source.tokens, source.label
    rewrite = lambda to: tokens_lib.cut(
      method.extras['transfer'](state, tokens, to)
    )
    written, own = rewrite(1 - label), rewrite(label)
    same = lambda a, b: jnp.all(a == b, axis=-1)
    named = lambda t: classifier.predict(context['classifier'], t)
    told = {
      'transfer': named(written) == 1 - label,
      'transfer_judge': named(tokens) == label,
      'transfer_identical': same(written, tokens),
      'reconstruction_exact': same(own, tokens),
    }
    if grammar is not None:
      polarity = grammar.polarity(written)
      _, grammatical = grammar.parse(written)
      exact = grammatical & (polarity == 1 - label)
      content = same(grammar.skeleton(written), grammar.skeleton(tokens))
      told |= {
        'transfer_exact': exact,
        'content_exact': content,
        'transfer_both': exact & content,
        'transfer_copied': polarity == label,
        'transfer_ambiguous': polarity == -1,
      }
    words = {
      'written_nll': model.nll(context['model'], written),
      'source_nll': model.nll(context['model'], tokens),
      'written_tokens': jnp.sum(tokens_lib.mask_of(written), axis=-1),
      'source_tokens': jnp.sum(tokens_lib.mask_of(tokens), axis=-1),
      'bleu': bleu.counts(written, tokens, tokens_lib.EOS),
    }
    if source.nouns is not None:
      words |= dict(zip(('nouns', 'stay'), nouns_of(source, written)))
    return told, words

  def score(key, context, method, state, arrays, batch):
    del batch
    sources = held_out_sentences.draw(
      data, config.factor, key, arrays, config.per_class
    )
    told, words = held_out_sentences.in_blocks(
      lambda source: each(context, method, state, source),
      sources,
      config.block,
    )
    scores = {k: jnp.mean(v, dtype=jnp.float32) for k, v in told.items()}
    perplexity = lambda kind: language_model.perplexity(
      words[f'{kind}_nll'], words[f'{kind}_tokens']
    )
    scores['transfer_perplexity'] = perplexity('written')
    scores['transfer_perplexity_source'] = perplexity('source')
    total = jax.tree.map(lambda x: jnp.sum(x, axis=0), words['bleu'])
    scores['transfer_bleu'] = bleu.of_counts(total)
    if 'nouns' in words:
      some = words['nouns'] > 0
      of_some = lambda yes: base.masked_mean(yes.astype(jnp.float32), some)
      scores['transfer_content'] = of_some(words['stay'] > 0)
      scores['transfer_all_nouns'] = of_some(words['stay'] == words['nouns'])
    return held_out_sentences.where_finite(state, scores)

  return types.Probe(
    fit=fit,
    score=score,
    requires=('transfer',),
    constants={
      **dataclasses.asdict(config),
      'oracles': 'none' if grammar is None else 'grammar',
      'nouns': 'noun_mask' if 'noun_mask' in data.fields else 'none',
    },
    kinds=('tokens',),
    at_once=4,
  )


def nouns_of(
  source: held_out_sentences.Sentences, written: jax.Array
) -> tuple[jax.Array, jax.Array]:
  """Nouns of sentences, and how many of them stand in others.

  Args:
    source: B sentences with marked nouns.
    written: int32 [B, M], others.

  Returns:
    int32 [B] both; a noun that stands twice counts twice.
  """
  there = jnp.any(source.tokens[:, :, None] == written[:, None], axis=-1)
  nouns = source.nouns & tokens_lib.mask_of(source.tokens)
  count = lambda x: jnp.sum(x, axis=-1, dtype=jnp.int32)
  return count(nouns), count(nouns & there)
