"""The fields of a batch: what a method's BATCH may name, and how it is drawn.

Every field is deterministic in (key, example index), where the engine's key is
that of (seed, step); rows do not depend on how the batch is split.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax

from disentangle_jax import errors, types

# Fields that `Dataset.sample` itself gives.
BASIC = ('observation', 'factors', 'index')


def _second_observation(
  dataset: types.Dataset, key: jax.Array, arrays: Any, index: jax.Array
) -> Mapping[str, jax.Array]:
  """An independent second batch, as Kim & Mnih 2018, Algorithm 2, draws it."""
  batch = dataset.sample(jax.random.fold_in(key, 1), arrays, index)
  return {'second_observation': batch['observation']}


# Field -> (dataset, key, arrays, index) -> the fields it adds.
FIELDS = {'second_observation': _second_observation}


def make(
  dataset: types.Dataset, fields: Sequence[str]
) -> Callable[[jax.Array, Any, jax.Array], Mapping[str, jax.Array]]:
  """A sampler of the fields that a method consumes.

  Args:
    dataset: what to sample from.
    fields: the method's BATCH.

  Returns:
    `(key, arrays, index int32 [B]) -> batch`, with 'observation', 'factors' and
    'index' always among its fields.

  Raises:
    ConfigError: a field that no sampler provides.
  """
  extra = [name for name in fields if name not in BASIC]
  for name in extra:
    if name not in FIELDS:
      raise errors.choices("the method's BATCH", name, (*BASIC, *FIELDS))

  def sample(key, arrays, index):
    batch = dict(dataset.sample(key, arrays, index))
    for name in extra:
      batch.update(FIELDS[name](dataset, key, arrays, index))
    return batch

  return sample
