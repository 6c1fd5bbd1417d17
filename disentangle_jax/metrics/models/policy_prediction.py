"""Whether the model knows where a policy of several steps leads.

Source: Thomas et al. 2018, https://arxiv.org/abs/1802.09484, section 4.2 and
figure 3, which are pictures; the numbers are this project's. From every legal
state of the run's world, `num_embeddings` policies are drawn and followed for
`steps` actions (legal ones), to s' with code h'. With T(h, phi) the method's
prediction of h', never trained on pixels, and g its decoder:

  prediction_error         mean |g(T(h, phi)) - s'|^2, sum over pixels
  no_change_error          mean |g(h) - s'|^2
  prediction_ratio         the first over the second; 1 for a prediction that
                           nothing changes, lower is better
  latent_prediction_ratio  mean |T(h, phi) - h'|^2 over mean |h - h'|^2
  policies_moved           share of policies that end in another state

`steps` should be the method's `policy_steps`.

Known failure modes: a policy that does nothing, or walks to and fro, is easy to
predict, and the ratios divide small by small: read them where policies_moved is
high. A ratio below the share that is left by chance needs policies that are
nearly deterministic.
"""

import dataclasses

import jax
import jax.numpy as jnp

from disentangle_jax import types
from disentangle_jax.metrics import base
from disentangle_jax.metrics.models import world_states

SCORES = {
  'prediction_error': types.Score(
    'squared error of the decoded prediction, sum over pixels', 'lower', 0.0
  ),
  'no_change_error': types.Score(
    'the same where nothing is predicted to change', 'none', 0.0
  ),
  'prediction_ratio': types.Score('the first over the second', 'lower', 0.0),
  'latent_prediction_ratio': types.Score(
    'squared error of the predicted code, over that of no change', 'lower', 0.0
  ),
  'policies_moved': types.Score(
    'share of policies that end in another state', 'none', 0.0, 1.0
  ),
}
CITATION = 'Thomas et al. 2018, arXiv:1802.09484, section 4.2'


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    num_states: states at most.
    num_embeddings: policies drawn in each state.
    steps: actions of a policy.
  """

  num_states: int = 512
  num_embeddings: int = 8
  steps: int = 3


def make(config: Config, data: types.Dataset) -> types.Probe:
  """Builds the probe.

  Args:
    config: constants.
    data: of a world whose states are grid points.

  Returns:
    The probe.

  Raises:
    ConfigError: another data set.
  """
  base.at_least(config, num_states=2, num_embeddings=1, steps=1)
  states = world_states.of(data, 'policy_prediction', config.num_states)
  world, count = states.environment, config.num_embeddings

  def score(key, context, method, state, arrays, batch):
    del context, batch
    look_key, walk_key = jax.random.split(key)
    encode = lambda seen: method.represent(state, seen).vector

    def follow(start, phi, keys):
      """Ends int32 [n, K] of n policies from states [n, K]."""
      points = start
      for number in range(config.steps):
        seen = states.observe(arrays, points, look_key)
        logits = method.extras['policies'](state, seen, phi[:, None])[:, 0]
        legal = jax.vmap(world.legal)(points)
        own = jax.vmap(lambda k, n=number: jax.random.fold_in(k, n))(keys)
        action = jax.vmap(jax.random.categorical)(
          own, jnp.where(legal, logits, -jnp.inf)
        )
        points, _, _ = jax.vmap(world.step)(own, points, action)
      return points

    def of_state(point, keys):
      seen = states.observe(arrays, point, look_key)
      h = encode(seen)
      phi = method.extras['embeddings'](keys[0], state, seen, count)[0]
      start = jnp.broadcast_to(point, (count, point.shape[-1]))
      ends = follow(start, phi, jax.random.split(keys[0], count))
      truth = states.observe(arrays, ends, look_key)
      h = jnp.broadcast_to(h, (count, h.shape[-1]))
      guess = method.extras['transition'](state, h, phi)
      after = encode(truth)
      error = lambda a, b: jnp.mean(
        jnp.sum(jnp.square(a - b).reshape(count, -1), axis=-1)
      )
      told = [
        error(method.decode(state, guess), truth),
        error(method.decode(state, h), truth),
        error(guess, after),
        error(h, after),
        jnp.mean(jnp.any(ends != start, axis=-1).astype(jnp.float32)),
      ]
      return jnp.stack(told)[None]

    points = jnp.asarray(states.points)
    keys = jax.random.split(walk_key, len(points))
    told = jnp.mean(world_states.in_blocks(of_state, points, keys), axis=0)
    quotient = lambda a, b: jnp.where(b > 0, a / jnp.where(b > 0, b, 1), 1.0)
    return {
      'prediction_error': told[0],
      'no_change_error': told[1],
      'prediction_ratio': quotient(told[0], told[1]),
      'latent_prediction_ratio': quotient(told[2], told[3]),
      'policies_moved': told[4],
    }

  return types.Probe(
    fit=None,
    score=score,
    requires=('represent', 'decode', 'policies', 'embeddings', 'transition'),
    constants=dataclasses.asdict(config),
    kinds=('image',),
    at_once=4,
  )
