"""3D Shapes, ray-cast on the device instead of downloaded.

Burgess & Kim, "3D Shapes Dataset", 2018,
https://github.com/google-deepmind/3d-shapes. Factors in the published order:
floor_hue, wall_hue and object_hue (10 each, 0 to 0.9), scale (8, 0.75 to 1.25),
shape (cube, cylinder, sphere, capsule) and orientation (15, -30 to 30 degrees,
the direction from which the camera looks): 480,000 images of 64 x 64 x 3.

The scene is a square room with one object in the middle of its floor, lit by a
lamp over the camera's left shoulder: Lambert shading, a highlight on the object
and its shadow on floor and walls. Rays meet all surfaces in closed form. It
resembles the published images and is not a copy of them: camera, room and lamp
are this project's, so numbers on it are not numbers on 3D Shapes (for which see
`shapes3d_file`).
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import checks, types
from disentangle_jax.data import factorial
from disentangle_jax.data.procedural import colours, raycast

FACTORS = (
  'floor_hue',
  'wall_hue',
  'object_hue',
  'scale',
  'shape',
  'orientation',
)
SHAPES = ('cube', 'cylinder', 'sphere', 'capsule')

# Lengths in units of about half an object.
_ROOM = 5.0
_DISTANCE = 6.2
_TARGET = (0.0, 1.15, 0.0)
_ELEVATION = np.deg2rad(17.0)
_VIEW = np.deg2rad(40.0)
_LAMP = (-2.2, 5.6, 2.6)
_AMBIENT, _DIFFUSE, _HIGHLIGHT = 0.42, 0.62, 0.35
# What remains of the lamp's light in a shadow.
_SHADOW = 0.35
# At scale 1: half side; radius and half height; radius; radius and half the
# line inside the capsule.
_CUBE, _CYLINDER, _SPHERE, _CAPSULE = 0.78, (0.78, 0.85), 0.95, (0.62, 0.55)


DISPLAY = '3D Shapes'


@dataclasses.dataclass(frozen=True)
class Config:
  """Static options.

  Attributes:
    resolution: side of the square image, pixels.
    hues: number of hues of floor, wall and object.
    scales: number of scales.
    orientations: number of directions of view.
    antialias: rays per pixel along each axis.
  """

  resolution: int = 64
  hues: int = 10
  scales: int = 8
  orientations: int = 15
  antialias: int = 1


def _object(size: jax.Array, shape: jax.Array):
  """The functions `hit` and `normal` of the object on the floor."""
  cube = (_CUBE * size,) * 3
  radius, half = _CYLINDER[0] * size, _CYLINDER[1] * size
  on_floor = lambda height: (0.0, height, 0.0)
  # A sphere is a capsule around a very short line.
  ball = shape == 2
  thick = jnp.where(ball, _SPHERE, _CAPSULE[0]) * size
  line = jnp.where(ball, 1e-3, 2 * _CAPSULE[1]) * size
  ends = on_floor(thick), on_floor(thick + line)

  def hit(origin, direction):
    return jnp.where(
      shape == 0,
      raycast.hit_box(origin, direction, on_floor(cube[0]), cube),
      jnp.where(
        shape == 1,
        raycast.hit_cylinder(origin, direction, on_floor(half), radius, half),
        raycast.hit_capsule(origin, direction, *ends, thick),
      ),
    )

  def normal(point):
    box = raycast.normal_box(point, on_floor(cube[0]), cube)
    tube = raycast.normal_cylinder(point, on_floor(half), radius, half)
    round_ = raycast.normal_capsule(point, *ends)
    return tuple(
      jnp.where(shape == 0, a, jnp.where(shape == 1, b, c))
      for a, b, c in zip(box, tube, round_)
    )

  return hit, normal


def _room(origin, direction):
  """Distance to floor and to walls, seen from inside; y = 0 is the floor."""
  down = direction[1]
  floor = jnp.where(
    down < -1e-6, -origin[1] / jnp.minimum(down, -1e-6), jnp.inf
  )

  def wall(o, d):
    inverse = 1.0 / jnp.where(jnp.abs(d) < 1e-9, 1e-9, d)
    return jnp.abs(_ROOM * inverse) - o * inverse

  across = wall(origin[0], direction[0])
  ahead = wall(origin[2], direction[2])
  return floor, across, ahead


def picture(
  side: int,
  rays: int,
  hues: jax.Array,
  size: jax.Array,
  shape: jax.Array,
  azimuth: jax.Array,
) -> jax.Array:
  """One image of the room.

  Args:
    side: pixels along each side.
    rays: rays per pixel along each axis.
    hues: float [3] of floor, walls and object, 0 to 1.
    size: float scalar, the object's scale.
    shape: int32 scalar, index into SHAPES.
    azimuth: float scalar, direction of view, radians.

  Returns:
    float32 [side, side, 3] in [0, 1].
  """
  origin, direction = raycast.camera(
    azimuth, _ELEVATION, _DISTANCE, _TARGET, _VIEW, side * rays
  )
  hit, normal = _object(size, shape)
  thing = hit(origin, direction)
  floor, across, ahead = _room(origin, direction)
  wall = jnp.minimum(across, ahead)
  distance = jnp.minimum(thing, jnp.minimum(floor, wall))
  on_thing = thing <= jnp.minimum(floor, wall)
  distance = raycast.settle(distance)
  on_thing = raycast.settle(on_thing) > 0.5
  on_floor = raycast.settle(~on_thing & (floor <= wall)) > 0.5
  point = raycast.along(origin, direction, distance)

  facing = normal(point)
  side_wall = ~on_floor & (across < ahead)
  room_normal = (
    jnp.where(side_wall, -jnp.sign(direction[0]), 0.0),
    jnp.where(on_floor, 1.0, 0.0),
    jnp.where(on_floor | side_wall, 0.0, -jnp.sign(direction[2])),
  )
  facing = tuple(
    raycast.settle(jnp.where(on_thing, a, b))
    for a, b in zip(facing, room_normal)
  )

  to_lamp = raycast.subtract(_LAMP, point)
  lambert = jnp.maximum(raycast.dot(raycast.unit(to_lamp), facing), 0.0)
  # The object is convex: it shades itself by its normals alone.
  blocked = ~on_thing & (hit(point, to_lamp) < 1.0)
  light = _AMBIENT + _DIFFUSE * lambert * jnp.where(blocked, _SHADOW, 1.0)
  # Blinn-Phong: the half-way vector between lamp and eye.
  half_way = raycast.unit(
    raycast.subtract(raycast.unit(to_lamp), raycast.unit(direction))
  )
  shine = jnp.maximum(raycast.dot(half_way, facing), 0.0)
  for _ in range(5):
    shine = jnp.square(shine)
  shine = jnp.where(on_thing, _HIGHLIGHT * shine, 0.0)

  # A little grey in every colour keeps the shading visible on pure hues.
  paint = 0.08 + 0.88 * colours.hue_to_rgb(hues)
  light, shine = raycast.settle(light), raycast.settle(shine)
  colour = jnp.where(
    on_thing[..., None],
    paint[2],
    jnp.where(on_floor[..., None], paint[0], paint[1]),
  )
  image = colour * light[..., None] + shine[..., None]
  if rays > 1:
    image = image.reshape(side, rays, side, rays, 3).mean((1, 3))
  return jnp.clip(image, 0.0, 1.0)


def make(config: Config) -> types.Dataset:
  """The data set.

  Args:
    config: static options.

  Returns:
    A procedural data set; observations are float32
    [resolution, resolution, 3] in [0, 1]; orientations are in degrees.

  Raises:
    ConfigError: an option out of range.
  """
  checks.integer('config.dataset.resolution', config.resolution, 8)
  for field in ('hues', 'scales', 'orientations', 'antialias'):
    checks.integer(f'config.dataset.{field}', getattr(config, field), 1)
  hues = np.arange(config.hues) / config.hues
  values = (
    hues,
    hues,
    hues,
    np.linspace(0.75, 1.25, config.scales),
    np.arange(4.0),
    np.linspace(-30.0, 30.0, config.orientations),
  )
  n, a = config.resolution, config.antialias

  def render(arrays, factors, key):
    del arrays, key
    look = lambda k: jnp.asarray(values[k], jnp.float32)[factors[k]]
    azimuth = jnp.deg2rad(look(5))
    hue = jnp.asarray(hues, jnp.float32)[factors[:3]]
    return picture(n, a, hue, look(3), factors[4], azimuth)

  return factorial.make(
    name='shapes3d',
    factor_names=FACTORS,
    factor_values=values,
    observation_shape=(n, n, 3),
    render=render,
  )
