"""Notebooks are well formed; their cells run in the `SMOKE` form (slow)."""

import ast
import json
import os
import pathlib
import subprocess
import sys

import pytest

FOLDER = pathlib.Path(__file__).parent.parent / 'notebooks'
NAMES = ('quickstart', 'tpu_sweep', 'your_method', 'score_your_codes')


def cells(name, kind):
  notebook = json.loads((FOLDER / f'{name}.ipynb').read_text())
  assert notebook['nbformat'] == 4
  found = [c for c in notebook['cells'] if c['cell_type'] == kind]
  return [''.join(cell['source']) for cell in found]


def code(name):
  """All code as one program; magics, which only fetch the package, pass."""
  lines = '\n\n'.join(cells(name, 'code')).splitlines()
  return '\n'.join(
    f'{line[: len(line) - len(line.lstrip())]}pass'
    if line.lstrip().startswith('%')
    else line
    for line in lines
  )


def test_no_notebook_is_forgotten():
  assert {path.stem for path in FOLDER.glob('*.ipynb')} == set(NAMES)


@pytest.mark.parametrize('name', NAMES)
def test_notebooks_are_well_formed_and_hold_no_output(name):
  ast.parse(code(name))
  assert f'notebooks/{name}.ipynb' in cells(name, 'markdown')[0]
  notebook = json.loads((FOLDER / f'{name}.ipynb').read_text())
  assert not any(cell.get('outputs') for cell in notebook['cells'])


@pytest.mark.slow
@pytest.mark.parametrize('name', NAMES)
def test_notebooks_run(name, tmp_path):
  program = tmp_path / f'{name}.py'
  program.write_text(code(name))
  done = subprocess.run(
    [sys.executable, program],
    cwd=tmp_path,
    env={**os.environ, 'SMOKE': '1', 'MPLBACKEND': 'Agg'},
    capture_output=True,
    text=True,
  )
  assert done.returncode == 0, done.stderr[-3000:]
