"""Boosted trees and forests against scikit-learn and brute force."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import ensemble
from sklearn import tree as sklearn_tree

from disentangle_jax.ops import boosted as boosted_lib
from disentangle_jax.ops import forest, trees

NUM_TRAIN, NUM_TEST, NUM_CLASSES = 240, 120, 4


def _data():
  rng = np.random.default_rng(0)
  x = rng.normal(size=(NUM_TRAIN + NUM_TEST, 3)).astype(np.float32)
  x[:, 2] = rng.integers(0, 3, len(x))
  score = x[:, 0] + x[:, 1] * x[:, 2] + 0.3 * rng.normal(size=len(x))
  return x, np.digitize(score, [-1, 0, 1])


def _every_cut(x):
  """A cut between any two neighbouring values; the rest repeat the last."""
  rows = []
  for column in x.T:
    values = np.unique(column)
    middle = (values[1:] + values[:-1]) / 2
    rows.append(np.resize(middle, len(x) - 1))
    rows[-1][len(middle) :] = middle[-1]
  return jnp.array(np.stack(rows), jnp.float32)


@pytest.fixture(scope='module')
def boosted():
  x, _ = _data()
  cuts = _every_cut(x[:NUM_TRAIN])
  fit = jax.jit(
    lambda below, labels, test: trees.boost(
      jax.random.key(0), below, labels, NUM_CLASSES, test, 3, num_rounds=15
    )
  )
  below = trees.below_cuts(jnp.array(x[:NUM_TRAIN]), cuts)
  test = trees.below_cuts(jnp.array(x[NUM_TRAIN:]), cuts)
  return fit, below, test


def test_boosting_with_every_cut_is_that_of_scikit_learn(boosted):
  x, labels = _data()
  fit, below, test = boosted
  found = fit(below, jnp.array(labels[:NUM_TRAIN]), test)
  reference = ensemble.GradientBoostingClassifier(
    n_estimators=15, random_state=0
  ).fit(x[:NUM_TRAIN], labels[:NUM_TRAIN])
  importances = np.asarray(found.importances).reshape(3, -1).sum(axis=1)
  np.testing.assert_allclose(
    importances / importances.sum(),
    reference.feature_importances_,
    atol=5e-3,
  )
  # Equal splits may fall either way: a few points move a little.
  for rows, scores in (
    (x[:NUM_TRAIN], found.scores),
    (x[NUM_TRAIN:], found.test_scores),
  ):
    # Up to a constant per point, which changes no probability.
    centre = lambda scores: scores - scores.mean(axis=1, keepdims=True)
    want = centre(reference.decision_function(rows))
    got = centre(np.asarray(scores).T)
    assert np.median(np.abs(got - want)) < 1e-3
    assert np.mean(got.argmax(axis=1) == want.argmax(axis=1)) > 0.97


def test_two_classes_are_one_problem(boosted):
  x, labels = _data()
  fit, below, test = boosted
  labels = (labels > 1).astype(int)
  found = fit(below, jnp.array(labels[:NUM_TRAIN]), test)
  reference = ensemble.GradientBoostingClassifier(
    n_estimators=15, random_state=0
  ).fit(x[:NUM_TRAIN], labels[:NUM_TRAIN])
  # Classes 2 and 3 never occur and are never predicted.
  assert np.asarray(found.test_scores).argmax(axis=0).max() == 1
  odds = np.asarray(found.test_scores[1] - found.test_scores[0])
  want = reference.decision_function(x[NUM_TRAIN:])
  assert np.median(np.abs(odds - want)) < 1e-3


def test_without_any_split_the_frequencies_remain(boosted):
  _, labels = _data()
  fit, below, test = boosted
  found = fit(0 * below, jnp.array(labels[:NUM_TRAIN]), 0 * test)
  np.testing.assert_array_equal(found.importances, 0)
  p = np.exp(np.asarray(found.test_scores[:, 0]))
  frequency = np.bincount(labels[:NUM_TRAIN]) / NUM_TRAIN
  np.testing.assert_allclose(p / p.sum(), frequency, atol=1e-4)


@pytest.mark.parametrize('shift', [0.0, 1e-6])
def test_equal_features_share_what_they_hold(shift):
  # As in scikit-learn, which visits the features in random order.
  rng = np.random.default_rng(3)
  labels = rng.integers(0, 6, (600, 2))
  x = (labels + 0.05 * rng.normal(size=labels.shape)).astype(np.float32)
  x = np.concatenate([x, x + np.float32(shift), x[:, :1]], axis=1)
  fit = jax.jit(
    lambda key: boosted_lib.fit(
      key, jnp.array(x), jnp.array(labels), jnp.array(x[:5]), (6, 6), 40
    )
  )
  shares = np.mean(
    [fit(jax.random.key(i)).importances for i in range(4)], axis=0
  )
  wanted = np.array([[1, 0], [0, 1], [1, 0], [0, 1], [1, 0]]) / [3, 2]
  np.testing.assert_allclose(shares, wanted, atol=0.1)
  one = ensemble.GradientBoostingClassifier(n_estimators=40, random_state=0)
  one = one.fit(x, labels[:, 0]).feature_importances_
  np.testing.assert_allclose(one, wanted[:, 0], atol=0.2)


def test_equal_features_of_a_forest_share_the_splits():
  rng = np.random.default_rng(4)
  bins = rng.integers(0, 16, (400, 1))
  target = (bins[:, 0] - 7.5) / 4.6
  bins = jnp.array(np.repeat(bins, 4, axis=1))
  fit = jax.jit(
    lambda key: forest.fit(
      key, bins, jnp.array(target, jnp.float32), jnp.ones(400, bool), 16, 4, 10
    )
  )
  splits = np.asarray(fit(jax.random.key(0)).splits)
  # Each level of each tree halves all its nodes.
  np.testing.assert_array_equal(splits.sum(axis=1), 10 * 2 ** np.arange(4))
  share = splits.sum(axis=0) / 150
  assert np.all(np.abs(share - 0.25) < 5 * np.sqrt(0.25 * 0.75 / 150))


def test_lots_decide_between_equal_gains_alone():
  gain = np.array([[1.0, 2.0, 2.0], [2.0, 0.0, 2.0], [1.999, 0.0, 0.0]])
  gain = jnp.array(gain, jnp.float32)[None, :, :, None]
  lots = jax.random.uniform(jax.random.key(0), (4000, 3, 1))
  broken = jax.vmap(lambda lot: trees.break_ties(gain[0], lot))(lots)
  best = np.argmax(np.asarray(broken).reshape(4000, 9), axis=1)
  # The first of a feature's equal cuts, either feature equally often.
  assert set(best.tolist()) == {1, 3}
  assert np.mean(best == 1) == pytest.approx(0.5, abs=0.04)
  assert not np.any(trees.break_ties(0 * gain, lots[:1]))


def test_class_cuts_find_the_borders_of_sharp_codes():
  rng = np.random.default_rng(0)
  labels = rng.integers(0, 12, 600)
  sharp = (labels + rng.random(600)) / 12
  x = np.stack([sharp, rng.normal(size=600)], axis=1).astype(np.float32)
  cuts = trees.class_cuts(jnp.array(x), jnp.array(labels), 12, 7, 16)
  cuts = np.asarray(cuts)
  assert cuts.shape == (2, 23) and np.all(np.diff(cuts, axis=1) >= 0)
  for border in range(1, 12):
    below = sharp[labels < border].max()
    above = sharp[labels >= border].min()
    assert np.any((cuts[0] > below) & (cuts[0] <= above)), border
  # The quantiles are among the cuts of a code that says nothing.
  for share in np.arange(1, 8) / 8:
    assert np.min(np.abs(np.mean(x[:, 1:] < cuts[1], axis=0) - share)) < 0.01


def test_cuts_of_few_values_lie_between_them():
  x = jnp.array(np.resize([0.0, 1.0, 5.0], 99)[:, None], jnp.float32)
  cuts = np.asarray(trees.class_cuts(x, jnp.arange(99) % 3, 3, 3, 4))
  groups = set(np.sum(np.asarray(x) >= cuts[0], axis=1).tolist())
  assert len(groups) == 3
  assert set(cuts.reshape(-1).tolist()) <= {0.0, 0.5, 3.0}


def test_a_tree_on_all_points_is_that_of_scikit_learn():
  rng = np.random.default_rng(1)
  bins = rng.integers(0, 8, (200, 3))
  target = np.sin(bins[:, 0]) + 0.5 * bins[:, 1] * (bins[:, 2] > 3)
  target = (target - target.mean()) / target.std()
  predictions, splits = jax.jit(
    lambda t: forest.tree(
      jax.random.key(0), jnp.array(bins), t, jnp.ones(200), 8, 3
    )
  )(jnp.array(target, jnp.float32))
  for depth in range(1, 4):
    reference = sklearn_tree.DecisionTreeRegressor(max_depth=depth)
    reference.fit(bins, target)
    np.testing.assert_allclose(
      predictions[depth], reference.predict(bins), atol=1e-4
    )
    feature = reference.tree_.feature
    want = np.bincount(feature[feature >= 0], minlength=3)
    np.testing.assert_array_equal(np.sum(splits[:depth], axis=0), want)


def test_points_that_are_not_trained_on_have_no_say():
  rng = np.random.default_rng(2)
  bins = jnp.array(rng.integers(0, 8, (100, 2)))
  target = jnp.array(rng.normal(size=100), jnp.float32)
  trained = jnp.arange(100) < 60
  fit = jax.jit(
    lambda t: forest.fit(jax.random.key(0), bins, t, trained, 8, 2, 3)
  )
  one = fit(target)
  other = fit(jnp.where(trained, target, 100.0))
  np.testing.assert_array_equal(one.predictions, other.predictions)
  np.testing.assert_array_equal(one.splits, other.splits)
