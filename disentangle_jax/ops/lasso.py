"""Lasso regression by coordinate descent on second moments.

Tibshirani 1996. The objective is scikit-learn's:
|y - X w|^2 / (2 N) + alpha |w|_1. Everything that the data contribute are the
moments X^T X / N and X^T y / N, so that the cost does not grow with N and many
targets, folds and penalties are solved side by side.
"""

import itertools
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np


def descend(
  gram: jax.Array,
  moment: jax.Array,
  alpha: jax.Array,
  start: jax.Array,
  num_sweeps: int = 300,
  tolerance: float = 1e-6,
) -> jax.Array:
  """Solves lasso problems that share their inputs.

  Args:
    gram: float [D, D], X^T X / N of centred inputs.
    moment: float [D, E], X^T Y / N for E targets.
    alpha: float, scalar or [E], penalty.
    start: float [D, E], first guess.
    num_sweeps: most passes over the D coordinates.
    tolerance: a pass that changes no weight by more ends the search.

  Returns:
    float [D, E]; inputs without variance have weight 0.
  """
  chex.assert_shape(gram, (len(moment), len(moment)))
  chex.assert_rank(moment, 2)
  chex.assert_equal_shape([moment, start])
  chex.assert_is_broadcastable(jnp.shape(alpha), moment.shape[1:])
  num_inputs = gram.shape[0]
  diagonal = jnp.diagonal(gram)
  alive = diagonal > 0
  scale = jnp.where(alive, diagonal, 1)

  def coordinate(i, weights):
    pull = moment[i] - gram[i] @ weights + diagonal[i] * weights[i]
    shrunk = jnp.sign(pull) * jnp.maximum(jnp.abs(pull) - alpha, 0)
    return weights.at[i].set(jnp.where(alive[i], shrunk / scale[i], 0))

  def sweep(state):
    weights, _, count = state
    new = jax.lax.fori_loop(0, num_inputs, coordinate, weights)
    return new, jnp.max(jnp.abs(new - weights)), count + 1

  def going(state):
    _, change, count = state
    return (count < num_sweeps) & (change > tolerance)

  return jax.lax.while_loop(going, sweep, (start, jnp.inf, 0))[0]


class Lasso(NamedTuple):
  """A fitted lasso for E targets.

  Attributes:
    weights: float [D, E].
    intercepts: float [E].
    alphas: float [E], the penalties that cross-validation chose.
  """

  weights: jax.Array
  intercepts: jax.Array
  alphas: jax.Array


class _Moments(NamedTuple):
  """Sums over rows: their number, x, y, x x^T, x y^T, y^2."""

  count: jax.Array
  x: jax.Array
  y: jax.Array
  xx: jax.Array
  xy: jax.Array
  yy: jax.Array


def _moments(x, y):
  return _Moments(
    jnp.array(float(x.shape[0])),
    jnp.sum(x, axis=0),
    jnp.sum(y, axis=0),
    x.T @ x,
    x.T @ y,
    jnp.sum(jnp.square(y), axis=0),
  )


def _centred(m):
  """(means of x, means of y, gram, moment) of centred data, over N."""
  mean_x, mean_y = m.x / m.count, m.y / m.count
  gram = m.xx / m.count - mean_x[:, None] * mean_x
  moment = m.xy / m.count - mean_x[:, None] * mean_y
  # Rounding must not leave a constant input with variance.
  noise = 1e-6 * jnp.diagonal(m.xx) / m.count
  dead = jnp.diagonal(gram) <= noise
  gram = jnp.where(dead[:, None] | dead, 0, gram)
  return mean_x, mean_y, gram, jnp.where(dead[:, None], 0, moment)


def path(gram: jax.Array, moment: jax.Array, alphas: jax.Array) -> jax.Array:
  """Solutions for a falling sequence of penalties, each from the one before.

  Args:
    gram: float [D, D].
    moment: float [D, E].
    alphas: float [A, E].

  Returns:
    float [A, D, E].
  """
  chex.assert_shape(gram, (len(moment), len(moment)))
  chex.assert_shape(alphas, (None, moment.shape[1]))

  def step(weights, alpha):
    weights = descend(gram, moment, alpha, weights)
    return weights, weights

  return jax.lax.scan(step, jnp.zeros_like(moment), alphas)[1]


def cross_validated(
  x: jax.Array,
  y: jax.Array,
  num_folds: int = 5,
  num_alphas: int = 100,
  smallest: float = 1e-3,
) -> Lasso:
  """Lasso with the penalty of least cross-validated squared error.

  As scikit-learn's LassoCV: `num_alphas` penalties, equally spaced in their
  logarithm from the one that kills all weights down to `smallest` times it;
  consecutive folds, not shuffled; a last fit on all rows.

  Args:
    x: float [N, D], best standardised.
    y: float [N, E].
    num_folds: folds.
    num_alphas: penalties tried.
    smallest: least penalty over the greatest.

  Returns:
    The fits of all E targets.
  """
  chex.assert_rank([x, y], 2)
  chex.assert_type([x, y], float)
  chex.assert_equal_shape_prefix([x, y], 1)
  bounds = np.linspace(0, x.shape[0], num_folds + 1).astype(int)
  folds = [_moments(x[a:b], y[a:b]) for a, b in itertools.pairwise(bounds)]
  folds = jax.tree.map(lambda *leaves: jnp.stack(leaves), *folds)
  total = jax.tree.map(lambda leaf: jnp.sum(leaf, axis=0), folds)
  mean_x, mean_y, gram, moment = _centred(total)
  greatest = jnp.maximum(jnp.max(jnp.abs(moment), axis=0), 1e-12)
  alphas = greatest * jnp.logspace(0, np.log10(smallest), num_alphas)[:, None]

  def one_fold(fold):
    rest = jax.tree.map(lambda whole, part: whole - part, total, fold)
    fold_x, fold_y, fold_gram, fold_moment = _centred(rest)
    weights = path(fold_gram, fold_moment, alphas)
    offset = fold_y - jnp.einsum('d,ade->ae', fold_x, weights)
    # Squared error of y - w x - offset over the fold, from its moments.
    error = (
      fold.yy
      - 2 * jnp.einsum('de,ade->ae', fold.xy, weights)
      + jnp.einsum('ade,dc,ace->ae', weights, fold.xx, weights)
      + fold.count * offset**2
      - 2 * offset * fold.y
      + 2 * offset * jnp.einsum('d,ade->ae', fold.x, weights)
    )
    return error / fold.count

  errors = jnp.mean(jax.lax.map(one_fold, folds), axis=0)
  best = jnp.argmin(errors, axis=0)
  penalties = jnp.take_along_axis(alphas, best[None], axis=0)[0]
  weights = descend(gram, moment, penalties, jnp.zeros_like(moment))
  return Lasso(weights, mean_y - mean_x @ weights, penalties)
