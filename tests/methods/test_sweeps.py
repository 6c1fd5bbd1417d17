"""Every method through the engine: one program, split batches, kills.

Two values of a hyper-parameter and three seeds of each method in METHODS, at
the sizes of `tiny_methods`.
"""

import numpy as np
import pandas as pd
import pytest
from tiny_methods import STEPS, tiny_config

import disentangle_jax as dj
from disentangle_jax.engine import progress
from disentangle_jax.engine.programs import train
from disentangle_jax.methods import METHODS, contract

pytestmark = pytest.mark.slow
every_method = pytest.mark.parametrize('name', METHODS)
KEY = ['run_id', 'step', 'name']


class Killed(Exception):
  pass


class Kill(progress.Progress):
  """Stops the sweep half-way through its last phase; keeps what is said."""

  def __init__(self, phases=None):
    super().__init__()
    self.lines, self._left = [], phases

  def say(self, text):
    self.lines.append(text)

  def window(self, chunk):
    tell = super().window(chunk)
    if self._left is None:
      return tell
    self._left -= 1

    def on_window(step, alive, scalars):
      tell(step, alive, scalars)
      if step == STEPS // 2 and self._left == 0:
        raise Killed

    return on_window


def values(rows, last=False):
  """The scalars of training, of all phases or of the last one."""
  rows = rows[rows['name'].str.startswith('train/')]
  rows = rows[rows['phase'] == ''] if last else rows
  return rows.set_index(KEY).sort_index()['value']


@pytest.fixture(scope='module')
def finished(tmp_path_factory):
  """`(name) -> (rows, programs compiled)`, each trained once."""
  done = {}

  def of(name):
    if name not in done:
      compiled, compile_group = [], train.compile_group
      with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
          train,
          'compile_group',
          lambda *a: compiled.append(a) or compile_group(*a),
        )
        rows = dj.sweep(tiny_config(name), tmp_path_factory.mktemp(name))
      done[name] = rows, len(compiled)
    return done[name]

  return of


def phases_of(name):
  rows = contract.read(METHODS[name], name)
  after, count = rows.after(rows.config()), 1
  while after is not None:
    count += 1
    described = contract.read(METHODS[after.method], after.method)
    after = described.after(described.config())
  return count


@every_method
def test_two_values_and_three_seeds_are_one_program(name, finished):
  rows, programs = finished(name)
  assert programs == phases_of(name)
  last = rows[rows['phase'] == '']
  assert last['run_id'].nunique() == 6
  assert set(last['status']) == {'ok'}


@every_method
def test_a_killed_method_goes_on_with_the_same_bits(name, finished, tmp_path):
  whole, _ = finished(name)
  config = tiny_config(name, checkpoint_minutes=1e-9)
  with pytest.raises(Killed):
    dj.sweep(config, tmp_path, progress=Kill(phases_of(name)))
  heard = Kill()
  rows = dj.sweep(config, tmp_path, progress=heard)
  assert any('continuing from step' in line for line in heard.lines)
  pd.testing.assert_series_equal(values(rows), values(whole))


@every_method
def test_a_split_batch_trains_the_same(name, finished):
  if not contract.read(METHODS[name], name).splits:
    pytest.skip('its examples keep state; refused at plan time')
  whole, _ = finished(name)
  rows = dj.sweep(tiny_config(name, data_shards=2))
  first = lambda r: values(r, last=True).groupby(['run_id', 'name']).first()
  np.testing.assert_allclose(first(rows), first(whole), rtol=1e-3, atol=1e-3)
