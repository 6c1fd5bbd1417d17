"""What a few labelled images say of a model, to select by.

Source: Locatello et al. 2020, https://arxiv.org/abs/1905.01258, sections 3 and
4: a metric of disentanglement on the labels selects among unsupervised models,
the error on held labels among those that were trained with the others. For
every labeller and count, over the labelled examples of
`requests.Labelled(count, labeller, seed)`, which the s2_ methods take too:

  label_mig/<labeller>_<count>    the mutual information gap of `mig_binned` on
                                  all of them
  few_labels_error/<labeller>_<count>
                                  the binary cross entropy of 'xent', latent k
                                  for the k-th factor, on the last tenth, which
                                  no s2_ method of that count trains on; nats

Range of the gap [0, 1], higher is better; of the error [0, inf), lower is
better. Factors of one value are left out. Images are encoded one by one as the
representation's means.

Deviations: MIG alone of the paper's metrics. With fewer codes than factors the
error is NaN.

Known failure modes: the plug-in information of 100 rows in 20 bins is far too
high (`mig_binned`): a gap that ranks models, not a number to report. The error
of a model that was not trained with labels says nothing, for its codes are not
assigned.
"""

import dataclasses

import jax.numpy as jnp

from disentangle_jax import checks, errors, requests, types
from disentangle_jax.data.draws import labelled
from disentangle_jax.metrics import base
from disentangle_jax.metrics.codes import mig_binned
from disentangle_jax.ops import supervision

SCORES = {
  'label_mig': types.Score(
    'mutual information gap on a few labelled images', 'higher', 0.0, 1.0
  ),
  'few_labels_error': types.Score(
    'cross entropy of codes with the labels of a few images that did not train',
    'lower',
    0.0,
  ),
}
CITATION = 'Locatello et al. 2020, arXiv:1905.01258, section 4'


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    counts: numbers of labelled images, at least 10 each.
    labellers: of `supervision.LABELLERS`, all factors labelled.
    seed: of the labelled images, the `label_seed` of the s2_ methods.
    num_bins: equal-width bins per code.
  """

  counts: tuple[int, ...] = (100, 1000)
  labellers: tuple[str, ...] = ('perfect', 'noisy')
  seed: int = 1
  num_bins: int = 20


def make(config: Config, data: types.Dataset) -> types.Probe:
  """Builds the probe.

  Args:
    config: constants.
    data: a data set with factors that vary.

  Returns:
    The probe; nothing is fitted, and it draws what it needs.

  Raises:
    ConfigError: constants out of range, a data set without labels.
  """
  field = 'config.metric_options.few_labels.'
  base.at_least(config, num_bins=2)
  checks.integer(f'{field}seed', config.seed, 1)
  for name in ('counts', 'labellers'):
    value = getattr(config, name)
    if not isinstance(value, (tuple, list)) or not value:
      raise errors.value(field + name, value, 'must be a tuple, not empty')
  for count in config.counts:
    checks.integer(f'{field}counts', count, supervision.LEAST_LABELS)
  whole = [name for name in supervision.LABELLERS if name != 'partial']
  for name in config.labellers:
    if name not in whole:
      raise errors.choices(f'{field}labellers', name, whole)
  ask = lambda name: requests.Labelled(1, name, config.seed)
  factors = supervision.observed(data.factor_sizes, 'perfect', config.seed)
  if not factors:
    rule = 'has no factor that varies, so that no label says anything'
    raise errors.value('config.dataset.name', data.name, rule)
  sizes = tuple(data.factor_sizes[k] for k in factors)
  lists = {n: labelled.examples(data, ask(n)) for n in config.labellers}

  def score(key, context, method, state, arrays, batch):
    del key, context, batch
    number = jnp.arange(max(config.counts))
    scores, gaps, misses, vector = {}, [], [], None
    for name, of_numbers in lists.items():
      observation, told = of_numbers(arrays, number)
      if vector is None:  # labellers name the same images
        vector = method.represent(state, observation).vector
      told = told[:, jnp.array(factors)]
      for count in config.counts:
        gap = _gap(vector[:count], told[:count])
        miss = _error(
          vector[supervision.num_train(count) : count],
          told[supervision.num_train(count) : count],
        )
        scores[f'label_mig/{name}_{count}'] = gap
        scores[f'few_labels_error/{name}_{count}'] = miss
        gaps.append(gap)
        misses.append(miss)
    scores['label_mig'] = jnp.mean(jnp.stack(gaps))
    scores['few_labels_error'] = jnp.mean(jnp.stack(misses))
    return scores

  def _gap(vector, told):
    matrix, entropy = mig_binned.information(
      vector, told, sizes, config.num_bins
    )
    varies = entropy > 0
    gaps = base.gap(matrix) / jnp.where(varies, entropy, 1)
    return base.masked_mean(gaps, varies)

  def _error(vector, told):
    if vector.shape[1] < len(sizes):
      return jnp.full((), jnp.nan)
    own = vector[:, : len(sizes)]
    return jnp.mean(supervision.cross_entropy(own, told, sizes))

  return types.Probe(
    fit=None,
    score=score,
    requires=('represent',),
    constants=dataclasses.asdict(config),
    at_once=4,
    any_order=False,
  )
