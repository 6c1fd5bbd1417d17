"""Where a study stands, from what its folder holds."""

import json
import pathlib

import numpy as np
import pandas as pd

from disentangle_jax import errors, folders, storage
from disentangle_jax.engine.workdir import checkpoint, store


def summarise(workdir: pathlib.Path) -> tuple[dict, pd.DataFrame]:
  """What study.json and the store say.

  Args:
    workdir: the study.

  Returns:
    The contents of study.json, and one row per planned run: method, strengths,
    'finished', 'diverged', 'seconds'.

  Raises:
    StoreError: no study here, or a file that cannot be read.
  """
  contents = store.read_json(folders.study(workdir))
  if contents is None:
    raise errors.StoreError(f'{workdir}: holds no study.json')
  rows = store.read(workdir, ['run_id', 'status', 'seconds'])
  done = rows.drop_duplicates('run_id').set_index('run_id')
  runs = []
  for run_id, (coordinates, _) in contents['runs'].items():
    method, hparams, seed = json.loads(coordinates)
    finished = run_id in done.index
    runs.append(
      {
        'run_id': run_id,
        'method': method,
        'hparams': json.dumps(hparams, sort_keys=True),
        'seed': seed,
        'finished': finished,
        'diverged': finished and done['status'][run_id] != 'ok',
        'seconds': done['seconds'][run_id] if finished else np.nan,
      }
    )
  return contents, pd.DataFrame(runs)


def waiting(workdir: pathlib.Path) -> list[str]:
  """One line for every chunk that would continue from a checkpoint."""
  lines = []
  for folder in storage.listed(folders.checkpoints(workdir)):
    if steps := checkpoint.steps(folder):
      lines.append(f'chunk {folder.name}: checkpoint at step {steps[-1]:,}')
  return lines
