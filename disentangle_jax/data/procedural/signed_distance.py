"""Solids by their signed distance: negative inside, 0 on the surface.

Points are triples of arrays of one shape (`raycast.Vector`), y up. Distances
are exact for sphere, box, cylinder, capsule and torus; of an ellipsoid, of a
union from inside and of a hollow solid they are bounds, never too large by
more than rounding near the surface, so that a ray that walks by them does not
step over it.
"""

from typing import Any

import jax.numpy as jnp

from disentangle_jax.data.procedural import raycast

Vector = raycast.Vector


def _length(*parts: Any) -> Any:
  # A little above 0: the root has a gradient everywhere.
  return jnp.sqrt(sum(jnp.square(part) for part in parts) + 1e-12)


def sphere(point: Vector, centre: Vector, radius: Any) -> Any:
  """Distance to a sphere.

  Args:
    point: where.
    centre: of the sphere.
    radius: of the sphere.

  Returns:
    distances, shaped as the point's parts.
  """
  return _length(*raycast.subtract(point, centre)) - radius


def ellipsoid(point: Vector, centre: Vector, radii: Vector) -> Any:
  """Distance to an ellipsoid along the axes, to first order.

  With k0 = |p / r| and k1 = |p / r^2|: k0 (k0 - 1) / k1.

  Args:
    point: where.
    centre: of the ellipsoid.
    radii: half axes.

  Returns:
    distances.
  """
  offset = raycast.subtract(point, centre)
  share = _length(*(a / r for a, r in zip(offset, radii)))
  slope = _length(*(a / (r * r) for a, r in zip(offset, radii)))
  return share * (share - 1.0) / slope


def box(point: Vector, centre: Vector, half: Vector) -> Any:
  """Distance to a box along the axes.

  Args:
    point: where.
    centre: of the box.
    half: half of its sides.

  Returns:
    distances.
  """
  offset = raycast.subtract(point, centre)
  beyond = tuple(jnp.abs(a) - h for a, h in zip(offset, half))
  outside = _length(*(jnp.maximum(a, 0.0) for a in beyond))
  inside = jnp.maximum(beyond[0], jnp.maximum(beyond[1], beyond[2]))
  return jnp.where(inside > 0.0, outside, inside)


def cylinder(point: Vector, centre: Vector, radius: Any, half: Any) -> Any:
  """Distance to an upright cylinder with both lids.

  Args:
    point: where.
    centre: of the cylinder.
    radius: of its lids.
    half: half of its height.

  Returns:
    distances.
  """
  x, y, z = raycast.subtract(point, centre)
  across, along = _length(x, z) - radius, jnp.abs(y) - half
  inside = jnp.maximum(across, along)
  outside = _length(jnp.maximum(across, 0.0), jnp.maximum(along, 0.0))
  return jnp.where(inside > 0.0, outside, inside)


def capsule(point: Vector, start: Vector, end: Vector, radius: Any) -> Any:
  """Distance to all points within a radius of a line.

  Args:
    point: where.
    start: one end of the line, another point than `end`.
    end: the other end.
    radius: of the capsule.

  Returns:
    distances.
  """
  axis, offset = raycast.subtract(end, start), raycast.subtract(point, start)
  share = raycast.dot(offset, axis) / raycast.dot(axis, axis)
  nearest = raycast.along(start, axis, jnp.clip(share, 0.0, 1.0))
  return _length(*raycast.subtract(point, nearest)) - radius


def torus(point: Vector, centre: Vector, radius: Any, thick: Any) -> Any:
  """Distance to a ring that stands upright in the plane of x and y.

  Args:
    point: where.
    centre: of the ring.
    radius: of the ring's middle line.
    thick: radius of the ring's tube.

  Returns:
    distances.
  """
  x, y, z = raycast.subtract(point, centre)
  return _length(_length(x, y) - radius, z) - thick


def hollow(outer: Any, inner: Any) -> Any:
  """What is left of a solid when another one is taken out."""
  return jnp.maximum(outer, -inner)
