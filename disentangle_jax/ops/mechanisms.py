"""Changes of images by name: inversion, noise, translations.

Those of Parascandolo et al. 2018, https://arxiv.org/abs/1712.00961, section 4.
"""

from collections.abc import Callable, Sequence

import chex
import jax
import jax.numpy as jnp

from disentangle_jax import checks, errors

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


def by_number(
  names: Sequence[str],
  shift_by: int,
  noise_variance: float,
  side: int,
  where: str,
) -> Callable[[jax.Array, jax.Array, jax.Array], jax.Array]:
  """One of several mechanisms by its number.

  Args:
    names: at least two different ones of MECHANISMS.
    shift_by: pixels, of translations.
    noise_variance: of the noise, before clipping to [0, 1].
    side: the lesser one of the images.
    where: dotted name of the options, for errors.

  Returns:
    `(key, number int32, image [H, W, C]) -> [H, W, C]` in [0, 1].

  Raises:
    ConfigError: an unknown mechanism, fewer than two, one twice, a shift that
      leaves less than half of the image, or a variance that is not positive.
  """
  for name in names:
    if name not in MECHANISMS:
      raise errors.choices(f'{where}.mechanisms', name, MECHANISMS)
  if len(names) < 2 or len(set(names)) != len(names):
    rule = 'must be at least two different names'
    raise errors.value(f'{where}.mechanisms', names, rule)
  if any(name.startswith('shift_') for name in names):
    checks.integer(f'{where}.shift', shift_by, 1)
    if shift_by * 2 >= side:
      rule = f'must be less than half of the side, {side}'
      raise errors.value(f'{where}.shift', shift_by, rule)
  if 'noise' in names and not (
    checks.is_number(noise_variance) and noise_variance > 0
  ):
    rule = 'must be a finite number > 0'
    raise errors.value(f'{where}.noise_variance', noise_variance, rule)
  changes = [_change(name, shift_by, noise_variance) for name in names]
  return lambda key, number, image: jax.lax.switch(number, changes, key, image)


def _change(name, shift_by, noise_variance):
  """`(key, image) -> image` of one mechanism."""
  if name == 'invert':
    return lambda key, image: 1.0 - image
  if name == 'noise':
    deviation = noise_variance**0.5

    def noisy(key, image):
      noise = jax.random.normal(key, image.shape)
      return jnp.clip(image + deviation * noise, 0.0, 1.0)

    return noisy
  down, right = DIRECTIONS[name.removeprefix('shift_')]
  return lambda key, image: shift(image, down * shift_by, right * shift_by)


def shift(image: jax.Array, down: int, right: int) -> jax.Array:
  """An image moved by whole pixels, black where nothing comes.

  Args:
    image: [H, W, C].
    down: rows, negative for up.
    right: columns, negative for left.

  Returns:
    [H, W, C].
  """
  chex.assert_rank(image, 3)
  height, width = image.shape[:2]
  pad = lambda by: (max(by, 0), max(-by, 0))
  padded = jnp.pad(image, (pad(down), pad(right), (0, 0)))
  top, left = max(-down, 0), max(-right, 0)
  return padded[top : top + height, left : left + width]
