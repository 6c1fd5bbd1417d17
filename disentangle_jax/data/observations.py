"""Observations that a user hands to a trained run: read rightly or refused."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import errors, types

# What rounding may put beyond 1 or below 0.
_SLACK = 1e-6


def read(
  dataset: types.Dataset, observation: Any, field: str = 'observation'
) -> jax.Array:
  """Observations as the data set's own.

  Args:
    dataset: what the run was trained on.
    observation: [B, ...]. Of images, videos and voxels uint8 from 0 to 255,
      bool, or floats in [0, 1]; of tokens integers of the vocabulary; of
      vectors finite numbers. Values under a JAX transformation are not looked
      at.
    field: what to name in errors.

  Returns:
    [B, ...], of the data set's dtype.

  Raises:
    ConfigError: another shape, dtype or range.
  """
  shape = tuple(dataset.observation_shape)
  traced = isinstance(observation, jax.core.Tracer)
  values = observation if traced else np.asarray(observation)
  if values.shape[1:] != shape or values.ndim != 1 + len(shape):
    raise errors.value(field, values.shape, f'must have shape (B, *{shape})')
  if dataset.dtype == 'int32':
    _check_tokens(dataset, values, field, traced)
  elif dataset.kind == 'vector':
    if not traced and not np.isfinite(values.astype(np.float32)).all():
      raise errors.value(field, 'NaN or inf', 'must be finite numbers')
  elif values.dtype == np.uint8:
    values = _of_bytes(values, field, traced)
  elif values.dtype != bool:
    _check_pixels(values, field, traced)
  return jnp.asarray(values, dataset.dtype)


def _check_tokens(dataset, values, field, traced) -> None:
  if values.dtype.kind not in 'iu':
    rule = f'must be integers: data set {dataset.name} holds tokens'
    raise errors.value(field, values.dtype.name, rule)
  words = dataset.extras.get('vocabulary')
  if traced or not words or not values.size:
    return
  low, high = int(values.min()), int(values.max())
  if low < 0 or high >= len(words):
    rule = f'must lie in 0 to {len(words) - 1}, as the vocabulary does'
    raise errors.value(f'{field}: range', (low, high), rule)


def _of_bytes(values, field, traced):
  if not traced and values.size and values.max() == 1:
    rule = (
      'bytes of 0 and 1 alone may be black and white or nearly black: multiply '
      'by 255 for the former, divide by 255 for the latter'
    )
    raise errors.value(f'{field}: range', (int(values.min()), 1), rule)
  return values.astype(np.float32) / np.float32(255)


def _check_pixels(values, field, traced) -> None:
  real = jnp.issubdtype(values.dtype, jnp.floating)
  if not real and values.dtype.kind not in 'iu':
    rule = 'must be uint8, or floats in 0 to 1'
    raise errors.value(f'{field}: dtype', values.dtype.name, rule)
  if traced or not values.size:
    return
  low, high = values.min().item(), values.max().item()
  if not real:
    rule = (
      f'{values.dtype.name} must be uint8 from 0 to 255, or floats in 0 to 1'
    )
    raise errors.value(f'{field}: range', (low, high), rule)
  # Written so that NaN fails too.
  if not (low >= -_SLACK and high <= 1 + _SLACK):
    rule = (
      'floats must be finite and lie in 0 to 1: divide by 255 what is in 0 to '
      '255, or give it as uint8'
    )
    raise errors.value(f'{field}: range', (low, high), rule)
