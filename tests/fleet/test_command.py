"""The command `fleet`, as it is typed."""

import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]


def fleet(*arguments):
  return subprocess.run(
    [sys.executable, '-m', 'experiments.fleet', *arguments],
    cwd=ROOT,
    env={**os.environ, 'COLUMNS': '120'},
    capture_output=True,
    text=True,
  )


SMOKE = '--config=quickstart:smoke'


@pytest.mark.slow
@pytest.mark.parametrize(
  ('arguments', 'message'),
  [
    ([], '--config is missing'),
    ([SMOKE], '--topology is missing'),
    ([SMOKE, '--topology=h100'], "--topology: unknown 'h100'"),
    ([SMOKE, '--topology=v5e:4x4', '--hosts=3'], 'a slice of 4 hosts'),
    ([SMOKE, '--topology=h100:1', '--ms=1,2'], "--ms = '1,2'"),
    ([SMOKE, '--topology=h100:1', '--simulate'], '--simulate needs times'),
    ([SMOKE, '--topology=h100:1', '--preemptions=-1'], '--preemptions'),
    ([SMOKE, '--topology=h100:1', '--bandwidth=fast'], '--bandwidth'),
  ],
)
def test_mistakes_are_one_line(arguments, message):
  done = fleet(*arguments)
  assert done.returncode == 2
  assert message in done.stderr and len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_a_plan_and_its_weather(tmp_path):
  words = (SMOKE, '--topology=v5e:4x4,100xh100:1', '--ms=0.1', '--runs=1000')
  done = fleet(*words, '--price=2')
  assert done.returncode == 0, done.stderr
  table = dict(
    (cells[1].strip(), [cell.strip() for cell in cells[2:-1]])
    for cells in (line.split('|') for line in done.stdout.splitlines())
  )
  assert table['hosts x devices'] == ['4 x 4', '100 x 1']
  assert table['cost of an hour'] == ['32.00', '200.00']
  assert table['chunks are'] == ['dealt in turns', 'Ray tasks']
  figure = tmp_path / 'fleet.png'
  more = ('--simulate', '--preemptions=0,1', f'--figure={figure}')
  done = fleet(*words, *more, '--compile_seconds=1')
  assert done.returncode == 0, done.stderr
  assert done.stdout.count('without trouble') == 2
  assert done.stdout.count('per worker and hour') == 2
  assert figure.stat().st_size > 5000
