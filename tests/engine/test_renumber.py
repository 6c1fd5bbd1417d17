"""Run numbers of a study that was extended."""

import pytest

from disentangle_jax import stored_rows
from disentangle_jax.engine.workdir import store


def _row(run_id, number):
  blank = dict.fromkeys(stored_rows.COLUMNS)
  return {**blank, 'run_id': run_id, 'run_number': number, 'value': number / 7}


def _write(workdir):
  store.append(workdir, 'one', [_row('a', 0), _row('b', 1), _row('a', 0)])
  store.append(workdir, 'two', [_row('c', 2), _row('d', 3)])


@pytest.fixture
def workdir(tmp_path):
  (tmp_path / 'results').mkdir()
  _write(tmp_path)
  return tmp_path


def numbers(workdir):
  found = store.read(workdir, ['run_id', 'run_number'])
  return found.drop_duplicates().set_index('run_id')['run_number'].to_dict()


def test_runs_take_the_numbers_of_the_plan(workdir):
  before = store.read(workdir)
  plan = {'a': 0, 'x': 1, 'b': 2, 'y': 3, 'c': 4, 'd': 5}
  store.renumber(workdir, plan)
  assert numbers(workdir) == {k: v for k, v in plan.items() if k not in 'xy'}
  after = store.read(workdir)
  rest = [name for name in stored_rows.COLUMNS if name != 'run_number']
  assert after[rest].equals(before[rest])


def test_runs_outside_the_plan_come_behind_it_in_their_order(workdir):
  store.renumber(workdir, {'c': 0, 'x': 1})
  assert numbers(workdir) == {'c': 0, 'a': 2, 'b': 3, 'd': 4}


def test_right_numbers_leave_the_files_alone(workdir):
  files = {p: p.stat().st_mtime_ns for p in workdir.rglob('*.parquet')}
  store.renumber(workdir, dict(zip('abcd', range(4))))
  assert files == {p: p.stat().st_mtime_ns for p in workdir.rglob('*.parquet')}
