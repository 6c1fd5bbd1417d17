"""Selection against enumeration of all draws."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest

from disentangle_jax.report import selection


@pytest.mark.parametrize('methods', [2, 3])
def test_best_matrix_equals_enumeration(methods):
  """Every draw of one run per method, ties shared among the tied."""
  rng = np.random.default_rng(0)
  runs = [rng.integers(0, 4, 3 + m).astype(float) for m in range(methods)]
  labels = [f'm{m}' for m, values in enumerate(runs) for _ in values]
  table = pd.DataFrame({'x': np.concatenate(runs)})
  table['y'] = -table['x']
  got = selection.best_matrix(table, labels, lower=['y'])
  wins = np.zeros(methods)
  for draw in itertools.product(*runs):
    tied = np.array(draw) == max(draw)
    wins += tied / tied.sum()
  wins /= np.prod([values.size for values in runs])
  np.testing.assert_allclose(got['x'], wins, atol=1e-12)
  np.testing.assert_allclose(got['y'], wins, atol=1e-12)


def test_best_matrix_leaves_out_methods_without_the_score():
  table = pd.DataFrame({'x': [1.0, 2.0, np.nan]})
  got = selection.best_matrix(table, ['a', 'b', 'c'])
  assert got['x'].tolist()[:2] == [0.0, 1.0]
  assert math.isnan(got.loc['c', 'x'])


def grid(values, columns):
  """[settings, seeds, columns] -> the table of `transfer`."""
  settings, seeds, _ = values.shape
  index = pd.MultiIndex.from_product(
    [range(settings), range(seeds)], names=['setting', 'seed']
  )
  return pd.DataFrame(
    values.reshape(settings * seeds, -1), index=index, columns=columns
  )


def test_transfer_equals_a_loop():
  rng = np.random.default_rng(1)
  values = rng.normal(size=(4, 5, 2))
  values[1, 2, 0] = np.nan
  values[..., 1] += values[..., 0].round()
  values[1, 2, 1] = 0.3
  table = grid(values, ['a', 'b'])
  got = selection.transfer(table, table, lower=['b'])
  sign = {'a': 1.0, 'b': -1.0}
  for s, source in enumerate('ab'):
    for t, target in enumerate('ab'):
      pool = sign[target] * values[..., t]
      chances = []
      for seed in range(5):
        chosen = np.nanargmax(sign[source] * values[:, seed, s])
        for other in range(5):
          mine = pool[chosen, other]
          if other == seed or np.isnan(mine):
            continue
          all_runs = pool[np.isfinite(pool)]
          chances.append(np.mean((mine > all_runs) + 0.5 * (mine == all_runs)))
      assert got.loc[source, target] == pytest.approx(np.mean(chances))


def test_transfer_of_a_setting_that_matters_and_of_one_that_does_not():
  rng = np.random.default_rng(2)
  effect = np.arange(10.0)[:, None]
  matters = effect + 0.01 * rng.normal(size=(10, 6))
  noise = rng.normal(size=(10, 6))
  table = grid(np.stack([matters, noise], axis=-1), ['matters', 'noise'])
  got = selection.transfer(table, table)
  assert got.loc['matters', 'matters'] == pytest.approx(0.95, abs=0.01)
  assert 0.3 < got.loc['noise', 'matters'] < 0.7


def test_transfer_needs_two_seeds():
  table = grid(np.zeros((3, 1, 1)), ['a'])
  assert math.isnan(selection.transfer(table, table).loc['a', 'a'])


@pytest.mark.parametrize('candidates', [1, 3, 7])
def test_selection_quality_equals_enumeration(candidates):
  rng = np.random.default_rng(3)
  criterion = np.array([0.0, 1.0, 1.0, 2.0, 3.0, 3.0, 3.0])
  score = rng.normal(size=7)
  got = selection.selection_quality(criterion, score, candidates)
  chosen, best = [], []
  for draw in itertools.combinations(range(7), candidates):
    draw = np.array(draw)
    top = draw[criterion[draw] == criterion[draw].max()]
    chosen.append(score[top].mean())
    best.append(score[draw].max())
  assert got['chosen'] == pytest.approx(np.mean(chosen))
  assert got['best'] == pytest.approx(np.mean(best))
  assert got['chance'] == pytest.approx(score.mean())


def test_selection_by_the_score_itself_recovers_everything():
  score = np.random.default_rng(4).normal(size=30)
  assert selection.selection_quality(score, score)['recovered'] == 1.0
  assert selection.selection_quality(-score, score)['recovered'] < -0.9
  blind = selection.selection_quality(np.zeros(30), score)
  assert blind['recovered'] == pytest.approx(0.0, abs=1e-9)
  assert math.isnan(blind['rank_correlation'])


def test_selection_counts_only_runs_with_both():
  got = selection.selection_quality(
    np.array([1.0, np.nan, 3.0, 4.0]), np.array([1.0, 2.0, np.nan, 4.0])
  )
  assert got['n'] == 2
  assert math.isnan(got['recovered'])
