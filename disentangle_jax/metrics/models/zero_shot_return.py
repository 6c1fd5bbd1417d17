"""What an agent earns where it learned, and where it never was.

Source: Higgins et al. 2017, "DARLA", https://arxiv.org/abs/1707.08475, who
print rewards; the normalisation is ours. On a data set with a `task`,
such as `seek_avoid`, `episodes` episodes are played in the source and in the
target domain by the greedy policy, without learning; R is the mean over them of
the discounted sum of rewards, and

  return_source    (R - R_random) / (R_optimal - R_random) in the source
  return_target    the same in the target
  transfer_gap     return_source - return_target
  transfer_ratio   return_target / return_source, NaN where that is below 0.01

R_optimal and R_random are exact (value iteration), and the same in both. All
runs meet the same starts.

Known failure modes: a ratio of small returns is noise, so that it is worth
reading only beside a return_source near 1; an agent that needs no colour
transfers whatever its eyes do.
"""

import dataclasses

import jax
import jax.numpy as jnp

from disentangle_jax import errors, types
from disentangle_jax.metrics import base

SCORES = {
  'return_source': types.Score(
    'return in the source, 0 of a uniform policy, 1 of the best', 'higher'
  ),
  'return_target': types.Score('the same in the target', 'higher'),
  'transfer_gap': types.Score('return_source less return_target', 'lower'),
  'transfer_ratio': types.Score('return_target / return_source', 'higher'),
}
CITATION = 'Higgins et al. 2017, arXiv:1707.08475'
DOMAINS = ('source', 'target')
# Below it a share is one of rounding.
_LEAST = 0.01
# States whose pictures are seen at once.
_BLOCK = 324


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    episodes: in each domain.
  """

  episodes: int = 512


def make(config: Config, data: types.Dataset) -> types.Probe:
  """Builds the probe.

  Args:
    config: constants.
    data: with a task in two domains.

  Returns:
    The probe.

  Raises:
    ConfigError: no episodes, or a data set without a task.
  """
  base.at_least(config, episodes=1)
  task = data.extras.get('task')
  if task is None:
    rule = "'zero_shot_return' needs a task in two domains: 'seek_avoid'"
    raise errors.value('config.dataset.name', data.name, rule)

  def greedy(key, method, state, arrays):
    """The policy's action at all grid points, int32 [points]; NaN's is -1."""

    def of_points(points):
      render = lambda point: data.render(arrays, point, key)
      told = method.extras['preferences'](
        state, jax.vmap(render)(points), points
      )
      best = jnp.argmax(told, axis=-1).astype(jnp.int32)
      return jnp.where(jnp.all(jnp.isfinite(told), axis=-1), best, -1)

    points = jnp.asarray(task.states)
    one = lambda point: of_points(point[None])[0]
    return jax.lax.map(one, points, batch_size=_BLOCK)

  def earned(key, environment, action):
    """Mean return of episodes of a policy that is a table."""

    def episode(key):
      start_key, key = jax.random.split(key)

      def one(carried, key):
        point, worth = carried
        chosen = action[task.number(point)]
        after, reward, _ = environment.step(key, point, chosen)
        # A policy that is no number earns none.
        reward = jnp.where(chosen < 0, jnp.nan, reward)
        return (after, worth * task.discount), worth * reward

      start = (environment.reset(start_key), jnp.float32(1.0))
      keys = jax.random.split(key, task.episode)
      return jnp.sum(jax.lax.scan(one, start, keys)[1])

    return jnp.mean(jax.vmap(episode)(jax.random.split(key, config.episodes)))

  def score(key, context, method, state, arrays, batch):
    del context, batch
    look_key, *keys = jax.random.split(key, 1 + len(DOMAINS))
    action = greedy(look_key, method, state, arrays)
    source, target = (
      task.normalised(earned(key, getattr(task, domain), action))
      for key, domain in zip(keys, DOMAINS)
    )
    earns = source >= _LEAST
    safe = jnp.where(earns, source, 1.0)
    return {
      'return_source': source,
      'return_target': target,
      'transfer_gap': source - target,
      'transfer_ratio': jnp.where(earns, target / safe, jnp.nan),
    }

  return types.Probe(
    fit=None,
    score=score,
    requires=('preferences',),
    constants=dataclasses.asdict(config),
    kinds=('image',),
    at_once=8,
  )
