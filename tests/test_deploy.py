"""Recipes of deploy/: what parsers, linters and schemas can say of them."""

import pathlib
import re
import shutil
import subprocess
import sys

import pytest

from disentangle_jax.engine.programs import topologies

ROOT = pathlib.Path(__file__).parent.parent
FOLDER = ROOT / 'deploy'
SCRIPTS = sorted(FOLDER.glob('*.sh'))
RECIPES = [*SCRIPTS, *sorted(FOLDER.glob('*.yaml')), FOLDER / 'Dockerfile']


def tool(name):
  """A program of PATH or of this Python's environment; skips without it."""
  beside = pathlib.Path(sys.executable).parent / name
  found = shutil.which(name) or (str(beside) if beside.exists() else None)
  if found is None:
    pytest.skip(f'needs {name}')
  return found


def checked(*words):
  done = subprocess.run(words, capture_output=True, text=True)
  assert done.returncode == 0, done.stdout + done.stderr


def documents(name):
  yaml = pytest.importorskip('yaml')
  return yaml.safe_load((FOLDER / name).read_text())


def validated(kind, version, spec):
  schemas = pytest.importorskip('kubernetes_validate')
  whole = {
    'apiVersion': version,
    'kind': kind,
    'metadata': {'name': 'study'},
    **spec,
  }
  schemas.validate(whole, '1.31', strict=True)


@pytest.mark.parametrize('path', RECIPES, ids=lambda path: path.name)
def test_recipes_say_what_was_not_run_and_start_the_one_command(path):
  text = path.read_text()
  head = text[: text.index('\n\n')] if path.suffix != '.yaml' else text[:700]
  assert '# Not run:' in head
  assert path.name in (FOLDER / 'README.md').read_text()
  if path.name == 'Dockerfile':
    return
  source = (ROOT / 'disentangle_jax/commands/sweep.py').read_text()
  legal = {'config', *re.findall(r"DEFINE_\w+\(\s*'(\w+)'", source)}
  # Of the command alone; a blank line or the next field ends it.
  start = re.search(r'disentangle[\s-]+sweep', text).end()
  command = re.split(r'\n\n|\n +\w+:|\n}', text[start:])[0]
  given = set(re.findall(r'--(\w+)', command))
  assert {'config', 'workdir'} < given <= legal
  # A killed job leaves its lock in a bucket.
  assert '--take_over' in text


@pytest.mark.parametrize('path', SCRIPTS, ids=lambda path: path.name)
def test_scripts_parse_and_pass_shellcheck(path):
  checked(tool('bash'), '-n', str(path))
  checked(tool('shellcheck'), str(path))


def test_the_image_passes_hadolint():
  checked(tool('hadolint'), str(FOLDER / 'Dockerfile'))


def test_the_image_copies_what_is_there_and_a_build_needs(tmp_path):
  parse = pytest.importorskip('dockerfile_parse')
  text = (FOLDER / 'Dockerfile').read_text()
  (tmp_path / 'Dockerfile').write_text(text)
  parser = parse.DockerfileParser(str(tmp_path))
  by_name = lambda name: [
    one['value'] for one in parser.structure if one['instruction'] == name
  ]
  assert len(parser.parent_images) == 2 and 'JAX=""' in by_name('ARG')
  copied = {
    source
    for value in by_name('COPY')
    if not value.startswith('--from')
    for source in value.split()[:-1]
  }
  assert all((ROOT / source).exists() for source in copied)
  # setup.py reads the README and packs experiments.
  assert {'setup.py', 'README.md', 'disentangle_jax', 'experiments'} <= copied
  # Not as root.
  assert by_name('USER') == ['1000']


def test_a_job_set_has_the_hosts_of_its_slice():
  whole = documents('jobset.yaml')
  (replicated,) = whole['spec']['replicatedJobs']
  job = replicated['template']['spec']
  validated('Job', 'batch/v1', {'spec': job})
  pod = job['template']['spec']
  shape = pod['nodeSelector']['cloud.google.com/gke-tpu-topology']
  machines = topologies.machines(f'v5e:{shape}')
  assert job['parallelism'] == job['completions'] == machines.hosts
  (container,) = pod['containers']
  limits = container['resources']['limits']
  assert limits['google.com/tpu'] == machines.devices
  assert '--distributed' in container['command']


def test_the_pods_of_ray_are_pods():
  whole = documents('kuberay.yaml')
  assert (whole['kind'], whole['apiVersion']) == ('RayJob', 'ray.io/v1')
  cluster = whole['spec']['rayClusterSpec']
  (workers,) = cluster['workerGroupSpecs']
  for group in (cluster['headGroupSpec'], workers):
    validated('PodTemplate', 'v1', {'template': group['template']})
  # No chunk goes to the head.
  assert cluster['headGroupSpec']['rayStartParams']['num-cpus'] == '0'
  entry = whole['spec']['entrypoint'].split()
  assert entry[:3] == ['disentangle', 'sweep', '--ray=auto']
  # As many chunks as workers, at least: 300 runs of each of six methods.
  (size,) = [
    int(word.partition('=')[2]) for word in entry if 'runs_per_chunk' in word
  ]
  assert 6 * -(-300 // size) >= workers['replicas']
