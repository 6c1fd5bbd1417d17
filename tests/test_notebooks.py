"""Notebooks are well formed; their cells run in the `SMOKE` form (slow)."""

import ast
import importlib.util
import json
import os
import pathlib
import re
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


# Their outputs are those of a real run; the TPU's has none, and says so.
RUN = ('quickstart', 'your_method', 'score_your_codes')


@pytest.mark.parametrize('name', NAMES)
def test_notebooks_are_well_formed(name):
  ast.parse(code(name))
  notebook = json.loads((FOLDER / f'{name}.ipynb').read_text())
  outputs = [
    output for cell in notebook['cells'] for output in cell.get('outputs', ())
  ]
  assert bool(outputs) == (name in RUN)
  assert not any(output['output_type'] == 'error' for output in outputs)
  text = json.dumps(outputs)
  assert not re.search(r'/(tmp|root|home|work)/', text)
  if name not in RUN:
    assert 'Not run on a\nTPU yet' in cells(name, 'markdown')[0]


def test_links_are_of_one_setting():
  done = subprocess.run(
    [sys.executable, FOLDER / 'links.py', '--check'],
    capture_output=True,
    text=True,
  )
  assert done.returncode == 0, done.stderr
  spec = importlib.util.spec_from_file_location('links', FOLDER / 'links.py')
  links = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(links)
  name, here = 'quickstart.ipynb', 'https://github.com/somebody/fork'
  notebook = json.loads((FOLDER / name).read_text())
  forked = json.dumps(links.linked(notebook, name, here))
  assert f'github/somebody/fork/blob/main/notebooks/{name}' in forked
  assert f'pip install -q git+{here}' in forked
  back = links.linked(json.loads(forked), name, links.REPOSITORY)
  assert back == json.loads((FOLDER / name).read_text())


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
