"""k-means: Lloyd's steps from k-means++ starts, many at once.

Lloyd 1982, "Least squares quantization in PCM"; Arthur & Vassilvitskii 2007,
"k-means++: the advantages of careful seeding": a new centre is a point drawn
with a probability in proportion to its squared distance from the nearest centre
before it. The number of steps is fixed. A centre that no point is nearest to
stays where it is, where scikit-learn moves it to a far point.
"""

from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

# Starts that run at once: what they hold is that many [N, K] distances.
_AT_ONCE = 10


class Clusters(NamedTuple):
  """What k-means makes of points.

  Attributes:
    centres: float [..., K, D].
    labels: int32 [..., N], number of the nearest centre, the first of equals.
    inertia: float [...], sum of squared distances from it.
  """

  centres: jax.Array
  labels: jax.Array
  inertia: jax.Array


def squared_distances(x: jax.Array, centres: jax.Array) -> jax.Array:
  """float [N, D], float [K, D] -> float [N, K], at least 0."""
  chex.assert_rank([x, centres], 2)
  chex.assert_equal_shape_suffix([x, centres], 1)
  lengths = jnp.sum(x * x, axis=1)[:, None] + jnp.sum(centres * centres, axis=1)
  return jnp.maximum(lengths - 2 * x @ centres.T, 0)


def plus_plus(key: jax.Array, x: jax.Array, clusters: int) -> jax.Array:
  """Starting centres, by k-means++.

  Args:
    key: typed PRNG key.
    x: float [N, D].
    clusters: K.

  Returns:
    float [K, D], points of x; where all points are centres already, any.
  """
  chex.assert_rank(x, 2)
  chex.assert_type(x, float)
  count = len(x)
  first_key, *keys = jax.random.split(key, clusters)
  centres = [x[jax.random.randint(first_key, (), 0, count)]]
  nearest = jnp.full(count, jnp.inf)
  for k in keys:
    away = jnp.sum(jnp.square(x - centres[-1]), axis=1)
    nearest = jnp.minimum(nearest, away)
    weights = jnp.where(jnp.sum(nearest) > 0, nearest, 1.0)
    centres.append(x[jax.random.categorical(k, jnp.log(weights))])
  return jnp.stack(centres)


def lloyd(x: jax.Array, centres: jax.Array, steps: int) -> Clusters:
  """Moves centres to the means of the points that are nearest to them.

  Args:
    x: float [N, D].
    centres: float [K, D], to start from.
    steps: how often.

  Returns:
    Centres after the last step, labels and inertia by these.
  """
  chex.assert_rank([x, centres], 2)
  chex.assert_equal_shape_suffix([x, centres], 1)
  clusters = len(centres)

  def step(centres, _):
    labels = jnp.argmin(squared_distances(x, centres), axis=1)
    own = jax.nn.one_hot(labels, clusters, dtype=x.dtype)
    sizes = jnp.sum(own, axis=0)[:, None]
    means = (own.T @ x) / jnp.maximum(sizes, 1)
    return jnp.where(sizes > 0, means, centres), None

  centres, _ = jax.lax.scan(step, centres, length=steps)
  distances = squared_distances(x, centres)
  labels = jnp.argmin(distances, axis=1).astype(jnp.int32)
  return Clusters(centres, labels, jnp.sum(jnp.min(distances, axis=1)))


def fit(
  key: jax.Array, x: jax.Array, clusters: int, restarts: int, steps: int
) -> Clusters:
  """k-means from many starts.

  Args:
    key: typed PRNG key.
    x: float [N, D].
    clusters: K.
    restarts: R.
    steps: of Lloyd for each.

  Returns:
    Of every start: centres [R, K, D], labels [R, N], inertia [R].
  """
  chex.assert_rank(x, 2)
  chex.assert_type(x, float)
  # Distances are small differences of large numbers far from the origin.
  centre = jnp.mean(x, axis=0)
  x = x - centre
  one = lambda k: lloyd(x, plus_plus(k, x, clusters), steps)
  keys = jax.random.split(key, restarts)
  runs = jax.lax.map(one, keys, batch_size=min(_AT_ONCE, restarts))
  return runs._replace(centres=runs.centres + centre)
