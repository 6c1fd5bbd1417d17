"""How much the name of a policy says about the action that it takes.

Source: Thomas et al. 2018, https://arxiv.org/abs/1802.09484, figures 2 and 6,
which are pictures; the numbers are this project's. In every state of the run's
world in which all moves are legal (in all states where there is none), the
method draws `num_embeddings` names of policies, or gives its fixed ones, and

  action_information  H(mean pi) - mean H(pi), nats, mean over states: the
                      mutual information of name and action, at most the log
                      of the number of actions (1.386 for four)
  policies_distinct   number of actions that are the likeliest one of some
                      policy, mean over states
  policy_entropy      mean H(pi), nats

Policies are restricted to the state's legal actions.

Known failure modes: 0 both for policies that are all alike and for policies
that are all uniform (policy_entropy tells which); says nothing about what the
actions do to the code.
"""

import dataclasses

import jax
import jax.numpy as jnp

from disentangle_jax import types
from disentangle_jax.metrics import base
from disentangle_jax.metrics.models import world_states

SCORES = {
  'action_information': types.Score(
    'mutual information of the name of a policy and its action, nats',
    'higher',
    0.0,
  ),
  'policies_distinct': types.Score(
    'number of actions that some policy takes most', 'higher', 1.0
  ),
  'policy_entropy': types.Score('entropy of a policy, nats', 'none', 0.0),
}
CITATION = 'Thomas et al. 2018, arXiv:1802.09484, figures 2 and 6'


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    num_states: states at most.
    num_embeddings: names of policies drawn in each state.
  """

  num_states: int = 512
  num_embeddings: int = 128


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
  base.at_least(config, num_states=2, num_embeddings=2)
  states = world_states.of(data, 'policy_information', config.num_states)
  walks = jnp.asarray(states.moves.any(axis=1))

  def score(key, context, method, state, arrays, batch):
    del context, batch
    look_key, draw_key = jax.random.split(key)
    _, legal = states.outcomes(look_key)

    def of_states(points, legal, keys):
      seen = states.observe(arrays, points, look_key)
      names = None
      if 'embeddings' in method.extras:
        draw = method.extras['embeddings']
        names = draw(keys[0], state, seen, config.num_embeddings)
      logits = method.extras['policies'](state, seen, names)
      masked = jnp.where(legal[:, None], logits, -jnp.inf)
      log_p = jax.nn.log_softmax(masked, axis=-1)  # [1, n, A]
      whole = _entropy(jnp.mean(jnp.exp(log_p), axis=1))
      each = jnp.mean(_entropy(jnp.exp(log_p)), axis=1)
      liked = jax.nn.one_hot(jnp.argmax(log_p, axis=-1), log_p.shape[-1])
      distinct = jnp.sum(jnp.max(liked, axis=1), axis=-1)
      # Not a number where the policy is none.
      distinct += 0 * each
      return jnp.stack([whole - each, distinct, each], axis=-1)

    points = jnp.asarray(states.points)
    keys = jax.random.split(draw_key, len(points))
    told = world_states.in_blocks(of_states, points, legal, keys)
    free = jnp.all(legal | ~walks, axis=1)
    free |= ~jnp.any(free)
    mean = jnp.sum(jnp.where(free[:, None], told, 0), axis=0) / jnp.sum(free)
    names = ('action_information', 'policies_distinct', 'policy_entropy')
    return dict(zip(names, mean))

  return types.Probe(
    fit=None,
    score=score,
    requires=('policies',),
    constants=dataclasses.asdict(config),
    kinds=('image',),
    at_once=4,
  )


def _entropy(p):
  """Nats, float [...] of float [..., A]."""
  return -jnp.sum(jax.scipy.special.xlogy(p, p), axis=-1)
