"""Files of a workdir, in a folder or in a bucket: the one place that knows.

A folder is a `pathlib.Path`, an address a `upath.UPath` (universal_pathlib, on
fsspec), which has the same methods. Where they differ is here alone:

- a file of a folder is written aside, synced and renamed; an object of a bucket
  is put in one request, which all readers see whole or not at all;
- a bucket has no folders to be made, and no renaming;
- a request to a bucket takes long and many go at once: `write_all`, `contents`;
- a bucket fails in the words of its own library: here they become one line.
"""

from collections.abc import Iterable, Iterator, Sequence
import contextlib
import io
import os
import pathlib
import re
import shutil
import tarfile
import tempfile
from typing import Any

from disentangle_jax import errors

# Protocol -> the package that speaks it, '' for fsspec itself.
PROTOCOLS = {'s3': 's3fs', 'gs': 'gcsfs', 'gcs': 'gcsfs', 'memory': ''}
_ADDRESS = re.compile(r'([a-zA-Z][a-zA-Z0-9+.-]*)://(.*)')
_LEGAL = 'a folder, s3://BUCKET/PATH or gs://BUCKET/PATH'
# By their own names: this package's is not published.
_INSTALL = 'pip install universal_pathlib'
_CREDENTIALS = {
  's3': 'AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or `aws configure`',
  'gs': 'GOOGLE_APPLICATION_CREDENTIALS, or `gcloud auth application-default '
  'login`',
}
# Requests under way at once, and bytes held for them.
_AT_ONCE = 32
_HELD = 64 * 2**20
# Of the packages: as many connections, and a file in one request, where s3fs
# would ask for its size first.
_OPTIONS = {'s3': {'config_kwargs': {'max_pool_connections': _AT_ONCE}}}
_READING = {'s3': {'max_concurrency': 1}}


def is_address(text: str) -> bool:
  """Whether a text is an address such as s3://bucket/study."""
  return bool(_ADDRESS.match(text))


def is_bucket(path: Any) -> bool:
  """Whether a path is an address, no folder of this machine."""
  return not isinstance(path, pathlib.Path)


def of_address(text: str) -> Any:
  """The path of an address; nothing is asked of the bucket yet.

  Args:
    text: 's3://bucket/study', 'gs://...' or 'memory://...'.

  Returns:
    A `upath.UPath`.

  Raises:
    StoreError: another protocol, no bucket in it, or a package that is missing.
  """
  protocol, rest = _ADDRESS.match(text).groups()
  protocol = protocol.lower()
  if protocol not in PROTOCOLS:
    raise errors.StoreError(
      f'--workdir={text}: is an address of {protocol}://, which cannot be '
      f'written; legal: {_LEGAL}'
    )
  if not rest.strip('/'):
    raise errors.StoreError(
      f'--workdir={text}: is an address without a bucket; legal: {_LEGAL}'
    )
  try:
    import upath

    if PROTOCOLS[protocol]:
      __import__(PROTOCOLS[protocol])
  except ImportError as error:
    raise errors.StoreError(
      f'--workdir={text}: needs {error.name or "universal_pathlib"}: '
      f'{_INSTALL} {PROTOCOLS[protocol]}'.rstrip()
    ) from error
  # Others write there too: a listing that is kept would be out of date.
  options = {'use_listings_cache': False, **_OPTIONS.get(protocol, {})}
  path = upath.UPath(f'{protocol}://{rest}', **options)
  with _asked(path):
    path.fs  # noqa: B018, it is made here, and may look for credentials
  return path


@contextlib.contextmanager
def _asked(path: Any) -> Iterator[None]:
  """What a bucket's library raises, as one line; missing files stay missing.

  Raises:
    FileNotFoundError: no such object.
    StoreError: anything else.
  """
  if not is_bucket(path):
    yield
    return
  try:
    yield
  except errors.StoreError:
    raise
  except Exception as error:
    reason = errors.first_line(error)[:200]
    missing = isinstance(error, FileNotFoundError)
    if missing and 'bucket does not exist' not in reason:
      raise
    denied = isinstance(error, PermissionError) or re.search(
      'credential|anonymous caller|access denied', reason, re.IGNORECASE
    )
    if denied:
      name = _CREDENTIALS.get(path.protocol.replace('gcs', 'gs'), '')
      reason += f'; set {name}' if name else ''
    raise errors.StoreError(f'{path}: cannot be reached: {reason}') from error


def write_bytes(path: Any, content: bytes) -> None:
  """Writes a file whole: a reader sees what was there before, or all of it.

  Args:
    path: its folder is made where it is missing.
    content: bytes.

  Raises:
    StoreError: it cannot be written.
  """
  if is_bucket(path):
    write_all([(path, content)])
    return
  temporary = path.with_name(f'.{path.name}.{os.getpid()}.tmp')
  try:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary.write_bytes(content)
    with open(temporary, 'rb') as file:
      os.fsync(file.fileno())
    os.replace(temporary, path)
  except OSError as error:
    temporary.unlink(missing_ok=True)
    raise errors.StoreError(
      f'{path}: cannot be written ({error.strerror or error})'
    ) from error


def write_all(files: Iterable[tuple[Any, bytes]]) -> None:
  """Writes many files of one folder or bucket, each as `write_bytes`.

  Args:
    files: (path, content), taken one by one; of a bucket many are under way at
      once.

  Raises:
    StoreError: one cannot be written; others may be there.
  """
  waiting, size = {}, 0
  for path, content in files:
    if not is_bucket(path):
      write_bytes(path, content)
      continue
    waiting[path] = content
    size += len(content)
    if len(waiting) == _AT_ONCE or size > _HELD:
      _put(waiting)
      waiting, size = {}, 0
  if waiting:
    _put(waiting)


def _put(files: dict[Any, bytes]) -> None:
  first = next(iter(files))
  try:
    with _asked(first):
      first.fs.pipe({path.path: content for path, content in files.items()})
  except FileNotFoundError as error:
    raise errors.StoreError(f'{first}: there is no such bucket') from error


def create(path: Any, content: bytes) -> bool:
  """Writes an object of a bucket, unless it is there.

  Returns:
    Whether it was not there.

  Raises:
    StoreError: it cannot be written.
  """
  try:
    with _asked(path):
      try:
        path.fs.pipe_file(path.path, content, mode='create')
      except FileExistsError:
        return False
  except FileNotFoundError as error:
    raise errors.StoreError(f'{path}: there is no such bucket') from error
  return True


def read_bytes(path: Any) -> bytes:
  """A file's content.

  Raises:
    OSError: it cannot be read; FileNotFoundError where it is missing.
    StoreError: a bucket that cannot be reached.
  """
  if not is_bucket(path):
    return path.read_bytes()
  with _asked(path):
    return path.fs.cat_file(path.path, **_READING.get(path.protocol, {}))


def sources(paths: Sequence[Any]) -> Iterator[Any]:
  """What NumPy and Arrow read files from, in order.

  Args:
    paths: of one folder or bucket.

  Yields:
    The path itself, or of a bucket a file of bytes; those are fetched many at a
    time. FileNotFoundError, as a value, for an object that is missing.

  Raises:
    StoreError: a bucket that cannot be reached.
  """
  for begin in range(0, len(paths), _AT_ONCE):
    part = paths[begin : begin + _AT_ONCE]
    if not is_bucket(part[0]):
      yield from part
      continue
    with _asked(part[0]):
      names = [path.path for path in part]
      options = _READING.get(part[0].protocol, {})
      contents = part[0].fs.cat(names, on_error='return', **options)
    for path in part:
      content = contents[path.path]
      if isinstance(content, Exception):
        try:
          with _asked(path):
            raise content
        except FileNotFoundError as error:
          yield error
          continue
      yield io.BytesIO(content)


def source(path: Any) -> Any:
  """What NumPy and Arrow read one file from; see `sources`.

  Raises:
    FileNotFoundError: an object that is missing.
    StoreError: a bucket that cannot be reached.
  """
  return io.BytesIO(read_bytes(path)) if is_bucket(path) else path


def copy(files: Sequence[tuple[Any, Any]]) -> None:
  """Copies files of one folder or bucket, each written whole.

  Args:
    files: (from, to).

  Raises:
    StoreError: one cannot be read or written.
  """

  def contents():
    for (path, to), read_from in zip(files, sources([f for f, _ in files])):
      try:
        if isinstance(read_from, OSError):
          raise read_from
        if is_bucket(path):
          yield to, read_from.getvalue()
        else:
          yield to, path.read_bytes()
      except OSError as error:
        raise errors.StoreError(f'{path}: cannot be read: {error}') from error

  write_all(contents())


def listed(folder: Any, ending: str = '') -> list[Any]:
  """What is directly in a folder, sorted; nothing where there is none.

  Args:
    folder: a path.
    ending: of the names.

  Raises:
    StoreError: a bucket that cannot be reached.
  """
  if not is_bucket(folder):
    return sorted(folder.glob(f'*{ending}'))
  try:
    with _asked(folder):
      names = folder.fs.ls(folder.path, detail=False)
  except FileNotFoundError:
    return []
  names = {name.strip('/') for name in names} - {folder.path.strip('/')}
  names = {name.rpartition('/')[2] for name in names}
  return [folder / name for name in sorted(names) if name.endswith(ending)]


def exists(path: Any) -> bool:
  """Whether a file is there.

  Raises:
    StoreError: a bucket that cannot be reached.
  """
  with _asked(path):
    return path.is_file()


def is_folder(path: Any) -> bool:
  """Whether a folder is there; of a bucket, whether anything is in it.

  Raises:
    StoreError: a bucket that cannot be reached.
  """
  with _asked(path):
    return path.is_dir()


def remove(path: Any) -> None:
  """Removes a file, or a folder and all that is in it, if it is there."""
  if not is_bucket(path):
    if path.is_dir():
      shutil.rmtree(path, ignore_errors=True)
    else:
      path.unlink(missing_ok=True)
    return
  with contextlib.suppress(FileNotFoundError), _asked(path):
    path.fs.rm(path.path, recursive=True)


@contextlib.contextmanager
def folder_to_write(path: Any) -> Iterator[pathlib.Path]:
  """A folder that something else writes, such as Orbax.

  Args:
    path: where it shall be. In a bucket it is one object, PATH.tar, which is
      put when all is written.

  Yields:
    The folder to write, on this machine; not made yet.

  Raises:
    StoreError: a bucket that cannot be reached.
  """
  if not is_bucket(path):
    yield path
    return
  with tempfile.TemporaryDirectory(prefix='disentangle_jax_') as temporary:
    folder = pathlib.Path(temporary) / path.name
    yield folder
    packed = folder.with_name('packed')
    with tarfile.open(packed, 'w') as tar:
      tar.add(folder, '.')
    target = _packed(path)
    with _asked(target):
      target.fs.put_file(str(packed), target.path)


@contextlib.contextmanager
def folder_to_read(path: Any) -> Iterator[pathlib.Path]:
  """A folder as `folder_to_write` left it, on this machine.

  Raises:
    FileNotFoundError: it is not there.
    StoreError: a bucket that cannot be reached.
  """
  if not is_bucket(path):
    yield path
    return
  with tempfile.TemporaryDirectory(prefix='disentangle_jax_') as temporary:
    folder = pathlib.Path(temporary) / path.name
    packed, origin = folder.with_name('packed'), _packed(path)
    with _asked(origin):
      origin.fs.get_file(origin.path, str(packed))
    with tarfile.open(packed) as tar:
      tar.extractall(folder, filter='data')
    yield folder


def remove_folder(path: Any) -> None:
  """Removes what `folder_to_write` left, if it is there."""
  remove(_packed(path) if is_bucket(path) else path)


def _packed(path: Any) -> Any:
  return path.with_name(f'{path.name}.tar')


@contextlib.contextmanager
def staged(root: Any, last: str = '') -> Iterator[pathlib.Path]:
  """A folder to draw into, whose files go to `root` when the block succeeds.

  Args:
    root: a folder is drawn into as it is.
    last: ending of the files that a bucket gets behind all others.

  Yields:
    The folder, on this machine.

  Raises:
    StoreError: a bucket that cannot be reached.
  """
  if not is_bucket(root):
    yield root
    return
  with tempfile.TemporaryDirectory(prefix='disentangle_jax_') as temporary:
    folder = pathlib.Path(temporary)
    yield folder
    files = sorted(path for path in folder.rglob('*') if path.is_file())
    late = [path for path in files if last and path.name.endswith(last)]
    for part in ([path for path in files if path not in late], late):
      write_all(
        (root.joinpath(*path.relative_to(folder).parts), path.read_bytes())
        for path in part
      )
