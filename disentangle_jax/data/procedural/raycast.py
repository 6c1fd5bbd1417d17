"""Where rays meet simple solids, in closed form.

Vectors are triples of arrays of one shape, x to the right, y up and z towards
the viewer of the scene, so that XLA fuses a whole picture into one loop. Every
`hit_*` returns the distance along the ray to the first surface met in front of
the origin, and infinity where there is none; directions need not have length 1.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

Vector = tuple[Any, Any, Any]

# Distances below this count as the surface that a ray starts from.
_NEAR = 1e-3


def settle(plane: jax.Array) -> jax.Array:
  """The same plane, computed once however many results read it.

  XLA on a CPU fuses cheap operations into each of their readers and so traces
  the same rays again and again (20 times the work, measured on a room of 64 x
  64 pixels). It never fuses a matrix product, here with the identity.

  Args:
    plane: bool or float32 [H, W], finite.

  Returns:
    float32 [H, W], equal to the input.
  """
  identity = np.eye(plane.shape[1], dtype=np.float32)
  exact = jax.lax.Precision.HIGHEST
  return jnp.matmul(plane.astype(jnp.float32), identity, precision=exact)


def add(a: Vector, b: Vector) -> Vector:
  """Sum of two vectors."""
  return (a[0] + b[0], a[1] + b[1], a[2] + b[2])


def subtract(a: Vector, b: Vector) -> Vector:
  """Difference of two vectors."""
  return (a[0] - b[0], a[1] - b[1], a[2] - b[2])


def scale(a: Vector, factor: Any) -> Vector:
  """A vector times a number."""
  return (a[0] * factor, a[1] * factor, a[2] * factor)


def dot(a: Vector, b: Vector) -> Any:
  """Inner product."""
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def unit(a: Vector) -> Vector:
  """The vector at length 1."""
  return scale(a, jax.lax.rsqrt(jnp.maximum(dot(a, a), 1e-12)))


def along(origin: Vector, direction: Vector, distance: Any) -> Vector:
  """The point at a distance along a ray."""
  return add(origin, scale(direction, distance))


def camera(
  azimuth: Any,
  elevation: Any,
  distance: float,
  target: Vector,
  field_of_view: float,
  side: int,
) -> tuple[Vector, Vector]:
  """Rays of a pinhole camera that looks at a point.

  Args:
    azimuth: float scalar, radians; 0 looks along -z, growing to the right.
    elevation: float scalar, radians over the horizontal plane.
    distance: from camera to target.
    target: the point in the middle of the image.
    field_of_view: whole angle of view, radians.
    side: pixels along each side of the image.

  Returns:
    origin (three scalars) and directions (three float32 [side, side] of any
    length), rows from the top.
  """
  sin_a, cos_a = jnp.sin(azimuth), jnp.cos(azimuth)
  sin_e, cos_e = jnp.sin(elevation), jnp.cos(elevation)
  back = (sin_a * cos_e, sin_e, cos_a * cos_e)
  right = (cos_a, 0.0, -sin_a)
  up = (-sin_a * sin_e, cos_e, -cos_a * sin_e)
  half = np.tan(field_of_view / 2)
  points = (np.arange(side, dtype=np.float32) + 0.5) * (2.0 / side) - 1.0
  points = (points * half).astype(np.float32)
  across, down = points[None, :], points[:, None]
  directions = tuple(
    across * r - down * u - b for r, u, b in zip(right, up, back)
  )
  return along(target, back, distance), directions


def _first(near: Any, far: Any, hit: Any) -> Any:
  """The nearer of two crossings that lies in front, else infinity."""
  distance = jnp.where(near > _NEAR, near, far)
  return jnp.where(hit & (distance > _NEAR), distance, jnp.inf)


def hit_sphere(
  origin: Vector, direction: Vector, centre: Vector, radius: Any
) -> Any:
  """A sphere: |o + t d - c|^2 = r^2.

  Args:
    origin: where rays start.
    direction: where they go.
    centre: of the sphere.
    radius: of the sphere.

  Returns:
    distances.
  """
  return hit_ellipsoid(origin, direction, centre, (radius, radius, radius))


def hit_ellipsoid(
  origin: Vector, direction: Vector, centre: Vector, radii: Vector
) -> Any:
  """An ellipsoid along the axes: a sphere in stretched space.

  Args:
    origin: where rays start.
    direction: where they go.
    centre: of the ellipsoid.
    radii: half axes.

  Returns:
    distances.
  """
  shrink = lambda v: tuple(a / r for a, r in zip(v, radii))
  start, step = shrink(subtract(origin, centre)), shrink(direction)
  a, b, c = dot(step, step), dot(start, step), dot(start, start) - 1.0
  inside = b * b - a * c
  root = jnp.sqrt(jnp.maximum(inside, 0.0))
  return _first((-b - root) / a, (-b + root) / a, inside >= 0.0)


def hit_box(
  origin: Vector, direction: Vector, centre: Vector, half: Vector
) -> Any:
  """A box along the axes, between three pairs of planes.

  Args:
    origin: where rays start.
    direction: where they go.
    centre: of the box.
    half: half of its sides.

  Returns:
    distances.
  """
  near, far = -jnp.inf, jnp.inf
  for o, d, c, h in zip(origin, direction, centre, half):
    # A direction of 0 gives a pair of infinities, which is right.
    inverse = 1.0 / jnp.where(jnp.abs(d) < 1e-9, 1e-9, d)
    middle, reach = (c - o) * inverse, jnp.abs(h * inverse)
    near = jnp.maximum(near, middle - reach)
    far = jnp.minimum(far, middle + reach)
  return _first(near, far, near <= far)


def hit_cylinder(
  origin: Vector, direction: Vector, centre: Vector, radius: Any, half: Any
) -> Any:
  """An upright cylinder with both lids: an endless one cut by two planes.

  Args:
    origin: where rays start.
    direction: where they go.
    centre: of the cylinder.
    radius: of its lids.
    half: half of its height.

  Returns:
    distances.
  """
  o = subtract(origin, centre)
  a = jnp.square(direction[0]) + jnp.square(direction[2])
  a = jnp.maximum(a, 1e-9)
  b = o[0] * direction[0] + o[2] * direction[2]
  c = jnp.square(o[0]) + jnp.square(o[2]) - jnp.square(radius)
  inside = b * b - a * c
  root = jnp.sqrt(jnp.maximum(inside, 0.0))
  dy = direction[1]
  inverse = 1.0 / jnp.where(jnp.abs(dy) < 1e-9, 1e-9, dy)
  middle, reach = -o[1] * inverse, jnp.abs(half * inverse)
  near = jnp.maximum((-b - root) / a, middle - reach)
  far = jnp.minimum((-b + root) / a, middle + reach)
  return _first(near, far, (inside >= 0.0) & (near <= far))


def hit_capsule(
  origin: Vector, direction: Vector, start: Vector, end: Vector, radius: Any
) -> Any:
  """All points within a radius of the line from `start` to `end`.

  The side is met where the ray's part across the line has the radius as its
  length, the ends where the ray meets the two spheres.

  Args:
    origin: where rays start, outside of the capsule.
    direction: where they go.
    start: one end of the line, another point than `end`.
    end: the other end.
    radius: of the capsule.

  Returns:
    distances.
  """
  axis, o = subtract(end, start), subtract(origin, start)
  aa, ad, ao = dot(axis, axis), dot(axis, direction), dot(axis, o)
  a = jnp.maximum(aa * dot(direction, direction) - ad * ad, 1e-9)
  b = aa * dot(o, direction) - ad * ao
  c = aa * (dot(o, o) - jnp.square(radius)) - ao * ao
  inside = b * b - a * c
  side = (-b - jnp.sqrt(jnp.maximum(inside, 0.0))) / a
  height = ao + side * ad
  on_side = (inside >= 0.0) & (height >= 0.0) & (height <= aa)
  side = jnp.where(on_side & (side > _NEAR), side, jnp.inf)
  first = hit_sphere(origin, direction, start, radius)
  return jnp.minimum(
    side, jnp.minimum(first, hit_sphere(origin, direction, end, radius))
  )


def normal_ellipsoid(point: Vector, centre: Vector, radii: Vector) -> Vector:
  """Outward normal of an ellipsoid at a point of its surface, length 1."""
  offset = subtract(point, centre)
  return unit(tuple(a / (r * r) for a, r in zip(offset, radii)))


def normal_box(point: Vector, centre: Vector, half: Vector) -> Vector:
  """Outward normal of a box at a point of its surface, length 1."""
  share = tuple(
    a / h for a, h in zip(subtract(point, centre), half, strict=True)
  )
  size = tuple(jnp.abs(s) for s in share)
  first = (size[0] >= size[1]) & (size[0] >= size[2])
  second = ~first & (size[1] >= size[2])
  third = ~first & ~second
  return tuple(
    jnp.where(chosen, jnp.sign(s), 0.0)
    for chosen, s in zip((first, second, third), share)
  )


def normal_cylinder(
  point: Vector, centre: Vector, radius: Any, half: Any
) -> Vector:
  """Outward normal of an upright cylinder at its surface, length 1."""
  o = subtract(point, centre)
  across = (jnp.square(o[0]) + jnp.square(o[2])) / jnp.square(radius)
  lid = jnp.abs(o[1]) / half >= jnp.sqrt(across)
  side = unit((o[0], jnp.zeros_like(o[1]), o[2]))
  return (
    jnp.where(lid, 0.0, side[0]),
    jnp.where(lid, jnp.sign(o[1]), 0.0),
    jnp.where(lid, 0.0, side[2]),
  )


def normal_capsule(point: Vector, start: Vector, end: Vector) -> Vector:
  """Outward normal of a capsule at its surface, length 1."""
  axis = subtract(end, start)
  share = dot(subtract(point, start), axis) / dot(axis, axis)
  nearest = along(start, axis, jnp.clip(share, 0.0, 1.0))
  return unit(subtract(point, nearest))
