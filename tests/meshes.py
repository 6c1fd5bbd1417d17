"""One function over runs and a split batch, as the engine maps it."""

import math

import jax
from jax.sharding import PartitionSpec as P
import numpy as np


def run(function, shape, per_run, *batch, out='runs', check_vma=True):
  """vmaps over runs inside `shard_map`, and calls.

  Args:
    function: of one run's arrays and this shard's rows.
    shape: devices along 'runs' and along 'data'.
    per_run: pytree of arrays [R, ...].
    *batch: pytrees of arrays [B, ...], the same for all runs.
    out: 'runs' where the result is the same on every shard of the batch,
      'rows' where its first axis is B.
    check_vma: JAX's tracking of what differs between devices.

  Returns:
    The function's results [R, ...].
  """
  devices = np.array(jax.devices()[: math.prod(shape)]).reshape(shape)
  mapped = jax.shard_map(
    jax.vmap(function, (0, *[None] * len(batch))),
    mesh=jax.sharding.Mesh(devices, ('runs', 'data')),
    in_specs=(P('runs'), *[P('data')] * len(batch)),
    out_specs={'runs': P('runs'), 'rows': P('runs', 'data')}[out],
    check_vma=check_vma,
  )
  return jax.jit(mapped)(per_run, *batch)
