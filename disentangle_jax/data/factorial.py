"""Data sets that are a grid of factors: uniform sampling and densities."""

from collections.abc import Callable, Mapping, Sequence
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import errors, types
from disentangle_jax.ops import per_example


def uniform_factors(key: jax.Array, sizes: Sequence[int]) -> jax.Array:
  """One grid point, every factor uniform and independent.

  Args:
    key: typed PRNG key.
    sizes: K numbers of values, each below 2**23.

  Returns:
    int32 [K].
  """
  sizes = jnp.asarray(sizes, jnp.int32)
  u = jax.random.uniform(key, sizes.shape)
  # u < 1, but u * size may round up to size in float32.
  return jnp.minimum((u * sizes).astype(jnp.int32), sizes - 1)


def flat_index(factors: jax.Array, sizes: Sequence[int]) -> jax.Array:
  """Number of a grid point in C order, the order of the published files.

  Args:
    factors: int32 [..., K].
    sizes: K numbers of values.

  Returns:
    int32 [...].
  """
  bases = np.cumprod([1, *list(sizes)[:0:-1]])[::-1].astype(np.int32)
  return jnp.sum(factors * jnp.asarray(bases.copy()), axis=-1)


def unflatten(number: jax.Array, sizes: Sequence[int]) -> jax.Array:
  """The grid point of a number: the inverse of `flat_index`.

  Args:
    number: int32 [...].
    sizes: K numbers of values.

  Returns:
    int32 [..., K].
  """
  factors = []
  for size in reversed(sizes):
    number, factor = jnp.divmod(number, size)
    factors.append(factor)
  return jnp.stack(factors[::-1], axis=-1)


def grid(sizes: Sequence[int]) -> np.ndarray:
  """All grid points in C order.

  Args:
    sizes: K numbers of values.

  Returns:
    int32 [prod(sizes), K].
  """
  axes = np.meshgrid(*[np.arange(n) for n in sizes], indexing='ij')
  return np.stack([a.reshape(-1) for a in axes], axis=-1).astype(np.int32)


def make(
  *,
  name: str,
  factor_names: Sequence[str],
  factor_values: Sequence[np.ndarray],
  observation_shape: tuple[int, ...],
  render: Callable[..., jax.Array],
  arrays: Any = (),
  deterministic: bool = True,
  kind: str = 'image',
  dtype: str = 'float32',
  fields: Mapping[str, Callable[..., jax.Array]] | None = None,
  extras: Mapping[str, Any] | None = None,
) -> types.Dataset:
  """A data set whose factors are uniform and independent.

  Args:
    name: the key in DATASETS.
    factor_names: K names.
    factor_values: K arrays, grid index -> real value.
    observation_shape: of one observation.
    render: `(arrays, factors int32 [K], key) -> observation`.
    arrays: what `render` reads.
    deterministic: whether `render` ignores its key.
    kind: a key of `types.KINDS`.
    dtype: of observations.
    fields: what a batch holds beside the observation: name -> `(arrays,
      factors int32 [K], key) -> value`, unbatched.
    extras: of the data set; 'fields' is added where there are some.

  Returns:
    The data set, with `sample` and `log_density`.
  """
  sizes = tuple(len(values) for values in factor_values)
  fields, extras = dict(fields or {}), dict(extras or {})
  if fields:
    extras['fields'] = fields

  def draw(key, arrays):
    del arrays
    return uniform_factors(key, sizes)

  def log_density(factors):
    return jnp.full(factors.shape[:-1], -math.log(math.prod(sizes)))

  return types.Dataset(
    name=name,
    factor_names=tuple(factor_names),
    factor_sizes=sizes,
    factor_values=tuple(factor_values),
    observation_shape=tuple(observation_shape),
    arrays=arrays,
    render=render,
    sample=sampler(draw, render, deterministic, fields),
    log_density=log_density,
    deterministic=deterministic,
    kind=kind,
    dtype=dtype,
    fields=tuple(fields),
    extras=extras,
  )


def sampler(
  draw: Callable[..., jax.Array],
  render: Callable[..., jax.Array],
  deterministic: bool,
  fields: Mapping[str, Callable[..., jax.Array]] | None = None,
) -> Callable[..., Any]:
  """`Dataset.sample` from a draw of factors and a renderer.

  Args:
    draw: `(key, arrays) -> int32 [K]`.
    render: `(arrays, factors, key) -> observation`.
    deterministic: whether `render` ignores its key.
    fields: what else a batch holds, as for `make`.

  Returns:
    `(key, arrays, index int32 [B]) -> batch`.
  """
  show = reveal(render, fields)

  def one(key, arrays):
    factors = draw(key, arrays)
    # A deterministic renderer is spared one hash per example.
    render_key = key if deterministic else jax.random.fold_in(key, 1)
    return {'factors': factors, **show(arrays, factors, render_key)}

  def sample(key, arrays, index):
    keys = per_example.keys(key, index)
    return {**jax.vmap(one, (0, None))(keys, arrays), 'index': index}

  return sample


def reveal(
  render: Callable[..., jax.Array],
  fields: Mapping[str, Callable[..., jax.Array]] | None = None,
) -> Callable[..., dict[str, jax.Array]]:
  """What is seen of a grid point: its observation and its fields.

  Args:
    render: `(arrays, factors, key) -> observation`.
    fields: name -> `(arrays, factors, key) -> value`.

  Returns:
    `(arrays, factors int32 [K], key) -> {'observation': ..., name: ...}`.
  """

  def show(arrays, factors, key):
    values = {'observation': render(arrays, factors, key)}
    for number, (name, field) in enumerate((fields or {}).items()):
      values[name] = field(arrays, factors, jax.random.fold_in(key, 2 + number))
    return values

  return show


def redistribute(
  dataset: types.Dataset,
  draw: Callable[..., jax.Array],
  log_density: Callable[[jax.Array], jax.Array],
  table: Any = None,
) -> types.Dataset:
  """The same grid and renderer with another distribution of factors.

  Args:
    dataset: with a grid of factors.
    draw: `(key, table) -> int32 [K]`.
    log_density: `(factors int32 [..., K]) -> float32 [...]`, nats.
    table: what `draw` reads on the device; kept in `arrays` beside what the
      renderer reads. None if nothing.

  Returns:
    The data set.

  Raises:
    ConfigError: a set with fields that are no functions of a grid point.
  """
  extras = dict(dataset.extras)
  fields = extras.get('fields', {})
  for name in dataset.fields:
    if name not in fields:
      rule = f'{dataset.name} cannot draw it under another distribution'
      raise errors.value('field of a batch', name, rule)
  render, arrays, pick = dataset.render, dataset.arrays, draw
  if table is not None:
    within = lambda function: (
      lambda arrays, factors, key: function(arrays['images'], factors, key)
    )
    render = within(dataset.render)
    fields = {name: within(field) for name, field in fields.items()}
    if fields:
      extras['fields'] = fields
    if 'environment' in extras:
      environment = extras['environment']
      observe = within(environment.observe)
      extras['environment'] = environment._replace(observe=observe)
    pick = lambda key, arrays: draw(key, arrays['table'])
    arrays = {'images': dataset.arrays, 'table': table}
  return dataset._replace(
    arrays=arrays,
    render=render,
    sample=sampler(pick, render, dataset.deterministic, fields),
    log_density=log_density,
    extras=extras,
  )
