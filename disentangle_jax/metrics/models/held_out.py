"""Images that training never sees: what probes of models on them share."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import errors, types


class Domain(NamedTuple):
  """Where the test images of one data set lie.

  Attributes:
    name: of the data set.
    own: `(arrays of the whole) -> arrays of this set`.
    label: number of the factor that is the label.
    classes: number of labels.
  """

  name: str
  own: Callable[[Mapping[str, Any]], Mapping[str, Any]]
  label: int
  classes: int


def domains(
  data: types.Dataset, factor: int, score: str
) -> tuple[Domain, Domain | None]:
  """The domains of a data set that have test images.

  Args:
    data: with test images; of a joined set, in the first one at least.
    factor: number of the label; a joined set whose rows share one has its own.
    score: whose setting it is, for errors.

  Returns:
    The first domain, and the second where it is joined and keeps test images.

  Raises:
    ConfigError: no test images, no such label, or test images that are among
      those that training draws from.
  """
  second = data.extras.get('secondary')
  paired = data.extras.get('paired_by', (factor, factor))
  if second is None:
    whole = lambda arrays: arrays
    return _domain(data, data.arrays, paired[0], score, whole), None
  of = lambda part: lambda arrays: arrays[part]
  first = _domain(
    data, data.arrays['first'], paired[0], score, of('first'), 'first'
  )
  other = None
  if _keeps(data.arrays['second']):
    other = _domain(
      second, data.arrays['second'], paired[1], score, of('second'), 'second'
    )
  return first, other


def _keeps(arrays: Any) -> bool:
  return isinstance(arrays, dict) and 'test_images' in arrays


def _domain(data, arrays, label, score, own, part='') -> Domain:
  """One domain, checked."""
  field = f'config.dataset.{part}' if part else 'config.dataset'
  if not _keeps(arrays):
    rule = (
      f'{score!r} needs images that training never sees, data set {data.name} '
      "keeps none; legal with mnist, svhn or digits: 'held_out'"
    )
    raise errors.value(f'{field}.test', 'none', rule)
  if label >= len(data.factor_sizes):
    rule = f'must be below the number of factors, {len(data.factor_sizes)}'
    raise errors.value(f'{score}.factor', label, rule)
  known = {row.tobytes() for row in np.asarray(arrays['images'])}
  both = sum(
    row.tobytes() in known for row in np.asarray(arrays['test_images'])
  )
  if both:
    rule = f'test images of {data.name} are among those that training sees'
    raise errors.value(f'{field}.test', f'{both} images', rule)
  return Domain(data.name, own, label, data.factor_sizes[label])


def in_blocks(
  function: Callable[[jax.Array], Any], images: jax.Array, block: int
) -> Any:
  """A function of observations on stored images, block by block.

  Args:
    function: `(float32 [block, ...] in [0, 1]) -> pytree of [block, ...]`.
    images: uint8 [N, ...].
    block: rows at once.

  Returns:
    The pytree of [N, ...].
  """
  count = len(images)
  block = min(block, count)
  # The last block reaches back: every block is full.
  blocks = -(-count // block)
  start = jnp.minimum(jnp.arange(blocks) * block, count - block)

  def one(first):
    rows = jax.lax.dynamic_slice_in_dim(images, first, block)
    return function(rows.astype(jnp.float32) / 255.0)

  values = jax.lax.map(one, start)
  number = jnp.arange(count)
  of = jnp.minimum(number // block, blocks - 1)
  return jax.tree.map(lambda x: x[of, number - start[of]], values)
