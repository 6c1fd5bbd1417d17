"""Work that a host does side by side: compiling."""

from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
import contextvars
from typing import Any

from disentangle_jax.engine.programs import devices

# Every compiler holds its program several times over.
_MOST = 16


def done(tasks: Sequence[Callable[[], Any]]) -> Iterator[Any]:
  """Does all tasks, as many at once as there are cores.

  A task sees the variables of context that its caller sees here. Where one
  raises, those that have not begun are left undone.

  Args:
    tasks: of no arguments.

  Yields:
    Their results, in order, each as soon as it is there.
  """
  threads = min(len(tasks), devices.num_cores(), _MOST)
  if threads < 2:
    yield from (task() for task in tasks)
    return
  with futures.ThreadPoolExecutor(threads) as pool:
    begun = [
      pool.submit(contextvars.copy_context().run, task) for task in tasks
    ]
    try:
      for one in begun:
        yield one.result()
    finally:
      for one in begun:
        one.cancel()
