"""Which conclusions would be others with fewer seeds."""

from collections.abc import Iterator

import pandas as pd

from disentangle_jax.report import conclusions, scores
from disentangle_jax.report.results import Results
from disentangle_jax.report.section import Section

_SCORES = 3  # those of the headline


def table(results: Results) -> pd.DataFrame:
  """Statements against numbers of seeds.

  Args:
    results: of the study.

  Returns:
    'score', 'data' (with several), 'statement' and a column per number of
    seeds, '3 seeds', ...: shares in [0, 1], NaN where a data set has no more
    seeds than that. Empty where there is nothing to ask.
  """
  rows, study = [], results.study
  if results.first is None:
    return pd.DataFrame()
  datasets = list(dict.fromkeys(study.cells['dataset']))
  columns = scores.beside(results.described, results.first)[:_SCORES]
  for i in columns:
    score = results.described[i]
    values = study.scores.iloc[:, i].to_numpy()
    for dataset in datasets:
      settings = conclusions.settings_of(
        study.cells, study.runs, values, dataset
      )
      for said in conclusions.statements(settings, score.name, score.sign):
        if not said.shares:
          continue
        row = {'score': score.label}
        if len(datasets) > 1:
          row['data'] = dataset
        shares = {f'{n} seeds': share for n, share in said.shares.items()}
        rows.append(row | {'statement': said.text} | shares)
  frame = pd.DataFrame(rows)
  # In order of size, whichever data set came first.
  sizes = [f'{n} seeds' for n in conclusions.SIZES if f'{n} seeds' in frame]
  return frame[[name for name in frame if name not in sizes] + sizes]


def sections(results: Results) -> Iterator[Section]:
  """One table, none with three seeds or fewer."""
  shares = table(results)
  if len(shares):
    seeds = results.study.runs['seed'].nunique()
    yield Section(
      'seeds',
      'Conclusions against number of seeds',
      f"How often so many of the study's {seeds} seeds, drawn without"
      ' replacement and the same for all settings, lead to what all of them'
      ' say. A setting with so few seeds keeps them all. With all seeds the'
      ' shares come to 1: they say how soon a conclusion settles, not whether'
      ' it is true.',
      shares,
    )
