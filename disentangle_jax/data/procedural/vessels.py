"""Seven categories of kitchen things as signed distances, on a table.

Lengths in units of a cube that holds any of them: x and z from -1/2 to 1/2, y
from 0, the table, to 1. All sizes of an object are uniform within 30 % of its
category's. Walls are 0.07 to 0.15 thick.
"""

import jax
import jax.numpy as jnp

from disentangle_jax.data.procedural import signed_distance as solids

CATEGORIES = ('bottle', 'bowl', 'cup', 'plate', 'mug', 'sugarbowl', 'teapot')
SPREAD = 0.3
NUM_SIZES = 6


def sizes(key: jax.Array) -> jax.Array:
  """The sizes of an object, as shares of its category's.

  Args:
    key: a typed PRNG key.

  Returns:
    float32 [NUM_SIZES], uniform in 1 - SPREAD to 1 + SPREAD.
  """
  return jax.random.uniform(
    key, (NUM_SIZES,), minval=1.0 - SPREAD, maxval=1.0 + SPREAD
  )


def _bottle(s, point):
  """A body, and a neck on it."""
  half, neck = 0.24 * s[1], 0.12 * s[3]
  body = solids.cylinder(point, (0.0, half, 0.0), 0.12 * s[0], half)
  # It starts inside of the body.
  middle = (0.0, 2.0 * half + neck - 0.05, 0.0)
  return jnp.minimum(
    body, solids.cylinder(point, middle, 0.065 * s[2], neck + 0.05)
  )


def _open(point, radius, height, wall, floor):
  """A cylinder that is open above."""
  half = 0.5 * height
  outer = solids.cylinder(point, (0.0, half, 0.0), radius, half)
  inner = solids.cylinder(
    point, (0.0, floor + height, 0.0), radius - wall, height
  )
  return solids.hollow(outer, inner)


def _bowl(s, point):
  """The lower half of a shell."""
  radius = 0.34 * s[0]
  centre = (0.0, radius, 0.0)
  shell = solids.hollow(
    solids.sphere(point, centre, radius),
    solids.sphere(point, centre, radius - 0.11 * s[1]),
  )
  return jnp.maximum(shell, point[1] - radius)


def _cup(s, point):
  """A beaker."""
  wall = 0.1 * s[2]
  return _open(point, 0.22 * s[0], 0.44 * s[1], wall, wall)


def _plate(s, point):
  """A flat dish with a rim."""
  return _open(point, 0.37 * s[0], 0.2 * s[1], 0.11 * s[2], 0.06 * s[3])


def _mug(s, point):
  """A beaker with a ring as its handle."""
  wall, radius, height = 0.1 * s[2], 0.2 * s[0], 0.46 * s[1]
  beaker = _open(point, radius, height, wall, wall)
  centre = (radius + 0.02, 0.5 * height, 0.0)
  ring = solids.torus(point, centre, 0.24 * height * s[3], 0.045 * s[4])
  # Without what would stand inside.
  inner = solids.cylinder(
    point, (0.0, wall + height, 0.0), radius - wall, height
  )
  return jnp.minimum(beaker, solids.hollow(ring, inner))


def _sugarbowl(s, point):
  """An ellipsoid with a knob on top."""
  across, half = 0.22 * s[0], 0.17 * s[1]
  knob = 0.075 * s[2]
  body = solids.ellipsoid(point, (0.0, half, 0.0), (across, half, across))
  top = (0.0, 2.0 * half + 0.8 * knob, 0.0)
  return jnp.minimum(body, solids.sphere(point, top, knob))


def _teapot(s, point):
  """An ellipsoid with a spout on its left and a handle on its right."""
  across, half = 0.2 * s[0], 0.2 * s[1]
  body = solids.ellipsoid(point, (0.0, half, 0.0), (across, half, across))
  tip = (-across - 0.12 * s[2], half + 0.15 * s[3], 0.0)
  spout = solids.capsule(point, (-0.7 * across, half, 0.0), tip, 0.05 * s[4])
  # Rings stay over the table whatever the sizes.
  ring = solids.torus(point, (across, half, 0.0), 0.5 * half * s[5], 0.045)
  return jnp.minimum(body, jnp.minimum(spout, ring))


_SHAPES = (_bottle, _bowl, _cup, _plate, _mug, _sugarbowl, _teapot)


def distance(
  category: jax.Array, size: jax.Array, point: solids.Vector
) -> jax.Array:
  """Signed distance to an object.

  Args:
    category: int32 scalar, index into CATEGORIES. Under a vmap over categories
      all of them are computed for each: go through objects by `lax.map`.
    size: float32 [NUM_SIZES], see `sizes`.
    point: triple of float arrays of one shape.

  Returns:
    float32 of that shape, negative inside.
  """
  shape = jnp.broadcast_shapes(*(jnp.shape(part) for part in point))
  point = tuple(jnp.broadcast_to(part, shape) for part in point)
  branches = [lambda s, p, f=f: f(s, p) for f in _SHAPES]
  return jax.lax.switch(category, branches, size, point)
