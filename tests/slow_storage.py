"""What storage costs that takes long for every file: no test collects this.

  python tests/slow_storage.py drive --seconds=0.3 [--pack]
  python tests/slow_storage.py s3 --seconds=0.3 [--pack]

A study of 96 tiny runs in four chunks is trained, looked at, extended by a
metric and reported. `drive` is a folder in which whatever opens a file waits
first, as on a mounted drive; `s3` is a local server (`moto[server]`) that waits
before every request. Prints seconds, and how many files were opened or requests
made.
"""

import argparse
import collections
import os
import pathlib
import socket
import sys
import tempfile
import threading
import time
import zipfile

sys.path += [str(pathlib.Path(__file__).parent / 'engine')]

import jax

jax.config.update('jax_num_cpu_devices', 4)

import numpy as np  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402
import tiny_study  # noqa: E402

import disentangle_jax as dj  # noqa: E402
from disentangle_jax import folders, report, storage  # noqa: E402
from disentangle_jax.engine.workdir import exported, status  # noqa: E402


def study(pack: bool):
  """96 runs, 24 in a chunk."""
  config = tiny_study.tiny_config()
  config.methods, config.sweep, config.seeds = ('beta_vae',), None, 96
  config.metrics = ('reconstruction',)
  config.engine.runs_per_chunk = 24
  config.engine.pack = pack
  return config


def drive(root: str, seconds: float, opened: collections.Counter) -> None:
  """Makes whatever opens a file below `root` wait."""

  def slow(owner, name):
    plain = getattr(owner, name)

    def call(*args, **kwargs):
      if any(str(arg).startswith(root) for arg in args[:2]):
        opened['files'] += 1
        time.sleep(seconds)
      return plain(*args, **kwargs)

    setattr(owner, name, call)

  for owner, name in (
    (pathlib.Path, 'write_bytes'),
    (pathlib.Path, 'read_bytes'),
    (pq, 'read_schema'),
    (pq, 'ParquetFile'),
    (np, 'load'),
    (exported, 'safe_open'),
    (zipfile.ZipFile, '__init__'),
  ):
    slow(owner, name)


def server(seconds: float, requests: collections.Counter) -> None:
  """Starts an S3 server with a bucket, for this process."""
  from moto.server import DomainDispatcherApplication, create_backend_app
  from werkzeug import serving

  app = DomainDispatcherApplication(create_backend_app)

  def slow(environ, start):
    requests[environ['REQUEST_METHOD']] += 1
    time.sleep(seconds)
    return app(environ, start)

  with socket.socket() as free:
    free.bind(('127.0.0.1', 0))
    port = free.getsockname()[1]

  class Quiet(serving.WSGIRequestHandler):
    def log_request(self, *args):
      pass

  made = serving.make_server(
    '127.0.0.1', port, slow, threaded=True, request_handler=Quiet
  )
  threading.Thread(target=made.serve_forever, daemon=True).start()
  os.environ.update(
    AWS_ACCESS_KEY_ID='somebody',
    AWS_SECRET_ACCESS_KEY='secret',
    AWS_ENDPOINT_URL=f'http://127.0.0.1:{port}',
  )
  import s3fs

  s3fs.S3FileSystem().mkdir('bucket')


def main() -> None:
  """See the module docstring."""
  parser = argparse.ArgumentParser()
  parser.add_argument('where', choices=('drive', 's3'))
  parser.add_argument('--seconds', type=float, default=0.3)
  parser.add_argument('--pack', action='store_true')
  given = parser.parse_args()
  config, counted = study(given.pack), collections.Counter()
  with (
    tempfile.TemporaryDirectory() as warm,
    tempfile.TemporaryDirectory() as root,
  ):
    dj.sweep(config, warm)  # compiled and loaded once
    if given.where == 's3':
      server(given.seconds, counted)
      workdir = folders.workdir('s3://bucket/study')
    else:
      drive(root, given.seconds, counted)
      workdir = pathlib.Path(root)

    def timed(what, call):
      counted.clear()
      began = time.perf_counter()
      call()
      took = time.perf_counter() - began
      print(f'{what}: {took:.1f} s, {dict(counted)}', flush=True)

    timed('sweep', lambda: dj.sweep(config, workdir))
    kinds = [storage.listed(workdir / n) for n in ('params', 'samples')]
    files = sum(map(len, (*kinds, folders.parts(workdir))))
    print(f'{files} files of runs and rows')
    timed('status', lambda: status.summarise(workdir))
    timed('load_run', lambda: dj.load_run(workdir, 3))
    config.metrics = ('reconstruction', 'kl')
    timed('one more metric', lambda: dj.sweep(config, workdir))
    timed('report', lambda: report.write(workdir))


if __name__ == '__main__':
  main()
