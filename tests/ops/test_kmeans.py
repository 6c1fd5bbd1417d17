"""k-means against scikit-learn, by hand, and where points tie."""

import jax
import jax.numpy as jnp
import numpy as np
from sklearn import cluster

from disentangle_jax.ops import kmeans


def blobs(count, clusters, spread, seed=0):
  rng = np.random.default_rng(seed)
  centres = rng.normal(size=(clusters, 5)) * 3
  labels = np.repeat(np.arange(clusters), count)
  x = centres[labels] + spread * rng.normal(size=(len(labels), 5))
  return x.astype(np.float32), labels


def test_steps_are_those_of_scikit_learn():
  x, _ = blobs(40, 4, 1.5)
  x += 100  # far from the origin
  start = x[[0, 1, 50, 120]]
  ours = jax.jit(kmeans.lloyd, static_argnums=2)(x - 100, start - 100, 30)
  theirs = cluster.KMeans(
    4, init=start, n_init=1, max_iter=30, tol=0, algorithm='lloyd'
  ).fit(x)
  np.testing.assert_array_equal(ours.labels, theirs.labels_)
  np.testing.assert_allclose(
    ours.centres + 100, theirs.cluster_centers_, rtol=1e-5
  )
  np.testing.assert_allclose(ours.inertia, theirs.inertia_, rtol=1e-4)


def test_the_best_of_many_starts_is_scikit_learns():
  x, _ = blobs(50, 6, 1.0)
  fit = jax.jit(kmeans.fit, static_argnums=(2, 3, 4))
  runs = fit(jax.random.key(0), x + 50, 6, 20, 30)
  assert runs.centres.shape == (20, 6, 5) and runs.labels.shape == (20, 300)
  theirs = cluster.KMeans(6, n_init=20, random_state=0).fit(x)
  np.testing.assert_allclose(np.min(runs.inertia), theirs.inertia_, rtol=1e-3)
  best = int(np.argmin(runs.inertia))
  means = [x[np.asarray(runs.labels[best]) == k].mean(0) for k in range(6)]
  np.testing.assert_allclose(
    runs.centres[best], np.array(means) + 50, rtol=1e-4
  )


def test_starts_are_drawn_by_squared_distance():
  x = jnp.array([[0.0], [0.0], [1.0], [3.0]])
  draw = jax.jit(jax.vmap(lambda k: kmeans.plus_plus(k, x, 2)))
  centres = np.asarray(draw(jax.random.split(jax.random.key(1), 8000)))[..., 0]
  from_zero = centres[centres[:, 0] == 0, 1]
  np.testing.assert_allclose(np.mean(centres[:, 0] == 0), 0.5, atol=0.03)
  np.testing.assert_allclose(np.mean(from_zero == 3), 0.9, atol=0.02)
  assert not np.any(from_zero == 0)


def test_equal_points_and_empty_clusters():
  x = jnp.ones((6, 2))
  runs = jax.jit(kmeans.fit, static_argnums=(2, 3, 4))(
    jax.random.key(0), x, 3, 2, 4
  )
  np.testing.assert_array_equal(runs.labels, 0)
  np.testing.assert_allclose(runs.inertia, 0, atol=1e-6)
  far = jnp.array([[0.0, 0.0], [9.0, 9.0]])
  ended = kmeans.lloyd(x, far, 3)
  np.testing.assert_allclose(ended.centres, [[1, 1], [9, 9]])
