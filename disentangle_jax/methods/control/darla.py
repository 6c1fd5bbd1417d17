"""An agent that acts on what frozen eyes see, tested where colours differ.

Higgins et al. 2017, "DARLA: Improving Zero-Shot Transfer in Reinforcement
Learning", https://arxiv.org/abs/1707.08475: learn to see (`perceptual_vae`, a
phase, after `dae`), then to act in a source domain on the frozen encoder's mean
code, then be tested in a target domain without learning. This method is the
second stage; `zero_shot_return` is the third.

`copies` worlds of the source domain are played side by side, `unroll` steps per
update, and start anew after the task's `episode` steps. agent='actor_critic'
minimises `hands.actor_critic_loss` of these steps; agent='dqn'
`hands.double_q_loss` of as many transitions from the last `replay` of them,
acting greedily but for a share epsilon of uniform actions, which falls from 1
to `epsilon_end` over the first half of `anneal_steps`; its Q' is copied every
`target_period` updates. Adam's rate falls linearly to 0 at `anneal_steps`,
which should be the number of steps.

What the policy sees (`sees`):

  vae      mean code of a `perceptual_vae`; 'perceptual_vae.beta' is swept
  dae      J(x), features of the autoencoder alone
  pixels   the picture: an encoder of the run's net learns with the policy
  factors  the five factors as numbers: a ceiling
  blind    the same without the shape: what can be earned without seeing it

Codes are shifted and scaled by their moments over the states of the source, a
deviation below `least_deviation` counting as that: a latent that the eyes do
not use would be blown up to noise. All pictures of the world are encoded once,
when a run starts, and the agent looks codes up.

Deviation: an actor-critic in step replaces the paper's A3C; its worlds are
three-dimensional (see `data.control.seek_avoid`).
"""

from collections.abc import Callable
import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import optax

from disentangle_jax import checks, errors, types
from disentangle_jax.methods import training
from disentangle_jax.methods.control import hands
from disentangle_jax.nn import nets

CITATION = 'Higgins et al. 2017, arXiv:1707.08475'
DISPLAY = 'DARLA'
HPARAMS = {
  'learning_rate': 1e-3,
  'gamma': 0.95,
  'entropy': 0.01,
  'value_weight': 0.5,
  'anneal_steps': 3000.0,
}
STRENGTH = 'perceptual_vae.beta'
BOUNDS = {'gamma': (0.0, 1.0), 'anneal_steps': (1.0, math.inf)}
PROGRESS = None
SPLITS = False
TEST = {
  'dataset': (
    'seek_avoid',
    {'resolution': 8, 'hues': 2, 'rooms': (0, 1), 'object_sets': ((0,), (1,))},
  ),
  'static': {'copies': 4, 'unroll': 2, 'hidden': (8,)},
}
PHASES = {'vae': 'perceptual_vae', 'dae': 'dae'}
EYES = (*PHASES, 'pixels', 'factors', 'blind')
AGENTS = ('actor_critic', 'dqn')
State = training.State
# Pictures that are encoded at once when a run starts.
_BLOCK = 324


@dataclasses.dataclass(frozen=True)
class Config:
  """Static choices.

  Attributes:
    net: of sees='pixels'; and of the phases, unless `config.phases` says other.
    sees: what the policy sees, of EYES.
    agent: of AGENTS.
    copies: worlds side by side.
    unroll: steps in each per update, a divisor of the task's episode.
    hidden: widths of the policy's layers.
    least_deviation: of a code, see above.
    epsilon_end: of 'dqn', share of uniform actions in the second half.
    target_period: of 'dqn', updates.
    replay: of 'dqn', turns of `copies * unroll` transitions that are kept.
    precision: of the networks' products, see `nets.apply`.
  """

  net: nets.NetConfig = nets.conv.Config()
  sees: str = 'vae'
  agent: str = 'actor_critic'
  copies: int = 64
  unroll: int = 8
  hidden: tuple[int, ...] = (64, 64)
  least_deviation: float = 0.1
  epsilon_end: float = 0.05
  target_period: int = 100
  replay: int = 64
  precision: str = 'auto'


def after(config: Config) -> types.Phase | None:
  """The eyes, where they are trained."""
  phase = PHASES.get(config.sees)
  return types.Phase(phase) if phase else None


def make(
  config: Config, data: types.Dataset, before: types.Method | None = None
) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: with a `task`, such as 'seek_avoid'.
    before: the eyes' method.

  Returns:
    The method. It reports 'loss', 'episode_return' (of the last whole episodes,
    discounted as the task says: 0 is a uniform policy, 1 the best; 0 until
    there is one), and 'value_error' and 'policy_entropy' (nats) or 'epsilon'.
    Codes and pictures are the eyes'. Extras: 'act' (goal: None), 'preferences'.

  Raises:
    ConfigError: an option out of range, a data set without a task, or eyes that
      are missing.
  """
  task = _check(config, data, before)
  learnt = config.sees in PHASES
  pixels = config.sees == 'pixels'
  environment, sizes = task.source, data.factor_sizes
  module = hands.Hands(
    environment.num_actions, config.hidden, config.net if pixels else None
  )
  of_source = task.points['source'].astype(np.float32)
  shape = data.factor_names.index('shape')
  columns = [
    k for k in range(len(sizes)) if config.sees != 'blind' or k != shape
  ]

  def paint(arrays, point):
    key = jax.random.key(0)
    return jax.vmap(lambda p: data.render(arrays, p, key))(point)

  def eyes_of(params):
    return State(params['eyes'], (), jnp.zeros((), jnp.int32))

  def raw_codes(params, observation, factors):
    """What is seen before it is standardised, float32 [B, F]."""
    if learnt:
      return before.represent(eyes_of(params), observation).vector
    return factors[:, jnp.asarray(columns)].astype(jnp.float32)

  def standardised(params, codes):
    moments = params['moments']
    return (codes - moments['mean']) / moments['deviation']

  def percept(params, observation, factors):
    """What the policy reads of what is at hand, float32 [B, ...]."""
    if pixels:
      return observation
    return standardised(params, raw_codes(params, observation, factors))

  def judge(params, seen):
    return nets.apply(module, params['hands'], seen, config.precision)

  def encode_all(params):
    """Codes of all grid points, float32 [points, F]."""
    seen = lambda rows: raw_codes(params, paint(data.arrays, rows), rows)
    one = lambda row: seen(row[None])[0]
    return jax.lax.map(one, jnp.asarray(task.states), batch_size=_BLOCK)

  def init(key, batch, hparams, frozen=None):
    del hparams
    hands_key, copies_key = jax.random.split(key)
    params, memory = {}, {}
    if learnt:
      params['eyes'] = frozen.params
    seen = batch['observation'][:1]
    if not pixels:
      codes = encode_all(params)
      weight = jnp.asarray(of_source / of_source.sum())[:, None]
      mean = jnp.sum(weight * codes, axis=0)
      variance = jnp.sum(weight * jnp.square(codes - mean), axis=0)
      least = config.least_deviation if learnt else 1e-3
      deviation = jnp.maximum(jnp.sqrt(variance), least)
      params['moments'] = {'mean': mean, 'deviation': deviation}
      memory['codes'] = standardised(params, codes)
      seen = memory['codes'][:1]
    params['hands'] = module.init(hands_key, seen)['params']
    memory['copies'] = hands.start(
      copies_key, environment, config.copies, task.returns.random
    )
    if config.agent == 'dqn':
      size = config.replay * config.copies * config.unroll
      memory['replay'] = hands.empty(size, len(sizes))
      memory['fixed'] = params['hands']
    opt_state = optax.adam(0.0).init(params['hands'])
    return State(params, opt_state, jnp.zeros((), jnp.int32), memory)

  def looker(memory):
    """`(point int32 [..., K]) -> what the policy sees of it [..., ...]`."""

    def look(point):
      if not pixels:
        return memory['codes'][task.number(point)]
      flat = point.reshape(-1, len(sizes))
      images = paint(data.arrays, flat)
      return images.reshape(*point.shape[:-1], *images.shape[1:])

    return look

  def update(key, state, batch, hparams):
    del batch
    look = looker(state.memory)
    play_key, recall_key = jax.random.split(key)
    gone = training.ramp(state.step, hparams['anneal_steps'])
    explores = 1 - jnp.minimum(2 * gone, 1.0) * (1 - config.epsilon_end)

    def choose(key, point):
      told = judge(state.params, look(point))['preferences']
      if config.agent == 'dqn':
        return hands.epsilon_greedy(key, told, explores)
      return jax.random.categorical(key, told).astype(jnp.int32)

    copies, turn = hands.play(
      play_key,
      environment,
      state.memory['copies'],
      choose,
      config.unroll,
      task.episode,
      task.discount,
    )
    memory = {**state.memory, 'copies': copies}
    if config.agent == 'dqn':
      memory['replay'] = hands.remember(memory['replay'], turn)
      renew = state.step % config.target_period == 0
      memory['fixed'] = jax.tree.map(
        lambda new, old: jnp.where(renew, new, old),
        state.params['hands'],
        memory['fixed'],
      )
      loss_fn = _of_replay(config, judge, look, memory, recall_key, hparams)
    else:
      loss_fn = _of_turn(judge, look, turn, hparams)
    optimiser = optax.adam(hparams['learning_rate'] * (1 - gone))
    own, opt_state, (loss, scalars) = training.descend(
      loss_fn, optimiser, state.params['hands'], state.opt_state
    )
    scalars = {
      'loss': loss,
      'episode_return': task.normalised(copies.last),
      **scalars,
    }
    if config.agent == 'dqn':
      scalars['epsilon'] = explores
    params = {**state.params, 'hands': own}
    return State(params, opt_state, state.step + 1, memory), scalars

  def preferences(state, observation, factors):
    seen = percept(state.params, observation, factors)
    return judge(state.params, seen)['preferences']

  def act(key, state, observation, goal=None):
    del key, goal
    told = preferences(state, observation, None)
    return jnp.argmax(told, axis=-1).astype(jnp.int32)

  extras = {'preferences': preferences}
  if learnt or pixels:
    extras['act'] = act
  if not learnt:
    return types.Method(init, update, None, None, extras)

  def represent(state, observation):
    return before.represent(eyes_of(state.params), observation)

  def decode(state, vector):
    return before.decode(eyes_of(state.params), vector)

  return types.Method(init, update, represent, decode, extras, before.layout)


def _of_turn(judge, look, turn, hparams) -> Callable:
  """The loss of an actor-critic as a function of the policy's parameters."""
  points = jnp.concatenate([turn.point, turn.after[-1:]])
  flat = points.reshape(-1, points.shape[-1])
  seen = look(flat)

  def loss_fn(own):
    told = judge({'hands': own}, seen)
    told = {k: v.reshape(*points.shape[:2], -1) for k, v in told.items()}
    loss, scalars = hands.actor_critic_loss(told, turn, hparams)
    return loss, (loss, scalars)

  return loss_fn


def _of_replay(config, judge, look, memory, key, hparams) -> Callable:
  """The loss of double Q-learning as a function of Q's parameters."""
  number = config.copies * config.unroll
  turn = hands.recall(key, memory['replay'], number)
  left, reached = look(turn.point), look(turn.after)
  value = lambda own, seen: judge({'hands': own}, seen)['preferences']
  fixed = value(memory['fixed'], reached)

  def loss_fn(own):
    loss = hands.double_q_loss(
      value(own, left), value(own, reached), fixed, turn, hparams['gamma']
    )
    return loss, (loss, {})

  return loss_fn


def _check(config, data, before):
  """The task, if all is well."""
  of = lambda field: f'config.static.{field}'
  checks.choice(of('sees'), config.sees, EYES)
  checks.choice(of('agent'), config.agent, AGENTS)
  checks.choice(of('precision'), config.precision, nets.PRECISIONS)
  for field in ('copies', 'unroll', 'target_period', 'replay'):
    checks.integer(of(field), getattr(config, field), 1)
  checks.number(of('least_deviation'), config.least_deviation, 1e-6, 1e3)
  checks.number(of('epsilon_end'), config.epsilon_end, 0.0, 1.0)
  task = data.extras.get('task')
  if task is None:
    rule = "darla needs a data set with a task in two domains: 'seek_avoid'"
    raise errors.value('config.dataset.name', data.name, rule)
  if task.episode % config.unroll:
    rule = f'must divide config.dataset.episode = {task.episode}'
    raise errors.value(of('unroll'), config.unroll, rule)
  if config.sees in PHASES and before is None:
    rule = f'needs trained eyes ({PHASES[config.sees]}): make(..., before)'
    raise errors.value('method darla', 'before=None', rule)
  if config.sees == 'pixels':
    nets.check(config.net, data.observation_shape)
  return task
