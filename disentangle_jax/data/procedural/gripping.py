"""A parallel gripper on solids: which poses hold them, and draws of poses.

`distance` is `(point) -> float` on triples of arrays, as in `signed_distance`;
poses are those of `ops.poses`, the table is y = 0.
"""

from collections.abc import Callable
import dataclasses
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from disentangle_jax.data.procedural import raycast, sphere_tracing
from disentangle_jax.ops import poses

Distance = Callable[[raycast.Vector], jax.Array]

_STEPS = 32  # of a closing pad
_SETTLE = 8  # steps of a point to the surface
_ON_SURFACE = 2e-3
_ROUND = 512  # poses drawn at once
_MOST_ROUNDS = 400


@dataclasses.dataclass(frozen=True)
class Gripper:
  """A gripper with two flat pads; lengths as of the objects.

  Attributes:
    opening: between the open pads.
    pad: half the side of the square pads.
    thickness: of a finger behind its pad.
    finger: from the palm to the middle of the pads.
    friction: coefficient mu between pads and object.
    reach: largest distance of the line between the contacts from the object's
      centroid.
    thinnest: least thickness that is held.
  """

  opening: float = 0.35
  pad: float = 0.03
  thickness: float = 0.04
  finger: float = 0.15
  friction: float = 0.5
  reach: float = 0.3
  thinnest: float = 0.01


_GRIPPER = Gripper()


def _split(x: jax.Array) -> raycast.Vector:
  return tuple(x[..., n] for n in range(3))


def _body(pose: jax.Array, gripper: Gripper) -> jax.Array:
  """Points of the open gripper, float [25, ..., 3].

  Middle and corners of both pads, the same behind the fingers, and five along
  the palm.
  """
  position, approach, closing = poses.parts(pose)
  across = jnp.cross(approach, closing)
  half, points = gripper.opening / 2, []
  for outward in (half, half + gripper.thickness):
    for side in (-outward, outward):
      middle = position + side * closing
      points.append(middle)
      points += [
        middle + gripper.pad * (u * approach + v * across)
        for u in (-1, 1)
        for v in (-1, 1)
      ]
  palm = position - gripper.finger * approach
  points += [palm + share * half * closing for share in (-1, -0.5, 0, 0.5, 1)]
  return jnp.stack(points)


def success(
  distance: Distance,
  pose: jax.Array,
  centroid: jax.Array,
  gripper: Gripper = _GRIPPER,
) -> jax.Array:
  """Whether closing the gripper holds the object.

  (1) Open, it touches neither the object nor the table. (2) Each pad's middle
  meets the surface before the other one's would, so that at least `thinnest` is
  between the contacts. (3) At both contacts the closing axis is within
  atan(friction) of the surface normal, so that neither slips (antipodal). (4)
  The line through the contacts passes within `reach` of the centroid.

  Args:
    distance: of the object.
    pose: float [..., 9].
    centroid: float [3] or [..., 3], of the object.
    gripper: which.

  Returns:
    bool [...].
  """
  body = _body(pose, gripper)
  free = (distance(_split(body)) > 0.0) & (body[..., 1] > 0.0)
  position, _, closing = poses.parts(pose)
  half = gripper.opening / 2
  inward = jnp.stack([-closing, closing])
  start = position - half * inward
  way = sphere_tracing.trace(
    distance, _split(start), _split(inward), gripper.opening, _STEPS
  )
  meets = jnp.sum(way, 0) <= gripper.opening - gripper.thinnest
  reached = jnp.where(jnp.isfinite(way), way, 0.0)
  contact = start + reached[..., None] * inward
  facing = jnp.stack(sphere_tracing.normal(distance, _split(contact)), -1)
  least = math.cos(math.atan(gripper.friction))
  antipodal = -jnp.sum(facing * inward, -1) >= least
  offset = centroid - position
  along = jnp.sum(offset * closing, -1, keepdims=True)
  aside = jnp.sqrt(jnp.sum(jnp.square(offset - along * closing), -1))
  near = aside <= gripper.reach
  return free.all(0) & meets & antipodal.all(0) & near


def draw(key: jax.Array, distance: Distance, count: int) -> jax.Array:
  """Poses around an object, some of which hold it.

  A point goes to the surface; the closing axis is the normal there, turned by
  up to 40 degrees; the gripper is in the middle of what lies along that axis in
  the object, and comes from above, at any angle about it; then noise of
  deviation 0.05 and 20 degrees about each axis.

  Args:
    key: a typed PRNG key.
    distance: of the object.
    count: how many.

  Returns:
    pose float32 [count, 9] and bool [count], whether the point came to the
    surface: where not, the pose is none.
  """
  uniform_key, normal_key = jax.random.split(key)
  shares = jax.random.uniform(uniform_key, (count, 4))
  noise = jax.random.normal(normal_key, (4, count, 3))
  low, high = jnp.asarray([-0.5, 0.0, -0.5]), jnp.asarray([0.5, 1.0, 0.5])

  def settle(_, state):
    point, facing, gap = state
    point = point - gap[:, None] * facing
    own = _split(point)
    gap, facing = sphere_tracing.gap_and_normal(distance, own)
    return point, jnp.stack(facing, -1), gap

  point = low + shares[:, :3] * (high - low)
  start = (point, jnp.zeros((count, 3)), jnp.zeros(count))
  # The first round only looks where the surface is.
  point, facing, gap = jax.lax.fori_loop(0, _SETTLE + 1, settle, start)
  there = jnp.abs(gap) < _ON_SURFACE
  tilt = jnp.deg2rad(40.0) * shares[:, 3:]
  closing = poses.rotate(facing, tilt * _across(facing, noise[0]))
  approach = _across(closing, noise[1])
  approach = approach * jnp.where(approach[:, 1:2] > 0, -1.0, 1.0)
  # From just below the surface to where the other side is.
  inside = lambda p: -distance(p)
  start = point - 3 * _ON_SURFACE * closing
  chord = sphere_tracing.trace(
    inside, _split(start), _split(-closing), 1.0, _STEPS
  )
  there &= jnp.isfinite(chord)
  chord = jnp.where(there, chord, 0.0)[:, None]
  middle = start - 0.5 * chord * closing
  pose = jnp.concatenate([middle, approach, closing], axis=-1)
  change = [0.05 * noise[2], jnp.deg2rad(20.0) * noise[3]]
  return poses.move(pose, jnp.concatenate(change, -1)), there


def _across(axis: jax.Array, vector: jax.Array) -> jax.Array:
  """The part of vectors across an axis, at length 1."""
  along = jnp.sum(axis * vector, -1, keepdims=True)
  rest = vector - along * axis
  length = jnp.sqrt(jnp.sum(jnp.square(rest), -1, keepdims=True))
  return rest / (length + 1e-12)


class Grasps(NamedTuple):
  """Poses of one object, every second one of which holds it.

  Attributes:
    pose: float32 [count, 9].
    label: bool [count], success.
    enough: bool scalar, whether so many of both were found.
    share: float32 scalar, of successes among the poses that were drawn.
  """

  pose: jax.Array
  label: jax.Array
  enough: jax.Array
  share: jax.Array


def balanced(
  key: jax.Array,
  distance: Distance,
  centroid: jax.Array,
  count: int,
  gripper: Gripper = _GRIPPER,
) -> Grasps:
  """Poses of which half succeed, by rejection.

  Args:
    key: a typed PRNG key.
    distance: of the object.
    centroid: float [3].
    count: how many, even.
    gripper: which.

  Returns:
    The poses: success, failure, success, ...
  """
  half = count // 2

  def more(state: Any):
    number, collected, counts, tally = state
    pose, there = draw(jax.random.fold_in(key, number), distance, _ROUND)
    label = success(distance, pose, centroid, gripper)
    for kind in (0, 1):
      own = there & (label == bool(kind))
      # Behind those of earlier rounds; what is too many falls off the end.
      at = jnp.where(own, counts[kind] + jnp.cumsum(own) - 1, half)
      collected = collected.at[kind, at].set(pose, mode='drop')
      counts = counts.at[kind].add(jnp.sum(own, dtype=jnp.int32))
    holding = jnp.sum(there & label, dtype=jnp.int32)
    tried = jnp.sum(there, dtype=jnp.int32)
    tally = tally + jnp.stack([holding, tried])
    return number + 1, collected, counts, tally

  start = (
    jnp.int32(0),
    jnp.zeros((2, half, poses.WIDTH)),
    jnp.zeros(2, jnp.int32),
    jnp.zeros(2, jnp.int32),
  )
  lacks = lambda state: jnp.any(state[2] < half) & (state[0] < _MOST_ROUNDS)
  _, collected, counts, tally = jax.lax.while_loop(lacks, more, start)
  pose = jnp.stack([collected[1], collected[0]], axis=1)
  pose = pose.reshape(count, poses.WIDTH)
  return Grasps(
    pose,
    jnp.arange(count) % 2 == 0,
    jnp.all(counts >= half),
    tally[0] / jnp.maximum(tally[1], 1),
  )
