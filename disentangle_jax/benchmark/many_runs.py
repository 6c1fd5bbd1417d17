"""Does a study grow linearly? Tiny runs, many of them, planned to reported.

Principal components of small sprites for fifty steps: what is left to see is
what a run costs besides its training, in time, memory and files.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import time
from typing import Any

from disentangle_jax import errors, folders
from disentangle_jax.benchmark import machine

STEPS = 50
HEADS = (
  'runs',
  'plan',
  'train and store',
  'rows',
  'files',
  'on disk',
  'report',
  'page',
  'peak memory',
)


def config(runs: int) -> Any:
  """The study of so many tiny runs, seeds of one setting."""
  from disentangle_jax.engine.plan import declare
  from disentangle_jax.studies import grid

  tiny = declare.base_config()
  tiny.study, tiny.methods = 'many_runs', ('pca',)
  tiny.dataset.update(grid.SMALL_SPRITES)
  tiny.static.num_latents = 4
  tiny.steps, tiny.batch_size, tiny.seeds = STEPS, 16, runs
  tiny.metrics, tiny.representations = ('mig_binned',), ('mean',)
  tiny.engine.log_every = 10
  tiny.engine.keep_samples = False
  return tiny


def _measure(runs: int, folder: str) -> dict[str, Any]:
  """In a process of its own, whose peak memory is that of one study."""
  from disentangle_jax import engine, report
  from disentangle_jax.engine.plan import planning

  workdir = pathlib.Path(folder)
  began = time.perf_counter()
  planning.make(config(runs))
  planned = time.perf_counter()
  rows = engine.sweep(config(runs), workdir)
  stored = time.perf_counter()
  page = report.write(workdir, figures='none')
  reported = time.perf_counter()
  files = [path for path in workdir.rglob('*') if path.is_file()]
  return {
    'runs': runs,
    'plan_s': planned - began,
    'sweep_s': stored - planned,
    'rows': len(rows),
    'files': len(files),
    'disk_mib': sum(path.stat().st_size for path in files) / 2**20,
    'study_json_mib': folders.study(workdir).stat().st_size / 2**20,
    'report_s': reported - stored,
    'page_mib': page.stat().st_size / 2**20,
    'peak_mib': machine.peak_mib(),
  }


def measure(runs: int) -> dict[str, Any]:
  """Plans, trains, stores and reports so many runs.

  Args:
    runs: at least 1.

  Returns:
    Seconds, counts and MiB, by the names that `line` reads.

  Raises:
    StoreError: the process ended with an error.
  """
  with tempfile.TemporaryDirectory() as folder:
    done = subprocess.run(
      [sys.executable, '-m', __name__, str(runs), f'{folder}/study'],
      capture_output=True,
      text=True,
    )
  if done.returncode:
    last = (done.stderr.strip().splitlines() or ['no message'])[-1]
    raise errors.StoreError(f'{runs} tiny runs: {last[:300]}')
  return json.loads(done.stdout.strip().splitlines()[-1])


def line(found: dict[str, Any]) -> tuple[str, ...]:
  """A measurement as a row under HEADS."""
  return (
    f'{found["runs"]:,}',
    f'{found["plan_s"]:.1f} s',
    f'{found["sweep_s"]:.1f} s',
    f'{found["rows"]:,}',
    f'{found["files"]:,}',
    f'{found["disk_mib"]:.1f} MiB',
    f'{found["report_s"]:.1f} s',
    f'{found["page_mib"]:.2f} MiB',
    f'{found["peak_mib"]:,.0f} MiB',
  )


if __name__ == '__main__':
  print(json.dumps(_measure(int(sys.argv[1]), sys.argv[2])))
