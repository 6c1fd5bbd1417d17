"""Claims about codes of several tasks, in made-up studies of known errors."""

import numpy as np
import pytest

from disentangle_jax.report import claims as claims_lib
from disentangle_jax.report import section
from disentangle_jax.studies.nl_multitask import page

STEPS = (100, 200, 400)
# What each arm's error ends at; less by a tenth per doubling of steps.
ENDS = {'rep': 150, 'rep+g': 60, 'rep+g+f': 50, 'rep+g+pos': 10}


def fill(store, ends, seeds=5, worse='rep+g+pos', perplexity=1.1):
  """Runs of all arms; the last perplexity of `worse` is that of an earlier."""
  for decoders, end in ends.items():
    for number, steps in enumerate(STEPS):
      level = perplexity * 1.2 ** (len(STEPS) - 1 - number)
      if decoders == worse:
        level *= 1.2
      for seed in range(seeds):
        store.add(
          {
            page.SCORE: end + 20 * (2 - number) + seed,
            'prototype_clustering_error_mean': end + 100,
            page.PERPLEXITY: level,
          },
          method='nl_multitask',
          variant=f'decoders={decoders}, steps={steps}',
          seed=seed,
        )
  study = store.study()
  # The store of made-up runs knows one step alone.
  steps = study.runs['variant'].str.extract(r'steps=(\d+)')[0].astype(int)
  return study._replace(runs=study.runs.assign(step=steps))


def test_the_papers_order_holds_after_equal_steps_and_at_equal_perplexity(
  store, judged
):
  study = fill(store, ENDS)
  assert list(judged(page, study).values()) == ['holds'] * 10
  sections = list(page.sections(study))
  section.check(sections)
  assert [len(s.body) for s in sections] == [4, 4, 12]


def test_errors_are_read_off_between_the_numbers_of_steps(store):
  study = fill(store, ENDS)
  values = page.at_equal_perplexity(study)
  of = lambda name: values[
    claims_lib.runs_of(study, page.arm(study, name)) & np.isfinite(values)
  ]
  # 1.32 is what the others have at their second number of steps.
  np.testing.assert_allclose(of('rep'), 150 + 20 + np.arange(5))
  np.testing.assert_allclose(of('rep+g+pos'), 10 + np.arange(5))
  assert np.isfinite(values).sum() == 20


def test_errors_in_between_and_out_of_reach(store):
  study = fill(store, ENDS, seeds=1, worse='', perplexity=1.1)
  levels = study.scores[page.PERPLEXITY, ''].to_numpy()
  rows = study.runs['variant'].str.startswith('decoders=rep+g+pos').to_numpy()
  last = rows & (page.steps_of(study) == 400)
  middle = np.exp(np.exp(np.mean(np.log(np.log([levels[last][0], 1.1 * 1.2])))))
  scores = study.scores.copy()
  scores.loc[last, (page.PERPLEXITY, '')] = middle
  values = page.at_equal_perplexity(study._replace(scores=scores))
  one = claims_lib.runs_of(study, page.arm(study, 'rep'))
  np.testing.assert_allclose(values[one], 150 + 10)
  # Nothing to read off where the others were never that bad.
  scores.loc[last, (page.PERPLEXITY, '')] = 9.0
  values = page.at_equal_perplexity(study._replace(scores=scores))
  assert np.isnan(values[one]).all()
  assert not np.isnan(values[last]).any()


@pytest.mark.parametrize(
  'ends, perplexity, word',
  [
    (dict.fromkeys(ENDS, 50), 1.1, 'not shown'),
    (dict(zip(ENDS, reversed(ENDS.values()))), 1.1, 'does not hold'),
    (ENDS, 3.0, 'void'),
  ],
)
def test_other_orders_and_models_that_write_nothing(
  store, judged, ends, perplexity, word
):
  verdicts = judged(page, fill(store, ends, worse='', perplexity=perplexity))
  assert set(verdicts.values()) == {word}


@pytest.mark.parametrize('seeds', [0, 1])
def test_little_is_no_error(store, judged, seeds):
  study = fill(store, ENDS, seeds)
  assert not {'holds', 'does not hold'} & set(judged(page, study).values())
  section.check(list(page.sections(study)))
