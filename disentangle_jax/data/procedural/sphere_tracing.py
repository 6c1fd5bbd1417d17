"""Pictures of solids that are known by their signed distance.

A ray walks by the distance to the surface, which no point within that distance
can be on (Hart 1996, "Sphere tracing"). `distance` is `(point) -> float` on
triples of arrays, as in `signed_distance`.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from disentangle_jax.data.procedural import raycast

Distance = Callable[[raycast.Vector], jax.Array]

# Nearer than this a ray has met the surface.
_TOUCH = 2e-3
_STEP = 1e-3  # of the differences that give a normal
_AMBIENT, _DIFFUSE = 0.35, 0.65
# Over the camera's left shoulder.
_LAMP = (-0.5, 0.7, 0.5)


def trace(
  distance: Distance,
  origin: raycast.Vector,
  direction: raycast.Vector,
  far: Any,
  steps: int,
) -> jax.Array:
  """How far rays go before they meet a surface.

  Args:
    distance: of the solid.
    origin: where rays start, outside of the solid.
    direction: of length 1.
    far: where to stop looking.
    steps: evaluations of the distance.

  Returns:
    float32 distances along the rays; infinity where no surface is met before
    `far`. A ray that starts inside has walked backwards, below 0.
  """
  point = lambda t: raycast.along(origin, direction, t)

  def body(_, state):
    t, _ = state
    # Beyond `far` a ray stands still, and counts as one that met nothing.
    gap = distance(point(t))
    return jnp.where(t < far, t + gap, t), gap

  shape = jnp.broadcast_shapes(*map(jnp.shape, (*origin, *direction)))
  start = jnp.zeros(shape)
  t, gap = jax.lax.fori_loop(0, steps, body, (start, start))
  return jnp.where((t < far) & (jnp.abs(gap) < _TOUCH), t, jnp.inf)


def gap_and_normal(
  distance: Distance, point: raycast.Vector
) -> tuple[jax.Array, raycast.Vector]:
  """Distances, and outward normals: the gradient of the distance, at length 1.

  By differences over the corners of a tetrahedron, which take four evaluations;
  their mean is the distance to second order.

  Args:
    distance: of the solid.
    point: triple of arrays, on the surface or near it.

  Returns:
    float32 of the points' shape, and a triple of length 1.
  """
  corners = jnp.asarray([[1, -1, -1], [-1, -1, 1], [-1, 1, -1], [1, 1, 1.0]])
  wide = lambda n: corners[:, n].reshape(4, *[1] * jnp.ndim(point[0]))
  around = tuple(p[None] + _STEP * wide(n) for n, p in enumerate(point))
  values = distance(around)
  slope = tuple(jnp.sum(values * wide(n), 0) for n in range(3))
  return jnp.mean(values, 0), raycast.unit(slope)


def normal(distance: Distance, point: raycast.Vector) -> raycast.Vector:
  """Outward normals; see `gap_and_normal`."""
  return gap_and_normal(distance, point)[1]


def picture(
  distance: Distance,
  paint: jax.Array,
  azimuth: jax.Array,
  elevation: jax.Array,
  view: dict[str, Any],
  far: float,
  steps: int,
) -> tuple[jax.Array, jax.Array]:
  """Colour and depth of a solid on white, lit from the camera's left (Lambert).

  Args:
    distance: of the solid.
    paint: float [3], its colour.
    azimuth: float [...], of the cameras, radians.
    elevation: float [...], radians.
    view: 'distance', 'target', 'field_of_view' and 'side' of
      `raycast.camera`.
    far: depth of pixels that show nothing.
    steps: of a ray.

  Returns:
    colour float32 [..., side, side, 3] in [0, 1] and depth float32
    [..., side, side]: distance along the camera's axis, `far` where a pixel
    shows nothing.
  """
  side = view['side']
  camera = lambda a, e: raycast.camera(a, e, side=side, **_but(view, 'side'))
  many = jnp.broadcast_shapes(jnp.shape(azimuth), jnp.shape(elevation))
  flat = lambda x: jnp.broadcast_to(x, many).reshape(-1)
  azimuths, elevations = flat(azimuth), flat(elevation)
  origin, slope = jax.vmap(camera)(azimuths, elevations)
  origin = tuple(o[:, None, None] for o in origin)
  # The camera's axis has a share of 1 in a slope, whose length says how much
  # longer the way is than its depth.
  length = jnp.sqrt(raycast.dot(slope, slope))
  direction = raycast.scale(slope, 1.0 / length)
  way = trace(distance, origin, direction, far * length, steps)
  met = jnp.isfinite(way)
  depth = jnp.where(met, way / length, far)
  point = raycast.along(origin, direction, jnp.where(met, way, 0.0))
  facing = normal(distance, point)
  sin, cos = (f(azimuths)[:, None, None] for f in (jnp.sin, jnp.cos))
  x, y, z = _LAMP
  lamp = raycast.unit((cos * x + sin * z, y, cos * z - sin * x))
  lambert = jnp.maximum(raycast.dot(facing, lamp), 0.0)
  light = _AMBIENT + _DIFFUSE * lambert
  colour = jnp.where(met[..., None], light[..., None] * paint, 1.0)
  shape = (*many, side, side)
  return colour.reshape(*shape, 3), depth.reshape(shape)


def _but(given: dict[str, Any], name: str) -> dict[str, Any]:
  return {key: value for key, value in given.items() if key != name}
