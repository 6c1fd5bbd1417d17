"""Poses of a gripper: where it is and which way it points.

A pose is nine numbers: the position c of the middle between its two pads, the
approach axis a, from palm to object, and the closing axis b, from one pad to
the other; a and b have length 1 and are at right angles. y is up.
"""

import chex
import jax
import jax.numpy as jnp

WIDTH = 9


def parts(pose: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
  """Position, approach axis and closing axis.

  Args:
    pose: float [..., 9].

  Returns:
    c, a and b, float [..., 3].
  """
  chex.assert_shape(pose, (..., WIDTH))
  return pose[..., :3], pose[..., 3:6], pose[..., 6:]


def rotate(vector: jax.Array, rotation: jax.Array) -> jax.Array:
  """A vector turned about an axis, by Rodrigues' formula.

    v cos t + (k x v) sin t + k (k . v) (1 - cos t),  rotation = t k

  Args:
    vector: float [..., 3].
    rotation: float [..., 3], the axis times the angle in radians.

  Returns:
    float [..., 3], of the vector's length.
  """
  chex.assert_shape([vector, rotation], (..., 3))
  square = jnp.sum(jnp.square(rotation), -1, keepdims=True)
  angle = jnp.sqrt(square + 1e-20)
  axis = rotation / angle
  along = jnp.sum(axis * vector, -1, keepdims=True)
  turned = vector * jnp.cos(angle) + jnp.cross(axis, vector) * jnp.sin(angle)
  return turned + axis * along * (1.0 - jnp.cos(angle))


def move(pose: jax.Array, change: jax.Array) -> jax.Array:
  """A pose displaced and turned about its own position.

  Args:
    pose: float [..., 9].
    change: float [..., 6], a displacement and a rotation vector in radians.

  Returns:
    float [..., 9].
  """
  chex.assert_shape(change, (..., 6))
  position, approach, closing = parts(pose)
  shift, turn = change[..., :3], change[..., 3:]
  axes = [rotate(axis, turn) for axis in (approach, closing)]
  return jnp.concatenate([position + shift, *axes], axis=-1)


def seen_from(vector: jax.Array, azimuth: jax.Array) -> jax.Array:
  """Vectors in a frame that is turned about the upright axis.

  In the frame of a camera at an azimuth that camera stands at azimuth 0, so
  that azimuths of others count from it.

  Args:
    vector: float [..., 3], in the world.
    azimuth: float, whatever broadcasts to [...]; radians from z to x.

  Returns:
    float [..., 3].
  """
  chex.assert_shape(vector, (..., 3))
  sin, cos = jnp.sin(azimuth), jnp.cos(azimuth)
  x, y, z = (vector[..., n] for n in range(3))
  return jnp.stack([cos * x - sin * z, y, sin * x + cos * z], axis=-1)


def pose_seen_from(pose: jax.Array, azimuth: jax.Array) -> jax.Array:
  """A pose in the frame of a camera at an azimuth; see `seen_from`.

  Args:
    pose: float [..., 9], in the world.
    azimuth: float, whatever broadcasts to [...]; radians.

  Returns:
    float [..., 9].
  """
  turned = [seen_from(part, azimuth) for part in parts(pose)]
  return jnp.concatenate(turned, axis=-1)
