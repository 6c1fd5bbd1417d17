"""Conclusions with fewer seeds: closed forms and loops over all choices."""

import itertools
import math

import made_up
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from test_report import read

from disentangle_jax import report
from disentangle_jax.report import conclusions, results, tables
from disentangle_jax.report.sections import seeds


def settings(values, method, strength=None):
  strength = [math.nan] * len(method) if strength is None else strength
  return conclusions.Settings(
    values=np.array(values, float),
    labels=[f'{m} {s:g}' for m, s in zip(method, strength)],
    method=method,
    strength=np.array(strength, float),
    strength_name=['beta'] * len(method),
  )


def shares(said):
  return {statement.text: statement.shares for statement in said}


def test_all_choices_are_looked_at_where_they_are_few():
  chosen = conclusions.choices(6, 4, most=15)
  want = {
    tuple(i in row for i in range(6))
    for row in itertools.combinations(range(6), 4)
  }
  assert set(map(tuple, chosen.tolist())) == want and len(chosen) == 15
  some = conclusions.choices(6, 4, most=14)
  assert some.shape == (14, 6) and (some.sum(axis=1) == 4).all()


def test_draws_of_choices_are_uniform_and_seeded():
  chosen = conclusions.choices(30, 5, most=1000)
  assert chosen.shape == (1000, 30) and (chosen.sum(axis=1) == 5).all()
  # Each seed is chosen 1000 / 6 times, with a deviation of 12.
  assert np.abs(chosen.sum(axis=0) - 1000 / 6).max() < 60
  np.testing.assert_array_equal(chosen, conclusions.choices(30, 5, most=1000))


@pytest.mark.parametrize('count', [6, 9, 40])
def test_one_odd_seed_flips_as_often_as_it_is_drawn(count):
  """a wins by 1 with every seed but one, which it loses by `count` / 2.

  All seeds together say a; so do three of them unless the odd one is there:
  1 - 3 / count of the choices.
  """
  a, b = np.ones(count), np.zeros(count)
  a[2] = -count / 2
  said = shares(
    conclusions.statements(settings([a, b], ['a', 'b']), 'mig', 1.0, (3,))
  )
  share = said['a nan is the best setting'][3]
  exact = 1 - 3 / count
  tolerance = 0 if math.comb(count, 3) <= conclusions.CHOICES else 0.04
  assert share == pytest.approx(exact, abs=tolerance + 1e-12)
  assert said['a has the best setting of all methods'][3] == share
  assert len(said) == 2  # two methods: their order is said already
  lower = shares(
    conclusions.statements(settings([a, b], ['a', 'b']), 'mig', -1.0, (3,))
  )
  assert lower['b nan is the best setting'][3] == pytest.approx(share)


def loop(data, sign, size):
  """Shares by going through all choices, one at a time, in plain Python."""
  count = data.values.shape[1]

  def conclude(chosen):
    cells = []
    for row in data.values:
      there = [s for s in range(count) if np.isfinite(row[s])]
      if len(there) > len(chosen):
        there = [s for s in there if s in chosen]
      cells.append([row[s] for s in there])
    means = [np.mean(c) if c else math.nan for c in cells]
    gains = [sign * m for m in means]
    known = [g for g in gains if not math.isnan(g)]
    best = gains.index(max(known))
    top = {}
    for name, gain in zip(data.method, gains):
      if not math.isnan(gain):
        top[name] = max(top.get(name, -math.inf), gain)
    said = {'setting': best, 'method': data.method[best]}
    for a, b in itertools.combinations(dict.fromkeys(data.method), 2):
      said[a, b] = top[a] > top[b] if a in top and b in top else None
    for name in dict.fromkeys(data.method):
      x, y = [], []
      for cell, m, s in zip(cells, data.method, data.strength):
        if m == name:
          x += [s] * len(cell)
          y += cell
      if len(set(x)) > 1:
        said[name] = np.sign(round(stats.spearmanr(x, y).statistic, 9))
    return said

  whole = conclude(range(count))
  parts = [conclude(c) for c in itertools.combinations(range(count), size)]
  return whole, {
    k: np.mean([p.get(k) == v for p in parts]) for k, v in whole.items()
  }


@pytest.mark.parametrize('sign', [1.0, -1.0])
def test_shares_equal_a_loop_over_all_choices(sign):
  rng = np.random.default_rng(5)
  method = ['a', 'a', 'a', 'b', 'b', 'c']
  strength = [1.0, 2.0, 4.0, 1.0, 8.0, math.nan]
  values = rng.normal(size=(6, 8)) + 0.2 * np.arange(6)[:, None]
  values[1, 3:5] = math.nan  # diverged
  values[5, 1:] = math.nan  # a baseline, run once
  values[3, :5] = math.nan  # three seeds, as many as are chosen
  data = settings(values, method, strength)
  for size in (3, 5):
    whole, want = loop(data, sign, size)
    got = shares(conclusions.statements(data, 'mig', sign, (size,)))
    labels = data.labels
    wanted = {
      f'{labels[whole["setting"]]} is the best setting': want['setting'],
      f'{whole["method"]} has the best setting of all methods': want['method'],
    }
    for a, b in itertools.combinations('abc', 2):
      first, second = (a, b) if whole[a, b] else (b, a)
      text = f'{first} is better than {second}, each at its best'
      wanted[text] = want[a, b]
    for name in 'ab':
      assert whole[name] != 0
      verb = 'rises' if whole[name] > 0 else 'falls'
      wanted[f'mig of {name} {verb} with beta'] = want[name]
    assert {k: v[size] for k, v in got.items()} == pytest.approx(wanted)
    assert min(want.values()) < 0.9  # something flips


def test_a_baseline_run_once_stands_for_itself():
  """It is better than every run of the other, whichever seeds are chosen."""
  values = np.zeros((2, 6))
  values[0] = [0.1, 0.2, 0.1, 0.3, 0.2, 0.1]
  values[1, 1:] = math.nan
  values[1, 0] = 0.5
  said = shares(
    conclusions.statements(settings(values, ['vae', 'pca']), 'mig', 1.0, (3, 5))
  )
  assert said['pca nan is the best setting'] == {3: 1.0, 5: 1.0}


def test_what_all_seeds_leave_open_is_not_said():
  values = [[1.0, 2.0, 3.0, 4.0]] * 3
  method, strength = ['a', 'a', 'b'], [1.0, 2.0, math.nan]
  said = conclusions.statements(settings(values, method, strength), 'mig', 1.0)
  assert [statement.text for statement in said] == [
    'a 1 is the best setting',
    'a has the best setting of all methods',
  ]
  nothing = np.full((2, 5), math.nan)
  data = settings(nothing, ['a', 'b'])
  assert conclusions.statements(data, 'mig', 1.0) == []


def test_of_many_methods_the_others_are_compared_with_the_best():
  rng = np.random.default_rng(0)
  methods = [f'm{i}' for i in range(10)]
  values = rng.normal(size=(10, 6)) + np.arange(10)[:, None] * 9
  said = conclusions.statements(settings(values, methods), 'mig', 1.0, (3,))
  orders = [s.text for s in said if 'better than' in s.text]
  assert len(orders) == 9 and all(t.startswith('m9 is') for t in orders)


def study(folder, count, **kwargs):
  rows = made_up.rows_of(
    seeds=count, metrics=('mig_binned',), training=(), noise=0.3, **kwargs
  )
  made_up.write_store(folder, rows, with_samples=False)
  return rows


def test_the_table_stands_in_the_page_and_in_the_markdown(tmp_path):
  rows = study(tmp_path, 7)
  path = report.write(tmp_path, figures='none')
  frame = seeds.table(results.Results(tables.load([tmp_path])))
  assert list(frame) == ['score', 'statement', '3 seeds', '5 seeds']
  mine = rows[
    (rows['name'] == 'mig_binned') & (rows['representation'] == 'mean')
  ]
  wide = mine.pivot_table('value', ['method', 'strength'], 'seed', sort=False)
  wins = [
    wide[list(chosen)].mean(axis=1).idxmax()
    for chosen in itertools.combinations(range(7), 3)
  ]
  best = wide.mean(axis=1).idxmax()
  row = frame[frame['statement'].str.endswith('is the best setting')]
  assert best[0] in row['statement'].item()
  share = wins.count(best) / len(wins)
  assert row['3 seeds'].item() == pytest.approx(share) and share < 1
  words = read(path)[1].words
  assert 'Conclusions against number of seeds' in words
  assert f'{row["statement"].item()} {share:.3f}' in words
  assert f'| {row["statement"].item()} | {share:.3f} |' in (
    path.with_suffix('.md').read_text()
  )


def test_three_seeds_or_none_have_nothing_to_ask(tmp_path):
  study(tmp_path / 'few', 3)
  few = results.Results(tables.load([tmp_path / 'few']))
  assert not list(seeds.sections(few))
  rows = made_up.rows_of(seeds=1)[:0]
  made_up.write_store(tmp_path / 'none', rows, with_samples=False)
  none = results.Results(tables.load([tmp_path / 'none']))
  assert not list(seeds.sections(none))


def test_data_sets_are_asked_apart(tmp_path):
  more = {'dataset': 'shapes3d', 'study': 'other', 'first': 100}
  study(tmp_path / 'a', 4)
  study(tmp_path / 'b', 6, **more)
  both = results.Results(tables.load([tmp_path / 'a', tmp_path / 'b']))
  frame = seeds.table(both)
  assert list(frame.columns[-2:]) == ['3 seeds', '5 seeds']
  first = frame['data'] == 'dsprites'
  assert frame.loc[first, '5 seeds'].isna().all()
  assert frame.loc[~first, '5 seeds'].notna().all()
  alone = seeds.table(results.Results(tables.load([tmp_path / 'b'])))
  columns = ['score', 'statement', '3 seeds', '5 seeds']
  pd.testing.assert_frame_equal(
    frame[~first][columns].reset_index(drop=True), alone[columns]
  )
