"""Are images of one identity each other's nearest neighbours?

Source: Recall@k of metric learning as Ridgeway & Mozer 2018 (NeurIPS),
https://arxiv.org/abs/1802.05312, report it: `retrieval` is the share
of points one of whose k nearest others (Euclidean distance of codes, the point
itself excluded) has its identity. An identity is one combination of values of
the factors named in `identity`. `verification_auc` is the probability that a
pair of one identity is nearer than a pair of two, ties counted half: the area
under the ROC curve of minus the distance.

Both in [0, 1], higher is better. Chance of Recall@1 is the share of a point's
mates among the other points, that of the area 0.5.

Deviations: equally near points come in random order, and the score is its
expectation. Points without another one of their identity are no queries, but
they are among the others (no query at all: 0 and 0.5). On a grid no image is
drawn twice. The area takes at most 2^21 pairs: those of all points with as many
random ones as fit.

Known failure modes: codes of very different scales are compared as they are
unless `standardize` divides them by their deviation; a loss that is free of
scale needs that, and dead codes are then as large as others. Both scores say
nothing about single codes. `fold` must be that of the data set.
"""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import checks, errors, types
from disentangle_jax.data import factorial, parts
from disentangle_jax.metrics import base
from disentangle_jax.ops import ranking

SCORES = {
  'retrieval': types.Score(
    'share of points with a point of their identity among the k nearest',
    'higher',
    0.0,
    1.0,
  ),
  'verification_auc': types.Score(
    'area under the ROC curve of minus the distance, for pairs of one identity '
    'against pairs of two',
    'higher',
    0.0,
    1.0,
  ),
}
CITATION = 'Ridgeway & Mozer 2018, arXiv:1802.05312'
_PAIRS = 2**21
# Distances at once, per run.
_BLOCK = 2**20
# Larger sets of numbers are drawn with replacement: two that agree are rare.
_LISTED = 2**16


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    num_train: most points on a grid.
    per_identity: points of each identity on a grid, at least 2; more where
      there are so few identities that `num_train` leaves room, fewer where an
      identity has fewer images.
    identity: names of the factors that make an identity; () for the first.
    k: neighbours that are looked at.
    standardize: whether codes are divided by their standard deviation.
    fold: on a grid, of identities in 5 folds as `data.parts.fold` numbers them,
      the one that is looked at; -1 for all identities.
  """

  num_train: int = 2000
  per_identity: int = 4
  identity: tuple[str, ...] = ()
  k: int = 1
  standardize: bool = False
  fold: int = -1


FOLDS = 5


def make(config: Config, data: types.Dataset) -> types.Metric:
  """Builds the metric; factors [points, K]."""
  base.at_least(config, num_train=4, per_identity=2, k=1)
  checks.integer('retrieval.fold', config.fold, -1, FOLDS - 1)
  names = config.identity or data.factor_names[:1]
  names = (names,) if isinstance(names, str) else tuple(names)
  for name in names:
    if name not in data.factor_names:
      raise errors.choices('retrieval.identity', name, data.factor_names)
  columns = [data.factor_names.index(name) for name in names]
  sizes = [data.factor_sizes[k] for k in columns]

  def score(key: jax.Array, codes: types.Codes, factors: jax.Array):
    # Numbers of identities may pass 2^31: compared by every factor.
    label = factors[:, np.array(columns)]
    vector = codes.vector
    if config.standardize:
      vector = base.standardize(vector, vector)
    return {
      'retrieval': recall(vector, label, config.k),
      'verification_auc': verification_auc(key, vector, label),
    }

  design = _design(data.factor_sizes, columns, sizes, config)
  return base.build(design, score, config)


def _distances(queries, vector):
  """Squared, float [Q, N]; exact differences: equal codes are equally far."""
  difference = queries[:, None, :] - vector[None, :, :]
  return jnp.sum(jnp.square(difference), axis=-1)


def recall(vector: jax.Array, label: jax.Array, k: int) -> jax.Array:
  """Recall@k, its expectation over orders of ties.

  Args:
    vector: float [N, D].
    label: int [N, J], an identity by its factors.
    k: neighbours.

  Returns:
    float scalar in [0, 1].
  """
  total = len(vector)
  number = jnp.arange(total)

  def of(query):
    distance = _distances(vector[query][None], vector)[0]
    mate = jnp.all(label == label[query], axis=-1)
    other = number != query
    mate, foreign = mate & other, ~mate
    nearest = jnp.min(jnp.where(mate, distance, jnp.inf))
    nearer = jnp.sum(foreign & (distance < nearest))
    ties = jnp.sum(foreign & (distance == nearest))
    equal = jnp.sum(mate & (distance == nearest))
    # None of the k - nearer places among the tied goes to a mate.
    missed = jnp.ones(())
    for place in range(k):
      chance = jnp.maximum(ties - place, 0) / jnp.maximum(
        ties - place + equal, 1
      )
      missed = jnp.where(place < k - nearer, missed * chance, missed)
    return 1 - missed, jnp.any(mate)

  rows = max(1, min(total, _BLOCK // total))
  hit, counts = jax.lax.map(of, number, batch_size=rows)
  return base.masked_mean(hit, counts)


def verification_auc(
  key: jax.Array, vector: jax.Array, label: jax.Array
) -> jax.Array:
  """Area under the ROC curve of minus the distance of pairs.

  Args:
    key: typed PRNG key, for the points whose pairs are taken.
    vector: float [N, D].
    label: int [N, J].

  Returns:
    float scalar in [0, 1]; 0.5 without pairs of either kind.
  """
  total = len(vector)
  count = min(total, max(1, _PAIRS // total))
  number = jnp.arange(total)
  query = number
  if count < total:
    query = jax.random.permutation(key, total)[:count]
  mate = jnp.all(label[query][:, None] == label[None], axis=-1)
  itself = query[:, None] == number[None]
  distance = jnp.sqrt(_distances(vector[query], vector))
  # A point with itself is no pair: it goes to the far end, where it is the last
  # of the negatives and wins nothing; its share is taken off below.
  far = jnp.where(itself, jnp.finfo(jnp.float32).max, distance).reshape(-1)
  positive = (mate & ~itself).reshape(-1)
  area = ranking.auc(-far, positive)
  positives = jnp.sum(positive)
  negatives = positive.size - positives
  real = negatives - count
  # Every positive beats all `count` of them.
  area = (area * negatives - count) / jnp.maximum(real, 1)
  return jnp.where((positives > 0) & (real > 0), jnp.clip(area, 0, 1), 0.5)


def _numbers(key, total, count):
  """`count` numbers below `total`, distinct where there are few."""
  if total <= _LISTED:
    return jax.random.permutation(key, total)[:count]
  return jax.random.randint(key, (count,), 0, total)


def _design(factor_sizes, columns, sizes, config):
  """Identities of the fold, and images of each; given rows as they are."""
  rest = [k for k in range(len(factor_sizes)) if k not in columns]
  rest_sizes = [factor_sizes[k] for k in rest]
  num_rest = math.prod(rest_sizes)
  per = min(config.per_identity, num_rest)
  members = None
  num_members = math.prod(sizes)
  if config.fold >= 0:
    if num_members < FOLDS or num_members > _LISTED:
      rule = f'needs {FOLDS} to {_LISTED} identities, got {num_members}'
      raise errors.value('retrieval.fold', config.fold, rule)
    members = parts.fold(num_members, config.fold, FOLDS)[1].astype(np.int32)
    num_members = len(members)
  count = min(num_members, max(2, config.num_train // per))
  per = min(max(per, config.num_train // count), num_rest)

  def sample(key):
    identity_key, rest_key = jax.random.split(key)
    identity = _numbers(identity_key, num_members, count)
    if members is not None:
      identity = jnp.asarray(members)[identity]
    keys = jax.random.split(rest_key, count)
    pose = jax.vmap(lambda k: _numbers(k, num_rest, per))(keys)
    points = jnp.zeros((count, per, len(factor_sizes)), jnp.int32)
    own = factorial.unflatten(identity, sizes)[:, None]
    points = points.at[..., np.array(columns)].set(own)
    if rest:
      points = points.at[..., np.array(rest)].set(
        factorial.unflatten(pose, rest_sizes)
      )
    return points.reshape(count * per, -1)

  def draw(generator, factors, rows_train):
    del generator, rows_train
    return np.arange(len(factors))

  return types.Design(sample, draw, 'chosen')
