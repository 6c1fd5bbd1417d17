"""JADE against its baselines: claims and a table by form."""

from collections.abc import Iterator
import math

import numpy as np
import pandas as pd

from disentangle_jax.report import claims as claims_lib
from disentangle_jax.report import statistics, stored, summaries, tables
from disentangle_jax.report.claims import Arm, Claim, Difference, Guard, Within
from disentangle_jax.report.section import Section

PAPER = 'Karimi et al. 2017'
# Form -> published error on SVHN and on MNIST, %, mean of three runs.
FORMS = {
  'single': ('32.31 +- 1.56', ''),
  'paired': ('30.17 +- 2.77', '0.82 +- 0.05'),
  'jade': ('29.08 +- 0.92', '0.72 +- 0.03'),
}
SCORES = {
  'label_error': 'error',
  'label_error_secondary': 'error, second domain',
  'content_variance': 'content variance',
  'style_variance': 'style variance',
}
SEEDS = 20
CLASSES = 10


def arm(form: str) -> Arm:
  """The runs of a form."""
  return Arm(form, {'method': 'jade', 'variant.form': form})


def content_kl(study: tables.Study) -> np.ndarray:
  """KL(z2) at the end of training, nats; float [runs].

  Baselines have no distribution that could collapse, and count as far from it.
  """
  rows = study.training
  rows = rows[rows['name'] == f'{stored.TRAINING}content_kl']
  last = rows.sort_values('step').drop_duplicates('run', keep='last')
  values = last.set_index('run')['value'].reindex(study.runs.index).to_numpy()
  joint = claims_lib.runs_of(study, arm('jade'))
  return np.where(joint, values.astype(float), 2 * math.log(CLASSES))


_GUARDS = (
  Guard('label_error', high=0.8, reason='chance is 0.9'),
  Guard(
    content_kl,
    low=math.log(CLASSES),
    reason='a content at the prior matches for nothing',
  ),
)
_ROOM = Guard(
  'label_error_secondary',
  low=1e-3,
  reason='without errors there is nothing to compare',
)


def _style_over_content(study: tables.Study) -> np.ndarray:
  """Variance within classes of style less that of content, one per run."""
  style = claims_lib.values_of(study, 'style_variance')
  return style - claims_lib.values_of(study, 'content_variance')


def claims(study: tables.Study) -> tuple[Claim, ...]:
  """What the paper says of errors, and of content and style."""
  del study
  table = f'{PAPER}, table 1'
  less = lambda first, second, said: Claim(
    statement=f'{said} (error on the first domain, {first} less {second}).',
    source=table,
    published=f'{FORMS[first][0]} against {FORMS[second][0]} %, 3 runs',
    arms=(arm(first), arm(second)),
    score='label_error',
    rule=Difference('lower'),
    seeds=SEEDS,
    guards=_GUARDS,
  )
  return (
    less('paired', 'single', 'A second domain helps a shared classifier'),
    less('jade', 'paired', 'JADE has a lower error than the paired classifier'),
    less('jade', 'single', 'JADE has a lower error than the single classifier'),
    Claim(
      statement='JADE has a lower error than the paired classifier on the '
      'second domain, too.',
      source=table,
      published=f'{FORMS["jade"][1]} against {FORMS["paired"][1]} %, 3 runs',
      arms=(arm('jade'), arm('paired')),
      score='label_error_secondary',
      rule=Difference('lower'),
      seeds=SEEDS,
      guards=(*_GUARDS, _ROOM),
    ),
    Claim(
      statement='In JADE style varies more within a class than content '
      '(style_variance less content_variance).',
      source=f'{PAPER}, figure 2a',
      published='much lower for the content',
      arms=(arm('jade'),),
      score=_style_over_content,
      rule=Within('higher'),
      seeds=SEEDS,
      guards=_GUARDS,
    ),
  )


def scores_table(study: tables.Study) -> pd.DataFrame:
  """A row per score: its mean in every form, and differences from 'single'."""
  rows = []
  names = {name for name, _ in study.scores.columns}
  for name, title in SCORES.items():
    if name not in names:
      continue
    values, row = claims_lib.values_of(study, name), {'score': title}
    of = {form: claims_lib.by_seed(study, arm(form), values) for form in FORMS}
    for form, by_seed in of.items():
      own = np.array(list(by_seed.values()))
      row[form] = summaries.mean_with_interval(own) if len(own) else ''
    for form in ('paired', 'jade'):
      seeds = sorted(set(of[form]) & set(of['single']))
      first, second = (
        np.array([of[f][seed] for seed in seeds]) for f in (form, 'single')
      )
      row[f'{form} - single'] = (
        summaries.with_interval(
          *statistics.paired_interval(first, second), signed=True
        )
        if len(seeds) > 1
        else ''
      )
    rows.append(row)
  return pd.DataFrame(rows)


def sections(study: tables.Study) -> Iterator[Section]:
  """The table of forms; none where no form was run."""
  if not any(claims_lib.runs_of(study, arm(form)).any() for form in FORMS):
    return
  table = scores_table(study)
  if not len(table):
    return
  yield Section(
    'forms',
    'Forms',
    'Errors on test images of both domains, and variance within classes over '
    'variance in all of the two parts of the code. Means over seeds with 95 % '
    'bootstrap intervals; differences are paired over seeds.',
    table,
  )
