"""The page's files: what the script computes, and that they are packed."""

from importlib import resources
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from disentangle_jax.report import templates

NODE = shutil.which('node')
HERE = pathlib.Path(__file__).parent
PAGE = resources.files('disentangle_jax.report') / 'page'


@pytest.mark.skipif(NODE is None, reason='needs node')
def test_the_pure_functions_of_the_charts():
  done = subprocess.run(
    [NODE, '--test', str(HERE / 'charts.test.mjs')],
    env=os.environ | {'CHARTS': str(PAGE / 'charts.js')},
    capture_output=True,
    text=True,
    timeout=120,
  )
  assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.parametrize('name', ['charts.js', 'page.js', 'page.css'])
def test_no_file_of_the_page_ends_its_element_or_asks_for_anything(name):
  text = templates.asset(name)
  asks = (
    'fetch(',
    'XMLHttp',
    'import(',
    '@import',
    'url(',
    'eval(',
    'Function(',
  )
  assert not [word for word in ('</', *asks) if word in text]


def test_the_files_of_the_page_are_packed(tmp_path):
  subprocess.run(
    [sys.executable, 'setup.py', '-q', 'build_py', '--build-lib', tmp_path],
    cwd=HERE.parents[1],
    check=True,
    capture_output=True,
    timeout=120,
  )
  packed = tmp_path / 'disentangle_jax' / 'report' / 'page'
  names = {path.name for path in PAGE.iterdir()}
  assert names == {path.name for path in packed.iterdir()} and len(names) > 2
