"""Data sets without their data: what a trained run must know of its own.

A run that represents and decodes reads shapes, names and sizes of its data set,
none of its images. They stand in the run's metadata, and a set is made of them
where the files are elsewhere.
"""

from collections.abc import Mapping
import math
from typing import Any

import numpy as np

from disentangle_jax import errors, types

# What must be the same in the data that a run meets later.
LASTING = (
  'kind',
  'dtype',
  'observation_shape',
  'factor_names',
  'factor_sizes',
  'fields',
)


def describe(dataset: types.Dataset) -> dict[str, Any]:
  """A data set as JSON values, without its data.

  Args:
    dataset: any.

  Returns:
    Its fields; 'factor_values' has None for a factor whose values are its
    levels. An environment is left out: it is functions.
  """
  extras = dataset.extras
  values = []
  for of_factor in dataset.factor_values:
    numbers = np.asarray(of_factor, np.float64)
    levels = np.array_equal(numbers, np.arange(len(numbers)))
    values.append(None if levels else numbers.tolist())
  second = extras.get('secondary')
  return {
    'name': dataset.name,
    'kind': dataset.kind,
    'dtype': dataset.dtype,
    'observation_shape': [int(n) for n in dataset.observation_shape],
    'factor_names': list(dataset.factor_names),
    'factor_sizes': [int(n) for n in dataset.factor_sizes],
    'factor_values': values,
    'num_examples': int(
      dataset.num_examples or math.prod(dataset.factor_sizes)
    ),
    'grid': dataset.render is not None,
    'deterministic': bool(dataset.deterministic),
    'fields': list(dataset.fields),
    'vocabulary': list(extras.get('vocabulary', ())),
    'vocabularies': {
      name: list(own) for name, own in extras.get('vocabularies', {}).items()
    },
    'lengths': dict(extras.get('lengths', {})),
    'secondary': None if second is None else describe(second),
  }


def difference(
  dataset: types.Dataset, description: Mapping[str, Any]
) -> str | None:
  """Where a data set does not fit a description, e.g. 'kind image, not video'.

  Args:
    dataset: one that was loaded.
    description: as `describe` gives it.

  Returns:
    the first difference in what a run's functions were made for, or None.
  """
  now = describe(dataset)
  for field in LASTING:
    if now[field] != description[field]:
      return f'{field} {now[field]}, not {description[field]}'
  return None


def shell(description: Mapping[str, Any], reason: str) -> types.Dataset:
  """A data set that knows what it holds and holds nothing.

  Args:
    description: as `describe` gives it.
    reason: why the data are not there; one line that names the file.

  Returns:
    The set; `sample`, `log_density` and, of a grid, `render` raise ConfigError
    with the reason. Its arrays are ().
  """

  def missing(*arguments):
    del arguments
    raise errors.ConfigError(
      f'{reason} (the run was loaded without its data: represent, decode, '
      'traverse and generate work, what draws from the data does not)'
    )

  sizes = tuple(description['factor_sizes'])
  vocabulary, second = description['vocabulary'], description['secondary']
  extras = {}
  if vocabulary:
    extras['vocabulary'] = tuple(vocabulary)
  # Runs of versions before fields of tokens have neither.
  if description.get('vocabularies'):
    extras['vocabularies'] = {
      name: tuple(own) for name, own in description['vocabularies'].items()
    }
    extras['lengths'] = dict(description['lengths'])
  if second is not None:
    extras['secondary'] = shell(second, reason)
  values = zip(sizes, description['factor_values'])
  return types.Dataset(
    name=description['name'],
    factor_names=tuple(description['factor_names']),
    factor_sizes=sizes,
    factor_values=tuple(
      np.arange(float(size)) if given is None else np.asarray(given, float)
      for size, given in values
    ),
    observation_shape=tuple(description['observation_shape']),
    arrays=(),
    render=missing if description['grid'] else None,
    sample=missing,
    log_density=missing,
    deterministic=description['deterministic'],
    kind=description['kind'],
    dtype=description['dtype'],
    fields=tuple(description['fields']),
    extras=extras,
    num_examples=description['num_examples'],
  )
