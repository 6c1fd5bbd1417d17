"""Lasso: optimality conditions, the path's ends, scikit-learn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import linear_model

from disentangle_jax.ops import lasso


def _data():
  rng = np.random.default_rng(0)
  x = rng.normal(size=(200, 6))
  x[:, 1] = x[:, 0] + 0.2 * x[:, 1]
  x[:, 5] = 0
  y = x @ rng.normal(size=(6, 3)) * [1, 0.1, 1] + rng.normal(size=(200, 3))
  return x - x.mean(axis=0), y - y.mean(axis=0)


DESCEND = jax.jit(lasso.descend)


@pytest.mark.parametrize('alpha', [0.3, 0.01])
def test_descent_is_that_of_scikit_learn_and_optimal(alpha):
  x, y = _data()
  gram, moment = x.T @ x / 200, x.T @ y / 200
  single = [jnp.array(m, jnp.float32) for m in (gram, moment)]
  got = np.asarray(DESCEND(*single, alpha, jnp.zeros_like(single[1])))
  reference = linear_model.Lasso(alpha=alpha, tol=1e-10, max_iter=100000)
  want = reference.fit(x, y).coef_.T
  np.testing.assert_allclose(got, want, atol=2e-3)
  # The subgradient of |w|: alpha sign(w), or anything between -alpha, alpha.
  pull = moment - gram @ got.astype(float)
  live = np.abs(got) > 1e-6
  np.testing.assert_allclose(pull[live], alpha * np.sign(got)[live], atol=1e-3)
  assert np.all(np.abs(pull) <= alpha + 1e-3)
  np.testing.assert_array_equal(got[5], 0)


def test_the_path_starts_at_zero():
  x, y = _data()
  gram, moment = (
    jnp.array(m, jnp.float32) for m in (x.T @ x / 200, x.T @ y / 200)
  )
  greatest = jnp.max(jnp.abs(moment), axis=0)
  alphas = greatest * jnp.array([1.0001, 0.9])[:, None]
  weights = np.asarray(jax.jit(lasso.path)(gram, moment, alphas))
  np.testing.assert_array_equal(weights[0], 0)
  assert np.all(np.any(weights[1] != 0, axis=0))


def test_cross_validation_is_that_of_scikit_learn():
  x, y = _data()
  x, y = x + 3, y - 2
  fit = jax.jit(lambda x, y: lasso.cross_validated(x, y, 5, 30))
  got = fit(jnp.array(x, jnp.float32), jnp.array(y, jnp.float32))
  for e in range(3):
    reference = linear_model.LassoCV(
      alphas=30, cv=5, tol=1e-9, max_iter=100000
    ).fit(x, y[:, e])
    assert got.alphas[e] == pytest.approx(reference.alpha_, rel=1e-3)
    np.testing.assert_allclose(got.weights[:, e], reference.coef_, atol=3e-3)
    assert got.intercepts[e] == pytest.approx(reference.intercept_, abs=1e-2)
