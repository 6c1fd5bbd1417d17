"""Claims and tables of the auxiliary task, of both studies that have it."""

import numpy as np
import pytest

from disentangle_jax.report import section
from disentangle_jax.studies.aux_gmvae import page as aux_gmvae
from disentangle_jax.studies.aux_vae import page

# (with z_l redrawn, with z_g redrawn, accuracy of classes), by task.
PUBLISHED = {'True': (0.8, 0.1, 0.5), 'False': (0.4, 0.3, 0.2)}
OPPOSITE = {'True': (0.1, 0.5, 0.2), 'False': (0.4, 0.3, 0.5)}


def fill(store, levels, method='aux_vae', seeds=6, judge=0.99, betas=(1, 20)):
  """Scores of both tasks; at the greater beta nothing is named right."""
  rng = np.random.default_rng(0)
  for task, (local, whole, classes) in levels.items():
    for beta in betas:
      for seed in range(seeds):
        noise = rng.uniform(0, 0.02, 3)
        seen = beta == betas[0]
        store.add(
          {
            'swap_classifier': judge,
            'swap_reconstructed': 0.9 if seen else 0.1,
            'swap_local': (local if seen else 0.1) + noise[0],
            'swap_global': (whole if seen else 0.1) + noise[1],
            'clustering_accuracy': classes + noise[2],
          },
          method=method,
          variant=task and f'auxiliary={task}',
          strength=float(beta),
          seed=seed,
        )
  return store.study()


CASES = [(page, 'aux_vae', 3), (aux_gmvae, 'aux_gmvae', 4)]


@pytest.mark.parametrize('module, method, count', CASES)
def test_claims_hold_where_they_are_and_not_where_not(
  store, tmp_path, judged, module, method, count
):
  words = judged(module, fill(store, PUBLISHED, method))
  assert list(words.values()) == ['holds'] * count
  words = judged(module, fill(type(store)(tmp_path / 'b'), OPPOSITE, method))
  assert list(words.values()) == ['does not hold'] * count


def test_a_judge_that_knows_no_digits_decides_nothing(store, judged):
  words = judged(page, fill(store, PUBLISHED, judge=0.5))
  assert set(words.values()) == {'void'}


def test_the_table_has_paired_differences(store):
  study = fill(store, PUBLISHED)
  table = page.scores_table(study).set_index(['beta', 'score'])
  row = table.loc['1', 'swap_local']
  runs = study.runs
  at = lambda task: study.scores['swap_local', ''][
    (runs['strength'] == 1) & (runs['variant'] == f'auxiliary={task}')
  ].to_numpy()
  apart = at('True') - at('False')
  assert row['with the task'].startswith(f'{at("True").mean():.3f} [')
  assert row['difference'].startswith(f'+{apart.mean():.3f} [')
  assert list(table.index.get_level_values('beta')) == ['1'] * 5 + ['20'] * 5


@pytest.mark.parametrize('module, method, count', CASES)
@pytest.mark.parametrize('tasks, seeds', [(('True',), 1), (('',), 2), ((), 0)])
def test_little_is_no_error(store, judged, module, method, count, tasks, seeds):
  levels = {task: PUBLISHED['True'] for task in tasks}
  study = fill(store, levels, method, seeds, betas=(2,))
  words = judged(module, study)
  assert len(words) == count
  assert not {'holds', 'does not hold'} & set(words.values())
  # Without parameters there are tables alone.
  sections = list(module.sections(study))
  section.check(sections)
  assert [part.key for part in sections] == [f'{method}_scores'] * bool(tasks)


def test_a_sheet_keeps_its_pixels():
  sheet = np.zeros((48, 96, 3), np.uint8)
  figure = page.figure_of(sheet)
  np.testing.assert_allclose(figure.get_size_inches() * 160, [96, 48])
