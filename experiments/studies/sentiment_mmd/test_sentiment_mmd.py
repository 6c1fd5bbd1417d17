"""Claims and tables of moved codes on made-up rows."""

import numpy as np
import pytest

from disentangle_jax.engine.plan import planning
from disentangle_jax.studies.sentiment_mmd import config as study_config
from disentangle_jax.studies.sentiment_mmd import page

ARMS = {
  'joint': ('purity=0.8', 1.0),
  'autoencoder': ('purity=0.8', 0.0),
  'clean': ('purity=1.0', 1.0),
}
BOTH = 'crossed_within_topic'


def fill(store, files=False, **changes):
  """Runs of all arms; `changes` are scores of 'joint', '__' for '/'."""
  rng = np.random.default_rng(0)
  for arm, (variant, weight) in ARMS.items():
    if files and arm == 'clean':
      continue
    for seed in range(5):
      level = 0.6 if arm == 'autoencoder' else 0.9
      scores = {
        BOTH: level,
        f'{BOTH}/means': 0.5,
        f'{BOTH}/none': 0.05,
        'crossed': level + 0.01,
        'crossed/none': 0.06,
        'crossed/budget_0.0001': 0.97,
        'crossed/budget_0.01': level + 0.01,
        'crossed/budget_1': 0.2,
        'kept_topic/budget_0.0001': 0.8,
        'kept_topic/budget_0.01': 0.95,
        'kept_topic/budget_1': 0.99,
        'written_transfer': 0.7,
        'written_transfer/none': 0.1,
        'reconstruction': 0.95,
        'moved': 1.0,
      }
      if arm == 'joint':
        scores |= {k.replace('__', '/'): v for k, v in changes.items()}
      store.add(
        {
          f'traversal_{name}': value + rng.uniform(0, 1e-3)
          for name, value in scores.items()
        },
        method='sentiment_mmd',
        variant='' if files else variant,
        seed=seed,
        hparams={'lambda_class': weight, 'budget': 0.01},
      )
  return store.study()


def test_claims_hold_where_they_are_and_not_where_not(store, tmp_path, judged):
  assert list(judged(page, fill(store)).values()) == ['holds'] * 7
  worse = {
    BOTH: 0.3,
    f'{BOTH}__none': 0.4,
    'written_transfer': 0.05,
    'crossed__budget_1': 0.98,
    'kept_topic__budget_1': 0.7,
  }
  other = fill(type(store)(tmp_path / 'b'), **worse)
  assert list(judged(page, other).values()) == ['does not hold'] * 7


@pytest.mark.parametrize(
  'changes, count',
  [
    ({'reconstruction': 0.5}, 7),
    ({'moved': 0.2}, 7),
    # Of the autoencoder's head nothing is asked.
    ({'crossed__none': 0.4}, 6),
  ],
)
def test_a_run_that_forgets_stays_or_misreads_decides_nothing(
  store, judged, changes, count
):
  words = list(judged(page, fill(store, **changes)).values())
  assert words.count('void') == count


def test_tables_by_arm_and_budget(store):
  study = fill(store)
  keys = [section.key for section in page.sections(study)]
  assert keys == [
    'sentiment_mmd_arms',
    'sentiment_mmd_budgets_joint',
    'sentiment_mmd_budgets_autoencoder',
    'sentiment_mmd_budgets_clean',
    'sentiment_mmd_curves',
  ]
  assert page.budgets(study) == ['0.0001', '0.01', '1']
  table = page.budgets_table(study, page.arms(study)['joint'])
  assert list(table['budget']) == [
    '0.0001',
    '0.01',
    '1',
    'no move',
    'difference of means',
  ]
  row = table.set_index('budget').loc['0.01']
  assert row['crossed'].startswith('0.91')


def test_sentences_of_files_have_two_arms(store, judged):
  study = fill(store, files=True)
  assert set(judged(page, study).values()) == {'holds'}
  assert len(list(page.sections(study))) == 4


def test_budgets_of_the_scores_are_those_of_the_page():
  config = study_config.get_config('laptop')
  names = [
    f'traversal_crossed/budget_{budget:g}' for budget in study_config.BUDGETS
  ]
  found = [page.BUDGET.fullmatch(name) for name in names]
  assert all(found) and config.metric_options.code_traversal.budgets


def test_files_of_a_user_are_planned(tmp_path):
  """Two labels, both topics; the autoencoder's runs serve both arms."""
  config = study_config.get_config('yelp')
  for label, (name, word) in enumerate((('path', 'bad'), ('second', 'good'))):
    path = tmp_path / f'{label}.txt'
    lines = [f'the {noun} was {word} .' for noun in ('food', 'service')] * 20
    path.write_text('\n'.join(lines) + '\n')
    config.dataset[name] = str(path)
  options = config.metric_options.code_traversal
  options.num_pool = options.num_test_pool = 400
  options.num_test = 8
  planned = planning.make(config)
  assert (len(planned.runs), len(planned.groups)) == (3, 2)
  assert not planned.notes
