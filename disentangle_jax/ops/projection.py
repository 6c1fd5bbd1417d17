"""Pictures of an occupancy grid without anything learnt.

Yan et al. 2016, "Perspective Transformer Nets", https://arxiv.org/abs/1612.00814,
with the expected depth of Yan et al. 2018, https://arxiv.org/abs/1708.07303: on
the ray of a pixel the grid is read at K depths t_1 < ... < t_K, by trilinear
interpolation between the middles of cells. With v_k in [0, 1],

  silhouette = 1 - prod_k (1 - v_k)        ('max': max_k v_k, as in 2016)
  depth = sum_k t_k v_k prod_{j<k} (1 - v_j) + t_far prod_k (1 - v_k)

A grid [n, n, n] fills the cube of side 1 on the table: its first axis goes up,
y from 0 to 1, the second along z from -1/2 to 1/2 towards a camera at azimuth
0, the third along x from -1/2 to 1/2 to that camera's right. Outside of the
cube there is nothing.
"""

from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax.ops import maxima, poses

SILHOUETTES = ('product', 'max')
# The middle of the cube, which cameras look at.
CENTRE = (0.0, 0.5, 0.0)
# From there to a corner.
RADIUS = 0.75**0.5


class Scene(NamedTuple):
  """Cameras and grid of a data set.

  Attributes:
    side: pixels along each side of an image.
    grid: n, cells along each axis.
    distance: of cameras from the middle of the cube.
    field_of_view: whole angle of view, radians.
  """

  side: int
  grid: int
  distance: float
  field_of_view: float

  @property
  def near(self) -> float:
    """Depth in front of which nothing is."""
    return self.distance - RADIUS

  @property
  def far(self) -> float:
    """Depth behind which nothing is; of pixels that show nothing."""
    return self.distance + RADIUS


def rays(
  scene: Scene, azimuth: jax.Array, elevation: jax.Array
) -> tuple[jax.Array, jax.Array]:
  """Rays of a pinhole camera, one per pixel.

  Args:
    scene: of the camera.
    azimuth: float scalar, radians; 0 looks along -z.
    elevation: float scalar, radians over the table.

  Returns:
    origin float32 [3] and slopes float32 [side, side, 3], rows from the top; a
    slope times a depth along the camera's axis is the way from the origin.
  """
  chex.assert_rank([azimuth, elevation], 0)
  sin_a, cos_a = jnp.sin(azimuth), jnp.cos(azimuth)
  sin_e, cos_e = jnp.sin(elevation), jnp.cos(elevation)
  back = jnp.stack([sin_a * cos_e, sin_e, cos_a * cos_e])
  right = jnp.stack([cos_a, 0.0 * cos_a, -sin_a])
  up = jnp.stack([-sin_a * sin_e, cos_e, -cos_a * sin_e])
  middles = (np.arange(scene.side) + 0.5) * (2.0 / scene.side) - 1.0
  reach = (middles * np.tan(scene.field_of_view / 2)).astype(np.float32)
  across, down = reach[None, :, None], reach[:, None, None]
  slopes = across * right - down * up - back
  return jnp.asarray(CENTRE) + scene.distance * back, slopes


def span(
  origin: jax.Array, slope: jax.Array, scene: Scene
) -> tuple[jax.Array, jax.Array]:
  """Where rays enter and leave the cube.

  Args:
    origin: float [..., 3].
    slope: float [..., 3].
    scene: whose near and far bound what is returned.

  Returns:
    float [...] twice; of a ray that misses the cube both are `scene.far`.
  """
  chex.assert_shape([origin, slope], (..., 3))
  safe = jnp.where(jnp.abs(slope) < 1e-9, 1e-9, slope)
  middle = (jnp.asarray(CENTRE) - origin) / safe
  reach = jnp.abs(0.5 / safe)
  enter = jnp.max(middle - reach, axis=-1)
  leave = jnp.min(middle + reach, axis=-1)
  hits = enter < leave
  clip = lambda t: jnp.clip(jnp.where(hits, t, scene.far), 0.0, scene.far)
  return clip(enter), clip(leave)


def depths(enter: jax.Array, leave: jax.Array, count: int) -> jax.Array:
  """K depths in the middles of equal parts of a span.

  Args:
    enter: float [...].
    leave: float [...].
    count: K.

  Returns:
    float [..., K], rising.
  """
  chex.assert_equal_shape([enter, leave])
  share = (np.arange(count) + 0.5).astype(np.float32) / count
  return enter[..., None] + (leave - enter)[..., None] * share


def read(volume: jax.Array, point: jax.Array) -> jax.Array:
  """A grid at points, by trilinear interpolation; 0 outside.

  Args:
    volume: float [n, n, n], as the module says.
    point: float [..., 3], x, y and z.

  Returns:
    float [...].
  """
  chex.assert_shape(volume, (None, None, None))
  chex.assert_equal(volume.shape[0], volume.shape[1])
  chex.assert_equal(volume.shape[0], volume.shape[2])
  chex.assert_shape(point, (..., 3))
  n = volume.shape[0]
  x, y, z = (point[..., k] for k in range(3))
  # In cells, counted from the middle of the first one; one layer of nothing
  # around the grid.
  cell = jnp.stack([y, z + 0.5, x + 0.5], axis=-1) * n + 0.5
  cell = jnp.clip(cell, 0.0, n + 1.0 - 1e-4)
  corner = jnp.floor(cell).astype(jnp.int32)
  share = cell - corner
  padded = jnp.pad(volume, 1)
  # All eight corners of a cell beside each other: one gather of rows instead
  # of eight of numbers, which is what takes the time, there and back.
  cells = padded
  for axis in range(3):
    low = jax.lax.slice_in_dim(cells, 0, n + 1, axis=axis)
    high = jax.lax.slice_in_dim(cells, 1, n + 2, axis=axis)
    cells = jnp.stack([low, high], axis=-1)
  rows = cells.reshape((n + 1) ** 3, 8)
  number = (corner[..., 0] * (n + 1) + corner[..., 1]) * (n + 1)
  number = number + corner[..., 2]
  values = rows[number].reshape(*number.shape, 2, 2, 2)
  for axis in (2, 1, 0):
    weight = share[..., axis].reshape(*number.shape, *[1] * axis)
    values = values[..., 0] * (1 - weight) + values[..., 1] * weight
  return values


def composite(
  values: jax.Array, depth: jax.Array, far: float, silhouette: str = 'product'
) -> tuple[jax.Array, jax.Array]:
  """Silhouette and expected depth of rays.

  Args:
    values: float [..., K] in [0, 1], from near to far.
    depth: float [..., K] or whatever broadcasts to it, where they were read.
    far: depth of what passes through.
    silhouette: one of SILHOUETTES.

  Returns:
    silhouette float [...] in [0, 1] and depth float [...].
  """
  chex.assert_is_broadcastable(depth.shape, values.shape)
  chex.assert_type(values, float)
  through = jnp.cumprod(1.0 - values, axis=-1)
  before = jnp.concatenate(
    [jnp.ones_like(through[..., :1]), through[..., :-1]], axis=-1
  )
  left = through[..., -1]
  expected = jnp.sum(depth * values * before, axis=-1) + far * left
  if silhouette == 'max':
    return maxima.largest(values, -1), expected
  return 1.0 - left, expected


def values_along(
  volume: jax.Array,
  origin: jax.Array,
  slope: jax.Array,
  scene: Scene,
  count: int,
) -> tuple[jax.Array, jax.Array]:
  """A grid along rays.

  Args:
    volume: float [n, n, n].
    origin: float [3], or [..., 3].
    slope: float [..., 3].
    scene: of the camera.
    count: K, depths per ray, spread over the ray's way through the cube.

  Returns:
    values and depths, float [..., K].
  """
  origin = jnp.broadcast_to(origin, slope.shape)
  depth = depths(*span(origin, slope, scene), count)
  point = origin[..., None, :] + depth[..., None] * slope[..., None, :]
  return read(volume, point), depth


def along_rays(
  volume: jax.Array,
  origin: jax.Array,
  slope: jax.Array,
  scene: Scene,
  count: int,
  silhouette: str = 'product',
) -> tuple[jax.Array, jax.Array]:
  """What rays see of a grid, see `values_along` and `composite`.

  Args:
    volume: float [n, n, n] in [0, 1].
    origin: float [3], or [..., 3].
    slope: float [..., 3].
    scene: of the camera.
    count: K, depths per ray.
    silhouette: one of SILHOUETTES.

  Returns:
    silhouette and depth, float [...].
  """
  values, depth = values_along(volume, origin, slope, scene, count)
  return composite(values, depth, scene.far, silhouette)


def local_view(
  volume: jax.Array,
  pose: jax.Array,
  side: int,
  window: float,
  reach: float,
  count: int,
) -> jax.Array:
  """Depths that a camera in the hand sees, without perspective.

  It stands `reach` / 2 behind the middle between the pads, looks along the
  approach axis as far as `reach`, and has the closing axis upright.

  Args:
    volume: float [n, n, n] in [0, 1].
    pose: float [..., 9], see `ops.poses`.
    side: pixels along each side.
    window: length along each side of what it sees.
    reach: depth of what it sees.
    count: K, depths per pixel.

  Returns:
    float [..., side, side], 0 at the camera, 1 at `reach` and where nothing is.
  """
  position, approach, closing = poses.parts(pose)
  across = jnp.cross(approach, closing)
  middles = ((np.arange(side) + 0.5) / side - 0.5).astype(np.float32) * window
  wide = lambda x: x[..., None, None, :]
  start = wide(position - 0.5 * reach * approach)
  start = start - middles[:, None, None] * wide(closing)
  start = start + middles[None, :, None] * wide(across)
  depth = ((np.arange(count) + 0.5) / count).astype(np.float32)
  step = (reach * approach)[..., None, None, None, :]
  point = start[..., None, :] + depth[:, None] * step
  return composite(read(volume, point), jnp.asarray(depth), 1.0)[1]
