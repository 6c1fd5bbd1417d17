"""A few examples with known factors: the same in every step and every run."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import errors, requests, types
from disentangle_jax.data import factorial
from disentangle_jax.data.draws import common
from disentangle_jax.ops import per_example, supervision

LABELLERS = supervision.LABELLERS
_BINS = 5
_NOISE = 0.1


def draw(dataset: types.Dataset, request: requests.Labelled) -> common.Draw:
  """Rows of a fixed set of labelled examples, with replacement.

  Example number i is row i of the batch that the data set draws for the seed:
  so a nuisance, too, stays what it is, and any set can be labelled. The
  labellers are those of Locatello et al. 2020, "Disentangling factors of
  variation using few labels".
  """
  if not dataset.factor_names:
    rule = f'{dataset.name} has neither labels nor factors'
    raise common.refuse(request, rule)
  common.integer(request, 'count', 1)
  of_numbers = examples(dataset, request)

  def fields(key, arrays, index, batch):
    del batch
    number = common.numbers_below(
      common.key_of(key, request), index, request.count
    )
    observation, labels = of_numbers(arrays, number)
    return {'labelled_observation': observation, 'labelled_factors': labels}

  return fields


def examples(
  dataset: types.Dataset, request: requests.Labelled
) -> Callable[[Any, jax.Array], tuple[jax.Array, jax.Array]]:
  """The labelled examples by their numbers.

  Args:
    dataset: with factors.
    request: which labeller and seed; its count does not matter, so that the
      first examples of a longer list are those of a shorter one.

  Returns:
    `(arrays, number int32 [B]) -> (observation [B, ...], labels int32 [B,
    K])`.

  Raises:
    ConfigError: see `labeller`.
  """
  common.integer(request, 'seed', 0)
  label = labeller(dataset, request)

  def of_numbers(arrays, number):
    points_key, label_key = jax.random.split(jax.random.key(request.seed))
    points = dataset.sample(points_key, arrays, number)
    return points['observation'], label(label_key, number, points['factors'])

  return of_numbers


def labeller(
  dataset: types.Dataset, request: requests.Labelled
) -> Callable[[jax.Array, jax.Array, jax.Array], jax.Array]:
  """How labels are made of factors.

  Args:
    dataset: with factors.
    request: which labeller and seed.

  Returns:
    `(key, number int32 [B], factors int32 [B, K]) -> int32 [B, K]`; a label
    depends on (key, number, factors) of its example alone.

  Raises:
    ConfigError: an unknown labeller, or one that the factors do not allow.
  """
  name, sizes = request.labeller, np.asarray(dataset.factor_sizes)
  if name not in LABELLERS:
    raise errors.choices(common.of(request, 'labeller'), name, LABELLERS)
  # Row k holds the label of every value of factor k.
  table = np.tile(np.arange(sizes.max(), dtype=np.int32), (len(sizes), 1))
  generator = np.random.default_rng(request.seed)
  if name == 'binned':
    width = np.maximum(sizes / _BINS, 1.0)
    bins = np.minimum(table // width[:, None], _BINS - 1).astype(np.int32)
    table = np.where(sizes[:, None] > _BINS, bins, table)
  elif name == 'permuted':
    for row, size in zip(table, sizes):
      row[:size] = generator.permutation(size)
  elif name == 'partial':
    observed = supervision.observed(sizes, name, request.seed)
    if len(observed) < supervision.PARTIAL:
      rule = (
        f'labels {supervision.PARTIAL} factors, {dataset.name} has '
        f'{len(observed)}'
      )
      raise errors.value(common.of(request, 'labeller'), name, rule)
    hidden = np.setdiff1d(np.arange(len(sizes)), observed)
    table[hidden] = -1

  def other(key):
    hit_key, value_key = jax.random.split(key)
    hit = jax.random.bernoulli(hit_key, _NOISE, sizes.shape)
    return hit, factorial.uniform_factors(value_key, sizes)

  def label(key, number, factors):
    labels = jnp.asarray(table)[np.arange(len(sizes)), factors]
    if name != 'noisy':
      return labels
    hit, value = jax.vmap(other)(per_example.keys(key, number))
    return jnp.where(hit, value, labels)

  return label
