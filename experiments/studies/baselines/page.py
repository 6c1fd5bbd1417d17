"""What does not disentangle, under the beta-VAE score: claims and table."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from disentangle_jax.report import (
  display,
  figures,
  statistics,
  summaries,
  tables,
)
from disentangle_jax.report.claims import Arm, Claim, Difference
from disentangle_jax.report.section import Section

SCORE, FITTED = 'beta_vae_score', 'beta_vae_score_train'
_TABLE = 'Higgins et al. 2017, table "2D shapes"'
# Method -> (what the table calls it, its score in per cent as printed there).
PUBLISHED = {
  'raw_pixels': ('raw pixels', '45.75 +- 0.8'),
  'pca': ('PCA', '84.9 +- 0.4'),
  'ica': ('ICA', '42.03 +- 10.6'),
  'untrained_vae': ('an untrained VAE', '44.14 +- 2.5'),
  'vae': ('a VAE', '61.58 +- 0.5'),
  'beta_vae': ('a beta-VAE', '99.23 +- 0.1'),
}
# (first, second): the first is higher in the table.
ORDER = (
  ('pca', 'raw_pixels'),
  ('pca', 'ica'),
  ('pca', 'untrained_vae'),
  ('raw_pixels', 'ica'),
  ('raw_pixels', 'untrained_vae'),
  ('vae', 'raw_pixels'),
  ('vae', 'untrained_vae'),
  ('pca', 'vae'),
  ('beta_vae', 'vae'),
  ('beta_vae', 'pca'),
)


def claims(study: tables.Study) -> tuple[Claim, ...]:
  """The order of the table, pair by pair."""
  del study
  arm = lambda method: Arm(PUBLISHED[method][0], {'method': method})
  named = lambda method: PUBLISHED[method][0]
  return tuple(
    Claim(
      statement=f'The beta-VAE score of {named(first)} is higher than that of '
      f'{named(second)}.',
      source=_TABLE,
      published=f'{PUBLISHED[first][1]} % against {PUBLISHED[second][1]} %',
      arms=(arm(first), arm(second)),
      score=SCORE,
      rule=Difference('higher'),
    )
    for first, second in ORDER
  )


def scores_table(study: tables.Study) -> pd.DataFrame:
  """Every method beside its published score, with intervals over seeds."""
  columns = list(study.scores.columns)
  methods = np.array([m.split(' (')[0] for m in study.runs['method']], object)
  rows = []
  for method, (name, published) in PUBLISHED.items():
    mine = methods == method
    if not mine.any():
      continue
    row = {'method': name, 'published (%)': published, 'runs': int(mine.sum())}
    for head, score in (('here', SCORE), ('on the points fitted to', FITTED)):
      if (score, 'mean') in columns:
        values = study.scores.iloc[:, columns.index((score, 'mean'))]
        row[head] = summaries.mean_with_interval(values.to_numpy()[mine])
    rows.append(row)
  return pd.DataFrame(rows)


def sections(study: tables.Study) -> Iterator[Section]:
  """Published scores beside ours, and the scores of every run."""
  columns = list(study.scores.columns)
  if (SCORE, 'mean') not in columns:
    return
  place = columns.index((SCORE, 'mean'))
  values = study.scores.iloc[:, place].to_numpy()
  if not statistics.finite(values).size:
    return
  yield Section(
    'baselines_scores',
    'Published scores beside ours',
    'Means over seeds, and over the draws of the points of the score, with '
    '95 % intervals. Runs of raw pixels are one run: they do not vary.',
    scores_table(study),
  )
  figure, axes = figures.new(5.0, 2.8)
  described, named = display.described(study, place), display.named(study)
  methods = list(dict.fromkeys(named.cells['method']))
  figures.violins(axes, values, named.runs, described, methods)
  yield Section(
    'baselines_violins', 'Scores of every run', 'A dot per run.', figure
  )
