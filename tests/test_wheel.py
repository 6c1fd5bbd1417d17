"""A wheel and an editable install find the studies by name."""

import os
import pathlib
import shutil
import subprocess
import sys
import sysconfig
import zipfile

import pytest

from disentangle_jax.commands import main

ROOT = pathlib.Path(__file__).parents[1]
# Of the clone's own folder; the package has a room called runs, too.
SKIPPED = ('.git', 'runs', 'site', 'build')
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


def _wheel(folder):
  """Built from a copy, FOLDER/clone: pip packs what an older build has left."""
  clone = folder / 'clone'
  anywhere = shutil.ignore_patterns('*.egg-info', '__pycache__')
  shutil.copytree(
    ROOT,
    clone,
    ignore=lambda path, names: (
      anywhere(path, names)
      | (set(SKIPPED) if pathlib.Path(path) == ROOT else set())
    ),
  )
  subprocess.run(
    [sys.executable, '-m', 'pip', 'wheel', '--quiet', '--no-deps', '.']
    + ['--wheel-dir', str(folder)],
    cwd=clone,
    check=True,
  )
  (wheel,) = folder.glob('*.whl')
  return wheel


@pytest.mark.slow
def test_wheel_and_clone_hold_the_same_studies(tmp_path):
  wheel, clone = _wheel(tmp_path), tmp_path / 'clone'
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


# Words behind `disentangle` -> exit code, and what is printed.
TYPED = [
  *(
    (f'list {kind}', 0, name)
    for kind, name in (
      ('methods', 'beta_vae'),
      ('metrics', 'mig_binned'),
      ('datasets', 'dsprites'),
      ('nets', 'mlp'),
      ('studies', 'quickstart'),
    )
  ),
  ('list fields', 0, 'config.steps'),
  ('sweep quickstart:smoke --dry_run --seconds=0', 0, '8 runs in 2 group'),
  ('sweep quickstart:smoke --workdir=q', 0, 'report: q/report/index.html'),
  ('report --workdir=q', 0, 'q/report/index.html'),
  ('status q', 0, '8 of 8 runs finished'),
  ('status q --watch', 0, '8 of 8 runs finished'),
  ('report q', 0, 'q/report/index.html'),
  ('tables q --scores=mig_binned', 0, '| beta_vae'),
  ('scores q --scores=mig_binned', 0, '| beta_vae'),
  ('trend q --scores=mig_binned', 0, '### mig_binned'),
  ('paper q --out=kit', 0, 'kit/table.tex'),
  ('merge q --into=whole', 0, 'whole'),
  ('publish q', 2, 'a clone of the repository, and this is none'),
  ('report .', 2, '.: holds no study.json and no results'),
  (
    'traverse q --run=99',
    2,
    "run = '99': no such finished run; the nearest: 7 (",
  ),
  ('claims q', 2, 'is of no study of the package with claims'),
  ('traverse q --run=0', 0, '.png'),
  ('show-data dsprites --out=shown', 0, 'dsprites'),
  ('export q --run=0 --out=models', 0, 'models/quickstart_beta_vae'),
  ('benchmark --many_runs=2', 0, 'principal components'),
  ('compile-for --topology=v5q:2x2 --config=quickstart', 2, "'v5q:2x2'"),
  ('fleet --help', 0, 'fleet --config'),
  ('completion bash', 0, 'complete'),
  ('sweep quickstart:smoke', 2, '--workdir is missing'),
]


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_every_command_works_from_a_wheel_in_an_empty_folder(tmp_path):
  wheel = _wheel(tmp_path)
  assert 'disentangle_jax/py.typed' in zipfile.ZipFile(wheel).namelist()
  subprocess.run([sys.executable, '-m', 'venv', tmp_path / 'own'], check=True)
  python = tmp_path / 'own' / 'bin' / 'python'
  # What it depends on is here already.
  (site,) = (tmp_path / 'own' / 'lib').glob('*/site-packages')
  (site / 'installed.pth').write_text(sysconfig.get_path('purelib') + '\n')
  # Also where the same version is installed already, in these tests' Python.
  install = [python, '-m', 'pip', 'install', '--quiet', '--no-deps']
  subprocess.run([*install, '--ignore-installed', wheel], check=True)
  assert {words.split()[0] for words, _, _ in TYPED} == set(main.COMMANDS)
  folder = tmp_path / 'empty'
  folder.mkdir()
  disentangle = tmp_path / 'own' / 'bin' / 'disentangle'
  # A clone on the path would be imported in the place of the wheel.
  environment = {k: v for k, v in os.environ.items() if k != 'PYTHONPATH'}
  for words, code, said in TYPED:
    done = subprocess.run(
      [disentangle, *words.split()],
      cwd=folder,
      env=environment,
      capture_output=True,
      text=True,
    )
    printed = done.stdout + done.stderr
    assert done.returncode == code, (words, printed)
    assert said in printed, (words, printed)
    assert 'experiments.' not in printed, (words, printed)
    if code:
      assert 'Traceback' not in printed
      assert len(done.stderr.strip().splitlines()) == 1, (words, printed)
