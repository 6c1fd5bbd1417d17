"""What a finished run leaves behind for reports: pictures and parameters."""

import io
import json
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec as P
import numpy as np
from safetensors import numpy as safetensors

from disentangle_jax.engine import devices, store
from disentangle_jax.engine import plan as plan_lib
from disentangle_jax.ops import gaussian

NUM_IMAGES = 8
NUM_FOR_KL = 256
TRAVERSAL = np.linspace(-2.0, 2.0, 9).astype(np.float32)


def program(group: plan_lib.Group, mesh: jax.sharding.Mesh):
  """A jitted `(state [R], arrays) -> dict of pictures`, or None.

  The same observations are shown for every run of the study. Traversals replace
  one latent of the first observation's code by -2 to 2 prior standard
  deviations.
  """
  method, data = group.method, group.dataset
  images = len(data.observation_shape) == 3
  if method.represent is None or method.decode is None or not images:
    return None
  as_bytes = lambda x: jnp.round(jnp.clip(x, 0, 1) * 255).astype(jnp.uint8)

  def one(state, observation):
    codes = method.represent(state, observation)
    shown = observation[:NUM_IMAGES]
    vector = codes.vector[0]
    rows = jax.vmap(
      lambda d: jax.vmap(lambda v: vector.at[d].set(v))(jnp.asarray(TRAVERSAL))
    )(jnp.arange(vector.shape[0]))
    decoded = method.decode(state, rows.reshape(-1, vector.shape[0]))
    out = {
      'traversals': as_bytes(decoded).reshape(
        *rows.shape[:2], *decoded.shape[1:]
      ),
      'reconstructions': as_bytes(
        method.decode(state, codes.vector[:NUM_IMAGES])
      ),
      'observations': as_bytes(shown),
    }
    if 'mean' in codes.parts and 'logvar' in codes.parts:
      kl = gaussian.kl_to_standard(codes.parts['mean'], codes.parts['logvar'])
      kl = jnp.mean(kl, axis=0)
      pad = vector.shape[0] - kl.shape[0]  # classes behind Gaussian latents
      out['kl'] = jnp.pad(kl, (0, pad), constant_values=jnp.nan)
    return out

  def all_runs(state, arrays):
    index = jnp.arange(NUM_FOR_KL, dtype=jnp.int32)
    observation = data.sample(jax.random.key(7), arrays, index)['observation']
    return jax.vmap(lambda s: one(s, observation))(state)

  runs = P(devices.RUNS)
  return jax.jit(
    jax.shard_map(all_runs, mesh=mesh, in_specs=(runs, P()), out_specs=runs)
  )


def write_pictures(
  workdir: pathlib.Path, runs, pictures: dict[str, np.ndarray]
) -> None:
  """`samples/<run_id>.npz` of every run of a chunk."""
  for r, run in enumerate(runs):
    buffer = io.BytesIO()
    own = {name: value[r] for name, value in pictures.items()}
    np.savez_compressed(buffer, traversal_values=TRAVERSAL, **own)
    with store.atomic(workdir / 'samples' / f'{run.run_id}.npz') as path:
      path.write_bytes(buffer.getvalue())


def flatten(params: Any) -> dict[str, np.ndarray]:
  """Nested parameters as 'encoder/Dense_0/kernel' -> array."""
  leaves = jax.tree_util.tree_flatten_with_path(params)[0]
  name = lambda path: '/'.join(str(getattr(p, 'key', p)) for p in path)
  return {name(path): np.asarray(leaf) for path, leaf in leaves}


def write_params(workdir: pathlib.Path, group: plan_lib.Group, runs, state):
  """`params/<run_id>.safetensors` of every run: what represents and decodes."""
  flat = flatten(jax.device_get(state.params))
  for r, run in enumerate(runs):
    # A learned scale is a scalar, which ascontiguousarray would make a vector.
    own = {name: np.array(x[r], order='C') for name, x in flat.items()}
    about = {
      'method': run.method,
      'config': json.dumps(plan_lib.describe_static(run.config)),
      'dataset': json.dumps(run.dataset),
      'hparams': json.dumps(run.hparams),
      'seed': str(run.seed),
    }
    path = workdir / 'params' / f'{run.run_id}.safetensors'
    with store.atomic(path) as temporary:
      temporary.write_bytes(safetensors.save(own, metadata=about))
