"""What a finished run leaves behind for reports: pictures and parameters.

`samples/<run_id>.npz` holds, of one run (T values of a latent, D latents, N
observations; `observation` is what one looks like, by the data set's kind:
uint8 [H, W, C], uint8 [frames, H, W, C] of a video, uint8 [depth, H, W, C] of
voxels, int32 [L] of tokens, float32 of a vector):

- 'kind': a key of `types.KINDS`; files without it are of images;
- 'traversals' [D, T, *observation], 'traversal_values' float32 [T];
- 'observations', 'reconstructions', 'generated' [N, *observation];
- 'kl' float32 [D], nats per latent, NaN where a latent has no posterior;
- 'pictures/<name>' uint8 [rows, columns, H, W, C], 'texts/<name>' int32
  [rows, L]: what the method's extras of these names give;
- 'vocabulary': words, token -> word.

What a method cannot give is left out.
"""

import io
import json
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec as P
import numpy as np
from safetensors import numpy as safetensors

from disentangle_jax.engine import devices, memory, store
from disentangle_jax.engine import plan as plan_lib
from disentangle_jax.ops import gaussian

NUM_SHOWN = 8
NUM_FOR_KL = 256
TRAVERSAL = np.linspace(-2.0, 2.0, 9).astype(np.float32)
# A film is many pictures: fewer values keep the files small.
_FEW = np.linspace(-2.0, 2.0, 5).astype(np.float32)
_KEY = 7
_PICTURES = ('image', 'video', 'voxels')


def traversal_values(kind: str) -> np.ndarray:
  """Values that each latent is set to, prior standard deviations."""
  return _FEW if kind in ('video', 'voxels') else TRAVERSAL


def program(
  group: plan_lib.Group, mesh: jax.sharding.Mesh, budget: int = 2**30
):
  """A jitted `(state [R], arrays) -> dict of pictures`, or None.

  The same observations are shown for every run of the study. Traversals replace
  one latent by -2 to 2 prior standard deviations, around the code of the first
  observation; around the centre of the prior where there is no encoder.

  Args:
    group: what was trained.
    mesh: ('runs', 'data').
    budget: bytes that a device may hold at once for it.

  Returns:
    The function; None where the method has nothing to show.
  """
  method, data = group.method, group.dataset
  shows = {'generate', 'pictures', 'texts'} & set(method.extras)
  if (method.decode is None or group.layout is None) and not shows:
    return None

  def all_runs(state, arrays):
    key = jax.random.key(_KEY)
    index = jnp.arange(NUM_FOR_KL, dtype=jnp.int32)
    draw = lambda index: data.sample(key, arrays, index)['observation']
    shown = draw(index[:NUM_SHOWN])
    pictures = lambda s, shown: _pictures(group, s, shown, budget)
    together = memory.at_once(pictures, state, shown, budget)
    out = memory.over_runs(lambda s: pictures(s, shown), state, together)
    if method.represent is not None and group.layout.gaussian:
      out['kl'] = _kl(group, state, draw, index, budget)
    return out

  runs = P(devices.RUNS)
  return jax.jit(
    jax.shard_map(
      all_runs,
      mesh=mesh,
      in_specs=(runs, P()),
      out_specs=runs,
      check_vma=False,
    )
  )


def _pictures(
  group: plan_lib.Group, state: Any, shown: jax.Array, budget: int
) -> dict[str, jax.Array]:
  """Of one run, all but the KL."""
  method, kind = group.method, group.dataset.kind
  as_stored = _bytes if kind in _PICTURES else lambda x: x
  key, out = jax.random.key(_KEY), {}
  vector = None
  if method.represent is not None:
    vector = method.represent(state, shown).vector
  if method.decode is not None and group.layout is not None:
    width = group.layout.width
    centre = jnp.zeros(width) if vector is None else vector[0]
    values = jnp.asarray(traversal_values(kind))
    rows = jax.vmap(lambda d: jax.vmap(lambda v: centre.at[d].set(v))(values))(
      jnp.arange(width)
    )
    decode = lambda vector: method.decode(state, vector)
    flat = rows.reshape(-1, width)
    if memory.held_bytes(decode, flat) > budget:
      decoded = jax.lax.map(decode, rows)
    else:
      decoded = decode(flat).reshape(
        *rows.shape[:2], *group.dataset.observation_shape
      )
    out['traversals'] = as_stored(decoded)
    if vector is not None:
      out['reconstructions'] = as_stored(decode(vector))
      out['observations'] = as_stored(shown)
  if 'generate' in method.extras:
    generated, _ = method.extras['generate'](key, state, NUM_SHOWN)
    out['generated'] = as_stored(generated)
  if 'pictures' in method.extras:
    for name, x in method.extras['pictures'](key, state, shown).items():
      out[f'pictures/{name}'] = _bytes(x)
  if 'texts' in method.extras:
    for name, x in method.extras['texts'](key, state, shown).items():
      out[f'texts/{name}'] = x
  return out


def _bytes(x: jax.Array) -> jax.Array:
  return jnp.round(jnp.clip(x, 0, 1) * 255).astype(jnp.uint8)


def _kl(group, state, draw, index, budget) -> jax.Array:
  """float32 [R, D], nats; NaN for codes without a posterior."""
  method, layout = group.method, group.layout

  def of_rows(state, observation):
    parts = method.represent(state, observation).parts
    return jnp.mean(
      gaussian.kl_to_standard(parts['mean'], parts['logvar']), axis=0
    )

  one = memory.one_run(state)
  each = memory.held_bytes(draw, index[:1])
  first = jax.eval_shape(draw, index[:1])
  each += memory.held_bytes(of_rows, one, first)
  rows = memory.divisor(len(index), budget // max(1, each))

  def of_block(index):
    observation = draw(index)
    together = memory.at_once(of_rows, state, observation, budget)
    return memory.over_runs(lambda s: of_rows(s, observation), state, together)

  kl = jnp.mean(jax.lax.map(of_block, index.reshape(-1, rows)), axis=0)
  pad = layout.width - layout.gaussian
  return jnp.pad(kl, ((0, 0), (0, pad)), constant_values=jnp.nan)


def write_pictures(
  workdir: pathlib.Path,
  group: plan_lib.Group,
  runs,
  pictures: dict[str, np.ndarray],
) -> None:
  """`samples/<run_id>.npz` of every run of a chunk."""
  kind = group.dataset.kind
  about = {'kind': kind, 'traversal_values': traversal_values(kind)}
  vocabulary = group.dataset.extras.get('vocabulary')
  if vocabulary:
    about['vocabulary'] = np.array(vocabulary)
  for r, run in enumerate(runs):
    buffer = io.BytesIO()
    own = {name: value[r] for name, value in pictures.items()}
    np.savez_compressed(buffer, **about, **own)
    with store.atomic(workdir / 'samples' / f'{run.run_id}.npz') as path:
      path.write_bytes(buffer.getvalue())


def flatten(params: Any) -> dict[str, np.ndarray]:
  """Nested parameters as 'encoder/Dense_0/kernel' -> array."""
  leaves = jax.tree_util.tree_flatten_with_path(params)[0]
  name = lambda path: '/'.join(str(getattr(p, 'key', p)) for p in path)
  return {name(path): np.asarray(leaf) for path, leaf in leaves}


def about(run: plan_lib.Run) -> dict[str, Any]:
  """What a parameter file says of a run, earlier phases included."""
  return {
    'method': run.method,
    'config': plan_lib.describe_static(run.config),
    'dataset': list(run.dataset),
    'hparams': run.hparams,
    'seed': run.seed,
    'batch_size': run.batch_size,
    'run_id': run.run_id,
    'phase': run.phase,
    'after': None if run.after is None else about(run.after),
  }


def write_params(workdir: pathlib.Path, runs, state):
  """`params/<run_id>.safetensors` of every run: what represents and decodes."""
  flat = flatten(jax.device_get(state.params))
  for r, run in enumerate(runs):
    # A learned scale is a scalar, which ascontiguousarray would make a vector.
    own = {name: np.array(x[r], order='C') for name, x in flat.items()}
    metadata = {
      name: value if name == 'method' else json.dumps(value)
      for name, value in about(run).items()
    }
    path = workdir / 'params' / f'{run.run_id}.safetensors'
    with store.atomic(path) as temporary:
      temporary.write_bytes(safetensors.save(own, metadata=metadata))
