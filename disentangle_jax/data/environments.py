"""The laws that any environment keeps, checked by playing a little."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import errors, types

_STARTS = 4
_STEPS = 3


def check(dataset: types.Dataset, seed: int = 0) -> None:
  """Refuses a data set whose environment breaks the contract.

  Shapes are asked without running anything: states keep theirs, observations
  are those of the data set, `legal` is bool [num_actions], reward and done are
  scalars. Then 4 episodes are played for 3 steps: a start and what a step leads
  to has a legal action, unless it is the end; a legal action changes the state,
  for one of 4 keys at least; `reset`, `step` and `observe` give the same for
  the same key and state, alone or under vmap.

  Args:
    dataset: with a `types.Environment` in `extras['environment']`.
    seed: of starts and actions.

  Raises:
    ConfigError: there is none, or it breaks a law.
  """
  environment = dataset.extras.get('environment')
  if not isinstance(environment, types.Environment):
    got = type(environment).__name__
    rule = 'must be a types.Environment'
    raise errors.value(f"{dataset.name}: extras['environment']", got, rule)
  number, shape = environment.num_actions, tuple(environment.action_shape)
  if type(number) is not int or number < 0 or (number == 0) != (shape != ()):
    rule = (
      f'with action_shape {shape}: must be the number of discrete actions and '
      '(), or 0 and the shape of a continuous action'
    )
    raise errors.value(f'{dataset.name}: num_actions', number, rule)
  _check_shapes(dataset, environment)
  _play(dataset, environment, jax.random.key(seed))


def _broken(dataset: types.Dataset, law: str) -> errors.ConfigError:
  return errors.ConfigError(f'environment of {dataset.name}: {law}')


def _action(environment, key, legal):
  """A legal action, uniform; a continuous one is normal."""
  if not environment.num_actions:
    return jax.random.normal(key, environment.action_shape)
  logits = jnp.where(legal, 0.0, -jnp.inf)
  return jax.random.categorical(key, logits).astype(jnp.int32)


def _describe(tree: Any) -> list[tuple[tuple[int, ...], str]]:
  return [(leaf.shape, str(leaf.dtype)) for leaf in jax.tree.leaves(tree)]


def _check_shapes(dataset, environment):
  """Shapes and dtypes of what the functions give, without running them."""
  key = jax.random.key(0)
  state = jax.eval_shape(environment.reset, key)
  legal = jax.eval_shape(environment.legal, state)
  expected = ((environment.num_actions,), 'bool')
  if _describe(legal) != [expected]:
    law = f'legal must give {expected}, got {_describe(legal)}'
    raise _broken(dataset, law)

  def one(key, state):
    action = _action(environment, key, environment.legal(state))
    return environment.step(key, state, action)

  after, reward, done = jax.eval_shape(one, key, state)
  same = jax.tree.structure(after) == jax.tree.structure(state)
  if not same or _describe(after) != _describe(state):
    law = f'step must keep the state {_describe(state)}, got {_describe(after)}'
    raise _broken(dataset, law)
  observation = jax.eval_shape(environment.observe, dataset.arrays, state, key)
  for what, value, expected in (
    ('observe', observation, (tuple(dataset.observation_shape), dataset.dtype)),
    ('the reward', reward, ((), 'float32')),
    ('done', done, ((), 'bool')),
  ):
    if _describe(value) != [expected]:
      law = f'{what} must give {expected}, got {_describe(value)}'
      raise _broken(dataset, law)


def _play(dataset, environment, key):
  """Plays a few episodes side by side and one by one."""
  arrays = dataset.arrays

  def changes(key, state, action):
    after, _, _ = environment.step(key, state, action)
    pairs = zip(jax.tree.leaves(state), jax.tree.leaves(after))
    return jnp.any(jnp.stack([jnp.any(_raw(a) != _raw(b)) for a, b in pairs]))

  def move(key, state):
    keys = jax.random.split(key, 3)
    legal = environment.legal(state)
    action = _action(environment, keys[0], legal)
    after, reward, done = environment.step(keys[1], state, action)
    observation = environment.observe(arrays, after, keys[2])
    actions = jnp.arange(environment.num_actions)
    tries = jax.vmap(jax.vmap(changes, (None, None, 0)), (0, None, None))(
      jax.random.split(key, _STARTS), state, actions
    )
    acts = tries.any(0) | ~legal
    return after, (reward, done, observation), legal.any(), acts.all()

  reset_keys = jax.random.split(key, _STARTS)
  states = _twice(dataset, 'reset', environment.reset, reset_keys)
  over = jnp.zeros(_STARTS, bool)
  for number in range(_STEPS):
    keys = jax.random.split(jax.random.fold_in(key, number), _STARTS)
    result = _twice(dataset, 'a step', move, keys, states)
    after, (_, done, _), possible, acts = result
    if environment.num_actions:
      where = 'a start' if number == 0 else 'a state after a legal step'
      if not np.all(possible | over):
        raise _broken(dataset, f'{where} has no legal action')
      if not np.all(acts | over):
        raise _broken(dataset, 'a legal action changes nothing')
    states, over = after, over | done


def _raw(leaf):
  """Keys in a state are compared by their bits."""
  if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
    return jax.random.key_data(leaf)
  return leaf


def _twice(dataset, what, function, *rows):
  """`function` under vmap; refuses other results than row by row, or again."""
  together = jax.jit(jax.vmap(function))(*rows)
  alone = jax.jit(function)
  for number in range(_STARTS):
    row = jax.tree.map(lambda x, n=number: x[n], rows)
    expected = jax.tree.map(lambda x, n=number: x[n], together)
    for again in (alone(*row), alone(*row), function(*row)):
      pairs = zip(jax.tree.leaves(again), jax.tree.leaves(expected))
      for a, b in pairs:
        a, b = np.asarray(_raw(a)), np.asarray(_raw(b))
        # Fused operations round otherwise.
        if not np.allclose(a, b, rtol=1e-4, atol=1e-5, equal_nan=True):
          law = f'{what} gives other results for the same key and state'
          raise _broken(dataset, law)
  return together
