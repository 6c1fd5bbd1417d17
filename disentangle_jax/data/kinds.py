"""What an observation is: checks of a set's kind, and sentences as text."""

from collections.abc import Sequence
import math

import numpy as np

from disentangle_jax import errors, types

# Fields that `Dataset.sample` itself gives, and the engine's number of a step.
BASIC = ('observation', 'factors', 'index')
_TAKEN = (*BASIC, 'step')

# Axes of an observation by its kind; a vector has any number from 1 on.
_AXES = {'image': 3, 'video': 4, 'tokens': 1, 'voxels': 4}


def check(dataset: types.Dataset) -> None:
  """Refuses a data set whose shape, dtype or words do not fit its kind.

  Args:
    dataset: any, also a user's own.

  Raises:
    ConfigError: an unknown kind; a shape, dtype, vocabulary or names of fields
      that do not fit.
  """
  of = lambda field: f'data set {dataset.name}: {field}'
  kind, shape = dataset.kind, tuple(dataset.observation_shape)
  if kind not in types.KINDS:
    raise errors.choices(of('kind'), kind, types.KINDS)
  axes = _AXES.get(kind)
  positive = all(isinstance(n, (int, np.integer)) and n > 0 for n in shape)
  if not shape or not positive or axes not in (None, len(shape)):
    legal = '; '.join(f'{name}: {text}' for name, text in types.KINDS.items())
    rule = f'does not fit the kind {kind!r}; legal: {legal}'
    raise errors.value(of('observation_shape'), shape, rule)
  dtype = 'int32' if kind == 'tokens' else 'float32'
  if dataset.dtype != dtype:
    rule = f'must be {dtype!r}, as its kind is {kind!r}'
    raise errors.value(of('dtype'), dataset.dtype, rule)
  words = dataset.extras.get('vocabulary')
  if words is not None and not (
    isinstance(words, tuple) and words and all(type(w) is str for w in words)
  ):
    rule = 'must be a tuple of strings'
    raise errors.value(of('vocabulary'), type(words).__name__, rule)
  for name in dataset.fields:
    if name in _TAKEN or not isinstance(name, str):
      rule = f'must be a name other than {", ".join(_TAKEN)}'
      raise errors.value(of('field'), name, rule)
  if len(dataset.factor_names) != len(dataset.factor_sizes):
    rule = f'must be {len(dataset.factor_sizes)} names, one per factor size'
    raise errors.value(of('factor_names'), dataset.factor_names, rule)


def num_examples(dataset: types.Dataset) -> int:
  """Number of different observations.

  Args:
    dataset: any.

  Returns:
    Its `num_examples`, or the product of the factor sizes where that is 0.
  """
  return dataset.num_examples or math.prod(dataset.factor_sizes)


def sentences(
  tokens: np.ndarray, vocabulary: Sequence[str] | None = None
) -> list[str]:
  """Tokens as text.

  Args:
    tokens: int [N, L], 0 is padding.
    vocabulary: token -> word; None for the numbers themselves.

  Returns:
    N sentences, words with spaces between.
  """
  word = str if vocabulary is None else lambda token: vocabulary[token]
  return [
    ' '.join(word(int(token)) for token in row if token)
    for row in np.asarray(tokens)
  ]
