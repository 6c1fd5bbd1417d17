"""A teapot-like solid, lit and turned: the data of the DCI study, rendered.

Eastwood & Williams, "A Framework for the Quantitative Evaluation of
Disentangled Representations" (appendix A.1): 200,000 images, 64 x 64 x 3, of a
teapot whose azimuth is uniform on [0, 2 pi], elevation on [0, pi/2] and red,
green, blue each on [0, 1]; the camera is centred on the object, background,
shape and lighting are constant. The zero-shot 'gap' leaves out red teapots seen
from above: red > green + 0.15 and red > blue + 0.15 and elevation > pi / 4.

Deviations: the pot is put together from ellipsoids and capsules (body, foot,
lid, knob, spout, handle), met by rays in closed form, and casts no shadow on
itself; factors lie on a grid, fine by default, where the paper draws them from
a continuum; the background is white, which the paper does not state.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import checks, types
from disentangle_jax.data import distributions, factorial
from disentangle_jax.data.procedural import raycast

FACTORS = ('azimuth', 'elevation', 'red', 'green', 'blue')
PARTS = ('all', 'seen', 'gap')

# The body fills about two thirds of the image. (centre, half axes)
_ELLIPSOIDS = (
  ((0.0, 0.0, 0.0), (1.0, 0.78, 1.0)),
  ((0.0, -0.68, 0.0), (0.68, 0.16, 0.68)),
  ((0.0, 0.62, 0.0), (0.58, 0.26, 0.58)),
  ((0.0, 0.97, 0.0), (0.16, 0.16, 0.16)),
)
# (start, end, radius): the spout in two pieces, the handle in four.
_CAPSULES = (
  ((0.75, -0.2, 0.0), (1.35, 0.2, 0.0), 0.2),
  ((1.35, 0.2, 0.0), (1.65, 0.62, 0.0), 0.12),
  ((-0.85, 0.45, 0.0), (-1.35, 0.5, 0.0), 0.1),
  ((-1.35, 0.5, 0.0), (-1.6, 0.2, 0.0), 0.1),
  ((-1.6, 0.2, 0.0), (-1.5, -0.15, 0.0), 0.1),
  ((-1.5, -0.15, 0.0), (-0.85, -0.4, 0.0), 0.1),
)
_TARGET = (0.0, 0.0, 0.0)
_DISTANCE = 8.0
_VIEW = np.deg2rad(29.0)
# The lamp stands above and to the left of the pot, wherever it is seen from.
_LAMP = (-0.48, 0.72, 0.5)
_AMBIENT, _DIFFUSE, _HIGHLIGHT = 0.35, 0.65, 0.3


@dataclasses.dataclass(frozen=True)
class Config:
  """Static options.

  Attributes:
    resolution: side of the square image, pixels.
    azimuths: number of azimuths over the full turn.
    elevations: number of elevations, 0 to pi / 2.
    levels: number of levels of red, of green and of blue, 0 to 1.
    part: 'all'; 'seen', all but the gap; or 'gap', the zero-shot combinations.
    antialias: rays per pixel along each axis.
  """

  resolution: int = 64
  azimuths: int = 40
  elevations: int = 16
  levels: int = 12
  part: str = 'all'
  antialias: int = 1


def _nearest(origin, direction):
  """Distance to the pot and the normal there, over all of its pieces."""

  def met(state, here, facing):
    distance, normal = state
    closer = here < distance
    # A miss lies infinitely far away; its normal is never used.
    point = raycast.along(origin, direction, jnp.where(closer, here, 0.0))
    normal = tuple(
      jnp.where(closer, a, b) for a, b in zip(facing(point), normal)
    )
    return (jnp.where(closer, here, distance), normal), None

  def ellipsoid(state, piece):
    centre, radii = tuple(piece[0]), tuple(piece[1])
    here = raycast.hit_ellipsoid(origin, direction, centre, radii)
    facing = lambda p: raycast.normal_ellipsoid(p, centre, radii)
    return met(state, here, facing)

  def capsule(state, piece):
    start, end, radius = tuple(piece[0]), tuple(piece[1]), piece[2, 0]
    here = raycast.hit_capsule(origin, direction, start, end, radius)
    facing = lambda p: raycast.normal_capsule(p, start, end)
    return met(state, here, facing)

  # Loops, not twenty copies: the program stays small and each piece is traced
  # once.
  # Made from the rays: where these vary over devices, so must the start.
  zero = 0.0 * (origin[0] + direction[0])
  state = jnp.inf + zero, (zero,) * 3
  capsules = [(s, e, (r, r, r)) for s, e, r in _CAPSULES]
  state, _ = jax.lax.scan(ellipsoid, state, jnp.asarray(_ELLIPSOIDS))
  state, _ = jax.lax.scan(capsule, state, jnp.asarray(capsules))
  return state


def picture(
  side: int,
  rays: int,
  azimuth: jax.Array,
  elevation: jax.Array,
  colour: jax.Array,
) -> jax.Array:
  """One image of the pot.

  Args:
    side: pixels along each side.
    rays: rays per pixel along each axis.
    azimuth: float scalar, radians.
    elevation: float scalar, radians.
    colour: float [3], red, green and blue, 0 to 1.

  Returns:
    float32 [side, side, 3] in [0, 1].
  """
  origin, direction = raycast.camera(
    azimuth, elevation, _DISTANCE, _TARGET, _VIEW, side * rays
  )
  distance, normal = _nearest(origin, direction)
  lamp = raycast.unit(_LAMP)
  lambert = jnp.maximum(raycast.dot(lamp, normal), 0.0)
  half_way = raycast.unit(raycast.subtract(lamp, raycast.unit(direction)))
  shine = jnp.maximum(raycast.dot(half_way, normal), 0.0)
  for _ in range(4):
    shine = jnp.square(shine)
  on_pot = jnp.isfinite(distance)
  light = raycast.settle(jnp.where(on_pot, _AMBIENT + _DIFFUSE * lambert, 0.0))
  # White where the rays miss.
  rest = raycast.settle(jnp.where(on_pot, _HIGHLIGHT * shine, 1.0))
  image = light[..., None] * colour + rest[..., None]
  if rays > 1:
    image = image.reshape(side, rays, side, rays, 3).mean((1, 3))
  return jnp.clip(image, 0.0, 1.0)


def in_gap(factors: np.ndarray, values: tuple[np.ndarray, ...]) -> np.ndarray:
  """Whether grid points are zero-shot: red pots from above.

  Args:
    factors: int32 [N, 5].
    values: grid index -> real value, per factor.

  Returns:
    bool [N].
  """
  _, elevation, red, green, blue = (
    np.asarray(v)[factors[:, k]] for k, v in enumerate(values)
  )
  return (red > green + 0.15) & (red > blue + 0.15) & (elevation > np.pi / 4)


def make(config: Config) -> types.Dataset:
  """The data set.

  Args:
    config: static options.

  Returns:
    A procedural data set; observations are float32
    [resolution, resolution, 3] in [0, 1].

  Raises:
    ConfigError: an option out of range.
  """
  checks.integer('config.dataset.resolution', config.resolution, 8)
  for field in ('azimuths', 'elevations', 'levels', 'antialias'):
    checks.integer(f'config.dataset.{field}', getattr(config, field), 1)
  checks.choice('config.dataset.part', config.part, PARTS)
  level = np.linspace(0.0, 1.0, config.levels)
  values = (
    np.linspace(0.0, 2 * np.pi, config.azimuths, endpoint=False),
    np.linspace(0.0, np.pi / 2, config.elevations),
    level,
    level,
    level,
  )

  def render(arrays, factors, key):
    del arrays, key
    look = lambda k: jnp.asarray(values[k], jnp.float32)[factors[k]]
    colour = jnp.stack([look(2), look(3), look(4)])
    return picture(
      config.resolution, config.antialias, look(0), look(1), colour
    )

  dataset = factorial.make(
    name='lit_solid',
    factor_names=FACTORS,
    factor_values=values,
    observation_shape=(config.resolution, config.resolution, 3),
    render=render,
  )
  if config.part == 'all':
    return dataset
  gap = in_gap(factorial.grid(dataset.factor_sizes), values)
  keep = gap if config.part == 'gap' else ~gap
  return distributions.subset(dataset, keep)
