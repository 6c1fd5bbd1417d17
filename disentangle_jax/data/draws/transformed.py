"""Images of one half of a set under random mechanisms."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from disentangle_jax import requests, types
from disentangle_jax.data.draws import common
from disentangle_jax.ops import mechanisms, per_example


def draw(
  dataset: types.Dataset,
  request: requests.Transformed,
  other: types.Dataset,
) -> common.Draw:
  """Images of the other half, each under one mechanism drawn for it.

  Parascandolo et al. 2018, "Learning independent causal mechanisms", section
  4.1: experts see transformed images of one half and are judged by clean ones
  of the other, so that no image is met in both forms.

  Args:
    dataset: the half that `observation` is drawn from.
    request: what is asked for.
    other: the other half.
  """
  change = mechanism(dataset, request)
  count = len(request.mechanisms)
  common.integer(request, 'more', 0)

  def changed(key, arrays, index):
    image_key, which_key, noise_key = jax.random.split(key, 3)
    images = other.sample(image_key, arrays, index)['observation']
    number = common.numbers_below(which_key, index, count)
    keys = per_example.keys(noise_key, index)
    return jax.vmap(change)(keys, number, images), number

  def fields(key, arrays, index, batch):
    del batch
    key = common.key_of(key, request)
    images, number = changed(key, arrays, index)
    given = {'transformed': images, 'mechanism': number}
    if request.more:
      # Numbers from 1 on: the key itself is that of the first draw.
      numbers = 1 + jnp.arange(request.more)
      more = lambda n: changed(jax.random.fold_in(key, n), arrays, index)[0]
      given['more_transformed'] = jax.vmap(more, out_axes=1)(numbers)
    return given

  return fields


def mechanism(
  dataset: types.Dataset, request: requests.Transformed
) -> Callable[[jax.Array, jax.Array, jax.Array], jax.Array]:
  """One of the mechanisms by its number; see `ops.mechanisms.by_number`.

  Args:
    dataset: with images.
    request: which mechanisms.

  Returns:
    `(key, number int32, image [H, W, C]) -> [H, W, C]` in [0, 1].

  Raises:
    ConfigError: no images, or an option out of range.
  """
  common.need_images(dataset, request)
  return mechanisms.by_number(
    request.mechanisms,
    request.shift,
    request.noise_variance,
    min(dataset.observation_shape[:2]),
    f'request {type(request).__name__}',
  )
