"""Kitchen things on a table, seen from around, and grasps that hold them.

After the data of Yan et al. 2018, "Learning 6-DOF grasping interaction via deep
geometry-aware 3D representations", https://arxiv.org/abs/1708.07303, which are
not public: 101 objects of seven categories, 150,000 grasps by hand in virtual
reality, labelled by a physics simulator. Here objects are signed distances
(`vessels`), pictures are traced on the device (`sphere_tracing`), grasps are
drawn and labelled by an analytic gripper (`gripping`), half of them successes
for every object. Numbers on it are not numbers on the paper's data.

An observation has five channels: red, green, blue, depth (0 at the near end of
the cube that holds the object, 1 at its far end and where there is nothing) and
the camera's elevation over 90 degrees, alike in all pixels. Grids, poses and
cameras are given in the frame of the observation's own camera, which stands at
azimuth 0 of it: a single view then decides them.

Training draws `instances` objects of each category at `elevations`; of
`novel_instances` more and of `new_elevations` there are views for scores alone,
in `arrays`. All is made once for a study and kept by the process.

Fields of a batch:

  cameras    float32 [V, 2], azimuth and elevation (radians) of all views of the
             object at `elevations`, its own first
  masks      bool [V, H, W], where they show the object
  depths     float32 [V, H, W], along the camera's axis
  pose       float32 [G, 9], see `ops.poses`
  label      float32 [G], 1 where the pose holds the object: every second one
  occupancy  float32 [n, n, n], the true grid (`ops.projection`): the share of a
             cell that is inside, from the distance at its middle
"""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import checks, errors, types
from disentangle_jax.data import factorial
from disentangle_jax.data.procedural import (
  colours,
  gripping,
  raycast,
  sphere_tracing,
  vessels,
)
from disentangle_jax.ops import poses, projection

FACTORS = ('category', 'instance', 'elevation', 'azimuth')
_STEPS = 48  # of a ray
_FINE = 24  # cells along each axis where the centroid is taken


@dataclasses.dataclass(frozen=True)
class Config:
  """Static options.

  Attributes:
    resolution: side of the square images, pixels.
    grid: cells of the true occupancy along each axis.
    instances: objects of each category that training draws.
    novel_instances: further ones of each category, for scores.
    elevations: of the cameras that training draws, degrees.
    new_elevations: further ones, for scores, degrees.
    views: cameras at each elevation of an object, at azimuths of their own.
    grasps: labelled poses of each object, even.
    distance: of the cameras from the middle of the cube of side 1 that holds
      the object.
    field_of_view: of the cameras, degrees; the cube must be in view.
    objects_seed: of objects, cameras and poses.
  """

  resolution: int = 64
  grid: int = 32
  instances: int = 11
  novel_instances: int = 3
  elevations: tuple[float, ...] = (15.0, 45.0)
  new_elevations: tuple[float, ...] = (30.0, 60.0)
  views: int = 4
  grasps: int = 100
  distance: float = 2.4
  field_of_view: float = 43.0
  objects_seed: int = 0


def _check(config: Config) -> projection.Scene:
  """What cameras see; raises ConfigError for an option out of range."""
  of = lambda field: f'config.dataset.{field}'
  for field, least in (
    ('resolution', 8),
    ('grid', 4),
    ('instances', 1),
    ('novel_instances', 1),
    ('views', 1),
    ('grasps', 2),
    ('objects_seed', 0),
  ):
    checks.integer(of(field), getattr(config, field), least)
  if config.grasps % 2:
    rule = "must be even, for half of an object's poses hold it"
    raise errors.value(of('grasps'), config.grasps, rule)
  for field in ('elevations', 'new_elevations'):
    for degrees in getattr(config, field) or (None,):
      if not checks.is_number(degrees) or not 0.0 < degrees < 90.0:
        rule = 'must be degrees over the table, over 0 and below 90'
        raise errors.value(of(field), getattr(config, field), rule)
  checks.number(of('distance'), config.distance, 0.0, 100.0)
  checks.number(of('field_of_view'), config.field_of_view, 0.0, 175.0)
  least = np.inf
  if config.distance > projection.RADIUS:
    least = 2 * np.rad2deg(np.arcsin(projection.RADIUS / config.distance))
  if config.field_of_view < least:
    rule = (
      f'does not show the whole grid from distance {config.distance:g}: must '
      f'be at least {least:.3g} degrees'
    )
    if not np.isfinite(least):
      rule = (
        f'the camera at distance {config.distance:g} stands in the grid: the '
        f'distance must be over {projection.RADIUS:.3g}'
      )
    raise errors.value(of('field_of_view'), config.field_of_view, rule)
  return projection.Scene(
    config.resolution,
    config.grid,
    config.distance,
    float(np.deg2rad(config.field_of_view)),
  )


def middles(grid: int) -> raycast.Vector:
  """Middles of the cells of a grid, x, y and z of float32 [n, n, n]."""
  share = (np.arange(grid, dtype=np.float32) + 0.5) / grid
  y, z, x = np.meshgrid(share, share - 0.5, share - 0.5, indexing='ij')
  return x, y, z


def coverage(
  distance: sphere_tracing.Distance, grid: int, azimuth: jax.Array
) -> jax.Array:
  """The occupancy of a solid in the frame of a camera.

  Args:
    distance: of the solid.
    grid: n.
    azimuth: float scalar, of the camera, radians.

  Returns:
    float32 [n, n, n], 1/2 where the surface passes through a cell's middle, 0
    and 1 where it is half a cell away.
  """
  points = jnp.stack(middles(grid), axis=-1)
  # From the frame to the world: the other way round than `seen_from`.
  world = poses.seen_from(points, -azimuth)
  own = distance(tuple(world[..., n] for n in range(3)))
  return jnp.clip(0.5 - own * grid, 0.0, 1.0)


def _one_object(
  config: Config, scene: projection.Scene, number: jax.Array
) -> dict[str, jax.Array]:
  """All tables of one object."""
  key = jax.random.fold_in(jax.random.key(config.objects_seed), number)
  size_key, hue_key, azimuth_key, grasp_key = jax.random.split(key, 4)
  category = number % len(vessels.CATEGORIES)
  size = vessels.sizes(size_key)
  distance = functools.partial(vessels.distance, category, size)
  elevations = (*config.elevations, *config.new_elevations)
  elevation = jnp.deg2rad(jnp.asarray(elevations, jnp.float32))
  azimuth = jax.random.uniform(
    azimuth_key, (len(elevations), config.views), maxval=2 * jnp.pi
  )
  # A little grey in every colour keeps the shading visible on pure hues.
  paint = 0.1 + 0.8 * colours.hue_to_rgb(jax.random.uniform(hue_key))
  view = {
    'distance': scene.distance,
    'target': projection.CENTRE,
    'field_of_view': scene.field_of_view,
    'side': scene.side,
  }
  colour, depth = sphere_tracing.picture(
    distance, paint, azimuth, elevation[:, None], view, scene.far, _STEPS
  )
  x, y, z = middles(_FINE)
  inside = distance((x, y, z)) < 0.0
  centroid = jnp.stack(
    [jnp.sum(jnp.where(inside, part, 0.0)) for part in (x, y, z)]
  ) / jnp.maximum(jnp.sum(inside), 1)
  grasps = gripping.balanced(grasp_key, distance, centroid, config.grasps)
  cover = jax.vmap(jax.vmap(lambda a: coverage(distance, config.grid, a)))
  in_bytes = lambda x: jnp.round(255 * x).astype(jnp.uint8)
  return {
    'category': category,
    'size': size,
    'centroid': centroid,
    'azimuth': azimuth,
    'colour': in_bytes(colour),
    'depth': depth.astype(jnp.float16),
    'occupancy': in_bytes(cover(azimuth)),
    'pose': grasps.pose,
    'label': grasps.label,
    'enough': grasps.enough,
    'share': grasps.share,
  }


@functools.lru_cache(maxsize=4)
def tables(config: Config) -> dict[str, np.ndarray]:
  """All views and grasps of a study, made once per process.

  Args:
    config: checked options.

  Returns:
    Arrays with an axis of objects [O] first: object i is of category i modulo
    7, and those of training come before the novel ones. 'category' int32 [O],
    'size' float32 [O, 6], 'centroid' float32 [O, 3], 'azimuth' float32
    [O, E, V] of the cameras at the E elevations, radians; 'colour' uint8
    [O, E, V, H, W, 3], 'depth' float16 [O, E, V, H, W], 'occupancy' uint8
    [O, E, V, n, n, n]; 'pose' float32 [O, G, 9] in the world, 'label' bool
    [O, G].

  Raises:
    ConfigError: an object without enough successes or failures.
  """
  scene = _check(config)
  every = config.instances + config.novel_instances
  numbers = jnp.arange(every * len(vessels.CATEGORIES), dtype=jnp.int32)
  # One after the other: the category then is one branch, not all seven.
  make_all = lambda numbers: jax.lax.map(
    functools.partial(_one_object, config, scene), numbers
  )
  arrays = jax.device_get(jax.jit(make_all)(numbers))
  enough = arrays.pop('enough')
  if not enough.all():
    lacking = int(np.argmin(enough))
    name = vessels.CATEGORIES[lacking % len(vessels.CATEGORIES)]
    rule = f'object {lacking} ({name}) has too few poses that hold it'
    raise errors.value('config.dataset.grasps', config.grasps, rule)
  return arrays


def observation(
  arrays: Any,
  scene: projection.Scene,
  degrees: tuple[float, ...],
  view: tuple[jax.Array, jax.Array, jax.Array],
) -> jax.Array:
  """What a camera sees, in five channels.

  Args:
    arrays: of the data set.
    scene: its cameras.
    degrees: all elevations, in the order of the tables.
    view: numbers of object, elevation and camera.

  Returns:
    float32 [..., H, W, 5] in [0, 1], where the numbers are [...].
  """
  colour = arrays['colour'][view].astype(jnp.float32) / 255.0
  depth = arrays['depth'][view].astype(jnp.float32)
  depth = (depth - scene.near) / (scene.far - scene.near)
  height = jnp.asarray(degrees, jnp.float32)[view[1]] / 90.0
  height = jnp.broadcast_to(height[..., None, None], depth.shape)
  rest = jnp.stack([jnp.clip(depth, 0.0, 1.0), height], axis=-1)
  return jnp.concatenate([colour, rest], axis=-1)


def make(config: Config) -> types.Dataset:
  """The data set.

  Args:
    config: static options.

  Returns:
    Observations float32 [resolution, resolution, 5] in [0, 1], with the fields
    of the module's docstring; 'elevation' is in degrees. `extras['scene']` is a
    `projection.Scene`; `arrays` are `tables`, where objects from 7 `instances`
    on are novel, and elevations behind those of training are new.

  Raises:
    ConfigError: an option out of range, a grid that the cameras do not see, or
      an object that cannot be held.
  """
  config = dataclasses.replace(
    config,
    elevations=tuple(config.elevations),
    new_elevations=tuple(config.new_elevations),
  )
  scene = _check(config)
  degrees = (*config.elevations, *config.new_elevations)
  angles = np.deg2rad(np.asarray(config.elevations, np.float32))
  seen = len(config.elevations)
  categories = len(vessels.CATEGORIES)
  every = config.instances + config.novel_instances

  def view_of(factors):
    return factors[1] * categories + factors[0], factors[2], factors[3]

  def render(arrays, factors, key):
    del key
    return observation(arrays, scene, degrees, view_of(factors))

  def in_turn(factors):
    """Numbers of all views that training draws, the observation's first."""
    own = factors[2] * config.views + factors[3]
    return (own + jnp.arange(seen * config.views)) % (seen * config.views)

  def all_views(arrays, name, factors):
    table = arrays[name][view_of(factors)[0], :seen]
    return table.reshape(-1, *table.shape[2:])[in_turn(factors)]

  def cameras(arrays, factors, key):
    del key
    azimuth = all_views(arrays, 'azimuth', factors)
    elevation = jnp.repeat(jnp.asarray(angles), config.views)
    return jnp.stack(
      [azimuth - azimuth[0], elevation[in_turn(factors)]], axis=-1
    )

  def depths(arrays, factors, key):
    del key
    return all_views(arrays, 'depth', factors).astype(jnp.float32)

  def masks(arrays, factors, key):
    # Room for the rounding of half floats; nothing is so near to the corner.
    return depths(arrays, factors, key) < scene.far - 5e-3

  def pose(arrays, factors, key):
    del key
    at = view_of(factors)
    return poses.pose_seen_from(arrays['pose'][at[0]], arrays['azimuth'][at])

  def label(arrays, factors, key):
    del key
    return arrays['label'][view_of(factors)[0]].astype(jnp.float32)

  def occupancy(arrays, factors, key):
    del key
    return arrays['occupancy'][view_of(factors)].astype(jnp.float32) / 255.0

  fields = (cameras, masks, depths, pose, label, occupancy)
  return factorial.make(
    name='graspable',
    factor_names=FACTORS,
    factor_values=(
      np.arange(float(categories)),
      np.arange(float(config.instances)),
      np.asarray(config.elevations, np.float64),
      np.arange(float(config.views)),
    ),
    observation_shape=(config.resolution, config.resolution, 5),
    render=render,
    arrays=jax.tree.map(jnp.asarray, dict(tables(config))),
    fields={field.__name__: field for field in fields},
    extras={
      'scene': scene,
      'novel': {
        'first': config.instances * categories,
        'objects': every * categories,
        'elevations': degrees,
        'seen': seen,
        'cameras': config.views,
      },
    },
  )
