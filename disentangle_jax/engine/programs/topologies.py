"""Devices that are not here, described well enough to compile for them.

libtpu compiles for a TPU and JAX's CUDA plugin for a GPU without either; what
their compilers say of memory is what the device would need. Nothing runs.
"""

from collections.abc import Iterator, Sequence
import contextlib
import importlib.util
import math
import os
import re
from typing import Any, NamedTuple

import jax
import numpy as np

from disentangle_jax import errors
from disentangle_jax.engine.programs import devices, step_cost

_FIELD = '--topology'
GIB = 2**30


class _Tpu(NamedTuple):
  """A generation of TPU.

  Attributes:
    memory: of a device, bytes, as its compiler grants it.
    bounds: chips of one host, along each axis of the torus.
    chip: name of the configuration that makes a chip one device; '' for the
      compiler's own.
    clock: cycles per second; 0 where unknown.
    peak: published, of products in bfloat16, flop/s.
  """

  memory: int
  bounds: tuple[int, ...]
  chip: str = ''
  clock: float = 0.0
  peak: float = 0.0


# Published sizes; of v5e what the compiler grants of its 16 GiB. Clocks follow
# from the published peaks (275, 197 and 459 TFLOP/s in bfloat16) and 8, 4 and 8
# units of 128 x 128 products; those of v6e are not known well enough.
_TPUS = {
  'v4': _Tpu(32 * GIB, (2, 2, 1), 'megacore', 1.05e9, 275e12),
  'v5e': _Tpu(int(15.75 * GIB), (2, 4), '', 1.5e9, 197e12),
  'v5p': _Tpu(95 * GIB, (2, 2, 1), '', 1.75e9, 459e12),
  'v6e': _Tpu(32 * GIB, (2, 4), peak=918e12),
}


class Gpu(NamedTuple):
  """What a maker publishes of a GPU, for its compiler.

  Attributes:
    name: as its driver says it.
    capability: of CUDA, (major, minor).
    cores: streaming multiprocessors.
    memory: bytes.
    bandwidth: of the memory, bytes per second.
    cache: of the second level, bytes.
    clock: boost, GHz.
    peak: of products in TensorFloat-32 (dense), flop/s: what 'auto' is there.
  """

  name: str
  capability: tuple[int, int]
  cores: int
  memory: int
  bandwidth: float
  cache: int
  clock: float
  peak: float


# From NVIDIA's data sheets and its Hopper architecture paper.
GPUS = {
  'h100': Gpu(
    'NVIDIA H100 80GB HBM3',
    (9, 0),
    132,
    80 * GIB,
    3.35e12,
    50 * 2**20,
    1.98,
    495e12,
  ),
  'h200': Gpu(
    'NVIDIA H200', (9, 0), 132, 141 * 10**9, 4.8e12, 50 * 2**20, 1.98, 495e12
  ),
}
# Limits that all GPUs of compute capability 9.0 share (CUDA's programming
# guide, table of compute capabilities).
_LIMITS = """\
gpu_device_info {{
  threads_per_block_limit: 1024 threads_per_warp: 32
  shared_memory_per_block: 49152 shared_memory_per_core: 233472
  shared_memory_per_block_optin: 232448
  threads_per_core_limit: 2048 core_count: {cores} fpus_per_core: 128
  block_dim_limit_x: 2147483647 block_dim_limit_y: 65535
  block_dim_limit_z: 65535
  thread_dim_limit_x: 1024 thread_dim_limit_y: 1024 thread_dim_limit_z: 64
  registers_per_core_limit: 65536 registers_per_block_limit: 65536
  memory_bandwidth: {bandwidth} l2_cache_size: {cache}
  clock_rate_ghz: {clock} device_memory_size: {memory}
  cuda_compute_capability {{
    major: {major} minor: {minor} feature_extension: ACCELERATED_FEATURES
  }}
  device_vendor: "NVIDIA Corporation" device_address_bits: 64
  name: "{name}"
  driver_version: "13.0.0" runtime_version: "12.8.0"
  compile_time_toolkit_version: "12.8.0" dnn_version: "9.10.0"
}}
platform_name: "CUDA"
dnn_version_info {{ major: 9 minor: 10 patch: 0 }}
device_description_str: "{name}"
"""


class Topology(NamedTuple):
  """Devices to compile for.

  Attributes:
    name: as it was asked for.
    platform: 'cpu', 'tpu' or 'cuda'.
    devices: described, or those of this machine for 'cpu'.
    memory: bytes of each.
    bandwidth: of the memory of a GPU, bytes per second; 0 where unknown.
    clock: of a TPU, cycles per second; 0 where unknown.
    peak: published, of products as 'auto' has them, flop/s; 0 where unknown.
  """

  name: str
  platform: str
  devices: list[Any]
  memory: int
  bandwidth: float = 0.0
  clock: float = 0.0
  peak: float = 0.0

  def seconds(self, cost: step_cost.StepCost) -> float:
    """Of one step on a device, by its compiler's figures.

    Args:
      cost: of the step.

    Returns:
      A TPU's estimated cycles at its clock, a GPU's traffic at its bandwidth;
      0 where neither is known.
    """
    if self.clock:
      return cost.cycles / self.clock
    return cost.bytes / self.bandwidth if self.bandwidth else 0.0

  def mesh(self, data_shards: int = 1) -> jax.sharding.Mesh:
    """A ('runs', 'data') mesh over the devices, as `devices.mesh`.

    Raises:
      ConfigError: a number that does not divide the devices.
    """
    shape = devices.mesh_shape(len(self.devices), data_shards, self.name)
    return jax.sharding.Mesh(
      np.array(self.devices).reshape(shape),
      (devices.RUNS, devices.DATA),
      axis_types=(jax.sharding.AxisType.Auto,) * 2,
    )


class Machines(NamedTuple):
  """Devices and how they stand in hosts, known without a compiler.

  Attributes:
    name: of the topology.
    platform: 'tpu' or 'cuda'.
    hosts: number of them.
    devices: of each host.
    memory: of each device, bytes.
    one: name of the topology of a single host, to compile for.
  """

  name: str
  platform: str
  hosts: int
  devices: int
  memory: int
  one: str


def machines(name: str) -> Machines:
  """Hosts and devices of a topology by name.

  Args:
    name: as for `of`: 'v5e:4x4', 'h100:8'; not 'cpu'.

  Returns:
    The machines. A slice of TPUs beyond one host has hosts of four chips.

  Raises:
    ConfigError: an unknown name or shape.
  """
  kind, _, shape = name.partition(':')
  if kind in GPUS and re.fullmatch(r'[1-9]\d*', shape):
    return Machines(name, 'cuda', 1, int(shape), GPUS[kind].memory, name)
  tpu = _TPUS.get(kind)
  if tpu is None or not re.fullmatch(r'[1-9]\d*(x[1-9]\d*){1,2}', shape):
    raise errors.choices(_FIELD, name, _names()[1:])
  sides = tuple(map(int, shape.split('x')))
  _check_sides(name, tpu, sides)
  chips = math.prod(sides)
  if all(side <= bound for side, bound in zip(sides, tpu.bounds)):
    return Machines(name, 'tpu', 1, chips, tpu.memory, name)
  if chips % 4:
    raise errors.value(_FIELD, name, 'must be hosts of four chips')
  one = f'{kind}:' + 'x'.join(map(str, (2, 2, 1)[: len(sides)]))
  return Machines(name, 'tpu', chips // 4, 4, tpu.memory, one)


def _check_sides(name: str, tpu: _Tpu, shape: tuple[int, ...]) -> None:
  if len(shape) != len(tpu.bounds):
    like = f'{name.partition(":")[0]}:{"x".join(map(str, tpu.bounds))}'
    rule = f'must give {len(tpu.bounds)} sides, such as {like}'
    raise errors.value(_FIELD, name, rule)


def description(gpu: Gpu) -> str:
  """A GPU as the text that its compiler reads."""
  return _LIMITS.format(
    **{
      **gpu._asdict(),
      'bandwidth': int(gpu.bandwidth),
      'major': gpu.capability[0],
      'minor': gpu.capability[1],
    }
  )


def _names() -> list[str]:
  sides = lambda tpu: 'x'.join(map(str, tpu.bounds))
  tpus = (f'{name}:{sides(tpu)}' for name, tpu in _TPUS.items())
  return ['cpu', *tpus, *(f'{name}:1' for name in GPUS)]


def of(name: str, described: str = '') -> Topology:
  """Devices by name.

  Args:
    name: 'cpu'; a TPU and its chips, 'v5e:2x2'; a GPU and how many, 'h100:8'.
    described: text that describes a GPU, in the place of the project's own.

  Returns:
    The topology.

  Raises:
    ConfigError: an unknown name or shape, or a compiler that is not installed.
  """
  if name == 'cpu':
    local = jax.local_devices()
    return Topology(name, 'cpu', local, devices.memory_bytes())
  kind, _, shape = name.partition(':')
  if kind in _TPUS and re.fullmatch(r'\d+x\d+(x\d+)?', shape):
    return _tpu(name, _TPUS[kind], tuple(map(int, shape.split('x'))))
  if kind in GPUS and re.fullmatch(r'[1-9]\d*', shape):
    gpu = GPUS[kind]
    text = described or description(gpu)
    return _gpu(name, gpu, text, int(shape))
  raise errors.choices(_FIELD, name, _names())


def _needs(modules: Sequence[str], line: str) -> None:
  """Raises ConfigError where none of a compiler's modules is installed."""
  if all(importlib.util.find_spec(module) is None for module in modules):
    raise errors.ConfigError(f'{_FIELD}: its compiler is missing: {line}')


@contextlib.contextmanager
def _variables(**values: str) -> Iterator[None]:
  before = {name: os.environ.get(name) for name in values}
  os.environ.update(values)
  try:
    yield
  finally:
    for name, value in before.items():
      os.environ.pop(name)
      if value is not None:
        os.environ[name] = value


def _tpu(name: str, tpu: _Tpu, shape: tuple[int, ...]) -> Topology:
  from jax.experimental import topologies

  _needs(['libtpu'], "pip install 'jax[tpu]'")
  _check_sides(name, tpu, shape)
  options = {}
  if any(side < bound for side, bound in zip(shape, tpu.bounds)):
    # Part of a host: its own bounds, three numbers for every generation.
    bounds = [min(side, bound) for side, bound in zip(shape, tpu.bounds)]
    options['chips_per_host_bounds'] = (*bounds, 1, 1)[:3]
  if tpu.chip:
    options['chip_config_name'] = tpu.chip
  # The first would ask the cloud what machine this is; the second allows more
  # than one process at a time.
  quiet = {'TPU_SKIP_MDS_QUERY': '1', 'ALLOW_MULTIPLE_LIBTPU_LOAD': '1'}
  try:
    with _variables(**quiet):
      found = topologies.get_topology_desc(
        platform='tpu', topology_name=name, **options
      ).devices
  except (jax.errors.JaxRuntimeError, ValueError) as error:
    rule = f'is no topology that libtpu knows: {errors.first_line(error)[:120]}'
    raise errors.value(_FIELD, name, rule) from error
  return Topology(
    name, 'tpu', list(found), tpu.memory, 0.0, tpu.clock, tpu.peak
  )


# One for each release of CUDA.
_CUDA_PLUGINS = ('jax_cuda12_plugin', 'jax_cuda13_plugin')


def _gpu(name: str, gpu: Gpu, text: str, count: int) -> Topology:
  from jax.experimental import topologies

  _needs(_CUDA_PLUGINS, "pip install 'jax[cuda12]'")
  try:
    found = topologies.get_topology_desc(
      platform='cuda', target_config=text, topology=f'1x1x{count}'
    ).devices
  except (jax.errors.JaxRuntimeError, ValueError) as error:
    rule = f'cannot be compiled for: {errors.first_line(error)[:160]}'
    raise errors.value(_FIELD, name, rule) from error
  size = re.search(r'device_memory_size: (\d+)', text)
  rate = re.search(r'memory_bandwidth: (\d+)', text)
  return Topology(
    name,
    'cuda',
    list(found),
    int(size[1]) if size else gpu.memory,
    float(rate[1]) if rate else gpu.bandwidth,
    peak=gpu.peak,
  )
