"""Runs a study: hundreds of (method, strength, seed) runs from one command.

  python -m experiments.sweep --config=quickstart --workdir=runs/quickstart
  python -m experiments.sweep --config=my_study.py --workdir=runs/my_study

Give the command again to continue; finished runs are skipped. --dry_run shows
what would run and what it takes; --config.only=17 does one run alone. On
several hosts, docs/scaling.md: --distributed, or --coordinator=HOST:PORT
--num_processes=N --process_id=I.
"""

import sys

from absl import flags
import jax

from disentangle_jax import checks, engine, errors, folders, invocation
from disentangle_jax.commands import cli, tables, watching
from disentangle_jax.engine import progress, ray_crew
from disentangle_jax.engine.programs import devices, hosts, topologies

_CONFIG = cli.config_flag()
_WORKDIR = flags.DEFINE_string(
  'workdir',
  None,
  'Folder or bucket (s3://, gs://) for results; continued if it holds this '
  'study.',
)
_DRY_RUN = flags.DEFINE_bool(
  'dry_run',
  False,
  'Print settings, groups, memory, time and disk; keep nothing. A few steps of '
  'each group are done to time them. With --workdir, what is there already is '
  'not counted.',
)
_LIST_RUNS = flags.DEFINE_bool(
  'list_runs', False, 'With --dry_run: a row for every run, with its run_id.'
)
_SECONDS = flags.DEFINE_float(
  'seconds',
  60.0,
  'With --dry_run: after so many seconds no other group is compiled and timed; '
  '0 works all times out from arithmetic.',
  lower_bound=0.0,
)
_MEMORY = flags.DEFINE_string(
  'memory',
  '',
  "With --dry_run: a device's memory in the place of this machine's own, such "
  'as 15.75GiB.',
)
_TOPOLOGY = flags.DEFINE_string(
  'topology',
  '',
  "With --dry_run: devices in the place of this machine's own, such as v5e:2x2 "
  'or h100:8; their compiler must be installed.',
)
_AS_NEW_SETTING = flags.DEFINE_bool(
  'as_new_setting',
  False,
  'Keep runs with a changed field beside the old ones, as a setting of their '
  'own.',
)
_TAKE_OVER = flags.DEFINE_bool(
  'take_over',
  False,
  'A workdir in a bucket: go on where the lock of a killed sweep was left. For '
  'jobs that a scheduler starts again, one at a time.',
)
_SLICE = flags.DEFINE_string(
  'slice',
  '',
  'k/n: the k-th of n shares of the seeds, for places that share a study; '
  'their workdirs make one report.',
)
_NOTIFY = flags.DEFINE_string(
  'notify',
  '',
  'A shell command that is run at the end, after an error, and when runs '
  'diverge; DISENTANGLE_EVENT, DISENTANGLE_TEXT and DISENTANGLE_WORKDIR tell '
  'it what happened.',
)
_RAY = flags.DEFINE_string(
  'ray',
  '',
  "Deal chunks as Ray tasks: 'auto' for the cluster that this machine is part "
  "of, HOST:PORT, or 'local'. All machines see the workdir.",
)
_RAY_OPTIONS = flags.DEFINE_string(
  'ray_options',
  '',
  'What a chunk takes of a machine, such as num_gpus=1 or num_cpus=4; by '
  'default a GPU or a TPU host where there are any, else all CPUs of one.',
)
_DISTRIBUTED = flags.DEFINE_bool(
  'distributed',
  False,
  'One of several hosts; ask Slurm, Kubernetes or the TPU runtime which.',
)
_COORDINATOR = flags.DEFINE_string(
  'coordinator', '', 'host:port of process 0, where nothing can be asked.'
)
_NUM_PROCESSES = flags.DEFINE_integer(
  'num_processes', 0, 'Number of processes, with --coordinator.'
)
_PROCESS_ID = flags.DEFINE_integer(
  'process_id', -1, 'Index of this process, with --coordinator.'
)


def main(argv):
  """See the module docstring."""
  cli.no_words(argv)
  cli.required('config', _CONFIG.value, 'quickstart')
  config = _CONFIG.value
  if _SLICE.value:
    config.slice = _SLICE.value
  size = checks.memory('--memory', _MEMORY.value) if _MEMORY.value else 0
  if _DRY_RUN.value:
    _dry_run(config, size)
    return
  for flag, value in (('memory', _MEMORY), ('topology', _TOPOLOGY)):
    if value.value:
      rule = 'plans for another device: it needs --dry_run'
      raise errors.value(f'--{flag}', value.value, rule)
  cli.required('workdir', _WORKDIR.value, 'runs/try')
  # Before anything asks JAX for its devices, such as which host this is.
  devices.prepare(config.engine)
  if (
    _DISTRIBUTED.value
    or _COORDINATOR.value
    or _NUM_PROCESSES.value
    or _PROCESS_ID.value >= 0
  ):
    hosts.join(_COORDINATOR.value, _NUM_PROCESSES.value, _PROCESS_ID.value)
  command = invocation.line('sweep', *sys.argv[1:])
  workdir = folders.workdir(_WORKDIR.value)
  if str(config.only):
    workdir = folders.only(workdir)
  crew = None
  if _RAY.value:
    crew = ray_crew.Crew(_RAY.value, _ray_options(_RAY_OPTIONS.value))
  shown = progress.live()
  shown.writes_report = hosts.index() == 0
  pages = watching.Pages(workdir, shown.say)
  notices = watching.Notices(_NOTIFY.value, workdir, shown.say)
  if hosts.index() == 0:
    shown.on_chunk += [pages.chunk_done, notices.chunk_done]
  try:
    rows = engine.sweep(
      config,
      _WORKDIR.value,
      progress=shown,
      command=command,
      as_new_setting=_AS_NEW_SETTING.value,
      take_over=_TAKE_OVER.value,
      key=_CONFIG.source.key,
      crew=crew,
    )
  except BaseException as error:
    said = errors.first_line(error) or type(error).__name__
    notices.send('failed', said)
    raise
  finally:
    pages.stop()
    notices.wait()
  # Process 0 keeps the others' connection, and may write for minutes.
  with hosts.together('reported', shown.say):
    if hosts.index():
      print(f'host {hosts.index()} is done; host 0 writes the report')
      return
    _report(workdir, rows, notices)


def _report(workdir, rows, notices: watching.Notices) -> None:
  """Writes and names the page of a study that is done."""
  # Drawing libraries: slow to import.
  from disentangle_jax import report, studies

  print(
    f'{rows["run_id"].nunique()} runs, {len(rows):,} rows in {workdir}/results'
  )
  print('writing the report ...', flush=True)
  page = watching.last_page(
    workdir,
    lambda: report.write(workdir, extra=studies.own_sections()),
    notices,
  )
  print(f'report: {page}')


def _ray_options(text: str) -> dict[str, float]:
  """'num_gpus=1,num_cpus=4' as numbers.

  Raises:
    ConfigError: another form.
  """
  options = {}
  for part in filter(None, (part.strip() for part in text.split(','))):
    name, _, number = part.partition('=')
    if name not in ray_crew.OPTIONS:
      raise errors.choices('--ray_options', name, ray_crew.OPTIONS)
    try:
      options[name] = float(number)
    except ValueError:
      rule = 'must be a number'
      raise errors.value(f'--ray_options: {name}', number, rule) from None
  return options


def _dry_run(config, size: int) -> None:
  topology, where = None, ''
  devices.prepare(config.engine)
  if _TOPOLOGY.value:
    # The host only plans; its own accelerators are left alone.
    jax.config.update('jax_platforms', 'cpu')
    # A compiled program is read back where its devices are, and only there.
    jax.config.update('jax_enable_compilation_cache', False)
    topology = topologies.of(_TOPOLOGY.value)
    kind = topology.devices[0].device_kind
    where = f'{len(topology.devices)} x {kind}'
  outlook = engine.dry_run(
    config,
    memory_bytes=size,
    topology=topology,
    workdir=_WORKDIR.value,
    budget=_SECONDS.value,
  )
  tables.print_plan(outlook, where, _LIST_RUNS.value)


def run() -> None:
  """The command itself."""
  cli.run(main, __doc__)
