"""Several hosts in one sweep: each trains its own chunks on its own devices.

Runs never speak to one another, so that hosts need not either: a chunk is one
program on the devices of one host, and chunks are dealt out. Hosts meet only
where the plan is written and where the last row is. One process per host (or
per accelerator, as the launcher has it); all need the same folder.
"""

from collections.abc import Callable, Iterator, Sequence
import contextlib
import functools
import threading
from typing import Any, TypeVar

import jax

from disentangle_jax import errors

_Item = TypeVar('_Item')
# Hosts finish far apart: the slowest has a chunk of hours left.
_PATIENCE = 7 * 24 * 3600
# Machines of a slice are given minutes apart. JAX ends a process that waits
# longer for the others, with lines of its own.
_JOIN_SECONDS = 15 * 60
# Of waiting to be joined, before a line says so.
_QUIET_SECONDS = 5.0


def join(
  address: str = '', count: int = 0, index: int = -1, **options: Any
) -> None:
  """Makes this process one of several; call it before anything of JAX.

  Args:
    address: 'host:port' of process 0; '' to ask Slurm, Open MPI, Kubernetes or
      the TPU runtime, as `jax.distributed.initialize` does.
    count: number of processes; 0 to ask.
    index: of this process; -1 to ask.
    **options: more of `jax.distributed.initialize`.

  Raises:
    ConfigError: half of the three given, an index out of range, or nothing
      that could be asked.
  """
  given = [bool(address), count > 0, index >= 0]
  if any(given) and not all(given):
    raise errors.ConfigError(
      '--coordinator, --num_processes and --process_id belong together; or '
      'leave all three out and give --distributed to ask the cluster'
    )
  if all(given) and index >= count:
    raise errors.value('--process_id', index, f'must be below {count}')
  chosen, where = {}, ''
  if all(given):
    where = f' at {address}, of {count} in all'
    chosen = {
      'coordinator_address': address,
      'num_processes': count,
      'process_id': index,
    }
  options.setdefault('initialization_timeout', _JOIN_SECONDS)
  minutes = options['initialization_timeout'] / 60
  line = f'waiting for the other hosts{where}; at most {minutes:.0f} min'
  late = threading.Timer(
    _QUIET_SECONDS, functools.partial(print, line, flush=True)
  )
  late.daemon = True
  late.start()
  try:
    jax.distributed.initialize(**chosen, **options)
  except (ValueError, RuntimeError) as error:
    reason = errors.first_line(error)
    raise errors.ConfigError(
      f'cannot join the other hosts: {reason}'
    ) from error
  finally:
    late.cancel()


def number() -> int:
  """Number of processes, 1 without `join`."""
  return jax.process_count()


def index() -> int:
  """Index of this process; 0 plans, scores over seeds and reports."""
  return jax.process_index()


def share(items: Sequence[_Item]) -> list[_Item]:
  """Those of this process, dealt out in turns."""
  return list(items[index() :: number()])


def wait(name: str) -> None:
  """Returns when all processes have come here; names must not repeat."""
  if number() == 1:
    return
  from orbax.checkpoint import multihost  # slow to import

  multihost.sync_global_processes(
    f'disentangle_jax {name}',
    timeout=_PATIENCE,
    processes=set(range(number())),
  )


@contextlib.contextmanager
def together(name: str, say: Callable[[str], None]) -> Iterator[None]:
  """Ends where all hosts have come, those too that met an error in it.

  One that left alone would be missed by the others: JAX ends them minutes
  later, and what they could still have finished is lost.

  Args:
    name: of what they do; names must not repeat.
    say: is given the error at once, for the others may take hours.

  Yields:
    Once; what is done there must need no other host.
  """
  try:
    yield
  except Exception as error:
    if number() > 1:
      say(
        f'host {index()} of {number()}: {errors.first_line(error)}; it waits '
        'for the others, which finish what is theirs'
      )
      wait(name)
    raise
  wait(name)
