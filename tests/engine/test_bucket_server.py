"""A workdir on servers that speak S3 and GCS, on this machine."""

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
pytestmark = pytest.mark.slow

S3 = """
import time
from moto.server import ThreadedMotoServer
ThreadedMotoServer('127.0.0.1', {port}).start()
time.sleep(600)
"""
GS = """
from gcp_storage_emulator.server import create_server
options = dict(in_memory=True, default_bucket='bucket')
create_server('127.0.0.1', {port}, **options).run()
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


def started(script):
  """A server's process and its address."""
  with socket.socket() as free:
    free.bind(('127.0.0.1', 0))
    port = free.getsockname()[1]
  process = subprocess.Popen(
    [sys.executable, '-c', script.format(port=port)],
    stdout=subprocess.DEVNULL,
    stderr=subprocess.DEVNULL,
  )
  for _ in range(300):
    with socket.socket() as tried:
      if tried.connect_ex(('127.0.0.1', port)) == 0:
        break
    time.sleep(0.1)
  return process, f'http://127.0.0.1:{port}'


@pytest.fixture
def s3(monkeypatch, tmp_path):
  """s3fs; s3:// means a new server, to which nobody is known yet."""
  s3fs = pytest.importorskip('s3fs')
  pytest.importorskip('moto.server')
  process, address = started(S3)
  for name in [name for name in os.environ if name.startswith('AWS_')]:
    monkeypatch.delenv(name)
  monkeypatch.setenv('AWS_ENDPOINT_URL', address)
  monkeypatch.setenv('AWS_EC2_METADATA_DISABLED', 'true')
  monkeypatch.setenv('HOME', str(tmp_path))
  s3fs.S3FileSystem.clear_instance_cache()
  yield s3fs
  s3fs.S3FileSystem.clear_instance_cache()
  process.kill()
  process.wait()


@pytest.fixture
def gs(monkeypatch):
  """gs:// means a new server that asks for nothing and has one bucket."""
  gcsfs = pytest.importorskip('gcsfs')
  pytest.importorskip('gcp_storage_emulator')
  process, address = started(GS)
  monkeypatch.setenv('STORAGE_EMULATOR_HOST', address)
  gcsfs.GCSFileSystem.clear_instance_cache()
  yield gcsfs
  gcsfs.GCSFileSystem.clear_instance_cache()
  process.kill()
  process.wait()


def log_in(monkeypatch, s3fs):
  monkeypatch.setenv('AWS_ACCESS_KEY_ID', 'somebody')
  monkeypatch.setenv('AWS_SECRET_ACCESS_KEY', 'secret')
  s3fs.S3FileSystem.clear_instance_cache()


def refused(call):
  with pytest.raises(dj.StoreError) as caught:
    call()
  assert '\n' not in str(caught.value)
  return str(caught.value)


def test_without_credentials_or_a_bucket_nothing_is_trained(s3, monkeypatch):
  monkeypatch.setattr(train, 'compile_group', None)
  workdir = 's3://nowhere/study'
  said = refused(lambda: dj.sweep(small(), workdir))
  assert 'Unable to locate credentials; set AWS_ACCESS_KEY_ID' in said
  assert 'credentials' in refused(lambda: report.write(workdir))
  log_in(monkeypatch, s3)
  said = refused(lambda: dj.sweep(small(), workdir))
  assert 'The specified bucket does not exist' in said
  assert 'does not exist' in refused(lambda: dj.load_run(workdir, 1))
  assert 'no such directory' in refused(lambda: report.write(workdir))


@pytest.mark.parametrize('protocol', ['s3', 'gs'])
def test_a_killed_sweep_continues_from_its_checkpoint(
  protocol, request, monkeypatch, tmp_path
):
  package = request.getfixturevalue(protocol)
  if protocol == 's3':
    log_in(monkeypatch, package)
    package.S3FileSystem().mkdir('bucket')
  workdir = folders.workdir(f'{protocol}://bucket/study')
  script = KILLED.format(
    here=str(pathlib.Path(__file__).parent), workdir=str(workdir)
  )
  done = subprocess.run(
    [sys.executable, '-c', script], capture_output=True, text=True
  )
  assert done.returncode == -signal.SIGKILL, done.stderr
  assert folders.lock(workdir).exists()
  said = '\n'.join(status.look(workdir).lines)
  assert 'checkpoint at step 10' in said and 'no process' in said
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
