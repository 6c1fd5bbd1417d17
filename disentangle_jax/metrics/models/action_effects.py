"""Whether the code knows where things are, and what actions do to it.

Source: Thomas et al. 2018, https://arxiv.org/abs/1802.09484, figures 2, 4 and
5, which are pictures; the numbers are this project's. Over all legal states of
the run's world (of more than `num_states` an even choice), with h the code, P
the coordinates that actions move, and d = h' - h of every legal action that
moves:

  position_r2       least R^2, over P, of a linear regression on h
  position_r2/<p>   of coordinate p alone, by its place in P
  feature_r2        least squared correlation, over P, of a coordinate with its
                    best feature h_k; feature_r2/<p> of one coordinate
  feature_match     mean over k of the largest |correlation| of h_k with one
  axis_cosine       |cosine| of the mean d of two coordinates' actions, mean
                    over pairs; 0 where things move at right angles
  direction_cosine  cosine of the mean d there and back, mean over P
  step_consistency  mean cosine of d with the mean d of its action
  step_length       mean |d|, in units of the code
  step_error        mean |h + (mean d of the action) - h'|^2 / mean |h' - h|^2
  step_picture_error  the same of pictures: |g(h + mean d) - s'|^2 over that of
                    no change, |g(h) - s'|^2, means over steps

Known failure modes: direction_cosine is -1 on any grid whose moves can be
undone, whatever the code; a code in any order of the cells may keep
step_consistency high in a few directions only, so read it with position_r2; a
constant code has axis_cosine and step_length 0 and errors of no meaning:
step_length is the guard.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import types
from disentangle_jax.metrics import base
from disentangle_jax.metrics.models import world_states
from disentangle_jax.ops import linalg

SCORES = {
  'position_r2': types.Score(
    'R^2 of a linear regression of a position on the code, least over '
    'coordinates',
    'higher',
    0.0,
    1.0,
  ),
  'feature_r2': types.Score(
    'squared correlation of a coordinate with its best feature, least over '
    'coordinates',
    'higher',
    0.0,
    1.0,
  ),
  'feature_match': types.Score(
    'largest |correlation| of a feature with a coordinate, mean over features',
    'higher',
    0.0,
    1.0,
  ),
  'axis_cosine': types.Score(
    '|cosine| of the mean changes of two coordinates, mean over pairs',
    'lower',
    0.0,
    1.0,
  ),
  'direction_cosine': types.Score(
    'cosine of the mean changes there and back', 'none', -1.0, 1.0
  ),
  'step_consistency': types.Score(
    'mean cosine of a change with the mean change of its action',
    'higher',
    -1.0,
    1.0,
  ),
  'step_length': types.Score('mean length of a change', 'none', 0.0),
  'step_error': types.Score(
    'squared error of the code predicted by the mean change, over that of no '
    'change',
    'lower',
    0.0,
  ),
  'step_picture_error': types.Score(
    'squared error of the picture predicted by the mean change, over that of '
    'no change',
    'lower',
    0.0,
  ),
}
CITATION = 'Thomas et al. 2018, arXiv:1802.09484, figures 2, 4 and 5'
# Directions with less of the variance are rounding.
_LEAST = 1e-6


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    num_states: states at most.
  """

  num_states: int = 2048


def linear_r2(codes: jax.Array, targets: jax.Array) -> jax.Array:
  """Share of variance that a linear function of the code explains.

  Args:
    codes: float [S, D].
    targets: float [S, P], none of them constant.

  Returns:
    float [P], in [0, 1].
  """
  codes = codes - jnp.mean(codes, axis=0)
  targets = targets - jnp.mean(targets, axis=0)
  values, vectors = linalg.eigh(codes.T @ codes)
  alive = values > _LEAST * jnp.maximum(values[-1], 1e-20)
  scale = jnp.where(alive, 1 / jnp.sqrt(jnp.where(alive, values, 1.0)), 0.0)
  explained = (codes @ vectors * scale).T @ targets  # [D, P]
  total = jnp.sum(jnp.square(targets), axis=0)
  return jnp.clip(jnp.sum(jnp.square(explained), axis=0) / total, 0.0, 1.0)


def correlations(codes: jax.Array, targets: jax.Array) -> jax.Array:
  """float [D, P] of float [S, D] and [S, P]; 0 for a constant code."""
  codes, targets = (base.standardize(x, x) for x in (codes, targets))
  return codes.T @ targets / len(codes)


def _axes(states: world_states.States) -> list[tuple[int, int]]:
  """Actions (there, back) of every moving coordinate that has both."""
  rows = [tuple(row) for row in states.moves.tolist()]
  unit = np.eye(states.moves.shape[1], dtype=int)
  pairs = [(tuple(unit[k]), tuple(-unit[k])) for k in states.moving]
  return [
    (rows.index(there), rows.index(back))
    for there, back in pairs
    if there in rows and back in rows
  ]


def make(config: Config, data: types.Dataset) -> types.Probe:
  """Builds the probe.

  Args:
    config: constants.
    data: of a world whose states are grid points.

  Returns:
    The probe; a run with codes that are not finite scores NaN.

  Raises:
    ConfigError: another data set.
  """
  base.at_least(config, num_states=2)
  states = world_states.of(data, 'action_effects', config.num_states)
  walks = jnp.asarray(states.moves.any(axis=1))
  axes = _axes(states)
  positions = jnp.asarray(states.points[:, list(states.moving)], jnp.float32)

  def score(key, context, method, state, arrays, batch):
    del context, batch
    points = jnp.asarray(states.points)
    ends, legal = states.outcomes(key)
    taken = (legal & walks).astype(jnp.float32)  # [S, A]

    def read(points):
      seen = states.observe(arrays, points, key)
      return method.represent(state, seen).vector

    def picture_errors(mean, h, ends, taken):
      """Mean squared errors: by the mean change, and of no change."""

      def of_state(h, ends, taken):
        truth = states.observe(arrays, ends[0], key)
        error = lambda x: jnp.sum(
          taken[0] * jnp.sum(jnp.square(x - truth).reshape(len(truth), -1), -1)
        )
        guess = method.decode(state, h + mean)
        return jnp.stack([error(guess), error(method.decode(state, h))])[None]

      errors = world_states.in_blocks(of_state, h, ends, taken)
      return jnp.sum(errors, axis=0) / jnp.maximum(jnp.sum(taken), 1)

    h = world_states.in_blocks(read, points)
    after = world_states.in_blocks(read, ends.reshape(-1, ends.shape[-1]))
    finite = jnp.all(jnp.isfinite(h)) & jnp.all(jnp.isfinite(after))
    h, after = (jnp.where(finite, x, 0) for x in (h, after))
    after = after.reshape(*taken.shape, -1)
    change = after - h[:, None]  # [S, A, D]
    mean_over = lambda x: jnp.sum(x * taken) / jnp.maximum(jnp.sum(taken), 1)
    count = jnp.maximum(jnp.sum(taken, axis=0), 1)[:, None]
    mean = jnp.sum(change * taken[..., None], axis=0) / count  # [A, D]
    squares = lambda x: mean_over(jnp.sum(jnp.square(x), axis=-1))
    r2 = linear_r2(h, positions)
    matched = jnp.abs(correlations(h, positions))
    best = jnp.square(jnp.max(matched, axis=0))
    missed, still = picture_errors(mean, h, ends, taken)
    scores = {
      'position_r2': jnp.min(r2),
      'feature_r2': jnp.min(best),
      'feature_match': jnp.mean(jnp.max(matched, axis=1)),
      **of_axes(mean),
      'step_consistency': mean_over(world_states.cosine(change, mean)),
      'step_length': mean_over(jnp.sqrt(jnp.sum(jnp.square(change), axis=-1))),
      'step_error': _quotient(squares(change - mean), squares(change)),
      'step_picture_error': _quotient(missed, still),
    }
    for number in range(len(states.moving)):
      scores[f'position_r2/{number}'] = r2[number]
      scores[f'feature_r2/{number}'] = best[number]
    return {k: jnp.where(finite, v, jnp.nan) for k, v in scores.items()}

  def of_axes(mean):
    """Angles between the mean changes of actions float [A, D]."""
    there = [mean[a] for a, _ in axes]
    pairs = [
      jnp.abs(world_states.cosine(there[i], there[j]))
      for i in range(len(axes))
      for j in range(i)
    ]
    back = [world_states.cosine(mean[a], mean[b]) for a, b in axes]
    average = lambda some: jnp.mean(jnp.stack(some)) if some else jnp.nan
    return {'axis_cosine': average(pairs), 'direction_cosine': average(back)}

  return types.Probe(
    fit=None,
    score=score,
    requires=('represent', 'decode'),
    constants=dataclasses.asdict(config),
    kinds=('image',),
    at_once=4,
  )


def _quotient(part, whole):
  """part / whole; 1 where the whole is nothing."""
  return jnp.where(whole > 0, part / jnp.where(whole > 0, whole, 1), 1.0)
