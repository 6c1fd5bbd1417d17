"""SIGKILL at random moments, again and again: nothing lost, nothing doubled."""

import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
from test_checkpoint import KEY, small

import disentangle_jax as dj
from disentangle_jax import folders
from disentangle_jax.engine.workdir import store

KILLS = 20


def study():
  """Four chunks, a checkpoint after every segment."""
  config = small()
  config.methods = ('beta_vae', 'annealed_vae')
  config.sweep = dj.chain(
    dj.product({'methods': ['beta_vae'], 'hparams.beta': [1, 2, 3, 4]}),
    dj.product({'methods': ['annealed_vae'], 'hparams.c_max': [5, 10, 15, 20]}),
  )
  config.engine.runs_per_chunk = 4
  config.steps = 60
  return config


SCRIPT = """
import sys
sys.path.insert(0, {here!r})
import jax
jax.config.update('jax_num_cpu_devices', 4)
import disentangle_jax as dj
from test_faults import study
dj.sweep(study(), {workdir!r})
"""


@pytest.mark.slow
def test_twenty_kills_lose_nothing_and_double_nothing(tmp_path):
  here = str(pathlib.Path(__file__).parent)
  script_of = lambda path: SCRIPT.format(here=here, workdir=str(path))
  took = []
  for name in ('first', 'whole'):  # the first one compiles for the others
    began = time.time()
    script = script_of(tmp_path / name)
    subprocess.run([sys.executable, '-c', script], check=True)
    took.append(time.time() - began)
  whole = store.read(tmp_path / 'whole')
  workdir = tmp_path / 'killed'
  script = script_of(workdir)
  moments = random.Random(0)
  kills, completed = 0, 0
  for _ in range(KILLS):
    process = subprocess.Popen([sys.executable, '-c', script])
    # From the import of JAX to the writing of the last file.
    try:
      process.wait(timeout=moments.uniform(0.2, 0.9) * took[-1])
      assert process.returncode == 0
      completed += 1
      # Start over: the aim is to be killed at all stages.
      shutil.rmtree(workdir / 'results')
      (workdir / 'study.json').unlink()
    except subprocess.TimeoutExpired:
      os.kill(process.pid, signal.SIGKILL)
      process.wait()
      kills += 1
    # Whatever is there can be read.
    if workdir.exists():
      rows = store.read(workdir)
      assert not rows.duplicated(KEY).any()
  assert kills >= KILLS / 2, (kills, completed)
  began = time.time()
  subprocess.run([sys.executable, '-c', script], check=True)
  assert time.time() - began < 300
  rows = store.read(workdir)
  assert not rows.duplicated(KEY).any()
  values = lambda frame: frame.set_index(KEY).sort_index()['value']
  pd.testing.assert_series_equal(values(rows), values(whole))
  assert not list(workdir.rglob('*.tmp'))
  assert not (folders.checkpoints(workdir)).exists()
  for run_id in set(whole['run_id']):
    assert (workdir / 'params' / f'{run_id}.safetensors').exists()
