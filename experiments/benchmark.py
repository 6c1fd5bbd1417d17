"""Measures this engine on this machine, in one go and as ratios.

  python -m experiments.benchmark
  python -m experiments.benchmark --config=FILE.py --runs=1,8,24
  python -m experiments.benchmark --metrics=default --runs=100
  python -m experiments.benchmark --metrics=dci_gbt --scikit_learn

For every number of runs per program: run-steps/s, compile time and peak memory
of one group of a study (the first, or --method's); beside them the same
training as one run at a time (`loop`). The rates of all forms are taken in
turns and the best of several repeats is shown, so that a shared machine's noise
hits all alike. Writes a table, and JSON with --output.

With --metrics it times scoring instead of training: the metrics named, each
alone and all together, for so many runs of made-up codes at dSprites' size; and
boosted-tree DCI against scikit-learn's on the same arrays.
"""

import gc
import json
import platform
import resource
import time

from absl import flags
import jax
import jax.numpy as jnp
from rich import console as rich_console
from rich import table as rich_table

from disentangle_jax import errors
from disentangle_jax.commands import cli
from disentangle_jax.engine import (
  devices,
  estimate,
  plan,
  settings,
  study,
  train,
)
from experiments import metric_costs
from experiments.configs import quickstart

_CONFIG = cli.config_flag()
_RUNS = flags.DEFINE_list('runs', ['1', '8', '24'], 'Runs per program.')
_METHOD = flags.DEFINE_string(
  'method', '', 'Method whose group is measured; the first by default.'
)
_METRICS = flags.DEFINE_list(
  'metrics', [], "Time these metrics instead; 'default' for a sweep's own."
)
_EACH = flags.DEFINE_bool('each', True, 'Time every metric alone as well.')
_AT_ONCE = flags.DEFINE_integer('at_once', 24, 'Runs scored in one program.')
_SCIKIT_LEARN = flags.DEFINE_bool(
  'scikit_learn', False, 'Also time DCI by scikit-learn (takes minutes).'
)
_STEPS = flags.DEFINE_integer('steps', 100, 'Steps per measurement.')
_REPEATS = flags.DEFINE_integer('repeats', 3, 'Measurements of each form.')
_OUTPUT = flags.DEFINE_string('output', '', 'JSON file to write.')


def peak_mib() -> float:
  """Peak memory: of the accelerator, or of this process on a CPU."""
  stats = jax.devices()[0].memory_stats() or {}
  if 'peak_bytes_in_use' in stats:
    return stats['peak_bytes_in_use'] / 2**20
  return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class Engine:
  """The engine at one number of runs per program."""

  def __init__(self, group: plan.Group, count: int, mesh):
    over = mesh.shape[devices.RUNS]
    self.name = f'engine, {count} runs' if count > 1 else 'engine, 1 run'
    self.size = devices.padded(count, over)
    runs = (group.runs * count)[:count]
    self._group = group._replace(runs=runs)
    self._program = train.compile_group(group, mesh, self.size, group.steps)
    self.compile_seconds = self._program.compile_seconds
    self.peak_mib = peak_mib()
    self.flops = self._program.flops

  def rate(self) -> float:
    """Run-steps/s of one measurement."""
    runs = self._group.runs
    trained = train.train_chunk(self._program, self._group, runs, self.size)
    return self._group.steps * len(runs) / trained.seconds


class Loop:
  """One run at a time: a jitted step, called from Python, on one device."""

  name = 'loop, one run at a time'
  flops = 0.0

  def __init__(self, group: plan.Group):
    began = time.perf_counter()
    sample = plan.sampler(group.module, group.config, group.dataset)
    index = jnp.arange(group.batch_size)
    run = group.runs[0]
    hparams = {k: jnp.float32(v) for k, v in run.hparams.items()}

    def step(key, t, state):
      data_key, update_key = jax.random.split(jax.random.fold_in(key, t))
      batch = sample(data_key, group.dataset.arrays, index)
      return group.method.update(update_key, state, batch, hparams)

    self._key = jax.random.key(run.seed)
    batch = plan.example_batch(group)
    self._init = lambda: group.method.init(self._key, batch, hparams)
    self._step = jax.jit(step, donate_argnums=2)
    self._steps = group.steps
    jax.block_until_ready(self._step(self._key, 0, self._init()))
    self.compile_seconds = time.perf_counter() - began
    self.peak_mib = peak_mib()

  def rate(self) -> float:
    """Run-steps/s of one measurement."""
    state = self._init()
    jax.block_until_ready(state)
    began = time.perf_counter()
    for t in range(self._steps):
      state, _ = self._step(self._key, t, state)
    jax.block_until_ready(state)
    return self._steps / (time.perf_counter() - began)


def measure(group: plan.Group, counts: list[int], mesh) -> list[dict]:
  """All forms, compiled first and then timed in turns.

  Args:
    group: what to train; its `steps` are one measurement.
    counts: numbers of runs per program.
    mesh: ('runs', 'data').

  Returns:
    One dict per form: name, run_steps_per_s, compile_s, peak_mib.
  """
  forms = [Engine(group, count, mesh) for count in counts]
  forms.append(Loop(group))
  best = [0.0] * len(forms)
  for _ in range(_REPEATS.value):
    for i, form in enumerate(forms):
      gc.collect()
      best[i] = max(best[i], form.rate())
  return [
    {
      'form': form.name,
      'run_steps_per_s': rate,
      'compile_s': form.compile_seconds,
      'peak_mib': form.peak_mib,
    }
    for form, rate in zip(forms, best)
  ]


def show(rows: list[dict], about: dict) -> None:
  """Prints the table, rates relative to the loop."""
  loop = next(r for r in rows if r['form'] == Loop.name)['run_steps_per_s']
  table = rich_table.Table(title=f'{about["what"]} on {about["devices"]}')
  for name in ('form', 'run-steps/s', 'times the loop', 'compile', 'peak'):
    table.add_column(name, justify='left' if name == 'form' else 'right')
  for row in rows:
    rate = row['run_steps_per_s']
    table.add_row(
      row['form'],
      f'{rate:,.0f}',
      f'{rate / loop:.2f}',
      f'{row["compile_s"]:.1f} s',
      f'{row["peak_mib"]:,.0f} MiB',
    )
  rich_console.Console().print(table)
  print(
    'peak: memory of the process (CPU) or device so far, rising down the table'
  )


def chosen_group(config, method: str) -> plan.Group:
  """The first group of a study, or the first of one method.

  Raises:
    ConfigError: the study has no such method.
  """
  groups = {}
  for group in plan.make(config).groups:
    groups.setdefault(group.method_name, group)
  if method and method not in groups:
    raise errors.choices('--method', method, groups)
  return groups[method or next(iter(groups))]


def score(config, counts: list[int]) -> None:
  """Times metrics and prints a table."""
  names = _METRICS.value
  if names == ['default']:
    names = settings.DEFAULT_METRICS
  names = [n for n in names if n not in ('kl', 'elbo', 'reconstruction')]
  config.engine.compile_cache = False
  devices.prepare(config.engine)
  about = {'devices': devices.describe(), 'versions': study.versions()}
  for runs in counts if len(names) else ():
    rows = metric_costs.measure(
      names, runs, min(runs, _AT_ONCE.value), _EACH.value
    )
    title = f'scoring {runs} runs on {about["devices"]}'
    table = rich_table.Table(title=title)
    for name in ('metric', 'seconds', 'seconds per run', 'first chunk'):
      table.add_column(name, justify='left' if name == 'metric' else 'right')
    for row in rows:
      each = row['seconds'] / runs
      table.add_row(
        row['metric'],
        f'{row["seconds"]:.1f}',
        f'{each:.3f}',
        f'{row["first_s"]:.1f}',
      )
    rich_console.Console().print(table)
    about[f'runs_{runs}'] = rows
  print(f'peak memory {peak_mib():,.0f} MiB')
  if _SCIKIT_LEARN.value:
    about['dci'] = metric_costs.dci_against_scikit_learn()
    print(json.dumps(about['dci'], indent=1))
  if _OUTPUT.value:
    with open(_OUTPUT.value, 'w') as file:
      json.dump(about, file, indent=1)


def main(argv):
  """See the module docstring."""
  del argv
  try:
    counts = sorted({int(count) for count in _RUNS.value})
  except ValueError:
    counts = [0]
  if counts[0] < 1:
    raise errors.value('--runs', _RUNS.value, 'must be numbers of at least 1')
  config = _CONFIG.value or quickstart.get_config()
  if _METRICS.value:
    score(config, counts)
    return
  # Compile times are part of the result: no help from the cache.
  config.engine.compile_cache = False
  devices.prepare(config.engine)
  group = chosen_group(config, _METHOD.value)._replace(steps=_STEPS.value)
  mesh = devices.mesh(config.engine.data_shards)
  about = {
    'what': f'{config.study}: {group.method_name}, batch {group.batch_size}',
    'devices': devices.describe(),
    'machine': platform.processor() or platform.machine(),
    'versions': study.versions(),
    'matmul_gflop_per_s': estimate.matmul_rate() / 1e9,
    'steps': _STEPS.value,
  }
  rows = measure(group, counts, mesh)
  show(rows, about)
  if _OUTPUT.value:
    with open(_OUTPUT.value, 'w') as file:
      json.dump({**about, 'rows': rows}, file, indent=1)


if __name__ == '__main__':
  cli.run(main)
