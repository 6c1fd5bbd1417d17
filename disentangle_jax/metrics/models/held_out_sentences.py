"""Sentences that training never draws: what scores of rewriting share."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from disentangle_jax import checks, errors, types

# Sentences drawn for each one that is wanted of a class.
_CANDIDATES = 4


class Sentences(NamedTuple):
  """Some of them, as many of class 0 as of class 1.

  Attributes:
    tokens: int32 [N, L].
    label: int32 [N], 0 or 1.
    nouns: bool [N, L], where nouns stand; None where the set does not say.
  """

  tokens: jax.Array
  label: jax.Array
  nouns: jax.Array | None


def check(data: types.Dataset, factor: int, where: str) -> None:
  """Refuses sets without such sentences, or without two classes.

  Args:
    data: any.
    factor: number of the factor that is the class.
    where: dotted name of the settings, for errors.

  Raises:
    ConfigError: no sentences, none that training leaves out, no factor of two
      values.
  """
  if data.kind != 'tokens':
    rule = f'{where} reads sentences, this set holds {data.kind}'
    raise errors.value('config.dataset.name', data.name, rule)
  if 'held_out' not in data.extras:
    rule = (
      f'{where} needs sentences that training never draws; template_sentences '
      "keeps some with part='train', sentences_file those of `test`"
    )
    raise errors.value('config.dataset.name', data.name, rule)
  checks.integer(f'{where}.factor', factor, 0, len(data.factor_sizes) - 1)
  if data.factor_sizes[factor] != 2:
    rule = (
      f'{data.factor_names[factor]} has {data.factor_sizes[factor]} values; a '
      'transfer is between two'
    )
    raise errors.value(f'{where}.factor', factor, rule)


def draw(
  data: types.Dataset, factor: int, key: jax.Array, arrays: Any, per_class: int
) -> Sentences:
  """As many sentences of either class, out of draws.

  Args:
    data: that `check` lets pass.
    factor: number of the factor that is the class, its clean value.
    key: a typed PRNG key.
    arrays: the data set's.
    per_class: wanted of each class, out of four times as many draws; where a
      class is rarer than a quarter of them, the other's stand in the rest of
      its places, each with its own label.

  Returns:
    2 * per_class sentences, class 0 first.
  """
  index = jnp.arange(_CANDIDATES * per_class, dtype=jnp.int32)
  rows = data.extras['held_out'](key, arrays, index)
  label = rows['factors'][:, factor]
  first = lambda of: jnp.argsort(label != of, stable=True)[:per_class]
  chosen = jnp.concatenate([first(0), first(1)])
  nouns = rows['noun_mask'][chosen] if 'noun_mask' in data.fields else None
  return Sentences(rows['observation'][chosen], label[chosen], nouns)


def in_blocks(function: Callable[[Any], Any], rows: Any, block: int) -> Any:
  """A function of sentences, block by block.

  Args:
    function: `(pytree of [block, ...]) -> pytree of [block, ...]`.
    rows: pytree of [N, ...].
    block: rows at once.

  Returns:
    The pytree of [N, ...].
  """
  count = len(jax.tree.leaves(rows)[0])
  block = min(block, count)
  # The last block reaches back: every block is full.
  blocks = -(-count // block)
  start = jnp.minimum(jnp.arange(blocks) * block, count - block)

  def one(first):
    part = lambda x: jax.lax.dynamic_slice_in_dim(x, first, block)
    return function(jax.tree.map(part, rows))

  values = jax.lax.map(one, start)
  number = jnp.arange(count)
  of = jnp.minimum(number // block, blocks - 1)
  return jax.tree.map(lambda x: x[of, number - start[of]], values)


def where_finite(
  state: Any, scores: Mapping[str, jax.Array]
) -> dict[str, jax.Array]:
  """Scores of a model, NaN where it diverged.

  Tokens never tell: a model that diverged writes words, too.

  Args:
    state: of the model; a parameter of it may be NaN or infinite.
    scores: name -> float scalar.

  Returns:
    The scores, all NaN where a parameter is not finite.
  """
  params = getattr(state, 'params', state)
  usable = [
    jnp.all(jnp.isfinite(x))
    for x in jax.tree.leaves(params)
    if jnp.issubdtype(x.dtype, jnp.inexact)
  ]
  finite = jnp.all(jnp.stack(usable)) if usable else jnp.array(True)
  return {name: jnp.where(finite, x, jnp.nan) for name, x in scores.items()}
