"""Scores with a number per class, per pair of classes or per entry."""

import pandas as pd
import pyarrow.compute as pc

from disentangle_jax import stored_rows
from disentangle_jax.report import stored, tables


def values(study: tables.Study, name: str) -> pd.DataFrame:
  """The values of a score that has one per class, per pair or per entry.

  They are in no column of `Study.scores`, for there are as many as cells in a
  table; they are read from the store.

  Args:
    study: as loaded.
    name: of the score, e.g. 'attack_target' for 'attack_target/3_7'.

  Returns:
    DataFrame with 'run' (index into `study.runs`), 'index' ('3' or '3_7') and
    'value' (of the last step, mean over metric seeds); empty where the study
    has none.
  """
  keep = pc.starts_with(pc.field('name'), f'{name}/')
  columns = ('run_id', 'step', 'name', 'value')
  empty = pd.DataFrame({'run': [], 'index': [], 'value': []})
  frames = []
  for place, workdir in enumerate(study.workdirs):
    home = study.runs['workdir'] == place
    run_of = {run_id: i for i, run_id in study.runs.loc[home, 'run_id'].items()}
    # `load` has noted what is damaged.
    for _, part in stored_rows.parts(
      workdir, columns, keep, damaged=lambda path, reason: None
    ):
      frame = part.to_pandas().astype({'run_id': str, 'name': str})
      frames.append(frame.assign(run=frame['run_id'].map(run_of)))
  if not frames:
    return empty
  rows = pd.concat(frames).dropna(subset='run')
  rows = rows[[bool(stored.LATENT.search(text)) for text in rows['name']]]
  if rows.empty:
    return empty
  rows = rows.astype({'run': int})
  rows = rows[rows['step'] == rows.groupby('run')['step'].transform('max')]
  index = rows['name'].str.removeprefix(f'{name}/')
  means = rows.assign(index=index).groupby(['run', 'index'], sort=False)
  return means['value'].mean().reset_index()
