"""What the tests of pages share: studies made up run by run."""

import itertools
import json
import math

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from disentangle_jax import stored_rows
from disentangle_jax.report import claims, tables

_STEP = 300


class Store:
  """A workdir that tests fill by hand."""

  def __init__(self, workdir):
    """An empty one.

    Args:
      workdir: its folder.
    """
    self._workdir = workdir
    self._rows = []
    self._numbers = itertools.count()

  def add(
    self,
    scores,
    *,
    method='beta_vae',
    variant='',
    strength=math.nan,
    seed=0,
    hparams=None,
    training=None,
    constants=None,
  ):
    """One run.

    Args:
      scores: name, or (name, representation), -> value.
      method: its method.
      variant: what the sweep sets apart, 'a=1, b=2'.
      strength: its strength.
      seed: its seed.
      hparams: its hyper-parameters.
      training: 'train/...' -> {step: value}.
      constants: of all scores.
    """
    number = next(self._numbers)
    run = {
      'run_id': f'{number:012x}',
      'run_number': number,
      'study': 'made_up',
      'method': method,
      'variant': variant,
      'strength_name': '' if math.isnan(strength) else 'strength',
      'strength': strength,
      'dataset': 'made_up',
      'seed': seed,
      'hparams': json.dumps(hparams or {}),
      'metric_seed': 0,
      'constants': json.dumps(constants or {}),
      'status': 'ok',
      'versions': '{}',
      'device': 'cpu',
      'seconds': 1.0,
      'phase': '',
      'after': '',
      'setting': '',
    }
    for name, value in scores.items():
      name, representation = (name, '') if isinstance(name, str) else name
      row = {'step': _STEP, 'representation': representation, 'name': name}
      self._rows.append({**run, **row, 'value': float(value)})
    for name, curve in (training or {}).items():
      for step, value in curve.items():
        row = {'step': step, 'representation': '', 'name': name}
        self._rows.append({**run, **row, 'value': float(value)})

  def study(self):
    """What a report reads of it."""
    folder = self._workdir / 'results'
    folder.mkdir(parents=True, exist_ok=True)
    frame = pd.DataFrame(self._rows, columns=stored_rows.COLUMNS)
    table = pa.Table.from_pandas(frame, stored_rows.SCHEMA, False)
    pq.write_table(table, folder / 'part-000000.parquet')
    return tables.load([self._workdir])


@pytest.fixture
def store(tmp_path):
  """An empty made-up workdir."""
  return Store(tmp_path)


@pytest.fixture
def judged():
  """`(page, study) -> {statement: word}`, one per claim of the page."""

  def words(page, study):
    entries = claims.record(study, page.claims(study))
    statements = [entry['statement'] for entry in entries]
    assert len(set(statements)) == len(statements)
    return {entry['statement']: entry['verdict'] for entry in entries}

  return words
