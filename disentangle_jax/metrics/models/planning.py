"""Whether plans made among codes reach their goals in the true world.

Source: Banijamali et al. 2017, https://arxiv.org/abs/1711.09165, section 4 and
equation 7, on the data set `planar`. `tasks` starts are uniform in [3, 7] x
[3, 7], goals are three corners in turn. The method sees pictures of where it is
and of the goal, plans (`extras['plan']`), one action is carried out in the true
world, and so on, `steps` times. Each score is told of the set with actions,
'/x', and of the set without, '/y', for the same tasks and positions:

  success         share of tasks that end within `near` pixels of the goal: the
                  agent came there in time and stayed
  goal_share      share of all steps within `near` pixels of the goal
  planning_loss   sum over steps of 0.01 |p - goal|^2 + 0.1 |u|^2, positions and
                  actions in pixels, mean over tasks
  success_blocked success where the straight line to the goal meets an obstacle;
                  NaN where none does

The first three also '/ceiling', by iLQR on the true positions with the true
dynamics, and '/floor', by uniform actions. At `num_points` positions uniform
over what is legal, and for uniform legal actions:

  set_reconstruction  -log p(x|z, w) at the means, nats per picture
  prediction          -log p(x'|z', w) of the picture after an action, nats
  map_r2              R^2 of the true position by a linear map of z, the worse
                      axis
  content_r2          the same of w
  latent_gap          mean |z_x - z_y| over the deviation of z_x, for pictures
                      of one position in both sets
  content_auc         area under the ROC curve of the linear discriminant of w
                      for x against y, fitted on half of the positions
  dynamics_auc        the same of z; 0.5 where z does not tell the sets apart

Deviations: the paper states neither T, the weights of equation 7, nor how near
is near. A position that is not in the table counts like any other.

Known failure modes: success of 1 is easy where straight lines are free
(`success_blocked` is not); a constant picture has few nats of reconstruction
where the agent is small; `map_r2` of a bent map is below 1; the discriminants
are linear.
"""

import dataclasses

import chex
import jax
import jax.numpy as jnp

from disentangle_jax import errors, types
from disentangle_jax.data.control import planar
from disentangle_jax.metrics import base
from disentangle_jax.ops import ilqr, linalg, ranking

_OF_SETS = "of the set with actions, '/x', and of the one without, '/y'"
SCORES = {
  'success': types.Score(
    'share of plans that end near the goal', 'higher', 0.0, 1.0
  ),
  'success_blocked': types.Score(
    'the same where an obstacle is in the way', 'higher', 0.0, 1.0
  ),
  'goal_share': types.Score('share of steps near the goal', 'higher', 0.0, 1.0),
  'planning_loss': types.Score(
    'quadratic cost of the true path to the goal', 'lower', 0.0
  ),
  'set_reconstruction': types.Score(
    f'-log p(x|z, w), nats, {_OF_SETS}', 'lower'
  ),
  'prediction': types.Score(
    f'-log p of the picture after an action, nats, {_OF_SETS}', 'lower'
  ),
  'map_r2': types.Score(
    'R^2 of the position by a linear map of z, the worse axis', 'higher', high=1
  ),
  'content_r2': types.Score(
    'R^2 of the position by a linear map of the content', 'lower', high=1
  ),
  'latent_gap': types.Score(
    'distance of the codes of one position in both sets, deviations of z',
    'lower',
    0.0,
  ),
  'content_auc': types.Score(
    'how well the content tells the sets apart', 'higher', 0.0, 1.0
  ),
  'dynamics_auc': types.Score(
    'how well z tells the sets apart; 0.5 where it does not', 'none', 0.0, 1.0
  ),
}
CITATION = 'Banijamali et al. 2017, arXiv:1711.09165, section 4, equation 7'
GOALS = ((37.0, 37.0), (37.0, 3.0), (3.0, 37.0))
_START = (3.0, 7.0)
# Of the plans on true positions.
_HORIZON = 10
_TRIES = 16
_RIDGE = 1e-6


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    tasks: starts, with goals in turn.
    steps: T, actions that a task has.
    near: pixels from the goal that count as there.
    goals: positions (x, y).
    num_points: positions that codes and predictions are scored at.
  """

  tasks: int = 20
  steps: int = 40
  near: float = 2.0
  goals: tuple[tuple[float, float], ...] = GOALS
  num_points: int = 500


def fitted_share(codes: jax.Array, positions: jax.Array) -> jax.Array:
  """R^2 of the worse axis by least squares.

  Args:
    codes: float [N, D].
    positions: float [N, 2].

  Returns:
    float scalar, at most 1; 0 for constant codes.
  """
  chex.assert_shape([codes, positions], [(None, None), (len(codes), 2)])
  x = _standard(codes)
  y = positions - jnp.mean(positions, axis=0)
  inner = x.T @ x / len(x) + _RIDGE * jnp.eye(x.shape[1])
  fitted = x @ linalg.solve(inner, x.T @ y / len(x))
  left = jnp.mean(jnp.square(y - fitted), axis=0)
  return jnp.min(1.0 - left / jnp.mean(jnp.square(y), axis=0))


def told_apart(first: jax.Array, second: jax.Array) -> jax.Array:
  """Area under the ROC curve of the linear discriminant of two sets.

  Args:
    first: float [N, D]; the first half of the rows serves for the fit.
    second: float [N, D].

  Returns:
    float scalar, of the other half.
  """
  chex.assert_rank(first, 2)
  chex.assert_equal_shape([first, second])
  half, count = len(first) // 2, len(first)
  both = _standard(jnp.concatenate([first, second]))
  first, second = both[:count], both[count:]
  means = [jnp.mean(x[:half], axis=0) for x in (first, second)]
  within = [
    (x[:half] - mean).T @ (x[:half] - mean) / half
    for x, mean in zip((first, second), means)
  ]
  inner = sum(within) + _RIDGE * jnp.eye(both.shape[1])
  direction = linalg.solve(inner, means[0] - means[1])
  scores = jnp.concatenate([first[half:], second[half:]]) @ direction
  positive = jnp.arange(len(scores)) < count - half
  return ranking.auc(scores, positive)


def _standard(x):
  """Columns with mean 0 and deviation 1; constant ones become 0."""
  centred = x - jnp.mean(x, axis=0)
  deviation = jnp.sqrt(jnp.mean(jnp.square(centred), axis=0))
  return centred / jnp.maximum(deviation, 1e-6)


def judge(
  path: jax.Array, actions: jax.Array, goal: jax.Array, near: float
) -> dict[str, jax.Array]:
  """What a true path is worth, of one task.

  Args:
    path: float [T, 2], positions after the actions.
    actions: float [T, 2].
    goal: float [2].
    near: pixels.

  Returns:
    'success', 'goal_share' and 'planning_loss', float scalars.
  """
  chex.assert_shape([path, actions], (None, 2))
  chex.assert_shape(goal, (2,))
  away = jnp.sum(jnp.square(path - goal), axis=-1)
  there = (away <= near**2).astype(jnp.float32)
  used = jnp.clip(actions, -planar.LIMIT, planar.LIMIT)
  price = planar.ACTION_WEIGHT * jnp.sum(jnp.square(used))
  return {
    # Near the goal from some step on, which is near it at the last.
    'success': there[-1],
    'goal_share': jnp.mean(there),
    'planning_loss': planar.STATE_WEIGHT * jnp.sum(away) + price,
  }


def _check(config: Config, data: types.Dataset) -> None:
  of = lambda field: f'config.metric_options.planning.{field}'
  base.at_least(config, tasks=1, num_points=8)
  if config.steps < 2:
    raise errors.value(of('steps'), config.steps, 'must be at least 2')
  if not config.near > 0:
    raise errors.value(of('near'), config.near, 'must be above 0')
  if not config.goals:
    raise errors.value(of('goals'), config.goals, 'must hold one at least')
  for goal in config.goals:
    planar.check_position(of('goals'), goal)
  if data.name != 'planar' or 'other' not in data.extras:
    rule = 'planning is scored on planar, which has a second set of pictures'
    raise errors.value('config.dataset.name', data.name, rule)


def make(config: Config, data: types.Dataset) -> types.Probe:
  """Builds the probe; its context holds tasks, positions, ceiling and floor.

  Args:
    config: constants.
    data: `planar`.

  Returns:
    The probe.

  Raises:
    ConfigError: another data set, fewer than two steps, a goal outside of the
      arena or in an obstacle.
  """
  _check(config, data)
  world = data.extras['environment']
  other = data.extras['other'].extras['environment']

  def observe(number, position):
    """In the set with actions (0) or without (1); one trace for both."""
    pair = (w.observe((), position, None) for w in (world, other))
    first, second = pair
    return jnp.where(number == 0, first, second)

  # Noise of the world is drawn from a key; tasks are judged without it.
  step = planar.move

  def fit(key, arrays):
    del arrays
    keys = jax.random.split(key, 5)
    low, high = _START
    shape = (config.tasks, 2)
    starts = jax.random.uniform(keys[0], shape, minval=low, maxval=high)
    goals = jnp.asarray(config.goals, jnp.float32)
    goals = goals[jnp.arange(config.tasks) % len(goals)]
    cost = ilqr.diagonal(2, 2, planar.STATE_WEIGHT, planar.ACTION_WEIGHT)
    first = jnp.zeros((_HORIZON, 2))

    def ceiling(key, start, goal):
      replan = lambda key, position, previous: (
        ilqr.best_of(
          step, key, position, previous, goal, cost, limit=planar.LIMIT
        ).actions
      )
      path = ilqr.follow(replan, step, key, start, first, config.steps)
      return judge(*path, goal, config.near)

    def floor(key, start, goal):
      replan = lambda key, position, previous: jax.random.uniform(
        key, (1, 2), minval=-planar.LIMIT, maxval=planar.LIMIT
      )
      path = ilqr.follow(replan, step, key, start, first[:1], config.steps)
      return judge(*path, goal, config.near)

    task_keys = jax.random.split(keys[1], config.tasks)
    bounds = {
      f'{score}/{name}': jnp.mean(values)
      for name, play in (('ceiling', ceiling), ('floor', floor))
      for score, values in jax.vmap(play)(task_keys, starts, goals).items()
    }
    share = jnp.linspace(0.0, 1.0, 200)[:, None, None]
    line = starts * (1 - share) + goals * share
    point_keys = jax.random.split(keys[2], config.num_points)
    positions = jax.vmap(world.reset)(point_keys)
    tries = jax.random.uniform(
      keys[3],
      (_TRIES, config.num_points, 2),
      minval=-planar.LIMIT,
      maxval=planar.LIMIT,
    )
    legal = planar.legal(positions + tries)
    actions = jnp.take_along_axis(
      tries, jnp.argmax(legal, axis=0)[None, :, None], axis=0
    )[0]
    return {
      'starts': starts,
      'goals': goals,
      'blocked': ~jnp.all(planar.legal(line), axis=0),
      'bounds': bounds,
      'positions': positions,
      'actions': actions,
    }

  def played(key, context, method, state):
    """Scores of all tasks, leaves [2 sets, tasks]."""
    plan = method.extras['plan']

    def task(number, key, start, goal):
      aim = observe(number, goal)[None]
      see = lambda position: observe(number, position)[None]
      shape = jax.eval_shape(lambda: plan(key, state, see(start), aim, None))

      def replan(key, position, previous):
        return plan(key, state, see(position), aim, previous[None])[0]

      first = jnp.zeros(shape.shape[1:])
      path = ilqr.follow(replan, step, key, start, first, config.steps)
      return judge(*path, goal, config.near)

    keys = jax.random.split(key, config.tasks)
    over_tasks = jax.vmap(task, (None, 0, 0, 0))
    return jax.vmap(over_tasks, (0, None, None, None))(
      jnp.arange(2), keys, context['starts'], context['goals']
    )

  def read(context, method, state, number):
    """Codes of all positions in one set, and nats."""
    see = jax.vmap(lambda position: observe(number, position))
    positions, actions = context['positions'], context['actions']
    now, later = see(positions), see(step(positions, actions))
    codes = method.represent(state, now)
    nats = lambda vector, image: (
      -jnp.mean(method.extras['log_likelihood'](state, vector, image))
    )
    predicted = method.extras['predict'](state, now, actions)
    z, w = codes.parts['dynamics'], codes.parts['content']
    scores = {
      'set_reconstruction': nats(codes.vector, now),
      'prediction': nats(predicted, later),
      'map_r2': fitted_share(z, positions),
      'content_r2': fitted_share(w, positions),
    }
    return scores, z, w

  def score(key, context, method, state, arrays, batch):
    del arrays, batch
    names = ('x', 'y')
    own, z, w = zip(*[read(context, method, state, n) for n in (0, 1)])
    scores = dict(context['bounds'])
    tasks = played(key, context, method, state)
    blocked = context['blocked']
    count = jnp.sum(blocked)
    for number, name in enumerate(names):
      told = {key: jnp.mean(value[number]) for key, value in tasks.items()}
      there = jnp.sum(jnp.where(blocked, tasks['success'][number], 0.0))
      told['success_blocked'] = jnp.where(
        count > 0, there / jnp.maximum(count, 1), jnp.nan
      )
      told |= own[number]
      scores |= {f'{key}/{name}': value for key, value in told.items()}
    deviation = jnp.maximum(jnp.std(z[0], axis=0), 1e-6)
    scores['latent_gap'] = jnp.mean(jnp.abs(z[0] - z[1]) / deviation)
    scores['content_auc'] = told_apart(*w)
    scores['dynamics_auc'] = told_apart(*z)
    return scores

  return types.Probe(
    fit=fit,
    score=score,
    requires=('represent', 'decode', 'log_likelihood', 'plan', 'predict'),
    constants=dataclasses.asdict(config),
    kinds=('image',),
  )
