"""A workdir on a server that speaks S3, on this machine."""

import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import pandas as pd
import pytest
from test_checkpoint import KEY, small

import disentangle_jax as dj
from disentangle_jax import folders, report
from disentangle_jax.commands import status
from disentangle_jax.engine.programs import train
from disentangle_jax.engine.workdir import store

pytest.importorskip('upath')
s3fs = pytest.importorskip('s3fs')
pytest.importorskip('moto.server')
pytestmark = pytest.mark.slow

SERVER = """
import sys, time
from moto.server import ThreadedMotoServer
ThreadedMotoServer('127.0.0.1', {port}).start()
time.sleep(600)
"""
# Kills itself without a word when the second checkpoint is in the bucket.
KILLED = """
import os, signal, sys
sys.path.insert(0, {here!r})
import jax
jax.config.update('jax_num_cpu_devices', 4)
import disentangle_jax as dj
from test_checkpoint import Scripted, small
kill = lambda: os.kill(os.getpid(), signal.SIGKILL)
dj.sweep(small(), {workdir!r}, progress=Scripted(10, kill))
"""


@pytest.fixture(scope='module')
def server():
  """Its address; no credentials in the environment yet."""
  with socket.socket() as free:
    free.bind(('127.0.0.1', 0))
    port = free.getsockname()[1]
  process = subprocess.Popen(
    [sys.executable, '-c', SERVER.format(port=port)],
    stdout=subprocess.DEVNULL,
    stderr=subprocess.DEVNULL,
  )
  for _ in range(300):
    with socket.socket() as tried:
      if tried.connect_ex(('127.0.0.1', port)) == 0:
        break
    time.sleep(0.1)
  yield f'http://127.0.0.1:{port}'
  process.kill()
  process.wait()


@pytest.fixture
def account(server, monkeypatch, tmp_path):
  """The server is the one that s3:// means, and nobody is known to it."""
  for name in [name for name in os.environ if name.startswith('AWS_')]:
    monkeypatch.delenv(name)
  monkeypatch.setenv('AWS_ENDPOINT_URL', server)
  monkeypatch.setenv('AWS_EC2_METADATA_DISABLED', 'true')
  monkeypatch.setenv('HOME', str(tmp_path))
  s3fs.S3FileSystem.clear_instance_cache()
  yield monkeypatch
  s3fs.S3FileSystem.clear_instance_cache()


def credentials(monkeypatch):
  monkeypatch.setenv('AWS_ACCESS_KEY_ID', 'somebody')
  monkeypatch.setenv('AWS_SECRET_ACCESS_KEY', 'secret')
  s3fs.S3FileSystem.clear_instance_cache()


def refused(call):
  with pytest.raises(dj.StoreError) as caught:
    call()
  assert '\n' not in str(caught.value)
  return str(caught.value)


def test_without_credentials_or_a_bucket_nothing_is_trained(account):
  account.setattr(train, 'compile_group', None)
  workdir = 's3://nowhere/study'
  said = refused(lambda: dj.sweep(small(), workdir))
  assert 'Unable to locate credentials; set AWS_ACCESS_KEY_ID' in said
  assert 'credentials' in refused(lambda: report.write(workdir))
  credentials(account)
  said = refused(lambda: dj.sweep(small(), workdir))
  assert 'The specified bucket does not exist' in said
  assert 'does not exist' in refused(lambda: dj.load_run(workdir, 1))
  assert 'no such directory' in refused(lambda: report.write(workdir))


def test_a_killed_sweep_continues_from_its_checkpoint(
  account, tmp_path, capsys
):
  credentials(account)
  s3fs.S3FileSystem().mkdir('bucket')
  workdir = folders.workdir('s3://bucket/study')
  script = KILLED.format(
    here=str(pathlib.Path(__file__).parent), workdir=str(workdir)
  )
  done = subprocess.run(
    [sys.executable, '-c', script], capture_output=True, text=True
  )
  assert done.returncode == -signal.SIGKILL, done.stderr
  assert folders.lock(workdir).exists()
  status.show(workdir)
  said = capsys.readouterr().out
  assert 'checkpoint at step 10' in said and 'no process is working' in said
  # Of a process of this machine: the lock is nobody's.
  rows = dj.sweep(small(), workdir)
  whole = dj.sweep(small(), tmp_path / 'whole')
  values = [of.set_index(KEY).sort_index()['value'] for of in (rows, whole)]
  pd.testing.assert_series_equal(*values)
  files = set(workdir.fs.find(workdir.path))
  assert not [name for name in files if 'checkpoints' in name or 'lock' in name]
  pd.testing.assert_frame_equal(store.read(workdir), rows)
  assert dj.load_run(workdir, 0).about['seed'] == 0
  page = report.write(workdir)
  assert page.exists() and (folders.figures(workdir) / 'training.png').exists()
