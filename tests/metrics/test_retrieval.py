"""Retrieval and verification against loops, scikit-learn and closed forms."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from disentangle_jax import errors, metrics
from disentangle_jax.data import parts
from disentangle_jax.metrics import arrays
from disentangle_jax.metrics.codes import retrieval, single_code_auc


def rows_of(num=60, identities=9, seed=0):
  rng = np.random.default_rng(seed)
  label = rng.integers(0, identities, num)
  centre = rng.normal(size=(identities, 3))[label]
  return (centre + 0.8 * rng.normal(size=(num, 3))).astype(np.float32), label


def loop(codes, label, k):
  """Recall@k by sorting the others of every point that has a mate."""
  hits = []
  for i in range(len(codes)):
    others = np.delete(np.arange(len(codes)), i)
    if not np.any(label[others] == label[i]):
      continue
    distance = np.linalg.norm(codes[others] - codes[i], axis=1)
    nearest = others[np.argsort(distance)[:k]]
    hits.append(np.any(label[nearest] == label[i]))
  return np.mean(hits)


def pairs_area(codes, label):
  first, second = np.triu_indices(len(codes), 1)
  distance = np.linalg.norm(codes[first] - codes[second], axis=1)
  return roc_auc_score(label[first] == label[second], -distance)


@pytest.mark.parametrize('k', [1, 3, 10])
def test_recall_is_that_of_sorting(k):
  codes, label = rows_of()
  label = np.append(label, 99)  # alone: no query, but a neighbour
  codes = np.append(codes, codes[:1] + 0.01, axis=0)
  got = retrieval.recall(jnp.asarray(codes), jnp.asarray(label)[:, None], k)
  assert float(got) == pytest.approx(loop(codes, label, k), abs=1e-6)


def test_verification_is_scikit_learns_area():
  codes, label = rows_of()
  scores = metrics.evaluate(codes, label[:, None], 'retrieval')
  assert scores['retrieval'] == pytest.approx(loop(codes, label, 1), abs=1e-6)
  expected = pairs_area(codes, label)
  assert scores['verification_auc'] == pytest.approx(expected, abs=1e-5)
  # With equal distances among them, which count half.
  coarse = np.round(codes)
  area = metrics.evaluate(coarse, label[:, None], 'verification_auc')
  expected = pairs_area(coarse, label)
  assert area['verification_auc'] == pytest.approx(expected, abs=1e-5)


def test_few_random_points_stand_for_all_pairs(monkeypatch):
  codes, label = rows_of(400)
  monkeypatch.setattr(retrieval, '_PAIRS', 40_000)  # 100 of 400 points
  area = retrieval.verification_auc(
    jax.random.key(0), jnp.asarray(codes), jnp.asarray(label)[:, None]
  )
  assert float(area) == pytest.approx(pairs_area(codes, label), abs=0.03)
  assert float(area) != pytest.approx(pairs_area(codes, label), abs=1e-6)


@pytest.mark.parametrize('k', [1, 2, 7])
def test_ties_are_broken_at_random(k):
  """Of a constant code all others are as near: k of them, drawn anew."""
  label = np.repeat(np.arange(4), 3)
  codes = jnp.zeros((12, 2))
  got = float(retrieval.recall(codes, jnp.asarray(label)[:, None], k))
  expected = 1 - math.comb(9, k) / math.comb(11, k)
  assert got == pytest.approx(expected, rel=1e-5)
  scores = metrics.evaluate(np.zeros((12, 2)), label[:, None], 'retrieval')
  assert scores['verification_auc'] == pytest.approx(0.5, abs=1e-6)


def test_ends_of_the_range():
  label = np.repeat(np.arange(4), 3)[:, None]
  scores = metrics.evaluate(1.0 * label, label, 'retrieval')
  assert scores == {'retrieval': 1.0, 'verification_auc': 1.0}
  # A mate is always the farthest.
  codes = np.array([[0.0], [1.0], [10.0], [11.0]])
  wrong = np.array([[0], [1], [0], [1]])
  scores = metrics.evaluate(codes, wrong, 'retrieval')
  assert scores['retrieval'] == 0
  alone = metrics.evaluate(codes, np.arange(4)[:, None], 'retrieval')
  assert alone == {'retrieval': 0.0, 'verification_auc': 0.5}


def test_standardised_codes_have_no_scale():
  codes, label = rows_of()
  data = arrays.dataset((9,))
  score = lambda codes, **options: retrieval.make(
    retrieval.Config(**options), data
  ).score(
    jax.random.key(0),
    metrics.base.types.Codes(jnp.asarray(codes, jnp.float32), {}),
    jnp.asarray(label)[:, None],
  )
  scaled = codes * np.array([100.0, 1.0, 0.01])
  plain, even = score(codes, standardize=True), score(scaled, standardize=True)
  for name, value in plain.items():
    assert float(even[name]) == pytest.approx(float(value), abs=2e-3)
  apart = score(scaled)['retrieval'] - score(codes)['retrieval']
  assert abs(float(apart)) > 0.05


def data_of(sizes, names):
  return arrays.dataset(sizes)._replace(factor_names=names)


def test_a_design_draws_distinct_images_of_a_fold():
  data = data_of((5, 4, 3, 2), ('a', 'b', 'c', 'd'))
  options = {'identity': ('a', 'c'), 'per_identity': 6, 'num_train': 100}
  few = {**options, 'num_train': 18}
  metric = retrieval.make(retrieval.Config(fold=2, **few), data)
  points = np.asarray(metric.design.sample(jax.random.key(0)))
  inside = parts.fold(15, 2, 5)[1]
  assert points.shape == (len(inside) * 6, 4)
  number = np.ravel_multi_index((points[:, 0], points[:, 2]), (5, 3))
  assert sorted(set(number)) == inside.tolist()
  assert np.all(np.bincount(number)[inside] == 6)
  assert len(np.unique(points, axis=0)) == len(points)
  assert np.all(points < data.factor_sizes)
  every = retrieval.make(retrieval.Config(**options), data).design
  points = np.asarray(every.sample(jax.random.key(0)))
  assert points.shape == (90, 4)
  assert len(np.unique(points, axis=0)) == 90
  # Room for more images of few identities.
  more = retrieval.Config(identity=('d',), num_train=80)
  points = np.asarray(
    retrieval.make(more, data).design.sample(jax.random.key(0))
  )
  assert np.bincount(points[:, 3]).tolist() == [40, 40]
  assert len(np.unique(points, axis=0)) == 80
  # No more images than an identity has.
  whole = retrieval.Config(identity=('a', 'b', 'c'), num_train=9)
  points = retrieval.make(whole, data).design.sample(jax.random.key(0))
  assert points.shape == (8, 4)


@pytest.mark.parametrize(
  ('options', 'words'),
  [
    ({'identity': ('shoe',)}, 'retrieval.identity'),
    ({'fold': 5}, 'retrieval.fold'),
    ({'fold': 0}, 'needs 5 to 65536 identities, got 3'),
    ({'per_identity': 1}, 'per_identity'),
    ({'k': 0}, 'k'),
  ],
)
def test_refusals(options, words):
  data = data_of((3, 4), ('a', 'b'))
  with pytest.raises(errors.ConfigError, match=words) as caught:
    retrieval.make(retrieval.Config(**options), data)
  assert '\n' not in str(caught.value)


def test_areas_of_named_factors():
  """Values of one factor by a code that equals it, beside noise."""
  rng = np.random.default_rng(0)
  factors = np.stack([rng.integers(0, s, 400) for s in (4, 2, 3)], axis=1)
  codes = np.stack(
    [factors[:, 0], factors[:, 1], rng.normal(size=400)], axis=1
  ).astype(np.float32)
  data = data_of((4, 2, 3), ('body', 'arms', 'hair'))

  def score(names):
    config = single_code_auc.Config(num_train=400, factors=names)
    metric = single_code_auc.make(config, data)
    given = metrics.base.types.Codes(jnp.asarray(codes), {})
    scores = metric.score(jax.random.key(0), given, jnp.asarray(factors))
    return {name: float(value) for name, value in scores.items()}

  scores = score(('body', 'arms'))
  areas = {
    f'body_{v}': max(
      max(a, 1 - a)
      for a in (
        roc_auc_score(factors[:, 0] == v, codes[:, j]) for j in range(3)
      )
    )
    for v in range(4)
  }
  areas['arms_0'] = 1.0  # binary: its two values say the same
  for name, area in areas.items():
    got = scores.pop(f'single_code_auc/{name}')
    assert got == pytest.approx(area, abs=1e-5), name
  values = list(areas.values())
  assert scores == {
    'single_code_auc': pytest.approx(np.mean(values), abs=1e-5),
    'single_code_auc_median': pytest.approx(np.median(values), abs=1e-5),
    'single_code_auc_share': pytest.approx(3 / 5, abs=1e-6),
  }
  # Without the option no values of their own, and all factors count.
  plain = score(())
  assert list(plain) == list(scores)
  assert plain['single_code_auc'] < scores['single_code_auc']
  with pytest.raises(errors.ConfigError, match='single_code_auc'):
    score(('shoe',))
