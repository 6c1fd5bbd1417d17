"""What the draws share: keys, names of factors, refusals."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax

from disentangle_jax import checks, errors, requests, types
from disentangle_jax.data import factorial
from disentangle_jax.ops import per_example

Draw = Callable[..., Mapping[str, jax.Array]]

# What a request folds into the batch's key. The later ones lie beyond the
# number of any example, so that no draw shares its key with an example's own.
_FOLDS = {
  requests.SecondBatch: 1,
  requests.Pair: 2,
  requests.Varying: 3,
  requests.IdentityPair: 4,
  requests.Sequence: 5,
  requests.Shuffled: 6,
  requests.MoreObservations: 2**30 + 1,
  requests.Labelled: 2**30 + 2,
  requests.IdentityGroup: 2**30 + 3,
  requests.Transformed: 2**30 + 4,
  requests.Symbol: 2**30 + 5,
  requests.Recombination: 2**30 + 6,
}


def key_of(key: jax.Array, request: requests.Request) -> jax.Array:
  """The key of a request's draws.

  Args:
    key: typed PRNG key of the batch.
    request: whose type decides.

  Returns:
    typed PRNG key.
  """
  return jax.random.fold_in(key, _FOLDS[type(request)])


def of(request: requests.Request, field: str) -> str:
  """How errors name an option of a request."""
  return f'request {type(request).__name__}.{field}'


def asks(request: requests.Request) -> tuple[str, str]:
  """How errors name a request as a whole: a setting and its value."""
  return "the method's batch", type(request).__name__


def refuse(request: requests.Request, rule: str) -> errors.ConfigError:
  """Says why a data set cannot give what a request asks for."""
  return errors.value(*asks(request), rule)


def columns(
  dataset: types.Dataset,
  request: requests.Request,
  field: str,
  names: Sequence[str],
) -> list[int]:
  """The numbers of named factors.

  Args:
    dataset: with these factors.
    request: that names them.
    field: in which.
    names: of the factors.

  Returns:
    their places among `factor_names`.

  Raises:
    ConfigError: an unknown name, or one that comes twice.
  """
  names = [names] if isinstance(names, str) else list(names)
  for name in names:
    if name not in dataset.factor_names:
      raise errors.choices(of(request, field), name, dataset.factor_names)
    if names.count(name) > 1:
      rule = f'names {name} twice'
      raise errors.value(of(request, field), tuple(names), rule)
  return [dataset.factor_names.index(name) for name in names]


def identity_columns(
  dataset: types.Dataset, request: requests.Request
) -> list[int]:
  """The numbers of the factors that make an identity, at least one.

  Raises:
    ConfigError: no name, or an unknown one.
  """
  if not request.identity:
    legal = ', '.join(dataset.factor_names) or 'none: the set has no factors'
    rule = f'must name factors, of {legal}'
    raise errors.value(of(request, 'identity'), request.identity, rule)
  return columns(dataset, request, 'identity', request.identity)


def integer(request: requests.Request, field: str, least: int) -> None:
  """Refuses an option that is not an integer of at least `least`."""
  checks.integer(of(request, field), getattr(request, field), least)


def positive(request: requests.Request, field: str) -> None:
  """Refuses an option that is not a finite number above 0."""
  got: Any = getattr(request, field)
  if not checks.is_number(got) or got <= 0:
    raise errors.value(of(request, field), got, 'must be a finite number > 0')


def need_grid(dataset: types.Dataset, request: requests.Request) -> None:
  """Refuses a set without a grid of factors to render from."""
  if dataset.render is None:
    rule = f'{dataset.name} has no grid of factors to render from'
    raise refuse(request, rule)
  if not dataset.factor_names:
    raise refuse(request, f'{dataset.name} has no factors')


def need_images(dataset: types.Dataset, request: requests.Request) -> None:
  """Refuses observations that are no images."""
  if dataset.kind != 'image':
    rule = f'needs images, {dataset.name} has the kind {dataset.kind!r}'
    raise refuse(request, rule)


def render(
  dataset: types.Dataset,
  key: jax.Array,
  arrays: Any,
  index: jax.Array,
  factors: jax.Array,
) -> jax.Array:
  """Observations of grid points, with a key per example.

  Args:
    dataset: with a grid of factors.
    key: typed PRNG key.
    arrays: of the data set.
    index: int32 [B].
    factors: int32 [B, K].

  Returns:
    [B, ...].
  """
  keys = per_example.keys(key, index)
  return jax.vmap(dataset.render, (None, 0, 0))(arrays, factors, keys)


def numbers_below(key: jax.Array, index: jax.Array, count: int) -> jax.Array:
  """Uniform numbers, one per example.

  Args:
    key: typed PRNG key.
    index: int32 [B].
    count: numbers are below it.

  Returns:
    int32 [B].
  """
  one = lambda k: factorial.uniform_factors(k, (count,))[0]
  return jax.vmap(one)(per_example.keys(key, index))
