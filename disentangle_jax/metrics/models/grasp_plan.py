"""How often a bad grasp is moved to a good one by what a net predicts.

Source: Yan et al. 2018, https://arxiv.org/abs/1708.07303, section V and table
III: from a grasp that fails, in each of up to `steps` steps `directions` random
changes of position and orientation are tried on the net, the one that it
predicts to succeed best is taken, and the search ends when the grasp really
succeeds. Here the analytic gripper of the data set (`gripping.success`) says
so, where the paper asks a simulator.

  grasp_plan               share of starts that come to success, novel objects
  grasp_plan/<category>    the same of a category
  grasp_plan_random        the same where one of the changes is taken blindly
  grasp_plan_cem           share of starts whose grasp after 'plan_grasp'
                           (cross-entropy method, no end before its last round)
                           succeeds

Range [0, 1], higher is better. The random share is what many tries alone give;
a net that predicts nothing has it, too.

Deviations: changes are normal, `shift` in each direction and `turn` about each
axis; objects are those of 'graspable', seen from the first elevation.

Known failure modes: a search that ends at the first success counts one that
passed through success by chance.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp

from disentangle_jax import errors, types
from disentangle_jax.data.procedural import gripping, vessels
from disentangle_jax.metrics import base
from disentangle_jax.metrics.models import graspable_parts
from disentangle_jax.ops import poses

SCORES = {
  'grasp_plan': types.Score(
    'share of failing grasps that a search by the net brings to success',
    'higher',
    0.0,
    1.0,
  ),
  'grasp_plan_random': types.Score(
    'the same share where the search is blind', 'none', 0.0, 1.0
  ),
  'grasp_plan_cem': types.Score(
    'share of failing grasps that the extra plan turns into success',
    'higher',
    0.0,
    1.0,
  ),
}
CITATION = 'Yan et al. 2018, arXiv:1708.07303, table III'


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    starts: failing grasps of each novel object.
    steps: of a search, at most.
    directions: changes that a step chooses from.
    shift: deviation of a change of position, sides of the cube.
    turn: deviation of a rotation about each axis, degrees.
  """

  starts: int = 8
  steps: int = 20
  directions: int = 10
  shift: float = 0.05
  turn: float = 15.0


def make(config: Config, data: types.Dataset) -> types.Probe:
  """Builds the probe.

  Args:
    config: constants.
    data: 'graspable'.

  Returns:
    The probe.

  Raises:
    ConfigError: another data set, more starts than an object has failing
      grasps, or a constant out of range.
  """
  novel = graspable_parts.Novel(data, 'grasp_plan')
  base.at_least(config, starts=1, steps=1, directions=1)
  failing = data.arrays['label'].shape[1] // 2
  if config.starts > failing:
    rule = f'must be at most {failing}, the failing grasps of an object'
    raise errors.value('grasp_plan.starts', config.starts, rule)
  spread = jnp.asarray(
    [config.shift] * 3 + [float(jnp.deg2rad(config.turn))] * 3
  )

  def score(key, context, method, state, arrays, batch):
    del context, batch

    def one(number):
      view = novel.view(arrays, number, jnp.int32(0))
      distance = functools.partial(
        vessels.distance, arrays['category'][number], arrays['size'][number]
      )
      centroid = arrays['centroid'][number]

      def holds(pose):
        world = poses.pose_seen_from(pose, -view['azimuth'])
        return gripping.success(distance, world, centroid)

      # Every second grasp fails.
      start = view['pose'][0, 1::2][: config.starts]
      own = jax.random.fold_in(key, number)
      percept = method.extras['perceive'](
        state, view['observation'], view['occupancy']
      )
      judge = method.extras['judge']
      ask = lambda pose: judge(state, percept, pose[None])[0]

      many = lambda x: jnp.broadcast_to(x, (config.starts, *x.shape[1:]))
      planned = method.extras['plan_grasp'](
        jax.random.fold_in(own, 1),
        state,
        many(view['observation']),
        start,
        many(view['occupancy']),
      )

      def step(carry, key):
        pose, done = carry
        keys = jax.random.split(key)
        size = (2, config.starts, config.directions, 6)
        change = spread * jax.random.normal(keys[0], size)
        moved = poses.move(pose[:, :, None], change)
        logit = ask(moved[0].reshape(-1, poses.WIDTH))
        best = jnp.argmax(logit.reshape(moved.shape[1:3]), axis=1)
        blind = jax.random.randint(keys[1], best.shape, 0, config.directions)
        chosen = jnp.stack([best, blind])
        pose = jnp.take_along_axis(moved, chosen[..., None, None], axis=2)
        pose = pose[:, :, 0]
        # What is done may wander on: it counts. What was planned at once is
        # judged beside them, for one program of the gripper is enough.
        success = holds(jnp.concatenate([pose, planned[None]]))
        return (pose, done | success), None

      both = jnp.stack([start, start])
      none = jnp.zeros((3, config.starts), bool)
      keys = jax.random.split(own, config.steps)
      (_, done), _ = jax.lax.scan(step, (both, none), keys)
      finite = jnp.all(jnp.isfinite(ask(start)))
      shares = jnp.mean(done.astype(jnp.float32), axis=1)
      return jnp.where(finite, shares, jnp.nan)

    shares = jax.lax.map(one, novel.numbers)
    by_net, blind, by_cem = jnp.mean(shares, axis=0)
    scores = {
      'grasp_plan': by_net,
      'grasp_plan_random': blind,
      'grasp_plan_cem': by_cem,
    }
    for name, row in graspable_parts.by_category(shares).items():
      scores[f'grasp_plan/{name}'] = row[0]
    return scores

  return types.Probe(
    fit=None,
    score=score,
    requires=('perceive', 'judge', 'plan_grasp'),
    constants=dataclasses.asdict(config),
  )
