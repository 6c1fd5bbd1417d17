"""Devices, the mesh, and the persistent compile cache."""

import contextlib
import os
import pathlib

import jax

from disentangle_jax import errors
from disentangle_jax.engine.plan import study_config

RUNS, DATA = 'runs', 'data'


def use_cpu_cores(count: int = 0) -> None:
  """Makes one XLA device of every CPU core, so that runs spread over them.

  Small programs gain more from one run per core than from threads inside one
  operation (docs/performance.md). Does nothing on other backends, or when JAX
  has chosen its devices already.

  Args:
    count: number of devices; 0 for one per usable core.
  """
  flags = os.environ.get('XLA_FLAGS', '')
  if not count and 'host_platform_device_count' in flags:
    return
  if not count and jax.config.jax_num_cpu_devices > 0:
    return
  # RuntimeError: the backend is up already, and its devices are used as is.
  with contextlib.suppress(RuntimeError):
    jax.config.update('jax_num_cpu_devices', count or num_cores())


def num_cores() -> int:
  """CPU cores that this process may use."""
  try:
    return len(os.sched_getaffinity(0))
  except AttributeError:  # not on macOS
    return os.cpu_count() or 1


def use_compile_cache() -> pathlib.Path:
  """Keeps compiled programs in the user's cache folder between processes.

  Returns:
    The folder, which `JAX_COMPILATION_CACHE_DIR` overrides.
  """
  chosen = os.environ.get('JAX_COMPILATION_CACHE_DIR')
  root = os.environ.get('XDG_CACHE_HOME') or pathlib.Path.home() / '.cache'
  path = pathlib.Path(chosen or pathlib.Path(root) / 'disentangle_jax' / 'xla')
  jax.config.update('jax_compilation_cache_dir', str(path))
  jax.config.update('jax_persistent_cache_min_compile_time_secs', 0.2)
  return path


def prepare(engine: study_config.Engine) -> None:
  """Settings of JAX that must be made before its first computation.

  Args:
    engine: `config.engine`.
  """
  use_cpu_cores(engine.cpu_devices)
  if engine.compile_cache:
    use_compile_cache()


def mesh(data_shards: int = 1) -> jax.sharding.Mesh:
  """A ('runs', 'data') mesh over all devices of this host.

  Args:
    data_shards: over how many devices one batch is split.

  Returns:
    The mesh; its 'runs' axis holds devices // data_shards.

  Raises:
    ConfigError: a number that does not divide the devices.
  """
  devices = jax.local_devices()
  return jax.make_mesh(
    mesh_shape(len(devices), data_shards, 'this host'),
    (RUNS, DATA),
    axis_types=(jax.sharding.AxisType.Auto,) * 2,
    devices=devices,
  )


def mesh_shape(count: int, data_shards: int, where: str) -> tuple[int, int]:
  """How many devices stand along 'runs' and along 'data'.

  A TPU's devices form a torus, of which no part can be left out.

  Args:
    count: devices.
    data_shards: over how many of them one batch is split.
    where: they are, for the error.

  Returns:
    (runs, data).

  Raises:
    ConfigError: a number that does not divide the devices.
  """
  if data_shards < 1 or count % data_shards:
    raise errors.value(
      'config.engine.data_shards',
      data_shards,
      f'must divide the number of devices of {where}, {count}',
    )
  return count // data_shards, data_shards


def padded(count: int, over: int) -> int:
  """The least multiple of `over` devices that holds `count` runs."""
  return -(-count // over) * over


def describe() -> str:
  """This host's devices in words, e.g. '2 x cpu' or '1 x NVIDIA H200'."""
  devices = jax.local_devices()
  return f'{len(devices)} x {devices[0].device_kind}'


def memory_bytes() -> int:
  """Memory that one device may use, bytes.

  Returns:
    An accelerator's own limit; for a CPU device its share of the machine's
    memory.
  """
  device = jax.local_devices()[0]
  stats = device.memory_stats() if device.platform != 'cpu' else None
  if stats and 'bytes_limit' in stats:
    return int(stats['bytes_limit'])
  pages = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES')
  return pages // len(jax.local_devices())
