"""A wheel and an editable install find the studies by name."""

import pathlib
import shutil
import subprocess
import sys
import zipfile

import pytest

ROOT = pathlib.Path(__file__).parents[1]
SKIPPED = ('.git', 'runs', 'site', '*.egg-info', '__pycache__', 'build')
LOOK = (
  'from disentangle_jax import studies\n'
  'from disentangle_jax.report import templates\n'
  'print(studies.__file__)\n'
  'print(" ".join(studies.folders()))\n'
  'print(studies.config_module("quickstart").get_config("smoke").steps)\n'
  'print(len(templates.asset("page.js")) > 1000)\n'
)


def _look(folder, paths):
  """What a fresh process sees, started elsewhere."""
  done = subprocess.run(
    [sys.executable, '-c', f'import sys\nsys.path[:0] = {paths!r}\n{LOOK}'],
    cwd=folder,
    capture_output=True,
    text=True,
    check=True,
  )
  file, keys, steps, script = done.stdout.splitlines()
  assert steps == '40' and script == 'True'
  return pathlib.Path(file), set(keys.split())


@pytest.mark.slow
def test_wheel_and_clone_hold_the_same_studies(tmp_path):
  clone = tmp_path / 'clone'
  shutil.copytree(ROOT, clone, ignore=shutil.ignore_patterns(*SKIPPED))
  subprocess.run(
    [sys.executable, '-m', 'pip', 'wheel', '--quiet', '--no-deps', '.']
    + ['--wheel-dir', str(tmp_path)],
    cwd=clone,
    check=True,
  )
  (wheel,) = tmp_path.glob('*.whl')
  names = zipfile.ZipFile(wheel).namelist()
  assert not [n for n in names if 'test_' in n or n.endswith('results/')]
  with zipfile.ZipFile(wheel) as archive:
    archive.extractall(tmp_path / 'site')
  file, keys = _look(tmp_path, [str(tmp_path / 'site')])
  assert (tmp_path / 'site') in file.parents
  here, own = _look(tmp_path, [str(clone)])
  assert clone in here.parents and own == keys and 'quickstart' in keys
  # A folder added to a clone is there at once.
  shutil.copytree(
    clone / 'experiments' / 'studies' / 'quickstart',
    clone / 'experiments' / 'studies' / 'brand_new',
  )
  assert _look(tmp_path, [str(clone)])[1] == keys | {'brand_new'}
