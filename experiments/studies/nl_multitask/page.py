"""Do more tasks make codes cluster by syntax: claims, two tables, sentences."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from disentangle_jax.report import arms, summaries, tables, words
from disentangle_jax.report import claims as claims_lib
from disentangle_jax.report.claims import Arm, Claim, Difference, Guard
from disentangle_jax.report.section import Section

PAPER = 'Brunner et al. 2018'
SCORE = 'prototype_clustering_error'
PERPLEXITY = 'decoder_perplexity/rep'
# Decoders -> (what to call them, error in the paper's table 2).
VARIANTS = {
  'rep': ('sentence alone', '149'),
  'rep+g': ('and a translation', '22 (29 with codes of 256)'),
  'rep+g+f': ('and two translations', '24'),
  'rep+g+pos': ('a translation and tags', '3'),
}
SHOWN = (
  SCORE,
  'prototype_clustering_error_mean',
  PERPLEXITY,
  'decoder_perplexity/g',
  'decoder_perplexity/f',
  'decoder_perplexity/pos',
  'sentence_reconstruction',
  'sentence_interpolation',
  'sentence_arithmetic',
)
# A model that writes nothing of what it read may cluster anyhow.
_GUARD = Guard(
  PERPLEXITY, high=2.0, reason='the sentence itself must be written'
)
# First arm claimed to be lower than the second.
PAIRS = (
  ('rep+g', 'rep'),
  ('rep+g+f', 'rep'),
  ('rep+g+pos', 'rep'),
  ('rep+g+pos', 'rep+g'),
  ('rep+g+pos', 'rep+g+f'),
)


def _part(study: tables.Study, name: str) -> np.ndarray:
  """One part of the variant of every run, '' where it has none."""
  parts = study.runs['variant'].str.extract(rf'(?:^|, ){name}=([^,]*)')[0]
  return parts.fillna('').to_numpy(object)


def steps_of(study: tables.Study) -> np.ndarray:
  """Training steps of every run, int [runs]."""
  return pd.to_numeric(study.runs['step']).to_numpy(int)


def arm(study: tables.Study, decoders: str) -> Arm:
  """Runs with these decoders after the most steps."""
  where = {'variant.decoders': decoders}
  steps = sorted({float(s) for s in _part(study, 'steps') if s})
  if steps:
    where['variant.steps'] = steps[-1]
  return Arm(f'{decoders}: {VARIANTS[decoders][0]}', where)


def at_equal_perplexity(study: tables.Study) -> np.ndarray:
  """The clustering error where all decoders write the sentence equally well.

  Of every seed the worst of the last perplexities of 'rep', over the sets of
  decoders, is what they are compared at. The error of each there is read off
  between its numbers of steps, linear in log log perplexity.

  Args:
    study: as loaded.

  Returns:
    float [runs], at the runs with the most steps; NaN elsewhere, and where the
    perplexity is not between two of the arm's.
  """
  error = claims_lib.values_of(study, SCORE)
  level = np.log(np.log(claims_lib.values_of(study, PERPLEXITY)))
  steps, decoders = steps_of(study), _part(study, 'decoders')
  seeds = study.runs['seed'].to_numpy()
  values = np.full(len(error), np.nan)
  for seed in np.unique(seeds):
    last = (seeds == seed) & (steps == steps.max())
    if not last.any():
      continue
    wanted = np.max(level[last])
    for run in np.flatnonzero(last):
      own = (seeds == seed) & (decoders == decoders[run])
      own &= np.isfinite(level) & np.isfinite(error)
      order = np.flatnonzero(own)[np.argsort(level[own])]
      x, y = level[order], error[order]
      if len(x) and x[0] - 1e-9 <= wanted <= x[-1] + 1e-9:
        values[run] = np.interp(wanted, x, y)
  return values


def claims(study: tables.Study) -> tuple[Claim, ...]:
  """Which sets of decoders cluster better, at equal steps and perplexity."""
  ways = (
    ('after equal steps', SCORE),
    ('at equal perplexity of the sentence', at_equal_perplexity),
  )
  return tuple(
    Claim(
      statement=f'{first} clusters sentences by form with a smaller error than '
      f'{second}, {words_of_way}.',
      source=f'{PAPER}, table 2',
      published=f'{VARIANTS[first][1]} against {VARIANTS[second][1]}',
      arms=(arm(study, first), arm(study, second)),
      score=score,
      rule=Difference('lower'),
      guards=(_GUARD,),
    )
    for words_of_way, score in ways
    for first, second in PAIRS
  )


def equal_table(study: tables.Study) -> pd.DataFrame:
  """A row per set of decoders: its error at equal perplexity."""
  values, rows = at_equal_perplexity(study), []
  for name in VARIANTS:
    one = arm(study, name)
    mine = claims_lib.runs_of(study, one) & np.isfinite(values)
    if mine.any():
      row = {'decoders': one.label, 'seeds': int(mine.sum())}
      row[SCORE] = summaries.mean_with_interval(values[mine])
      rows.append(row)
  return pd.DataFrame(rows)


def by_steps(study: tables.Study) -> pd.DataFrame:
  """A row per set of decoders and number of steps: error and perplexity."""
  error = claims_lib.values_of(study, SCORE)
  perplexity = claims_lib.values_of(study, PERPLEXITY)
  steps, decoders = steps_of(study), _part(study, 'decoders')
  rows = []
  for name in VARIANTS:
    for count in np.unique(steps):
      mine = (decoders == name) & (steps == count)
      if mine.any():
        row = {'decoders': name, 'steps': int(count)}
        row[SCORE] = summaries.mean_with_interval(error[mine])
        row[PERPLEXITY] = summaries.mean_with_interval(perplexity[mine])
        rows.append(row)
  return pd.DataFrame(rows)


def sentences(study: tables.Study, name: str, rows: int) -> pd.DataFrame:
  """Sentences that the first seed of every arm wrote.

  Args:
    study: as loaded.
    name: of the texts.
    rows: that belong together.

  Returns:
    A column per arm, a row per sentence of the first such group; empty where no
    run left any.
  """
  columns = {}
  every = [arm(study, decoders) for decoders in VARIANTS]
  for one, samples in arms.first_samples(study, every):
    if name in samples.texts:
      tokens = samples.texts[name][:rows]
      columns[one.label] = [
        ' '.join(w for w in words.split(t, samples.vocabulary) if w != '<eos>')
        for t in tokens
      ]
  return pd.DataFrame(columns)


def sections(study: tables.Study) -> Iterator[Section]:
  """Errors of every arm, the same at equal perplexity, and sentences."""
  if {SCORE, PERPLEXITY} <= {name for name, _ in study.scores.columns}:
    rows = [arm(study, decoders) for decoders in VARIANTS]
    table = arms.table(study, rows, SHOWN, 'decoders', 'seeds')
    if len(table):
      yield Section(
        'nl_multitask_errors',
        'Clustering errors after equal steps',
        'Mean over seeds with 95 % bootstrap interval, after the most steps. '
        'Error: of 1,400 sentences of 14 forms those in a cluster of another '
        'form, least of 100 runs of k-means.',
        table,
      )
    table = equal_table(study)
    if len(table):
      yield Section(
        'nl_multitask_equal',
        'Clustering errors at equal perplexity',
        'Where every set of decoders writes the sentence as well as the worst '
        'of them does in the end, seed by seed; read off between numbers of '
        'steps.',
        table,
      )
    table = by_steps(study)
    if len(table):
      yield Section(
        'nl_multitask_steps',
        'Error and perplexity over training',
        'Mean over seeds with 95 % bootstrap interval; every row is runs of '
        'their own.',
        table,
      )
  headings = {
    'interpolation': (
      'Sentences between two sentences',
      7,
      'A sentence, five that are written at equal steps between the two codes, '
      'and the other sentence. First seed of every arm.',
    ),
    'arithmetic': (
      'Arithmetic of codes',
      20,
      'Four groups of five: a, b, c, the sentence d that the rule asks for, '
      'and what is written at the code a - b + c. First seed of every arm.',
    ),
  }
  for name, (heading, rows, text) in headings.items():
    table = sentences(study, name, rows)
    if len(table):
      yield Section(f'nl_multitask_{name}', heading, text, table)
