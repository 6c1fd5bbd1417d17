"""The commands as a user types them, in processes of their own."""

import importlib.metadata
import os
import pathlib
import shutil
import subprocess
import sys

import pandas as pd
import pytest

from disentangle_jax import invocation, load_run
from disentangle_jax.commands import cli, completion, listing, main

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
LISTED = {
  'methods': 'beta_vae',
  'metrics': 'mig_binned',
  'datasets': 'dsprites',
  'nets': 'mlp',
  'fields': 'config.hparams.beta',
  'studies': 'quickstart',
}


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


def test_ctrl_c_is_no_error(capsys):
  def main(argv):
    raise KeyboardInterrupt

  with pytest.raises(SystemExit) as ended:
    cli.guarded(main)(sys.argv[:1])
  assert ended.value.code == 2
  assert capsys.readouterr().err.startswith('interrupted; give the same')


def test_dry_run_shows_the_numbered_runs_and_what_they_need():
  done = command('sweep', f'{QUICKSTART}:smoke', '--dry_run', '--seconds=0')
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
  cores = len(os.sched_getaffinity(0))
  assert set(rows['device']) == {f'{cores} x cpu'}
  page = (workdir / 'report' / 'index.html').read_text()
  for words in ('annealed_vae', 'beta_vae', 'mig_binned', 'data:image/png'):
    assert words in page
  assert 'src="http' not in page and 'href="http://' not in page
  assert f'report: {workdir}/report/index.html' in done.stdout
  exported = disentangle(
    tmp_path, 'export', str(workdir), '--run=5', '--out=models'
  )
  assert exported.returncode == 0, exported.stderr
  parameters, card = exported.stdout.split()
  own = rows[rows['run_number'] == 5].iloc[0]
  name = f'quickstart_{own["method"]}_{own["run_id"][:6]}'
  assert (parameters, card) == (
    f'models/{name}.safetensors',
    f'models/{name}.md',
  )
  text = (tmp_path / card).read_text()
  row = rows[(rows['run_number'] == 5) & (rows['name'] == 'mig_binned')]
  value = row[row['representation'] == 'mean']['value'].iloc[0]
  assert f'| mig_binned | mean | {value:.4g} |' in text
  assert '@' in text and 'seed | ' in text
  shutil.rmtree(workdir)
  run = load_run(tmp_path / parameters)
  assert run.about['card'] == text
  images = run.sample(3)['observation']
  assert run.decode(run.represent(images).vector).shape == images.shape


def disentangle(folder, *arguments):
  """The program, started where there is no `experiments`."""
  return subprocess.run(
    [sys.executable, '-m', 'disentangle_jax', *arguments],
    cwd=folder,
    env={**os.environ, 'PYTHONPATH': str(ROOT)},
    capture_output=True,
    text=True,
  )


def test_every_command_has_a_module_and_its_form_in_a_clone():
  for name, one in main.COMMANDS.items():
    path = ROOT / 'disentangle_jax' / 'commands' / f'{one.module}.py'
    assert 'def run(' in path.read_text() or name == 'completion'
    if name != 'completion':
      shim = ROOT / 'experiments' / f'{name.replace("-", "_")}.py'
      assert f'{one.module}.run(' in shim.read_text()
    assert f'  {name} ' in main.usage()


def test_a_word_without_dashes_is_the_option_that_is_always_needed():
  words = lambda name, *given: main.arguments(main.COMMANDS[name], list(given))
  assert words('sweep', 'quickstart:smoke', '--dry_run') == [
    '--config=quickstart:smoke',
    '--dry_run',
  ]
  assert words('status', 'runs/a') == ['--workdir=runs/a']
  assert words('show-data', 'shapes3d') == ['--config.dataset=shapes3d']
  assert words('sweep', '--config=a.py') == ['--config=a.py']
  assert words('list', 'methods') == ['methods']


def test_commands_are_typed_as_they_work_here(monkeypatch, tmp_path):
  monkeypatch.chdir(ROOT)
  assert invocation.line('show-data', '--out=a b') == (
    "python -m experiments.show_data '--out=a b'"
  )
  monkeypatch.chdir(tmp_path)
  monkeypatch.setattr(shutil, 'which', lambda name: f'/bin/{name}')
  assert invocation.words('sweep') == ['disentangle', 'sweep']
  monkeypatch.setattr(shutil, 'which', lambda name: None)
  typed = invocation.words('sweep')
  assert typed == ['python', '-m', 'disentangle_jax', 'sweep']
  # A folder of that name which is not this clone's.
  (tmp_path / 'experiments').mkdir()
  (tmp_path / 'experiments' / 'sweep.py').touch()
  assert invocation.words('sweep') == typed
  assert 'python -m disentangle_jax tables --x' in cli.said(
    'Type `python -m experiments.tables --x`.'
  )


@pytest.mark.parametrize('kind, name', sorted(LISTED.items()))
def test_names_of_every_kind_are_listed(kind, name):
  lines = dict(listing.KINDS[kind]())
  assert name in lines
  if kind != 'fields':
    assert all(lines.values())


def test_no_kind_of_names_is_left_out():
  assert set(LISTED) == set(listing.KINDS)


def test_a_shell_completes_commands_studies_and_data_sets(tmp_path):
  script = tmp_path / 'completion.sh'
  script.write_text(completion.script(['bash'], list(main.COMMANDS)))
  ask = (
    'source {}; COMP_WORDS=({}); COMP_CWORD={}; _disentangle; '
    'echo "${{COMPREPLY[@]}}"'
  )

  def completed(words, place):
    done = subprocess.run(
      ['bash', '-c', ask.format(script, words, place)],
      cwd=tmp_path,
      capture_output=True,
      text=True,
      check=True,
    )
    return done.stdout.split()

  assert completed('disentangle st', 1) == ['status']
  assert completed('disentangle sweep quick', 2) == ['quickstart']
  assert completed('disentangle list st', 2) == ['studies']
  assert completed('disentangle show-data shapes', 2) == [
    'shapes3d',
    'shapes3d_file',
  ]


@pytest.mark.slow
def test_every_command_lists_its_options_from_any_folder(tmp_path):
  for name in main.COMMANDS:
    done = disentangle(tmp_path, name, '--help')
    if name == 'completion':
      assert done.returncode == 2
      continue
    assert done.returncode == 0, done.stderr
    # Aliases show the examples of what they stand for.
    own = 'tables' if name in ('scores', 'trend') else name
    assert f'disentangle_jax {own}' in done.stdout, name
    assert 'python -m experiments' not in done.stdout
  wrong = disentangle(tmp_path, 'swep')
  assert wrong.returncode == 2 and "did you mean 'sweep'" in wrong.stderr


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
    [sys.executable, '-c', code, f'--config={study}', '--dry_run']
    + ['--seconds=0'],
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
