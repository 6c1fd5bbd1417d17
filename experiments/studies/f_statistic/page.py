"""Embeddings of characters: claims, and the scores of every loss."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from disentangle_jax.report import claims as claims_lib
from disentangle_jax.report import summaries, tables
from disentangle_jax.report.claims import Arm, Claim, Difference, Guard
from disentangle_jax.report.section import Section

PAPER = 'Ridgeway and Mozer 2018'
METHODS = {
  'f_statistic': 'F statistic',
  'triplet': 'triplet',
  'histogram_loss': 'histogram',
  'binomial_deviance': 'binomial deviance',
}
BASELINES = ('triplet', 'histogram_loss', 'binomial_deviance')
CLASSES = {
  'identity': 'classes are identities',
  'attribute': 'classes are values of attributes',
}
AREA, RECALL = 'single_code_auc', 'retrieval'
SCORES = (
  AREA,
  'single_code_auc_median',
  'single_code_auc_share',
  RECALL,
  'verification_auc',
)
# Chance of Recall@1 is 11 / 2771 on 231 identities of 12 images.
_GUARDS = (
  Guard(RECALL, low=0.05, reason='an embedding must have learnt something'),
)
# The least d is the paper's on characters.
_DIMENSIONS = '2'


def arm(method: str, classes: str, dimensions: str = _DIMENSIONS) -> Arm:
  """The runs of one loss on one kind of classes; d is of the F statistic."""
  where = {'method': method, 'variant.classes': classes}
  label = METHODS[method]
  if method == 'f_statistic':
    where['variant.top_dimensions'] = dimensions
    label = f'{label}, d {dimensions}'
  return Arm(label, where)


def _claim(classes: str, other: str) -> Claim:
  own = classes == 'identity'
  return Claim(
    statement=f'{CLASSES[classes].capitalize()}: single codes of an '
    'F-statistic embedding tell attributes better than those of '
    f'{METHODS[other]} loss (mean area under the ROC curve).',
    source=f'{PAPER}, figure 3'
    + ('' if own else '; this form of classes is in their code alone'),
    published='higher; no number printed',
    arms=(arm('f_statistic', classes), arm(other, classes)),
    score=AREA,
    rule=Difference('higher'),
    guards=_GUARDS,
  )


def _recall_claim(other: str, published: str) -> Claim:
  return Claim(
    statement='Classes are identities: an F-statistic embedding finds '
    f'identities that training did not see better than {METHODS[other]} loss '
    '(Recall@1).',
    source=f'{PAPER}, Recall@1',
    published=published,
    arms=(arm('f_statistic', 'identity'), arm(other, 'identity')),
    score=RECALL,
    rule=Difference('higher'),
    guards=_GUARDS,
  )


def claims(study: tables.Study) -> Iterator[Claim]:
  """What the paper says of areas and of retrieval."""
  del study
  for classes in CLASSES:
    for other in ('triplet', 'histogram_loss'):
      yield _claim(classes, other)
  photos = 'photographs: 90.5 against 86.3 (CUHK03), '
  yield _recall_claim('triplet', '65.75 against 65.87 (Market-1501)')
  yield _recall_claim(
    'histogram_loss', f'{photos}65.75 against 66.51 (Market-1501)'
  )


def arms_of(study: tables.Study) -> list[tuple[str, Arm, np.ndarray]]:
  """(classes, arm, bool [runs]) of every loss that has runs, in order."""
  found = claims_lib.runs_of
  rows = []
  variants = study.runs['variant'].fillna('')
  dimensions = variants.str.extract(r'top_dimensions=(\d+)')[0].dropna()
  for classes in CLASSES:
    for method in METHODS:
      every = sorted(set(dimensions), key=int) or [_DIMENSIONS]
      for d in every if method == 'f_statistic' else [_DIMENSIONS]:
        own = arm(method, classes, d)
        mine = np.asarray(found(study, own))
        if mine.any():
          rows.append((classes, own, mine))
  return rows


def _column(study: tables.Study, name: str) -> np.ndarray | None:
  """Values of a score per run; None where the study does not have it."""
  names = [column for column, _ in study.scores.columns]
  if name not in names:
    return None
  return study.scores.iloc[:, names.index(name)].to_numpy(float)


def scores_table(study: tables.Study) -> pd.DataFrame:
  """A row per classes and loss: mean over seeds and interval of every score."""
  rows = []
  for classes, own, mine in arms_of(study):
    row = {'classes': classes, 'loss': own.label, 'runs': int(mine.sum())}
    for name in SCORES:
      values = _column(study, name)
      if values is not None:
        row[name] = summaries.mean_with_interval(values[mine])
    rows.append(row)
  return pd.DataFrame(rows)


def areas_table(study: tables.Study) -> pd.DataFrame:
  """A row per attribute's value: mean area over seeds, a column per loss."""
  names = [column for column, _ in study.scores.columns]
  names = [name for name in names if name.startswith(f'{AREA}/')]
  rows = []
  for name in names:
    values = _column(study, name)
    row = {'value': name.partition('/')[2].replace('_', ' ')}
    for classes, own, mine in arms_of(study):
      row[f'{own.label} ({classes})'] = float(np.nanmean(values[mine]))
    rows.append(row)
  return pd.DataFrame(rows)


def sections(study: tables.Study) -> Iterator[Section]:
  """Scores of every loss, and of every value of an attribute."""
  scores = scores_table(study)
  if scores.empty:
    return
  yield Section(
    'embedding_scores',
    'Scores of every loss',
    'Mean over seeds [95 % bootstrap interval]. single_code_auc: area under '
    'the ROC curve of the best single code, mean over the 17 values of '
    'attributes, on all identities; _share: values above 0.95; retrieval: '
    'Recall@1 on the identities held out, by standardised codes.',
    scores,
  )
  areas = areas_table(study)
  if not areas.empty:
    yield Section(
      'embedding_areas',
      'Best single code for every value',
      'Area under the ROC curve, mean over seeds. A binary attribute counts '
      'once.',
      areas,
    )
