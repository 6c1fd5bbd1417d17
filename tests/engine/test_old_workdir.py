"""A workdir of version 0.1 is still read.

`workdir_0_1` was written by the release before methods could have phases and
observations could be anything but images: six runs of two methods on 8 x 8
sprites, and in `expected.npz` what `load_run(..., 1)` gave there.
"""

import json
import pathlib
import shutil

import numpy as np
import pytest
from tiny_study import tiny_config

import disentangle_jax as dj
from disentangle_jax import folders, report
from disentangle_jax.engine.workdir import status, store

OLD = pathlib.Path(__file__).parent / 'workdir_0_1'


@pytest.fixture
def workdir(tmp_path):
  return shutil.copytree(OLD, tmp_path / 'old')


def test_runs_load_and_give_the_same_codes(workdir):
  with np.load(OLD / 'expected.npz') as file:
    expected = dict(file)
  run = dj.load_run(workdir, 1)
  codes = run.represent(run.sample(4)['observation'])
  np.testing.assert_allclose(codes.vector, expected['codes'], atol=1e-5)
  np.testing.assert_allclose(
    run.decode(np.zeros((1, 3), np.float32)), expected['decoded'], atol=1e-5
  )
  assert run.num_latents == 3 and run.about['seed'] == 1
  joint = dj.load_run(workdir, 4)
  assert joint.layout.classes == (2,) and joint.num_latents == 5


def test_rows_status_and_page(workdir):
  rows = store.read(workdir)
  assert rows['run_id'].nunique() == 6
  contents, runs = status.summarise(workdir)
  assert contents['study'] == 'old' and runs['finished'].all()
  page = report.write(workdir, figures='none').read_text()
  assert 'mig_binned' in page and 'joint_vae' in page
  assert 'left no pictures' not in page


def test_the_same_study_goes_on_there(workdir):
  """Identities of runs are what they were: nothing is trained again."""
  config = tiny_config()
  config.study = 'old'
  config.methods = ('beta_vae',)
  config.sweep = dj.product({'hparams.beta': [1, 4]})
  config.metrics = ('mig_binned', 'reconstruction', 'sap')
  config.metric_options.sap.update({'num_train': 60, 'num_test': 20})
  before = store.read(workdir)
  rows = dj.sweep(config, workdir)
  key = ['run_id', 'name', 'representation', 'step']
  again = rows.set_index(key)['value']
  old = before[before['run_id'].isin(set(rows['run_id']))].set_index(key)
  assert len(set(rows['run_id'])) == 4
  np.testing.assert_array_equal(again[old.index], old['value'])
  assert (rows['name'] == 'sap').sum() == 8


def test_a_newer_format_is_left_alone(workdir):
  path = folders.study(workdir)
  contents = json.loads(path.read_text())
  assert 'format' not in contents
  path.write_text(json.dumps({**contents, 'format': 99}))
  config = tiny_config()
  config.study = 'old'
  with pytest.raises(dj.StoreError, match=r'format 99, this one knows \d'):
    dj.sweep(config, workdir)
