"""Real sets with ground-truth factors: images by their place in a table."""

from collections.abc import Mapping, Sequence
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import errors, types
from disentangle_jax.data import factorial, pixels
from disentangle_jax.data import levels as levels_lib
from disentangle_jax.data import summary as summary_lib


def pack(images: np.ndarray) -> np.ndarray:
  """Binary images as bits.

  Args:
    images: uint8 [N, ...], 0 or not 0.

  Returns:
    uint8 [N, ceil(pixels / 8)], the first pixel in the highest bit.
  """
  return np.packbits(images.reshape(len(images), -1) > 0, axis=-1)


def unpack(bits: jax.Array, shape: tuple[int, ...]) -> jax.Array:
  """One image from its bits.

  Args:
    bits: uint8 [ceil(pixels / 8)].
    shape: of the image.

  Returns:
    float32 of that shape, 0 or 1.
  """
  shifts = jnp.arange(7, -1, -1, dtype=jnp.uint8)
  flat = (bits[:, None] >> shifts[None, :]) & jnp.uint8(1)
  return flat.reshape(-1)[: math.prod(shape)].reshape(shape).astype(jnp.float32)


def lookup(
  images: np.ndarray,
  names: Sequence[str],
  sizes: Sequence[int],
  *,
  name: str = 'lookup',
  values: Sequence[np.ndarray] | None = None,
  nuisances: Sequence[str] = (),
  shape: tuple[int, ...] | None = None,
  kind: str = 'image',
  extras: Mapping[str, Any] | None = None,
  exact: bool = False,
) -> types.Dataset:
  """A set whose every grid point has one image.

  Args:
    images: [N, H, W] or [N, H, W, C] of any range that `pixels.read` knows, in
      the order of `factorial.grid(sizes)`, with an axis of frames or layers
      before H for videos and voxels; or uint8 [N, bits] as `pack` gives them,
      with `shape`. Binary images are kept as bits, others as bytes; once on the
      device, which every run shares.
    names: K names of factors.
    sizes: K numbers of values; their product is N.
    name: of the data set.
    values: K arrays, grid index -> real value; None for the indices.
    nuisances: names of factors that are drawn anew for each image instead of
      being factors of interest.
    shape: of an observation, for images that come as bits.
    kind: 'image', 'video' or 'voxels'.
    extras: of the data set; 'summary' is added where there is none.
    exact: images are uint8 from 0 to 255, also where none exceeds 1.

  Returns:
    The data set; observations are float32 [H, W, C] in [0, 1], those of videos
    and voxels [T, H, W, C].

  Raises:
    ConfigError: sizes, names or images that do not fit.
  """
  names, sizes = tuple(names), tuple(int(n) for n in sizes)
  if len(names) != len(sizes) or len(set(names)) != len(names):
    rule = f'must be {len(sizes)} different names, one per size'
    raise errors.value('factor names', names, rule)
  if math.prod(sizes) != len(images):
    rule = (
      f'must be the product of the factor sizes {sizes}, {math.prod(sizes)}'
    )
    raise errors.value('number of images', len(images), rule)
  for nuisance in nuisances:
    if nuisance not in names:
      raise errors.choices('nuisances', nuisance, names)
  extras = dict(extras or {})
  if shape is None:
    if exact:
      images = pixels.with_channels(images, 'images', kind)
    else:
      images, note = pixels.read(images, 'images', kind)
    shape = tuple(images.shape[1:])
    if not exact and 'summary' not in extras:
      known = levels_lib.Levels(
        index=np.zeros((0, len(sizes)), np.int64),
        values=tuple(values or (np.arange(float(n)) for n in sizes)),
        words=(None,) * len(sizes),
      )
      extras['summary'] = summary_lib.line(
        name, len(images), shape, [note], names, known, kind=kind, grid=True
      )
    if all(np.isin(block, (0, 255)).all() for block in _blocks(images)):
      images = np.concatenate([pack(block) for block in _blocks(images)])
  bits = images.ndim == 2
  values = values or tuple(np.arange(float(n)) for n in sizes)
  kept_factors = [k for k, n in enumerate(names) if n not in nuisances]
  drawn = [k for k, n in enumerate(names) if n in nuisances]
  back = np.argsort([*kept_factors, *drawn])

  def render(arrays, factors, key):
    if drawn:
      extra = factorial.uniform_factors(key, [sizes[k] for k in drawn])
      factors = jnp.concatenate([factors, extra])[back]
    found = arrays[factorial.flat_index(factors, sizes)]
    return unpack(found, shape) if bits else found.astype(jnp.float32) / 255.0

  return factorial.make(
    name=name,
    factor_names=[names[k] for k in kept_factors],
    factor_values=[values[k] for k in kept_factors],
    observation_shape=shape,
    render=render,
    arrays=jnp.asarray(images),
    deterministic=not drawn,
    kind=kind,
    extras=extras,
  )


def _blocks(images: np.ndarray, rows: int = 8192):
  return (images[i : i + rows] for i in range(0, len(images), rows))


def order(labels: np.ndarray, sizes: Sequence[int], field: str) -> np.ndarray:
  """Where each grid point's image lies, and that each has exactly one.

  Args:
    labels: int [N, K], the factors of each image.
    sizes: K numbers of values.
    field: what to name in errors.

  Returns:
    int64 [N], so that images[order] is in the order of `factorial.grid`.

  Raises:
    ConfigError: a factor out of range, or a combination missing or twice.
  """
  labels = np.asarray(labels)
  total = math.prod(sizes)
  if labels.shape != (total, len(sizes)):
    rule = f'must be {(total, len(sizes))}, as the factor sizes {sizes} ask'
    raise errors.value(f'{field}: shape of the factors', labels.shape, rule)
  if (labels < 0).any() or (labels >= np.asarray(sizes)).any():
    rule = f'must lie below the factor sizes {tuple(sizes)}'
    raise errors.value(
      f'{field}: largest factors', labels.max(0).tolist(), rule
    )
  flat = np.ravel_multi_index(tuple(labels.astype(np.int64).T), tuple(sizes))
  places = np.argsort(flat, kind='stable')
  if (flat[places] != np.arange(total)).any():
    missing = total - len(np.unique(flat))
    rule = 'every combination of factors must have exactly one image'
    raise errors.value(f'{field}: combinations missing', missing, rule)
  return places
