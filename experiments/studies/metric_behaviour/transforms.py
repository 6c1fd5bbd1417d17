"""Codes made from factors by transforms with a strength, without training.

Every code stands for a latent of unit variance with a Gaussian posterior: the
part 'mean' is what it says of the factors, exp('logvar') its noise, the vector
a sample. A clean code is a factor's level, scaled to unit variance, with a
thousandth of noise. All functions are pure; strengths grow with the damage.
"""

from collections.abc import Callable
import dataclasses
import math

import jax
import jax.numpy as jnp

from disentangle_jax import types

# Three factors of five levels: a factor for the transform, one for its partner
# and one that nothing happens to; five levels have two middle ones beside the
# centre, which scores with linear classifiers cannot single out.
SIZES = (5, 5, 5)
# Share of the noise in a clean code's variance.
CLEAN = 1e-3
# Signal to noise where only the number of rows or of bins varies: clean codes
# would hide what these do.
NOISY = 3.0


def standardized(factors: jax.Array) -> jax.Array:
  """Levels as numbers of mean 0 and variance 1 under the uniform distribution.

  Args:
    factors: int32 [N, 3].

  Returns:
    float32 [N, 3].
  """
  size = SIZES[0]
  centre, variance = (size - 1) / 2, (size**2 - 1) / 12
  return (factors - centre) / math.sqrt(variance)


def _sample(key, signal, noise_variance):
  """Codes of posteriors around a signal; the variance broadcasts to it."""
  variance = jnp.broadcast_to(jnp.asarray(noise_variance), signal.shape)
  vector = signal + jnp.sqrt(variance) * jax.random.normal(key, signal.shape)
  return types.Codes(vector, {'mean': signal, 'logvar': jnp.log(variance)})


def _with_signal(key, signal, share=CLEAN):
  """A signal of unit variance becomes codes of unit variance."""
  return _sample(key, jnp.sqrt(1 - share) * signal, share)


def noise(key: jax.Array, factors: jax.Array, ratio: jax.Array) -> types.Codes:
  """One code per factor, signal to noise `ratio` (of variances).

  Args:
    key: a typed PRNG key.
    factors: int32 [N, 3].
    ratio: float scalar above 0.

  Returns:
    Codes [N, 3] of unit variance.
  """
  return _with_signal(key, standardized(factors), 1 / (1 + ratio))


def clean(key: jax.Array, factors: jax.Array, strength=None) -> types.Codes:
  """One clean code per factor, whatever the strength."""
  del strength
  return _with_signal(key, standardized(factors))


def rotated(signal: jax.Array, degrees: jax.Array) -> jax.Array:
  """The first two columns turned by an angle.

  Args:
    signal: float32 [N, D], D >= 2.
    degrees: float scalar.

  Returns:
    float32 [N, D].
  """
  angle = jnp.deg2rad(degrees)
  cos, sin = jnp.cos(angle), jnp.sin(angle)
  first = cos * signal[:, 0] - sin * signal[:, 1]
  second = sin * signal[:, 0] + cos * signal[:, 1]
  return signal.at[:, 0].set(first).at[:, 1].set(second)


def rotation(
  key: jax.Array, factors: jax.Array, degrees: jax.Array
) -> types.Codes:
  """The codes of the first two factors turned by 0 to 45 degrees."""
  return _with_signal(key, rotated(standardized(factors), degrees))


def spreading(key: jax.Array, factors: jax.Array, count: int) -> types.Codes:
  """The first factor in `count` codes, each with noise of its own.

  Args:
    key: a typed PRNG key.
    factors: int32 [N, 3].
    count: 1 or more, static.

  Returns:
    Codes [N, 2 + count]; copies stand behind.
  """
  signal = standardized(factors)
  copies = jnp.repeat(signal[:, :1], count - 1, axis=1)
  return _with_signal(key, jnp.concatenate([signal, copies], axis=1))


def merging(
  key: jax.Array, factors: jax.Array, strength: jax.Array
) -> types.Codes:
  """The second factor moves from its own code into the first one's.

  The first code is (z0 + s z1) / sqrt(1 + s^2), the second (1 - s) z1: at s = 1
  one code holds the sum of two factors and the other its noise alone.

  Args:
    key: a typed PRNG key.
    factors: int32 [N, 3].
    strength: float scalar s in [0, 1].

  Returns:
    Codes [N, 3].
  """
  signal = standardized(factors)
  both = signal[:, 0] + strength * signal[:, 1]
  both = both / jnp.sqrt(1 + strength**2)
  rest = (1 - strength) * signal[:, 1]
  return _with_signal(key, signal.at[:, 0].set(both).at[:, 1].set(rest))


def _bent(key, factors, bend):
  """All signals through a function of the level in [-1, 1], then unit variance.

  The variance is that over the five levels, all equally frequent.
  """
  half = (SIZES[0] - 1) / 2
  levels = bend(jnp.linspace(-1, 1, SIZES[0]))
  values = bend(factors / half - 1)
  return _with_signal(key, (values - jnp.mean(levels)) / jnp.std(levels))


def monotone(
  key: jax.Array, factors: jax.Array, strength: jax.Array
) -> types.Codes:
  """Levels u in [-1, 1] become (1 - s) u + s u^3: order and number stay."""
  return _bent(key, factors, lambda u: (1 - strength) * u + strength * u**3)


def folded(
  key: jax.Array, factors: jax.Array, strength: jax.Array
) -> types.Codes:
  """Levels u in [-1, 1] become (1 - s) u + s |u|: at s = 1 the sign is lost."""
  return _bent(
    key, factors, lambda u: (1 - strength) * u + strength * jnp.abs(u)
  )


def _padded(codes, count, vector):
  """Codes with `count` more whose posterior is the standard normal prior."""
  blank = jnp.zeros((codes.vector.shape[0], count))
  join = lambda x, y: jnp.concatenate([x, y], axis=1)
  parts = {name: join(part, blank) for name, part in codes.parts.items()}
  return types.Codes(join(codes.vector, vector), parts)


def dead_codes(key: jax.Array, factors: jax.Array, count: int) -> types.Codes:
  """`count` codes that do not vary, as the means of collapsed latents."""
  zeros = jnp.zeros((factors.shape[0], count))
  return _padded(clean(key, factors), count, zeros)


def noise_codes(key: jax.Array, factors: jax.Array, count: int) -> types.Codes:
  """`count` standard normal codes, as the samples of collapsed latents."""
  own, more = jax.random.split(key)
  sample = jax.random.normal(more, (factors.shape[0], count))
  return _padded(clean(own, factors), count, sample)


def uniform_factors(
  key: jax.Array, num_rows: int, strength: float | None = None
) -> jax.Array:
  """Independent uniform levels, int32 [num_rows, 3]."""
  del strength
  return jax.random.randint(key, (num_rows, len(SIZES)), 0, SIZES[0])


def rare_levels(key: jax.Array, num_rows: int, share: float) -> jax.Array:
  """Level 0 of every factor has this share, the others equal ones.

  Args:
    key: a typed PRNG key.
    num_rows: N, static.
    share: in (0, 1).

  Returns:
    int32 [N, 3].
  """
  others = jnp.full(SIZES[0] - 1, (1 - share) / (SIZES[0] - 1))
  shares = jnp.concatenate([jnp.full(1, share), others])
  # Levels by the inverse of the distribution: neighbouring shares give nearly
  # the same rows for one key, which makes their comparison a paired one.
  u = jax.random.uniform(key, (num_rows, len(SIZES)))
  below = jnp.cumsum(shares)[:-1]
  return jnp.sum(u[..., None] >= below, axis=-1).astype(jnp.int32)


def dependent_factors(
  key: jax.Array, num_rows: int, strength: float
) -> jax.Array:
  """The second factor repeats the first one in a share `strength` of rows."""
  level_key, copy_key = jax.random.split(key)
  factors = uniform_factors(level_key, num_rows)
  copies = jax.random.uniform(copy_key, (num_rows,)) < strength
  second = jnp.where(copies, factors[:, 0], factors[:, 1])
  return factors.at[:, 1].set(second)


def _noisy(key, factors, strength=None):
  del strength
  return noise(key, factors, NOISY)


@dataclasses.dataclass(frozen=True)
class Transform:
  """One way to spoil codes, factors or the sample.

  Attributes:
    meaning: of the strength, for the axis of a figure.
    strengths: from none to most; for 'rows' and 'bins' from few to many.
    codes: `(key, factors int32 [N, 3], strength) -> Codes [N, D]`.
    factors: `(key, num_rows, strength) -> int32 [N, 3]`.
    widths: whether the strength is the number of codes: it is static then.
    log: whether the axis is logarithmic.
  """

  meaning: str
  strengths: tuple[float, ...]
  codes: Callable[..., types.Codes] = clean
  factors: Callable[..., jax.Array] = uniform_factors
  widths: bool = False
  log: bool = False


TRANSFORMS = {
  'noise': Transform(
    'signal to noise (variances)', (100, 10, 3, 1, 0.3, 0.1), noise, log=True
  ),
  'rotation': Transform(
    'rotation of two codes, degrees', (0, 11.25, 22.5, 33.75, 45), rotation
  ),
  'spreading': Transform(
    'codes of the first factor', (1, 2, 4), spreading, widths=True
  ),
  'merging': Transform(
    'share of the second factor in the first code',
    (0, 0.25, 0.5, 0.75, 1),
    merging,
  ),
  'monotone': Transform('u to u^3', (0, 0.25, 0.5, 0.75, 1), monotone),
  'folded': Transform('u to |u|', (0, 0.25, 0.5, 0.75, 1), folded),
  'dead_codes': Transform(
    'dead codes added', (0, 1, 3), dead_codes, widths=True
  ),
  'noise_codes': Transform(
    'noise codes added', (0, 1, 3), noise_codes, widths=True
  ),
  'rare_levels': Transform(
    'share of one level of five',
    (0.2, 0.1, 0.05, 0.02, 0.01),
    factors=rare_levels,
    log=True,
  ),
  'dependence': Transform(
    'share of rows in which two factors are equal',
    (0, 0.25, 0.5, 0.75, 0.9),
    factors=dependent_factors,
  ),
  'rows': Transform(
    'rows (signal to noise 3)', (100, 300, 1000, 3000, 10000), _noisy, log=True
  ),
  'bins': Transform(
    'bins (signal to noise 3)', (5, 10, 20, 50, 100), _noisy, log=True
  ),
}
