"""A code is moved from one set of examples to another, as little as it takes.

Gardner et al. 2015, "Deep manifold traversal: changing labels with
convolutional features", https://arxiv.org/abs/1511.06421, equations 3 to 5.
With the codes of n sources S and m targets T, and V = [T; S; z],

  z* = z + V' delta,  delta = argmin f*(z + V' delta) + budget |V' delta|^2
  f*(z) = mean_i k(s_i, z) - mean_j k(t_j, z),  k(a, b) = exp(-|a - b|^2 / 2 s)

f* is the witness of `ops.mmd`: high where sources are denser. It is minimised
over delta, from 0, by `ops.lbfgs`.

s is the median of the squared distances between sources and targets unless it
is given: f* lies in [-1, 1] and is flat far from all examples, so that a small
s moves nothing. The budget is told in units of 1 / s: 1 is the price of a move
of sqrt(s), and f* changes by 2 at most. The paper's 7e-5 is per squared unit of
its codes, of a scale that it does not tell.

Deltas are searched for in units of sqrt(s) over the Frobenius norm of V: a
step of length 1 moves a code by sqrt(s) at most, and no first trial jumps to
where f* is flat.
"""

from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax.ops import lbfgs, mmd

NUM_STEPS = 200
_TOLERANCE = 1e-6
# A squared distance below this is none: all codes are equal.
_LEAST = 1e-12


class Traversed(NamedTuple):
  """Codes after the move.

  Attributes:
    vector: float [B, D], z*.
    distance: float [B], |V' delta|, in units of the codes.
    before: float [B], f*(z) on the way to the targets, negated on the way to
      the sources.
    after: float [B], the same of z*; with the price of the move never above
      `before`.
  """

  vector: jax.Array
  distance: jax.Array
  before: jax.Array
  after: jax.Array


def scale_of(sources: jax.Array, targets: jax.Array) -> jax.Array:
  """s, the median squared distance between sources and targets.

  Args:
    sources: float [n, D].
    targets: float [m, D].

  Returns:
    float scalar > 0.
  """
  _check(sources, targets)
  squared = jnp.sum(jnp.square(sources[:, None] - targets[None]), axis=-1)
  return jnp.maximum(jnp.median(squared), _LEAST)


def witness(
  vector: jax.Array, sources: jax.Array, targets: jax.Array, scale: jax.Array
) -> jax.Array:
  """f*: float [B, D] -> float [B] in [-1, 1]; `scale` is s."""
  return mmd.witness(sources, targets, vector, 2 * scale)


def traverse(
  vector: jax.Array,
  sources: jax.Array,
  targets: jax.Array,
  budget: float | jax.Array,
  towards: jax.Array | None = None,
  scale: jax.Array | None = None,
  num_steps: int = NUM_STEPS,
) -> Traversed:
  """Moves codes, each on its own.

  Args:
    vector: float [B, D], z.
    sources: float [n, D], codes of examples with n >= 1.
    targets: float [m, D], m >= 1.
    budget: >= 0, in units of 1 / s.
    towards: float [B], 1 for codes that go to the targets, -1 for those that
      go to the sources; None for all to the targets.
    scale: s > 0, squared units of the codes; None for `scale_of`.
    num_steps: most evaluations of the objective.

  Returns:
    See `Traversed`.
  """
  _check(sources, targets)
  chex.assert_rank(vector, 2)
  chex.assert_equal_shape_suffix([vector, sources], 1)
  scale = scale_of(sources, targets) if scale is None else scale
  towards = jnp.ones(len(vector)) if towards is None else towards
  chex.assert_shape(towards, (len(vector),))
  examples = jnp.concatenate([targets, sources])
  # Of V per code: the examples and the code itself.
  squares = jnp.sum(jnp.square(examples)) + jnp.sum(jnp.square(vector), -1)
  unit = jnp.sqrt(scale / jnp.maximum(squares, _LEAST))[:, None]

  def moved(delta):
    """float [n + m + 1, B] -> [B, D]."""
    return unit * (delta[:-1].T @ examples + delta[-1][:, None] * vector)

  def objective(delta):
    move = moved(delta)
    price = budget / scale * jnp.sum(jnp.square(move), axis=-1)
    return towards * witness(vector + move, sources, targets, scale) + price

  def value_and_grad(delta):
    values, back = jax.vjp(objective, delta)
    return values, back(jnp.ones_like(values))[0]

  start = jnp.zeros((len(examples) + 1, len(vector)), vector.dtype)
  # A start that depends on the codes lies where they lie on a mesh.
  start += 0 * jnp.sum(vector, axis=-1)
  group = np.arange(len(vector))
  delta = lbfgs.minimize(value_and_grad, start, group, num_steps, _TOLERANCE)
  move = moved(delta)
  of = lambda z: towards * witness(z, sources, targets, scale)
  distance = jnp.sqrt(jnp.sum(jnp.square(move), axis=-1))
  return Traversed(vector + move, distance, of(vector), of(vector + move))


def _check(sources, targets):
  chex.assert_rank([sources, targets], 2)
  chex.assert_equal_shape_suffix([sources, targets], 1)
  chex.assert_type([sources, targets], float)
  if not len(sources) or not len(targets):
    raise ValueError('needs at least one source and one target')
