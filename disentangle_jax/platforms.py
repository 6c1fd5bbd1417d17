"""The platform that a program is traced for.

It need not be the host's: a study can be compiled for a TPU from a CPU machine,
so that code which is traced never asks for the host's default backend.
"""

from collections.abc import Iterator
import contextlib
import contextvars

# As devices and compilers name NVIDIA's.
GPUS = ('gpu', 'cuda')

_traced_for = contextvars.ContextVar('traced_for', default='')


@contextlib.contextmanager
def traced_for(name: str) -> Iterator[None]:
  """While it is open, functions are traced for a platform.

  Args:
    name: 'cpu', 'tpu', 'gpu' or 'cuda', as devices name theirs.
  """
  token = _traced_for.set(name)
  try:
    yield
  finally:
    _traced_for.reset(token)


def current() -> str:
  """The platform; '' where nobody has said."""
  return _traced_for.get()
