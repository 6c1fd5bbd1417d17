"""Logistic regression and SVMs: optimality, scikit-learn on equal arrays."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import linear_model
from sklearn import svm as sklearn_svm

from disentangle_jax.ops import lbfgs, logistic, svm

SIZES = (3, 6, 2)
C = 0.05
ENDS = np.cumsum(SIZES)


def _data(num_points=600):
  rng = np.random.default_rng(0)
  labels = np.stack([rng.integers(0, s, num_points) for s in SIZES], axis=1)
  noise = rng.normal(size=(num_points, 4))
  x = np.concatenate([labels + 0.4 * noise[:, :3], noise[:, 3:]], axis=1)
  # Uneven scales, one dead and one duplicated feature.
  x = np.concatenate([x * [1, 30, 0.05, 1], x[:, :1], 0 * x[:, :1]], axis=1)
  return x.astype(np.float32), labels.astype(np.int32)


# One program for all penalties and weights.
FIT = jax.jit(
  lambda x, labels, l2, weights: logistic.fit(
    x, labels, SIZES, l2, weights, num_steps=1000, tolerance=1e-7
  )
)


SVM = jax.jit(lambda x, labels: svm.fit_feature(x, labels, SIZES, C))


def _loss_and_gradient(x, y, size, w, b, l2, weights):
  x, w, b = x.astype(float), np.array(w, float), np.array(b, float)
  logits = x @ w + b
  logits -= logits.max(axis=1, keepdims=True)
  log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
  hot = np.eye(size)[y]
  loss = -np.sum(weights[:, None] * hot * log_p) + l2 / 2 * np.sum(w**2)
  residual = weights[:, None] * (np.exp(log_p) - hot)
  return loss, x.T @ residual + l2 * w, residual.sum(axis=0)


@pytest.mark.parametrize('l2', [1.0, 0.01])
@pytest.mark.parametrize('weighted', [False, True])
def test_logistic_regression_reaches_the_optimum(l2, weighted):
  x, labels = _data()
  weights = np.ones(len(x), np.float32)
  if weighted:
    weights = np.random.default_rng(1).integers(0, 3, len(x)).astype(np.float32)
  w, b = FIT(jnp.array(x), jnp.array(labels), l2, jnp.array(weights))
  for k, (end, size) in enumerate(zip(ENDS, SIZES)):
    part = slice(end - size, end)
    reference = linear_model.LogisticRegression(
      C=1 / l2, tol=1e-8, max_iter=3000
    ).fit(x, labels[:, k], weights)
    ours, gradient, intercept = _loss_and_gradient(
      x, labels[:, k], size, w[:, part], b[part], l2, weights
    )
    coefficients, offset = reference.coef_.T, reference.intercept_
    if size == 2:
      # Softmax of two classes shares the weight vector out between both; its
      # penalty is then half of that on one vector, so that ours is lower.
      coefficients = np.concatenate([-coefficients, coefficients], axis=1) / 2
      offset = np.concatenate([-offset, offset]) / 2
    best = _loss_and_gradient(
      x, labels[:, k], size, coefficients, offset, l2, weights
    )[0]
    assert ours - best < 1e-5 * weights.sum()
    assert np.max(np.abs(intercept)) < 1e-4 * weights.sum()
    scale = np.maximum(np.std(x, axis=0), 1)
    assert np.max(np.abs(gradient) / scale[:, None]) < 1e-4 * weights.sum()


def test_logistic_regression_predicts_as_scikit_learn():
  x, labels = _data()
  x = x[:, :4] / np.std(x[:, :4], axis=0)
  x = np.concatenate([x, x[:, :2] * x[:, 1:3]], axis=1)
  w, b = FIT(jnp.array(x), jnp.array(labels), 1.0, jnp.ones(len(x)))
  p = np.exp(logistic.log_softmax(x @ w + b, SIZES))
  for k, (end, size) in enumerate(zip(ENDS[:2], SIZES[:2])):
    reference = linear_model.LogisticRegression(tol=1e-8, max_iter=3000)
    # In float64, which the reference keeps when it is given.
    reference.fit(x.astype(float), labels[:, k])
    want = reference.predict_proba(x)
    np.testing.assert_allclose(p[:, end - size : end], want, atol=2e-3)


def test_a_class_that_never_occurs_is_never_predicted():
  x, labels = _data(200)
  kept = labels[:, 1] != 2
  weights = kept.astype(np.float32)
  w, b = FIT(jnp.array(x), jnp.array(labels), 1.0, jnp.array(weights))
  predicted = np.array(logistic.predict(jnp.array(x) @ w + b, SIZES))
  assert not np.any(predicted[:, 1] == 2)
  assert len(np.unique(predicted[:, 1])) == 5
  assert np.all(np.isfinite(w))


def test_vmapped_fits_are_those_of_a_loop():
  x, labels = _data(200)
  several = jnp.stack([jnp.array(x), 2 * jnp.array(x[:, ::-1])])
  ones = jnp.ones(len(x))
  fit = lambda z: FIT(z, jnp.array(labels), 1.0, ones)
  w, b = jax.vmap(fit)(several)
  for z, w_vmapped, b_vmapped in zip(several, w, b):
    w_alone, b_alone = fit(z)
    np.testing.assert_allclose(
      np.exp(logistic.log_softmax(z @ w_alone + b_alone, SIZES)),
      np.exp(logistic.log_softmax(z @ w_vmapped + b_vmapped, SIZES)),
      atol=5e-3,
    )


def test_lbfgs_solves_quadratics_side_by_side():
  rng = np.random.default_rng(0)
  factor = rng.normal(size=(6, 6))
  matrix = jnp.array(factor @ factor.T + 0.1 * np.eye(6), jnp.float32)
  target = jnp.array(rng.normal(size=(6, 3)), jnp.float32)
  scale = jnp.array([1.0, 100.0, 0.01])

  def value_and_grad(x):
    error = x - target
    columns = 0.5 * jnp.sum(error * (matrix @ error), axis=0) * scale
    value = jnp.stack([columns[0] + columns[1], columns[2]])
    return value, matrix @ error * scale

  found = lbfgs.minimize(
    value_and_grad, jnp.zeros((6, 3)), np.array([0, 0, 1]), 300, 1e-6
  )
  np.testing.assert_allclose(found, target, atol=2e-3)


@pytest.mark.parametrize('feature', range(6))
def test_svm_is_that_of_scikit_learn(feature):
  x, labels = _data()
  x = x[:, feature]
  w, b = SVM(jnp.array(x), jnp.array(labels))
  for k, (end, size) in enumerate(zip(ENDS, SIZES)):
    part = slice(end - size, end)
    reference = sklearn_svm.LinearSVC(
      C=C, class_weight='balanced', dual=False, tol=1e-8, max_iter=10000
    ).fit(x[:, None], labels[:, k])
    coefficients, offset = reference.coef_[:, 0], reference.intercept_
    if size == 2:
      coefficients = np.concatenate([-coefficients, coefficients])
      offset = np.concatenate([-offset, offset])
    np.testing.assert_allclose(w[part], coefficients, rtol=2e-3, atol=2e-5)
    np.testing.assert_allclose(b[part], offset, rtol=2e-3, atol=2e-4)


def test_svm_satisfies_its_optimality_condition():
  x, labels = _data()
  for feature in (1, 2):
    z = x[:, feature].astype(float)
    w, b = SVM(jnp.array(x[:, feature]), jnp.array(labels))
    for value in range(6):
      y = np.where(labels[:, 1] == value, 1.0, -1.0)
      weight = np.where(y > 0, len(x) / (6 * np.sum(y > 0)), 1.0)
      at = float(w[3 + value]), float(b[3 + value])
      slack = np.maximum(0, 1 - y * (at[0] * z + at[1]))
      pull = -2 * C * weight * y * slack
      scale = 2 * C * np.sum(weight) * max(np.std(z), 1)
      assert abs(at[0] + np.sum(pull * z)) < 1e-4 * scale
      assert abs(at[1] + np.sum(pull)) < 1e-4 * scale


def test_svm_of_an_absent_class():
  x, labels = _data()
  labels = np.where(labels == [0, 4, 9], [1, 3, 0], labels)
  w, b = SVM(jnp.array(x[:, 0]), jnp.array(labels))
  assert w[0] == 0 and np.isneginf(b[0])
  assert w[7] == 0 and np.isneginf(b[7])
  # Two classes are left, which are one problem.
  reference = sklearn_svm.LinearSVC(
    C=C, class_weight='balanced', dual=False, tol=1e-8
  ).fit(x[:, :1], labels[:, 0])
  np.testing.assert_allclose(w[2], reference.coef_[0, 0], rtol=2e-3)


@pytest.mark.parametrize('size', [2, 4, 12])
def test_accuracy_of_a_linear_feature(size):
  labels = np.arange(size * 50) % size
  x = ((labels - labels.mean()) / labels.std())[:, None]
  reference = sklearn_svm.LinearSVC(
    C=C, class_weight='balanced', dual=False, tol=1e-8
  ).fit(x, labels)
  got = svm.linear_accuracy(size, C, size * 50)
  assert got == pytest.approx(reference.score(x, labels), abs=1e-6)


def _three_classes(num_points=400):
  rng = np.random.default_rng(3)
  labels = rng.integers(0, 3, num_points)
  x = rng.normal(size=(num_points, 4)) + 1.5 * np.eye(3, 4)[labels]
  # Uneven scales and a feature that says nothing.
  x = x * [1, 20, 0.1, 0]
  return x.astype(np.float32), labels.astype(np.int32)


def test_linear_svm_is_the_one_of_scikit_learn():
  x, labels = _three_classes()
  w, b = jax.jit(lambda x, y: svm.fit(x, y, 3, 0.3))(x, labels)
  reference = sklearn_svm.LinearSVC(
    C=0.3, loss='squared_hinge', dual=False, tol=1e-8, max_iter=100_000
  ).fit(x, labels)
  decisions = reference.decision_function(x)
  np.testing.assert_allclose(x @ w + b, decisions, atol=2e-3)
  np.testing.assert_allclose(w[:3].T, reference.coef_[:, :3], atol=5e-3)
  assert np.all(w[3] == 0)


def test_svm_of_random_cosines_is_nearly_a_kernel_machine():
  rng = np.random.default_rng(4)
  x = rng.normal(size=(600, 2)).astype(np.float32)
  # A ring around a disc: no linear classifier separates them.
  labels = (np.linalg.norm(x, axis=1) > 1.2).astype(np.int32)
  features = svm.random_features(jax.random.key(0), 2, 400, 0.5)
  f = np.asarray(svm.apply_features(features, jnp.asarray(x)))
  squared = np.sum(np.square(x[:, None] - x), axis=-1)
  assert np.max(np.abs(f @ f.T - np.exp(-0.5 * squared))) < 0.25
  train, test = slice(0, 400), slice(400, None)
  w, b = jax.jit(lambda f, y: svm.fit(f, y, 2, 1.0))(f[train], labels[train])
  ours = np.argmax(f[test] @ w + b, axis=1)
  reference = sklearn_svm.SVC(C=1.0, gamma=0.5).fit(x[train], labels[train])
  assert np.mean(ours == reference.predict(x[test])) > 0.95
  assert np.mean(ours == labels[test]) > 0.93
  straight = sklearn_svm.LinearSVC().fit(x[train], labels[train])
  assert np.mean(straight.predict(x[test]) == labels[test]) < 0.8
