"""Verdicts on made-up runs: by closed forms, NumPy and SciPy."""

import json
import math

import made_up
import numpy as np
import pandas as pd
import pytest
import scipy.stats

import disentangle_jax as dj
from disentangle_jax import report, studies
from disentangle_jax.report import claims, tables

SEEDS = 8
ARMS = (
  claims.Arm('strong', {'method': 'beta_vae', 'strength': 4.0}),
  claims.Arm('weak', {'method': 'beta_vae', 'strength': 1.0}),
)


def study_of(tmp_path, value, seeds=SEEDS):
  """beta 1 and 4; the score of a run is `value(strength, seed)`."""
  rows = made_up.rows_of(
    methods={'beta_vae': 'beta'},
    strengths={'beta_vae': (1.0, 4.0)},
    seeds=seeds,
    metrics=('sap',),
    representations=('mean',),
  )
  sap = rows['name'] == 'sap'
  rows.loc[sap, 'value'] = [
    value(s, seed)
    for s, seed in zip(rows.loc[sap, 'strength'], rows.loc[sap, 'seed'])
  ]
  made_up.write_store(tmp_path, rows, with_samples=False)
  return tables.load([tmp_path])


def claim_of(rule, **more):
  return claims.Claim(
    'a statement', 'a paper, table 1', '0.5', ARMS, 'sap', rule, **more
  )


def test_differences_are_paired_over_seeds(tmp_path):
  # Seeds differ by far more than arms: only pairs show the difference.
  level = lambda s, seed: 10.0 * seed + 0.1 * (s == 4) + 0.01 * (seed % 3)
  study = study_of(tmp_path, level)
  verdict = claims.judge(claim_of(claims.Difference('higher')), study)
  assert verdict.word == claims.HOLDS and verdict.seeds == SEEDS
  assert verdict.value == pytest.approx(0.1)
  assert 0 < verdict.low <= 0.1 <= verdict.high + 1e-12
  other = claims.judge(claim_of(claims.Difference('lower')), study)
  assert other.word == claims.DOES_NOT_HOLD


def test_an_interval_with_zero_shows_nothing(tmp_path):
  level = lambda s, seed: (-1.0) ** seed * (s == 4)
  verdict = claims.judge(
    claim_of(claims.Difference('higher')), study_of(tmp_path, level)
  )
  assert verdict.word == claims.NOT_SHOWN
  assert verdict.low < 0 < verdict.high


def test_few_seeds_show_nothing(tmp_path):
  study = study_of(tmp_path, lambda s, seed: s + 0.01 * seed, seeds=4)
  verdict = claims.judge(claim_of(claims.Difference('higher')), study)
  assert verdict.word == claims.NOT_SHOWN and '4 of 5' in verdict.note
  study = study_of(tmp_path / 'more', lambda s, seed: s + 0.01 * seed, seeds=6)
  assert claims.judge(claim_of(claims.Difference()), study).word == claims.HOLDS
  planned = claim_of(claims.Difference(), seeds=10)
  assert claims.judge(planned, study).word == claims.NOT_SHOWN


def test_thresholds_count_seeds_with_an_exact_interval(tmp_path):
  study = study_of(tmp_path, lambda s, seed: float(seed))
  above = claims.judge(claim_of(claims.Threshold(-1.0)), study)
  assert above.word == claims.HOLDS and above.value == 1.0
  some = claims.judge(claim_of(claims.Threshold(2.5)), study)
  expected = scipy.stats.binomtest(5, 8).proportion_ci(0.95, 'exact')
  assert some.value == 5 / 8 and some.word == claims.NOT_SHOWN
  assert (some.low, some.high) == pytest.approx(
    (expected.low, expected.high), abs=1e-6
  )
  below = claims.judge(claim_of(claims.Threshold(-1.0, 'lower')), study)
  assert below.word == claims.DOES_NOT_HOLD


def test_trends_are_rank_correlations_of_each_seed(tmp_path):
  rows = made_up.rows_of(
    methods={'beta_vae': 'beta'},
    strengths={'beta_vae': (1.0, 2.0, 4.0, 8.0)},
    seeds=6,
    metrics=('sap',),
    representations=('mean',),
    noise=0.2,
  )
  made_up.write_store(tmp_path, rows, with_samples=False)
  study = tables.load([tmp_path])
  own = rows[(rows['name'] == 'sap') & (rows['representation'] == 'mean')]
  expected = [
    scipy.stats.spearmanr(part['strength'], part['value']).statistic
    for _, part in own.groupby('seed')
  ]
  arm = (claims.Arm('all', {'method': 'beta_vae'}),)
  claim = claim_of(claims.Trend('higher'))._replace(arms=arm)
  verdict = claims.judge(claim, study)
  assert verdict.value == pytest.approx(np.mean(expected))
  assert verdict.seeds == 6


def test_a_failing_guard_makes_a_claim_void(tmp_path):
  study = study_of(tmp_path, lambda s, seed: s)
  guard = claims.Guard('kl', low=1e9, reason='no latent is in use')
  verdict = claims.judge(claim_of(claims.Difference(), guards=(guard,)), study)
  assert verdict.word == claims.VOID and 'no latent is in use' in verdict.note
  fine = claims.Guard('kl', low=0.0)
  verdict = claims.judge(claim_of(claims.Difference(), guards=(fine,)), study)
  assert verdict.word == claims.HOLDS


def test_estimates_must_leave_their_bound(tmp_path):
  study = study_of(tmp_path, lambda s, seed: s)
  of = lambda low, high: (
    claims.judge(
      claim_of(
        claims.Estimate(
          lambda study: (0.5, low, high), 0.4, 'higher', 'a share'
        )
      ),
      study,
    ).word
  )
  assert of(0.45, 0.6) == claims.HOLDS
  assert of(0.3, 0.6) == claims.NOT_SHOWN
  assert of(0.1, 0.39) == claims.DOES_NOT_HOLD


def test_arms_select_by_hyper_parameters_and_several_values(tmp_path):
  study = study_of(tmp_path, lambda s, seed: s)
  pick = lambda where: int(claims.runs_of(study, claims.Arm('', where)).sum())
  assert pick({}) == 2 * SEEDS and pick({'hparams.beta': 4.0}) == SEEDS
  assert pick({'strength': (1.0, 4.0)}) == 2 * SEEDS
  assert pick({'seed': 0, 'method': 'beta_vae'}) == 2
  assert pick({'method': 'vae'}) == 0
  with pytest.raises(dj.ConfigError, match="unknown 'colour'"):
    pick({'colour': 1})


def test_runs_or_scores_that_are_not_there(tmp_path):
  study = study_of(tmp_path, lambda s, seed: s)
  missing = claims.Arm('none', {'method': 'vae'})
  claim = claim_of(claims.Difference())._replace(arms=(ARMS[0], missing))
  assert claims.judge(claim, study).word == claims.NOT_RUN
  claim = claim_of(claims.Difference())._replace(score='nothing')
  with pytest.raises(dj.ConfigError, match="unknown 'nothing'"):
    claims.judge(claim, study)
  (section,) = claims.sections(study, [claim])
  assert section.body['verdict'][0].startswith('not run: ')
  lone = claim_of(claims.Difference())._replace(arms=ARMS[:1])
  with pytest.raises(dj.ConfigError, match='needs 2 arms'):
    claims.judge(lone, study)


def test_claims_are_recorded_as_json(tmp_path):
  study = study_of(tmp_path, lambda s, seed: s)
  (entry,) = claims.record(
    study, [claim_of(claims.Difference())], command='the command'
  )
  assert json.loads(json.dumps(entry, allow_nan=False)) == entry
  assert entry['verdict'] == claims.HOLDS and entry['command'] == 'the command'
  assert math.isclose(entry['value'], 3.0)


class _Page:
  """What a page.py is, here as an object."""

  @staticmethod
  def claims(study):
    del study
    return (claim_of(claims.Difference()),)

  @staticmethod
  def sections(study):
    table = pd.DataFrame({'runs': [len(study.runs)]})
    yield report.Section('mine', 'My <own> table', 'Of mine.', table)


def test_claims_and_own_sections_stand_in_page_and_markdown(tmp_path):
  study_of(tmp_path, lambda s, seed: s)
  extra = studies.own_sections(_Page)
  page = report.write(tmp_path, figures='none', extra=extra)
  for text in (page.read_text(), page.with_suffix('.md').read_text()):
    assert 'a statement' in text and 'holds' in text and 'Of mine.' in text
  assert 'My &lt;own&gt; table' in page.read_text()


def test_a_failing_page_module_does_not_lose_the_report(tmp_path):
  study_of(tmp_path, lambda s, seed: s)

  class Broken(_Page):
    @staticmethod
    def sections(study):
      raise KeyError('no such score')
      yield

  page = report.write(
    tmp_path, figures='none', extra=studies.own_sections(Broken)
  )
  text = page.read_text()
  assert 'could not be made' in text and 'no such score' in text
  assert 'a statement' in text


def test_a_workdir_names_no_code_to_be_run(tmp_path):
  """Only a key of a packaged study counts; a path in study.json does not."""
  study_of(tmp_path, lambda s, seed: s)
  evil = tmp_path / 'evil'
  evil.mkdir()
  (evil / 'page.py').write_text('raise SystemExit("code of the workdir ran")')
  (evil / 'config.py').write_text('')
  for key in (str(evil), '../evil', 'os', 'no_such_study'):
    info = {'study': 'x', 'key': key, 'page': str(evil / 'page.py')}
    (tmp_path / 'study.json').write_text(json.dumps(info))
    page = report.write(tmp_path, figures='none', extra=studies.own_sections())
    assert 'could not be made' not in page.read_text()


def test_page_files_of_users(tmp_path):
  path = tmp_path / 'page.py'
  path.write_text('def sections(study):\n  yield from ()\n')
  assert list(studies.page_file(path).sections(None)) == []
  for text, said in (
    ('x = 1', "must have 'sections"),
    ('1 / 0', 'ZeroDivisionError'),
  ):
    path.write_text(text)
    with pytest.raises(dj.ConfigError, match=said):
      studies.page_file(path)
  with pytest.raises(dj.ConfigError, match='must be a Python file'):
    studies.page_file(tmp_path / 'nowhere.py')
