"""Claims, table and curves of the study on made-up runs."""

import numpy as np
import pytest

from disentangle_jax.report import section
from disentangle_jax.studies.icf import page

GOOD = {
  'position_r2': 0.97,
  'feature_r2': 0.95,
  'action_information': 1.2,
  'axis_cosine': 0.1,
  'step_length': 0.3,
  'policies_moved': 0.9,
}
BAD = {**GOOD, 'position_r2': 0.3, 'feature_r2': 0.2}
BAD |= {'action_information': 0.5, 'axis_cosine': 0.9}


def fill(store, kind, good=True, still=False, seeds=10):
  """Both arms of one kind; `still` for codes that never change."""
  own = page.KINDS[kind]
  digits = kind == 'digits'
  for seed in range(seeds):
    for hparams in (
      ({'w_sel': 1.0, 'w_ae': 0.0}, {'w_sel': 1.0, 'w_ae': 0.1})
      if digits
      else ({'w_sel': 2.0, 'w_ae': 1.0}, {'w_sel': 0.0, 'w_ae': 1.0})
    ):
      first = digits or hparams['w_sel'] > 0
      scores = dict(GOOD if good == first else BAD)
      scores['position_r2'] -= 0.001 * seed
      if still:
        scores |= {'step_length': 0.0, 'policies_moved': 0.0}
      if kind == 'three_steps':
        scores['prediction_ratio'] = 0.4 if good else 1.3
      store.add(
        scores,
        method=own.method,
        seed=seed,
        hparams=hparams,
        training={'train/selectivity': {0: 0.0, 100: 0.5 + 0.01 * seed}},
      )
  study = store.study()
  return study._replace(runs=study.runs.assign(dataset=own.dataset))


@pytest.mark.parametrize('kind', page.KINDS)
@pytest.mark.parametrize(
  ('good', 'still', 'expected'),
  [
    (True, False, 'holds'),
    (False, False, 'does not hold'),
    (True, True, 'void'),
  ],
)
def test_claims(store, judged, kind, good, still, expected):
  study = fill(store, kind, good, still)
  words = judged(page, study)
  mine = {
    statement: word
    for statement, word in words.items()
    if (kind == 'three_steps') == statement.startswith('Policies of three')
  }
  assert set(mine.values()) == {expected}
  assert len(mine) == {'digits': 2, 'three_steps': 1}.get(kind, 4)


def test_half_of_the_seeds_show_nothing(store, judged):
  words = judged(page, fill(store, 'fixed', seeds=5))
  assert set(words.values()) == {'not shown'}


def test_sections_of_much_and_of_nothing(store, judged):
  empty = store.study()
  assert list(page.sections(empty)) == []
  words = judged(page, empty)
  assert set(words.values()) == {'not run'} and len(words) == 11
  study = fill(store, 'embedded')
  parts = list(page.sections(study))
  section.check(parts)
  assert [part.key for part in parts] == [
    'icf_embedded_scores',
    'icf_embedded_selectivity',
  ]
  table = page.arms_table(study)
  assert list(table['arm']) == ['embeddings', 'embeddings, autoencoder alone']
  # The mean is .9655: it rounds either way.
  assert float(table['position_r2'][0].split()[0]) == pytest.approx(
    0.9655, abs=6e-4
  )
  axes = page.curves(study).axes[0]
  ends = [line.get_ydata()[-1] for line in axes.get_lines()]
  assert ends == pytest.approx([0.545, 0.0, np.log(4)])
