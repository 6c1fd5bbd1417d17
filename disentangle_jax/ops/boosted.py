"""Gradient-boosted trees on codes, for several factors: shared by metrics."""

import functools
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax.ops import trees

# Cuts per code: this many quantiles, and as many by class as there are values
# and a few more.
NUM_QUANTILES = 31
LEAST_ADDED = 32
MORE_ADDED = 8


class Fitted(NamedTuple):
  """Boosted trees for all factors.

  Attributes:
    importances: float32 [D, K], each column sums to 1 (0 without any split).
    predicted_train: int32 [N, K].
    predicted_test: int32 [M, K].
  """

  importances: jax.Array
  predicted_train: jax.Array
  predicted_test: jax.Array


def _groups(sizes):
  """Factors of similar size; one program serves each group."""
  order = np.argsort(sizes)[::-1]
  groups = []
  for k in order:
    if groups and sizes[k] >= 0.6 * sizes[groups[-1][0]]:
      groups[-1].append(int(k))
    else:
      groups.append([int(k)])
  return groups


def _fit_group(key, codes, test_codes, labels, size, num_rounds, learning_rate):
  """Importances [G, D] and predictions of factors labels [G, N]."""
  num_codes = codes.shape[1]
  added = max(LEAST_ADDED, size + MORE_ADDED)

  def one_factor(inputs):
    key, column = inputs
    cuts = trees.class_cuts(codes, column, size, NUM_QUANTILES, added)
    ensemble = trees.boost(
      key,
      trees.below_cuts(codes, cuts),
      column,
      size,
      trees.below_cuts(test_codes, cuts),
      num_codes,
      num_rounds,
      learning_rate,
    )
    gain = jnp.sum(ensemble.importances.reshape(num_codes, -1), axis=1)
    total = jnp.sum(gain)
    return (
      gain / jnp.where(total > 0, total, 1),
      jnp.argmax(ensemble.scores, axis=0).astype(jnp.int32),
      jnp.argmax(ensemble.test_scores, axis=0).astype(jnp.int32),
    )

  keys = jax.random.split(key, len(labels))
  return jax.lax.map(one_factor, (keys, labels))


def fit(
  key: jax.Array,
  codes: jax.Array,
  factors: jax.Array,
  test_codes: jax.Array,
  factor_sizes: tuple[int, ...],
  num_rounds: int = 100,
  learning_rate: float = 0.1,
) -> Fitted:
  """Fits one classifier per factor: depth 3, one tree per value and round.

  Args:
    key: a typed PRNG key, for ties between codes: equal ones share what they
      hold.
    codes: float [N, D].
    factors: int32 [N, K].
    test_codes: float [M, D].
    factor_sizes: number of values of each factor.
    num_rounds: boosting rounds.
    learning_rate: shrinkage.

  Returns:
    Importances and predictions.
  """
  chex.assert_rank([codes, factors, test_codes], 2)
  chex.assert_type([codes, factors, test_codes], [float, int, float])
  chex.assert_shape(factors, (len(codes), len(factor_sizes)))
  chex.assert_equal_shape_suffix([codes, test_codes], 1)
  columns = [None] * len(factor_sizes)
  for number, group in enumerate(_groups(factor_sizes)):
    fit_group = jax.custom_batching.sequential_vmap(
      functools.partial(
        _fit_group,
        size=max(factor_sizes[k] for k in group),
        num_rounds=num_rounds,
        learning_rate=learning_rate,
      )
    )
    group_key = jax.random.fold_in(key, number)
    labels = factors[:, np.array(group)].T
    parts = fit_group(group_key, codes, test_codes, labels)
    for member, k in enumerate(group):
      columns[k] = [part[member] for part in parts]
  return Fitted(*(jnp.stack(part, axis=1) for part in zip(*columns)))
