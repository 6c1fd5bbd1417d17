"""Images of one half of a set under random mechanisms."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from disentangle_jax import errors, requests, types
from disentangle_jax.data.draws import common
from disentangle_jax.ops import per_example

# Compass direction -> (rows, columns) that an image moves; north is up.
DIRECTIONS = {
  'n': (-1, 0),
  'ne': (-1, 1),
  'e': (0, 1),
  'se': (1, 1),
  's': (1, 0),
  'sw': (1, -1),
  'w': (0, -1),
  'nw': (-1, -1),
}
MECHANISMS = ('invert', 'noise', *(f'shift_{name}' for name in DIRECTIONS))


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
  """One of the mechanisms by its number.

  Args:
    dataset: with images.
    request: which mechanisms.

  Returns:
    `(key, number int32, image [H, W, C]) -> [H, W, C]` in [0, 1].

  Raises:
    ConfigError: an unknown mechanism, fewer than two, one twice, a shift that
      leaves less than half of the image, or a variance that is not positive.
  """
  common.need_images(dataset, request)
  names = request.mechanisms
  for name in names:
    if name not in MECHANISMS:
      raise errors.choices(common.of(request, 'mechanisms'), name, MECHANISMS)
  if len(names) < 2 or len(set(names)) != len(names):
    rule = 'must be at least two different names'
    raise errors.value(common.of(request, 'mechanisms'), names, rule)
  side = min(dataset.observation_shape[:2])
  if any(name.startswith('shift_') for name in names):
    common.integer(request, 'shift', 1)
    if request.shift * 2 >= side:
      rule = f'must be less than half of the side, {side}'
      raise errors.value(common.of(request, 'shift'), request.shift, rule)
  if 'noise' in names:
    common.positive(request, 'noise_variance')
  changes = [_change(name, request) for name in names]
  return lambda key, number, image: jax.lax.switch(number, changes, key, image)


def _change(name, request):
  """`(key, image) -> image` of one mechanism."""
  if name == 'invert':
    return lambda key, image: 1.0 - image
  if name == 'noise':
    deviation = request.noise_variance**0.5

    def noisy(key, image):
      noise = jax.random.normal(key, image.shape)
      return jnp.clip(image + deviation * noise, 0.0, 1.0)

    return noisy
  down, right = DIRECTIONS[name.removeprefix('shift_')]
  return lambda key, image: shift(
    image, down * request.shift, right * request.shift
  )


def shift(image: jax.Array, down: int, right: int) -> jax.Array:
  """An image moved by whole pixels, black where nothing comes.

  Args:
    image: [H, W, C].
    down: rows, negative for up.
    right: columns, negative for left.

  Returns:
    [H, W, C].
  """
  height, width = image.shape[:2]
  pad = lambda by: (max(by, 0), max(-by, 0))
  padded = jnp.pad(image, (pad(down), pad(right), (0, 0)))
  top, left = max(-down, 0), max(-right, 0)
  return padded[top : top + height, left : left + width]
