"""Claims and the table of JADE's study on made-up rows."""

import numpy as np

from disentangle_jax.report import section
from disentangle_jax.studies.jade import page

PUBLISHED = {'single': 0.32, 'paired': 0.30, 'jade': 0.28}
OPPOSITE = {'single': 0.28, 'paired': 0.30, 'jade': 0.32}


def fill(store, errors, style=0.9, nats=5.0, seeds=20):
  """Runs of all forms; the second domain's error is a tenth of the first's."""
  rng = np.random.default_rng(0)
  for form, error in errors.items():
    for seed in range(seeds):
      error_here = error + rng.uniform(0, 0.01)
      scores = {'label_error': error_here, 'content_variance': 0.3}
      training = None
      if form != 'single':
        scores['label_error_secondary'] = error_here / 10
      if form == 'jade':
        scores['style_variance'] = style + rng.uniform(0, 0.01)
        training = {'train/content_kl': {0: 0.0, 100: nats}}
      store.add(
        scores,
        method='jade',
        variant=f'form={form}',
        seed=seed,
        training=training,
      )
  return store.study()


def test_claims_hold_where_they_are_and_not_where_not(store, tmp_path, judged):
  words = judged(page, fill(store, PUBLISHED))
  assert list(words.values()) == ['holds'] * 5
  other = fill(type(store)(tmp_path / 'b'), OPPOSITE, style=0.1)
  assert list(judged(page, other).values()) == ['does not hold'] * 5


def test_a_collapsed_content_or_chance_decides_nothing(store, tmp_path, judged):
  words = judged(page, fill(store, PUBLISHED, nats=1.0))
  about_jade = [word for said, word in words.items() if 'JADE' in said]
  assert about_jade == ['void'] * 4
  chance = dict.fromkeys(PUBLISHED, 0.89)
  words = judged(page, fill(type(store)(tmp_path / 'b'), chance))
  assert set(words.values()) == {'void'}


def test_five_seeds_of_twenty_show_nothing(store, judged):
  words = judged(page, fill(store, PUBLISHED, seeds=5))
  assert set(words.values()) == {'not shown'}


def test_the_table_has_paired_differences(store):
  study = fill(store, PUBLISHED)
  (only,) = page.sections(study)
  assert isinstance(only, section.Section)
  table = page.scores_table(study).set_index('score')
  assert table.loc['error, second domain', 'single'] == ''
  values = study.scores['label_error', ''].to_numpy().reshape(3, 20)
  gap = (values[2] - values[0]).mean()
  assert table.loc['error', 'jade - single'].startswith(f'{gap:.3f}')
  assert float(table.loc['error', 'paired'].split()[0]) == np.round(
    values[1].mean(), 3
  )
