"""The lock of a workdir in a bucket: an object that one process alone creates.

A folder's lock is the kernel's and ends with its process. A bucket knows of no
process: the object says who made it, and stays when that one is killed. Of a
process of this machine we see that it has gone; of another machine's only a
user, or a scheduler that starts one job at a time, can know.
"""

from collections.abc import Mapping
import contextlib
import datetime
import json
import os
import pathlib
import socket
from typing import Any
import uuid

from disentangle_jax import errors, folders, storage


def _read(path: str) -> str:
  """One line of a file of Linux; '' on other systems."""
  try:
    return pathlib.Path(path).read_text().strip()
  except OSError:
    return ''


def _machine() -> list[str]:
  """What two processes must share for one to see whether the other runs."""
  try:
    namespace = os.readlink('/proc/self/ns/pid')
  except OSError:
    namespace = ''
  boot = _read('/proc/sys/kernel/random/boot_id')
  return [socket.gethostname(), boot, namespace]


def _has_gone(held: Mapping[str, Any]) -> bool:
  """Whether the holder is a process of this machine that has ended."""
  if held.get('machine') != _machine():
    return False
  try:
    os.kill(int(held['pid']), 0)
  except ProcessLookupError:
    return True
  except (OSError, KeyError, ValueError):
    return False
  return False


def _held(workdir: pathlib.Path) -> dict[str, Any] | None:
  """What the lock says; None where there is none."""
  try:
    return json.loads(storage.read_bytes(folders.lock(workdir)))
  except FileNotFoundError:
    return None
  except ValueError:
    return {}


def _words(held: Mapping[str, Any]) -> str:
  host = (held.get('machine') or ['an unknown machine'])[0]
  return (
    f'process {held.get("pid", "?")} of {host} since {held.get("since", "?")}'
  )


def holder(workdir: pathlib.Path) -> str:
  """Who holds a workdir: '' for nobody, else a few words.

  Raises:
    StoreError: a bucket that cannot be reached.
  """
  held = _held(workdir)
  return '' if held is None or _has_gone(held) else _words(held)


@contextlib.contextmanager
def hold(workdir: pathlib.Path, take_over: bool = False):
  """Holds a workdir in a bucket for this process.

  Args:
    workdir: its address.
    take_over: whoever holds it now.

  Raises:
    StoreError: another process has it, or the bucket cannot be written.
  """
  path = folders.lock(workdir)
  now = datetime.datetime.now(datetime.UTC).isoformat(timespec='seconds')
  own = {
    'machine': _machine(),
    'pid': os.getpid(),
    'since': now,
    'token': uuid.uuid4().hex,
  }
  content = json.dumps(own).encode()
  # Looked for first: not every server knows of creating alone.
  held = _held(workdir)
  if held is None and not storage.create(path, content):
    held = _held(workdir) or {}
  if held is not None:
    if not (take_over or _has_gone(held)):
      raise errors.StoreError(
        f'--workdir={workdir}: {_words(held)} is running a sweep here, or was '
        f'killed there: where it has gone, give --take_over, or remove {path}'
      )
    storage.write_bytes(path, content)
  # Two may have come to the same stale lock at once.
  if (_held(workdir) or {}).get('token') != own['token']:
    raise errors.StoreError(
      f'--workdir={workdir}: another process is running a sweep here'
    )
  try:
    yield
  finally:
    if (_held(workdir) or {}).get('token') == own['token']:
      storage.remove(path)
