"""Policies that read codes of a world's grid points, and how they learn.

Copies of the world stand side by side in a method's state. One turn takes some
steps in each of them; two ways to learn from a turn:

- `actor_critic_loss`, Mnih et al. 2016, https://arxiv.org/abs/1602.01783,
  synchronous: with n steps and R_t = sum_k gamma^k r_{t+k} + gamma^(n-t) V(s_n)

    mean_t [ -log pi(a_t|s_t) sg(R_t - V(s_t)) + w_v (sg(R_t) - V(s_t))^2
             - w_H H(pi(.|s_t)) ]

- `double_q_loss`, van Hasselt et al. 2016, https://arxiv.org/abs/1509.06461, on
  transitions from a `Replay`: mean of (r + gamma Q'(s', argmax_a Q(s', a)) -
  Q(s, a))^2, with Q' a copy of Q made now and then.

No state of these worlds is an end: values go on behind the limit of time.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from flax import linen as nn
import jax
import jax.numpy as jnp

from disentangle_jax import types
from disentangle_jax.methods.control import common
from disentangle_jax.nn import mlp, nets


class Hands(nn.Module):
  """A code to preferences for actions and a value.

  Attributes:
    actions: A.
    hidden: widths of the layers, tanh.
    net: whose encoder sees pictures first; None where codes come in.
  """

  actions: int
  hidden: tuple[int, ...]
  net: nets.NetConfig | None = None

  @nn.compact
  def __call__(self, x: jax.Array) -> dict[str, jax.Array]:
    """float [B, ...] -> 'preferences' [B, A] and 'value' [B, 1]."""
    if self.net is not None:
      x = nets.NETS[self.net.name].encode(self.net, x)
    x = mlp.MLP(self.hidden, nn.tanh)(x)
    return mlp.Heads((('preferences', self.actions), ('value', 1)))(x)


class Copies(NamedTuple):
  """Worlds side by side; all start anew at the same time.

  Attributes:
    point: int32 [N, K], where they are.
    earned: float32 [N], discounted rewards of the episode so far.
    clock: int32, steps of the episode so far.
    last: float32, mean of what the last whole episode earned; of the uniform
      policy until there is one.
  """

  point: jax.Array
  earned: jax.Array
  clock: jax.Array
  last: jax.Array


class Turn(NamedTuple):
  """What happened in T steps of N copies.

  Attributes:
    point: int32 [T, N, K], before the step.
    action: int32 [T, N].
    reward: float32 [T, N].
    after: int32 [T, N, K], where the step led.
  """

  point: jax.Array
  action: jax.Array
  reward: jax.Array
  after: jax.Array


def start(
  key: jax.Array, environment: types.Environment, count: int, last: float
) -> Copies:
  """Copies at the start of an episode each.

  Args:
    key: typed PRNG key.
    environment: the world.
    count: N.
    last: of `Copies`.
  """
  point = jax.vmap(environment.reset)(jax.random.split(key, count))
  return Copies(
    point,
    jnp.zeros(count),
    jnp.zeros((), jnp.int32),
    jnp.asarray(last, jnp.float32),
  )


def play(
  key: jax.Array,
  environment: types.Environment,
  copies: Copies,
  choose: Callable[[jax.Array, jax.Array], jax.Array],
  steps: int,
  episode: int,
  discount: float,
) -> tuple[Copies, Turn]:
  """A turn in all copies; episodes end between turns.

  Args:
    key: typed PRNG key.
    environment: the world, whose states are grid points.
    copies: N of them.
    choose: `(key, point int32 [N, K]) -> action int32 [N]`.
    steps: T, a divisor of `episode`.
    episode: steps after which all copies start anew.
    discount: of what is counted as earned.

  Returns:
    The copies after it, and what happened.
  """
  count = len(copies.point)
  many = jax.vmap(environment.step)
  start_key, key = jax.random.split(key)

  def one(carried, key):
    point, earned, clock = carried
    act_key, step_key = jax.random.split(key)
    action = choose(act_key, point)
    keys = jax.random.split(step_key, count)
    after, reward, _ = many(keys, point, action)
    earned += discount**clock * reward
    return (after, earned, clock + 1), Turn(point, action, reward, after)

  carried = (copies.point, copies.earned, copies.clock)
  (point, earned, clock), turn = jax.lax.scan(
    one, carried, jax.random.split(key, steps)
  )
  fresh = start(start_key, environment, count, jnp.mean(earned))
  over = clock >= episode
  going = Copies(point, earned, clock, copies.last)
  copies = jax.tree.map(lambda a, b: jnp.where(over, a, b), fresh, going)
  return copies, turn


def targets(
  reward: jax.Array, last_value: jax.Array, gamma: jax.Array
) -> jax.Array:
  """R_t of the module docstring.

  Args:
    reward: float [T, N].
    last_value: float [N], of where the last step led.
    gamma: discount.

  Returns:
    float [T, N].
  """

  def back(later, reward):
    total = reward + gamma * later
    return total, total

  return jax.lax.scan(back, last_value, reward, reverse=True)[1]


def actor_critic_loss(
  told: Mapping[str, jax.Array],
  turn: Turn,
  hparams: Mapping[str, jax.Array],
) -> tuple[jax.Array, dict[str, jax.Array]]:
  """See the module docstring.

  Args:
    told: of `Hands` for the T + 1 states of a turn, the last of them where the
      last step led: 'preferences' [T + 1, N, A], 'value' [T + 1, N, 1].
    turn: what happened.
    hparams: 'gamma', 'value_weight', 'entropy'.

  Returns:
    The loss, and 'value_error' and 'policy_entropy' (nats).
  """
  log_p = jax.nn.log_softmax(told['preferences'][:-1])
  value = told['value'][..., 0]
  stop = jax.lax.stop_gradient
  aim = stop(targets(turn.reward, value[-1], hparams['gamma']))
  value = value[:-1]
  gain = stop(aim - value) * common.of_action(log_p, turn.action)
  error = jnp.mean(jnp.square(aim - value))
  entropy = jnp.mean(common.entropy(log_p))
  loss = (
    -jnp.mean(gain)
    + hparams['value_weight'] * error
    - hparams['entropy'] * entropy
  )
  return loss, {'value_error': error, 'policy_entropy': entropy}


class Replay(NamedTuple):
  """Transitions, the oldest overwritten first.

  Attributes:
    point: int32 [M, K].
    action: int32 [M].
    reward: float32 [M].
    after: int32 [M, K].
    count: int32, how many were put in so far.
  """

  point: jax.Array
  action: jax.Array
  reward: jax.Array
  after: jax.Array
  count: jax.Array


def empty(size: int, factors: int) -> Replay:
  """Room for `size` transitions between points of `factors` numbers."""
  points = jnp.zeros((size, factors), jnp.int32)
  return Replay(
    points,
    jnp.zeros(size, jnp.int32),
    jnp.zeros(size),
    points,
    jnp.zeros((), jnp.int32),
  )


def remember(replay: Replay, turn: Turn) -> Replay:
  """The replay with a turn's transitions; its size is a multiple of theirs."""
  size = len(replay.action)
  flat = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), turn)
  place = replay.count % size
  put = lambda room, new: jax.lax.dynamic_update_slice_in_dim(
    room, new.astype(room.dtype), place, 0
  )
  rooms = jax.tree.map(put, Turn(*replay[:4]), flat)
  return Replay(*rooms, replay.count + len(flat.action))


def recall(key: jax.Array, replay: Replay, number: int) -> Turn:
  """Transitions drawn uniformly, with replacement; leaves [number, ...]."""
  filled = jnp.minimum(replay.count, len(replay.action))
  row = jax.random.randint(key, (number,), 0, filled)
  return jax.tree.map(lambda x: x[row], Turn(*replay[:4]))


def double_q_loss(
  values: jax.Array,
  later: jax.Array,
  later_fixed: jax.Array,
  turn: Turn,
  gamma: jax.Array,
) -> jax.Array:
  """See the module docstring.

  Args:
    values: float [M, A], Q of the states that were left.
    later: float [M, A], Q of those that were reached; it only chooses.
    later_fixed: float [M, A], Q' of the same.
    turn: leaves [M, ...].
    gamma: discount.

  Returns:
    float scalar.
  """
  best = jnp.argmax(later, axis=-1)
  aim = turn.reward + gamma * common.of_action(later_fixed, best)
  aim = jax.lax.stop_gradient(aim)
  return jnp.mean(jnp.square(aim - common.of_action(values, turn.action)))


def epsilon_greedy(
  key: jax.Array, values: jax.Array, epsilon: jax.Array
) -> jax.Array:
  """The best action, or any at all every so often.

  Args:
    key: typed PRNG key.
    values: float [N, A].
    epsilon: how often, 0 to 1.

  Returns:
    int32 [N].
  """
  coin_key, any_key = jax.random.split(key)
  count, actions = values.shape
  anything = jax.random.randint(any_key, (count,), 0, actions)
  explores = jax.random.uniform(coin_key, (count,)) < epsilon
  best = jnp.argmax(values, axis=-1)
  return jnp.where(explores, anything, best).astype(jnp.int32)
