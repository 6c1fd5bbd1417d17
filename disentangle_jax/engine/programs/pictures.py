"""Pictures of runs, as one program: what `workdir/exported.py` writes."""

from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec as P
import numpy as np

from disentangle_jax import errors
from disentangle_jax.engine.plan import group_shapes, study_plan
from disentangle_jax.engine.programs import devices, memory
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
  group: study_plan.Group, mesh: jax.sharding.Mesh, budget: int = 2**30
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


def check(
  plan: study_plan.Plan, group: study_plan.Group, mesh: jax.sharding.Mesh
) -> None:
  """Traces a group's pictures; nothing is compiled.

  What would fail after training fails here.

  Raises:
    ConfigError: extras that do not fit the method's observations.
  """
  engine = plan.config.engine
  drawn = program(group, mesh, engine.eval_memory)
  if not engine.keep_samples or drawn is None:
    return
  state = group_shapes.stacked_shapes(group, mesh.shape[devices.RUNS])
  try:
    jax.eval_shape(drawn, state, group.dataset.arrays)
  except (TypeError, ValueError) as error:
    raise errors.ConfigError(
      f'method {group.method_name}: its pictures cannot be drawn: '
      f'{errors.first_line(error)}; config.engine.keep_samples = False leaves '
      'them out'
    ) from error


def _pictures(
  group: study_plan.Group, state: Any, shown: jax.Array, budget: int
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
