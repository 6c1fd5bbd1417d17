"""Claims: the rules against NumPy, and what is said where little is known."""

import made_up
import numpy as np
import pandas as pd
import pytest

from disentangle_jax.report import (
  claims,
  numbered,
  statistics,
  summaries,
  tables,
)
from disentangle_jax.report.claims import Arm, Claim, Difference, Guard, Within


def claim(**changes):
  arms = (Arm('c', {'method': 'annealed_vae'}), Arm('b', {'strength': 1}))
  given = {'arms': arms, 'score': 'sap', 'rule': Difference('higher')}
  return Claim(**{**dict.fromkeys(Claim._fields[:3], ''), **given, **changes})


@pytest.fixture(scope='module')
def study(tmp_path_factory):
  """Variants whose projection is their seed; 'sap' has a number per pair."""
  rows = made_up.rows_of(seeds=5, training=())
  rows['variant'] = [f'penalty=l{1 + s % 2}, projection={s}' for s in rows.seed]
  numbers = rows[rows['name'] == 'sap'].assign(name='sap/1_2')
  numbers['value'] = numbers['run_number'] + numbers['metric_seed']
  rows = pd.concat([rows, numbers, numbers.assign(name='sap/x')])
  folder = tmp_path_factory.mktemp('claims')
  made_up.write_store(folder, rows, with_samples=False)
  return tables.load([folder])


def test_arms_select_by_parts_of_variants(study):
  mine = claims.runs_of(study, Arm('', {'variant.penalty': 'l2'}))
  np.testing.assert_array_equal(mine, study.runs['seed'] % 2 == 1)
  both = Arm('', {'variant.projection': (2, 3), 'method': 'beta_vae'})
  mine = claims.runs_of(study, both)
  assert set(study.runs['seed'][mine]) == {2, 3} and mine.sum() == 6
  assert not claims.runs_of(study, Arm('', {'variant.jection': 2})).any()
  with pytest.raises(claims.errors.ConfigError, match='arm of a claim'):
    claims.runs_of(study, Arm('', {'colour': 'red'}))


def test_a_difference_within_runs_is_a_mean_over_seeds(study):
  gap = lambda s: claims.values_of(s, 'sap') - 0.2
  verdict = claims.judge(claim(score=gap, rule=Within('higher')), study)
  arm = study.runs['method'].str.startswith('annealed_vae')
  own = study.scores['sap', 'mean'][arm] - 0.2
  means = own.groupby(study.runs['seed'][arm]).mean().to_numpy()
  np.testing.assert_allclose(verdict.value, means.mean())
  ((low, high),) = statistics.bootstrap_interval([means])
  np.testing.assert_allclose([verdict.low, verdict.high], [low, high])
  assert (verdict.word, verdict.seeds) == (claims.HOLDS, 5)
  other = claims.judge(claim(score=gap, rule=Within('lower')), study)
  assert other.word == claims.DOES_NOT_HOLD


def test_repetitions_may_be_another_column(study):
  one_seed = study.runs.assign(seed=0)
  drawn_anew = study._replace(runs=one_seed)
  assert claims.judge(claim(), study) == claims.judge(
    claim(repeats='variant.projection'), drawn_anew
  )
  alone = claims.judge(claim(), drawn_anew)
  assert (alone.word, alone.seeds) == (claims.NOT_SHOWN, 1)
  assert (
    'each projection counts as a seed'
    in claims.table([claim(repeats='variant.projection')], [alone])[
      'rule'
    ].item()
  )


def test_scores_that_were_not_asked_for_are_not_run(study):
  missing = claim(score='dci_disentanglement')
  guarded = claim(guards=(Guard('no_such_score'),))
  (section,) = claims.sections(study, [missing, guarded, claim()])
  said = [verdict.split(':')[0] for verdict in section.body['verdict']]
  kept = [
    entry['verdict'] for entry in claims.record(study, [missing, claim()])
  ]
  assert said[:2] == ['not run'] * 2 and said[2:] == kept[1:]
  assert kept[0] == 'not run'


def test_pairs_cancel_what_seeds_share():
  rng = np.random.default_rng(0)
  shared, gain = rng.normal(0, 10, 8), rng.normal(1, 0.1, 8)
  value, low, high = statistics.paired_interval(shared + gain, shared)
  np.testing.assert_allclose(value, gain.mean())
  ((expected_low, expected_high),) = statistics.bootstrap_interval([gain])
  np.testing.assert_allclose([low, high], [expected_low, expected_high])
  half = np.where(np.arange(8) < 1, shared, np.nan)
  assert np.isnan(statistics.paired_interval(half, shared)[1])
  with pytest.raises(ValueError, match='against'):
    statistics.paired_interval(shared, shared[:3])


def test_numbers_with_intervals_read_the_same_everywhere():
  text = summaries.with_interval
  assert text(0.5, 0.25, 1.5) == '0.500 [0.250, 1.50]'
  assert text(0.5, -0.25, 1.5, True) == '+0.500 [-0.250, +1.50]'
  assert text(0.5, np.nan, np.nan) == '0.500 \u2013'
  assert text(np.nan, 0.0, 1.0) == ''
  assert summaries.mean_with_interval(np.ones(3)) == '1.00 [1.00, 1.00]'


def test_numbers_per_cell_are_read_from_the_store(study):
  values = numbered.values(study, 'sap')
  assert set(values['index']) == {'1_2'} and len(values) == len(study.runs)
  numbers = study.runs['run_number'].to_numpy()[values['run']]
  np.testing.assert_array_equal(values['value'], numbers)
  assert numbered.values(study, 'nothing').empty
