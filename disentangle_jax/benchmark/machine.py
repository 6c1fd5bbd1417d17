"""What a machine can do at best: rates of products and copies; its name."""

from collections.abc import Mapping
import math
import platform
import resource
import time
from typing import Any

import jax
import jax.numpy as jnp

from disentangle_jax.engine.programs import devices
from disentangle_jax.engine.workdir import study

# An accelerator is through with a small product before the host has called for
# the next one.
_PRODUCT_SIZE = {'cpu': 2048}
_COPY_BYTES = {'cpu': 256 * 2**20}


def _best(function, *args, repeats: int = 5) -> float:
  """Least wall time of a compiled function, seconds."""
  jax.block_until_ready(function(*args))
  best = math.inf
  for _ in range(repeats):
    began = time.perf_counter()
    jax.block_until_ready(function(*args))
    best = min(best, time.perf_counter() - began)
  return best


def matmul_rate(size: int = 0, dtype: str = 'float32') -> float:
  """flop/s of a square product on one device, at JAX's default precision.

  Args:
    size: rows and columns; 0 for what keeps this backend busy.
    dtype: of both operands, drawn from a normal distribution: zeros and ones
      cost less energy, so that some devices are faster with them.
  """
  size = size or _PRODUCT_SIZE.get(jax.default_backend(), 8192)
  x = jax.random.normal(jax.random.key(0), (size, size), dtype)
  return 2 * size**3 / _best(jax.jit(jnp.matmul), x, x)


def copy_rate() -> float:
  """Bytes/s read and written by one device that adds 1 to a long array."""
  size = _COPY_BYTES.get(jax.default_backend(), 2 * 2**30)
  x = jax.random.normal(jax.random.key(0), (size // 4,), jnp.float32)
  return 2 * size / _best(jax.jit(lambda x: x + 1), x)


def peak_mib() -> float:
  """Peak memory: of the accelerator, or of this process on a CPU."""
  stats = jax.devices()[0].memory_stats() or {}
  if 'peak_bytes_in_use' in stats:
    return stats['peak_bytes_in_use'] / 2**20
  return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def cpu_name() -> str:
  """Model of the processor, as the operating system says."""
  try:
    with open('/proc/cpuinfo') as file:
      for line in file:
        if line.startswith('model name'):
          return line.partition(':')[2].strip()
  except OSError:  # not on Linux
    pass
  return platform.processor() or platform.machine()


def describe() -> dict[str, Any]:
  """Devices, driver, versions and rates of this machine.

  Returns:
    A dict for JSON. Rates are of one device; CPU devices share the cores, so
    that theirs are of the whole machine.
  """
  device = jax.devices()[0]
  return {
    'devices': devices.describe(),
    'backend': device.platform,
    'platform_version': device.client.platform_version.splitlines()[0],
    'cpu': cpu_name(),
    'cores': devices.num_cores(),
    'versions': study.versions(),
    'matmul_gflop_per_s': matmul_rate() / 1e9,
    'matmul_bfloat16_gflop_per_s': matmul_rate(dtype='bfloat16') / 1e9,
    'copy_gb_per_s': copy_rate() / 1e9,
  }


def parallel(about: Mapping[str, Any]) -> int:
  """Devices of a machine whose rates add up.

  Args:
    about: from `describe`, of this machine or another.
  """
  return 1 if about['backend'] == 'cpu' else int(about['devices'].split()[0])
