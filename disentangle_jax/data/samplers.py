"""A sampler of what a method requests of its batches.

Every field is deterministic in (key, example index), where the engine's key is
that of (seed, step); rows do not depend on how the batch is split. How each
request is drawn stands in `data/draws/`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax

from disentangle_jax import errors, requests, types
from disentangle_jax.data import conditional, kinds
from disentangle_jax.data.draws import (
  groups,
  labelled,
  pairs,
  plain,
  sequences,
  symbols,
  transformed,
)
from disentangle_jax.ops import patches

# Fields that every batch has.
BASIC = kinds.BASIC

# Request -> (dataset, request) -> (key, arrays, index, batch) -> its fields.
# `Transformed` takes the other half of the set as well.
DRAWS = {
  requests.Observation: plain.observation,
  requests.SecondBatch: plain.second_batch,
  requests.MoreObservations: plain.more_observations,
  requests.Shuffled: plain.shuffled,
  requests.Label: plain.label,
  requests.Labelled: labelled.draw,
  requests.Pair: pairs.pair,
  requests.Varying: groups.varying,
  requests.IdentityPair: pairs.identity_pair,
  requests.IdentityGroup: groups.identity_group,
  requests.Sequence: sequences.draw,
  requests.Transformed: transformed.draw,
  requests.Field: plain.field,
  requests.Symbol: symbols.symbol,
  requests.Recombination: symbols.recombination,
}

# Request -> the fields that it adds to a batch; a `Field` adds its own name.
FIELDS = {
  requests.Observation: (),
  requests.SecondBatch: ('second_observation',),
  requests.MoreObservations: ('more_observations',),
  requests.Shuffled: ('shuffled',),
  requests.Label: ('label',),
  requests.Labelled: ('labelled_observation', 'labelled_factors'),
  requests.Pair: ('pair', 'pair_factors', 'pair_changed'),
  requests.Varying: ('group', 'group_factors', 'group_kind'),
  requests.IdentityPair: ('identity_pair', 'identity_pair_factors'),
  requests.IdentityGroup: (
    'identity_group',
    'identity_group_factors',
    'identity_number',
  ),
  requests.Sequence: ('sequence', 'sequence_factors'),
  requests.Transformed: ('transformed', 'mechanism'),
  requests.Symbol: ('symbol', 'symbol_observation'),
  requests.Recombination: (
    'first_symbol',
    'second_symbol',
    'operator',
    'result_symbol',
    'result_observation',
  ),
}

# Where methods still look for it.
shuffle_patches = patches.shuffle

Sample = Callable[[jax.Array, Any, jax.Array], Mapping[str, jax.Array]]


def fields(request: requests.Request) -> tuple[str, ...]:
  """Names of what a request adds to a batch."""
  if isinstance(request, requests.Field):
    return (request.name,)
  own = FIELDS[type(request)]
  if isinstance(request, requests.Transformed) and request.more:
    return (*own, 'more_transformed')
  return own


def distinct(wanted: Sequence[requests.Request]) -> list[requests.Request]:
  """The requests of a method, equal ones once.

  Args:
    wanted: what `batch(config)` of a method's module gives.

  Returns:
    The requests in their order.

  Raises:
    ConfigError: something that is no request, or two that differ and would
      write the same field.
  """
  field = "the method's batch"
  if not isinstance(wanted, (tuple, list)):
    rule = 'must be a tuple of requests'
    raise errors.value(field, wanted, rule)
  legal = [request.__name__ for request in DRAWS]
  merged, writers = [], {}
  for request in wanted:
    if isinstance(request, type) and request in DRAWS:
      rule = f'is a type, write {request.__name__}(...)'
      raise errors.value(field, request.__name__, rule)
    if type(request) not in DRAWS:
      raise errors.choices(field, request, legal)
    if request in merged:
      continue
    for name in fields(request):
      if name in writers:
        rule = f'and {request!r} would both be its {name!r}'
        raise errors.value(field, writers[name], rule)
      writers[name] = request
    merged.append(request)
  return merged


def check_batch_size(
  wanted: Sequence[requests.Request], batch_size: int
) -> None:
  """Refuses a batch that the requests do not fill.

  Args:
    wanted: the method's requests.
    batch_size: of the whole batch, all shards together.

  Raises:
    ConfigError: an `IdentityGroup` of another size.
  """
  for request in distinct(wanted):
    if isinstance(request, requests.IdentityGroup):
      size = request.identities * request.per_identity
      if batch_size != size:
        rule = (
          f'must be {size}, {request.identities} identities x '
          f'{request.per_identity} rows'
        )
        raise errors.value('config.batch_size', batch_size, rule)


def make(dataset: types.Dataset, wanted: Sequence[requests.Request]) -> Sample:
  """A sampler of the fields that a method requests.

  Args:
    dataset: what to sample from.
    wanted: what `batch(config)` of the method's module gives.

  Returns:
    `(key, arrays, index int32 [B]) -> batch`, with 'observation', 'factors' and
    'index' always among its fields, and nothing that was not asked for. With
    `Transformed` all other fields are drawn from the half that 'observation'
    comes from.

  Raises:
    ConfigError: something that is no request, requests that contradict one
      another, or one that the data set does not allow.
  """
  wanted = distinct(wanted)
  other = None
  if any(isinstance(r, requests.Transformed) for r in wanted):
    for request in wanted:
      if isinstance(request, requests.Field):
        rule = 'cannot be asked for beside Transformed, which draws anew'
        raise errors.value("the method's batch", request, rule)
    asks = "the method's batch", 'Transformed'
    dataset, other = conditional.halves(dataset, asks)
  draws = []
  for request in wanted:
    halves = (other,) if isinstance(request, requests.Transformed) else ()
    draws.append(DRAWS[type(request)](dataset, request, *halves))

  def sample(key, arrays, index):
    given = dataset.sample(key, arrays, index)
    batch = {name: given[name] for name in BASIC}
    for draw in draws:
      batch.update(draw(key, arrays, index, given))
    return batch

  return sample
