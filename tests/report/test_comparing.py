"""Two studies side by side: statistics by brute force, the page's order."""

import re

import made_up
import numpy as np
import pytest
from scipy import stats
from test_report import read

from disentangle_jax import report
from disentangle_jax.report import (
  comparing,
  results,
  scores,
  statistics,
  summaries,
  tables,
)


def test_the_matrix_counts_wins_and_halves_ties():
  rng = np.random.default_rng(0)
  cells = [rng.integers(0, 6, n).astype(float) for n in (1, 4, 7)]
  cells += [np.array([np.nan, 2.0]), np.array([np.nan])]
  matrix = comparing.improvement_matrix(cells)
  for a, first in enumerate(cells):
    for b, second in enumerate(cells):
      wins = [
        (x > y) + (x == y) / 2
        for x in first[np.isfinite(first)]
        for y in second[np.isfinite(second)]
      ]
      want = np.mean(wins) if wins else np.nan
      np.testing.assert_allclose(matrix[a, b], want)
  np.testing.assert_allclose((matrix + matrix.T)[:4, :4], 1)
  chance, *_ = statistics.probability_of_improvement([cells[1]], [cells[2]])
  assert matrix[1, 2] == pytest.approx(chance)


def test_a_profile_is_the_share_of_runs_above():
  rng = np.random.default_rng(1)
  cells = [rng.normal(size=5), rng.normal(1, 1, size=8), np.array([np.nan])]
  values = np.concatenate(cells[:2])
  thresholds = np.array([-9.0, *np.sort(values)[::4], 9.0])
  profile = comparing.performance_profile(cells, thresholds)
  want = [(values > t).mean() for t in thresholds]
  np.testing.assert_allclose(profile[:, 0], want)
  np.testing.assert_allclose(profile[[0, -1]], [[1] * 3, [0] * 3])
  assert (profile[:, 1] <= profile[:, 0]).all()
  assert (profile[:, 2] >= profile[:, 0]).all()
  assert (np.diff(profile, axis=0) <= 0).all()


def test_the_band_of_one_cell_is_binomial():
  n, above = 40, 12
  values = np.arange(float(n))
  ((share, low, high),) = comparing.performance_profile(
    [values], [n - above - 0.5], resamples=20000
  )
  spread = stats.binom(n, above / n)
  assert share == above / n
  assert low == pytest.approx(spread.ppf(0.025) / n, abs=1 / n)
  assert high == pytest.approx(spread.ppf(0.975) / n, abs=1 / n)


def test_cells_are_strata_of_the_band():
  # Between cells all of the spread, inside them none: nothing is uncertain.
  cells = [np.zeros(4), np.ones(4)]
  profile = comparing.performance_profile(cells, [0.5])
  np.testing.assert_allclose(profile, [[0.5, 0.5, 0.5]])
  alone = comparing.performance_profile([*cells, np.ones(1)], [0.5])
  assert alone[0, 0] == pytest.approx(5 / 9) and np.isnan(alone[0, 1:]).all()
  assert np.isnan(comparing.performance_profile([], [0.5])).all()


def pair(folder, second_seeds=6, noise=0.0):
  """Two workdirs, the second 0.02 better by mig_binned, seed by seed."""
  kwargs = {'metrics': ('mig_binned', 'sap'), 'training': ()}
  first = made_up.rows_of(seeds=6, **kwargs)
  second = made_up.rows_of(seeds=6, study='other', **kwargs)
  rng = np.random.default_rng(2)
  mig = second['name'] == 'mig_binned'
  second.loc[mig, 'value'] += 0.02 + noise * rng.normal(size=mig.sum())
  shift = second_seeds - 6  # seeds 6 .. 11 in place of 0 .. 5
  second['seed'] += 6 if shift else 0
  return [
    made_up.write_store(folder / name, rows, with_samples=False)
    for name, rows in (('alpha', first), ('beta', second))
  ]


def of_mig(workdirs):
  study = tables.load(workdirs, together=False)
  column = list(study.scores.columns).index(('mig_binned', 'mean'))
  return summaries.compare(study, column, scores.describe(study)[column])


def test_runs_of_equal_seed_are_paired(tmp_path):
  paired = of_mig(pair(tmp_path / 'a', noise=0.001))
  apart = of_mig(pair(tmp_path / 'b', second_seeds=7, noise=0.001))
  assert (paired['paired'] == 6).all() and (apart['paired'] == 0).all()
  np.testing.assert_allclose(paired['difference'], apart['difference'])
  # What both share of the seed cancels: 0.05 apart, 0.001 in pairs.
  assert (paired['low'] > 0).all() and (apart['low'] < 0).all()
  width = lambda table: (table['high'] - table['low']).mean()
  assert width(paired) < width(apart) / 10


def test_seeds_that_one_side_lacks_leave_pairs_of_the_others(tmp_path):
  first, second = pair(tmp_path)
  rows = made_up.rows_of(
    seeds=9, study='third', metrics=('mig_binned',), training=()
  )
  more = made_up.write_store(tmp_path / 'more', rows, with_samples=False)
  assert (of_mig([more, second])['paired'] == 6).all()
  few = rows[rows['seed'].isin([4, 5, 7])]
  few = made_up.write_store(tmp_path / 'few', few, with_samples=False)
  # Two of three seeds are shared: pairs would leave out runs of both sides.
  assert (of_mig([first, few])['paired'] == 0).all()


def test_the_comparison_opens_the_page(tmp_path):
  path = report.write(pair(tmp_path, noise=0.001), compare=True, figures='none')
  text, reader, _ = read(path)
  keys = re.findall(r'id="section-(\w+)"', text)
  forests = ['compare_forest_mig_binned_mean', 'compare_forest_sap_mean']
  assert keys[:6] == [
    'comparison',
    *forests,
    'compare_matrix',
    'compare_profiles',
    'headline',
  ]
  assert reader.words.count('How to read it:') == 4
  assert 'beta against alpha' in reader.words
  assert '6 of 6 settings (round marks)' in reader.words
  assert '+0.020 [+0.01' in text  # drawn beside the marks
  lines = path.with_suffix('.md').read_text()
  assert '## Both workdirs put together' in lines
  assert '### Compared: mig_binned (mean)' in lines


def test_what_only_one_workdir_has_scored_is_not_compared(tmp_path):
  kwargs = {'seeds': 6, 'training': ()}
  folders = [
    made_up.write_store(
      tmp_path / name,
      made_up.rows_of(study=name, metrics=metrics, **kwargs),
      with_samples=False,
    )
    for name, metrics in (
      ('a', ('mig_binned', 'factor_vae_score')),
      ('b', ('mig_binned',)),
    )
  ]
  study = tables.load(folders, together=False)
  made = results.Results(study, compare=True, primary='factor_vae_score')
  with report.style.use():
    (opening,) = report.sections.comparison.opening(made)
  keys = [part.key for part in opening.body]
  assert all(key.startswith('compare_forest_') for key in keys)
  assert 'compare_forest_mig_binned_mean' in keys
  assert report.write(folders, compare=True, figures='none').is_file()


def test_workdirs_without_a_common_setting_say_so(tmp_path):
  kwargs = {'seeds': 2, 'metrics': ('mig_binned',), 'training': ()}
  folders = []
  for name, strength in (('a', 1.0), ('b', 2.0)):
    rows = made_up.rows_of(
      methods={'beta_vae': 'beta'},
      strengths={'beta_vae': (strength,)},
      study=name,
      **kwargs,
    )
    folders.append(
      made_up.write_store(tmp_path / name, rows, with_samples=False)
    )
  path = report.write(folders, compare=True, figures='none')
  assert 'there is nothing to compare' in read(path)[1].words


def test_lower_is_better_turns_matrix_and_profiles_round(tmp_path):
  workdirs = pair(tmp_path)
  study = tables.load(workdirs, together=False)
  parts = {}
  for primary in ('mig_binned', 'reconstruction/squared_error'):
    made = results.Results(study, compare=True, primary=primary)
    with report.style.use():
      (opening,) = report.sections.comparison.opening(made)
    parts[primary] = {part.key: part for part in opening.body}
  for primary, better in (
    ('mig_binned', 'above'),
    ('reconstruction/squared_error', 'below'),
  ):
    figure = parts[primary]['compare_profiles'].body
    line = figure.axes[0].lines[0].get_ydata()
    assert figure.axes[0].get_ylabel() == f'share of runs {better}'
    assert (line[0], line[-1]) == ((1, 0) if better == 'above' else (0, 1))
