"""beta-VAE score: which factor do the points of each pair have in common?

Source: Higgins et al. 2017, https://openreview.net/forum?id=Sy2fzU9gl, section
3, with the constants of Locatello et al. 2019,
https://arxiv.org/abs/1811.12359. In every batch of pairs the two points of a
pair agree in one random factor; the mean of |z1 - z2| over the batch is the
feature, the factor is the label, a multinomial logistic regression with L2
penalty (C = 1) is fitted and scored on fresh features.

Range [0, 1], chance 1 / K, K the factors that vary; higher is better.

Deviations: the classifier is solved to its optimum, so that neither a seed nor
a library version matters. Factors of one value are never the common one. The
points of a pair differ, and of given rows a pair is two rows, where the
reference may draw one twice: such pairs are the more frequent the more values
the common factor has, which lets pure noise score 0.22 at 4,000 rows of
dSprites' sizes. Without test rows, fresh features come from the rows that the
classifier was fitted to; at 1,000 rows noise then still scores 0.21, from 4,000
on 0.20, which is chance.

Known failure modes: reaches 1 when K - 1 of the K factors are encoded; does not
see whether a factor takes one code or many; depends on the scale of the codes,
as the features are not standardised.
"""

import dataclasses

import jax
import jax.numpy as jnp

from disentangle_jax import types
from disentangle_jax.metrics import base, designs
from disentangle_jax.ops import logistic

SCORES = {
  'beta_vae_score': types.Score(
    'accuracy of a linear classifier that names the factor in which pairs '
    'agree from the mean absolute difference of their codes; fresh points',
    'higher',
    0.0,
    1.0,
  ),
  'beta_vae_score_train': types.Score(
    'the same on the points that it was fitted to', 'higher', 0.0, 1.0
  ),
}
CITATION = 'Higgins et al. 2017, section 3; Locatello et al. 2019'
COST = 0.11  # seconds, see `catalogue.COST_MACHINE`
DISPLAY = {'beta_vae_score': r'$\beta$-VAE score'}


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants of the reference study.

  Attributes:
    num_train: points for the classifier.
    num_test: points that are scored.
    batch_size: pairs per point.
    l2: penalty of the classifier, 1 / C.
  """

  num_train: int = 10000
  num_test: int = 5000
  batch_size: int = 64
  l2: float = 1.0


def accuracies(features, labels, num_classes, num_train, l2):
  """Train and test accuracy of a logistic regression.

  Args:
    features: float [N, D], training rows first.
    labels: int32 [N].
    num_classes: number of classes.
    num_train: number of training rows.
    l2: penalty.

  Returns:
    (train, test), float scalars.
  """
  labels = labels[:, None]
  weights, intercepts = logistic.fit(
    features[:num_train], labels[:num_train], (num_classes,), l2
  )
  predicted = logistic.predict(features @ weights + intercepts, (num_classes,))
  right = (predicted == labels).astype(jnp.float32)
  return jnp.mean(right[:num_train]), jnp.mean(right[num_train:])


def make(config: Config, data: types.Dataset) -> types.Metric:
  """Builds the metric; points [num_train + num_test, batch_size, 2, K]."""
  factor_sizes = data.factor_sizes
  base.at_least(config, num_train=2, num_test=1, batch_size=1)

  def score(key: jax.Array, codes: types.Codes, factors: types.Intervention):
    del key
    z = codes.vector
    # The mean over the batch as a product, which CPUs do twice as fast.
    share = jnp.full(config.batch_size, 1 / config.batch_size)
    difference = jnp.abs(z[:, :, 0] - z[:, :, 1])
    features = jnp.einsum('nbd,b->nd', difference, share)
    train, test = accuracies(
      features, factors.factor, len(factor_sizes), config.num_train, config.l2
    )
    return {'beta_vae_score': test, 'beta_vae_score_train': train}

  return base.build(
    designs.held_pairs(
      factor_sizes, config.num_train, config.num_test, config.batch_size
    ),
    score,
    config,
  )
