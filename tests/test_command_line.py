"""The commands as a user types them, in processes of their own."""

import importlib.metadata
import os
import pathlib
import subprocess
import sys

import pandas as pd
import pytest

ROOT = pathlib.Path(__file__).parent.parent


def command(module, *arguments):
  return subprocess.run(
    [sys.executable, '-m', f'experiments.{module}', *arguments],
    cwd=ROOT,
    env={**os.environ, 'COLUMNS': '120'},
    capture_output=True,
    text=True,
  )


QUICKSTART = '--config=quickstart'


@pytest.mark.parametrize(
  'arguments, message',
  [
    (
      [f'{QUICKSTART}', '--config.hparams.bta=3'],
      "error: config.hparams: unknown 'bta' (did you mean 'beta'?)",
    ),
    (['--config=no.py'], 'error: --config=no.py: no such file'),
    ([f'{QUICKSTART}:zip'], "error: --config=...:variant: unknown 'zip'"),
  ],
)
def test_mistakes_are_one_line(arguments, message):
  done = command('sweep', *arguments, '--workdir=unused')
  assert done.returncode == 2
  assert done.stderr.startswith(message), done.stderr
  assert len(done.stderr.strip().splitlines()) == 1
  assert not (ROOT / 'unused').exists()


def test_dry_run_shows_the_numbered_runs_and_what_they_need():
  done = command('sweep', f'{QUICKSTART}:smoke', '--dry_run')
  assert done.returncode == 0, done.stderr
  for words in ('annealed_vae', 'c_max=20', 'beta=4', 'GiB', '8 runs in 2'):
    assert words in done.stdout


def test_quickstart_smoke_ends_in_a_report(tmp_path):
  workdir = tmp_path / 'study'
  done = command('sweep', f'{QUICKSTART}:smoke', f'--workdir={workdir}')
  assert done.returncode == 0, done.stderr
  assert '8 runs' in done.stdout.splitlines()[0]
  rows = pd.read_parquet(workdir / 'results')
  assert rows['run_id'].nunique() == 8
  page = (workdir / 'report' / 'index.html').read_text()
  for words in ('annealed_vae', 'beta_vae', 'mig_binned', 'data:image/png'):
    assert words in page
  assert 'src="http' not in page and 'href="http://' not in page
  assert f'report: {workdir}/report/index.html' in done.stdout


def test_installed_users_have_the_same_command(tmp_path):
  (script,) = importlib.metadata.entry_points(
    group='console_scripts', name='disentangle-sweep'
  )
  study = tmp_path / 'study.py'
  study.write_text(
    'import disentangle_jax as dj\n'
    'def get_config():\n'
    '  config = dj.base_config()\n'
    "  config.methods = ('beta_vae',)\n"
    "  config.net.name = 'mlp'\n"
    "  config.sweep = dj.product({'hparams.beta': [1, 2]})\n"
    '  return config\n'
  )
  module, _, function = script.value.partition(':')
  code = f'from {module} import {function}; {function}()'
  done = subprocess.run(
    [sys.executable, '-c', code, f'--config={study}', '--dry_run'],
    cwd=tmp_path,  # where there is no `experiments`
    capture_output=True,
    text=True,
  )
  assert done.returncode == 0, done.stderr
  assert '10 runs in 1' in done.stdout  # two strengths, five seeds


def test_importing_everything_leaves_the_choice_of_devices_open():
  """A stray jnp constant would cost every sweep all cores but one."""
  code = (
    'import jax, disentangle_jax, experiments.sweep\n'
    'from disentangle_jax.studies.quickstart import config as quickstart\n'
    'quickstart.get_config()\n'
    "jax.config.update('jax_num_cpu_devices', 3)\n"
    'print(len(jax.devices()))\n'
  )
  done = subprocess.run(
    [sys.executable, '-c', code],
    cwd=ROOT,
    env={**os.environ, 'JAX_PLATFORMS': 'cpu'},
    capture_output=True,
    text=True,
  )
  assert done.stdout.split() == ['3'], done.stderr
