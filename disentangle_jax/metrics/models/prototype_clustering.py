"""Do codes of sentences fall into clusters by the form of the sentence?

Source: Brunner et al. 2018, https://arxiv.org/abs/1801.06024, section 4.1. Of
14 prototypes (13 forms of sentences with random words in their places, and the
empty sentence) 100 sentences each are encoded, and k-means with K = 14 parts
the codes. A cluster belongs to the prototype that most of its sentences have:

  error of a run of k-means = sum over clusters (size - largest count)

  prototype_clustering_error       the least of 100 runs
  prototype_clustering_error_mean  their mean

Range [0, 1300] with the data sets of this package, lower is better; all in one
cluster, as of constant codes, is 1300.

Deviations: the paper says neither how k-means starts nor when it ends: here
from k-means++, 50 steps of Lloyd. The forms that the paper fills with English
words are those of `data.text.syntax`, with words of the data set's language.

Known failure modes: the least of many runs is chosen by the labels, so it is no
estimate of what one run does; k-means depends on the scale of single codes,
which are not standardised, as in the paper; a model that reconstructs worse may
cluster better; function words alone give most prototypes away.
"""

import dataclasses

import jax
import jax.numpy as jnp

from disentangle_jax import checks, errors, types
from disentangle_jax.ops import kmeans

SCORES = {
  'prototype_clustering_error': types.Score(
    'sentences in clusters of another form, least of many runs of k-means',
    'lower',
    0.0,
  ),
  'prototype_clustering_error_mean': types.Score(
    'the same, mean over the runs of k-means', 'lower', 0.0
  ),
}
CITATION = 'Brunner et al. 2018, arXiv:1801.06024, section 4.1'


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    clusters: K; as many prototypes must be in the data.
    sentences: of each prototype.
    restarts: runs of k-means.
    steps: of Lloyd.
  """

  clusters: int = 14
  sentences: int = 100
  restarts: int = 100
  steps: int = 50


def errors_of(
  labels: jax.Array, prototypes: jax.Array, clusters: int, number: int
) -> jax.Array:
  """Sentences that are not of the form that their cluster belongs to.

  Args:
    labels: int32 [N], clusters.
    prototypes: int32 [N], the forms.
    clusters: how many there are.
    number: of forms.

  Returns:
    float32 scalar, 0 to N.
  """
  own = jax.nn.one_hot(labels, clusters)
  counts = own.T @ jax.nn.one_hot(prototypes, number)
  return jnp.sum(counts) - jnp.sum(jnp.max(counts, axis=1))


def make(config: Config, data: types.Dataset) -> types.Probe:
  """Builds the probe.

  Args:
    config: constants.
    data: sentences with 'prototypes', see `data.text.syntax`.

  Returns:
    The probe.

  Raises:
    ConfigError: a constant out of range, no prototypes, more or fewer of them
      than clusters, or of a user's own fewer sentences than asked for.
  """
  where = 'config.metric_options.prototype_clustering'
  for field in ('clusters', 'sentences', 'restarts', 'steps'):
    checks.integer(f'{where}.{field}', getattr(config, field), 1)
  prototypes = data.extras.get('prototypes')
  if prototypes is None:
    rule = (
      "'prototype_clustering' needs sentences of known forms: "
      "'parallel_sentences', or 'aligned_files' with dataset.prototypes"
    )
    raise errors.value('config.dataset.name', data.name, rule)
  number = len(prototypes.names)
  if number != config.clusters:
    rule = f'must be {number}, the prototypes of data set {data.name}'
    raise errors.value(f'{where}.clusters', config.clusters, rule)
  if prototypes.most and config.sentences > prototypes.most:
    rule = f'must be at most {prototypes.most}, the sentences of a prototype'
    raise errors.value(f'{where}.sentences', config.sentences, rule)

  def fit(key, arrays):
    del arrays
    sentences = prototypes.draw(key, config.sentences)
    return sentences.reshape(-1, sentences.shape[-1])

  def score(key, context, method, state, arrays, batch):
    del arrays, batch
    codes = method.represent(state, context).vector
    usable = jnp.all(jnp.isfinite(codes))
    codes = jnp.where(usable, codes, 0)
    runs = kmeans.fit(
      key, codes, config.clusters, config.restarts, config.steps
    )
    forms = jnp.repeat(jnp.arange(number), config.sentences)
    each = jax.vmap(
      lambda labels: errors_of(labels, forms, config.clusters, number)
    )(runs.labels)
    scores = {
      'prototype_clustering_error': jnp.min(each),
      'prototype_clustering_error_mean': jnp.mean(each),
    }
    return {k: jnp.where(usable, v, jnp.nan) for k, v in scores.items()}

  return types.Probe(
    fit=fit,
    score=score,
    requires=('represent',),
    constants=dataclasses.asdict(config),
    kinds=('tokens',),
    at_once=1,
  )
