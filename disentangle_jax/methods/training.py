"""Training steps that methods of every family share.

`minimise` is a method with one loss and one optimiser. Methods with several
parameter sets (adversaries, experts) take `alternate`: one optimiser and one
opt_state per set, updated in the paper's order, each against what the turns
before it have already updated. Optimisers are built from traced
hyper-parameters inside traced code and never stored in a state.

Adam adds its epsilon to the corrected root of the second moment (optax), where
TensorFlow 1, in which the studies of 2018 and 2019 ran, adds it to the
uncorrected one.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from disentangle_jax import types

# (params) -> (float32 scalar, anything else to be told)
Loss = Callable[[types.PyTree], tuple[jax.Array, Any]]


class State(NamedTuple):
  """Everything that training changes.

  Attributes:
    params: all that represents, decodes and generates; what an export keeps.
    opt_state: the optimiser's, e.g. Adam's moments.
    step: int32 scalar, updates done so far.
    memory: what a loss carries from step to step; () for most.
  """

  params: types.PyTree
  opt_state: types.PyTree
  step: jax.Array
  memory: types.PyTree = ()


def ramp(step: jax.Array, steps: jax.Array) -> jax.Array:
  """Rises linearly from 0 at step 0 to 1 at `steps`, and stays there."""
  return jnp.minimum(1.0, step / steps)


def adamw(hparams: Mapping[str, jax.Array]) -> optax.GradientTransformation:
  """Adam with decoupled weight decay; at decay 0 it is Adam.

  Loshchilov & Hutter 2019, https://arxiv.org/abs/1711.05101. The epsilon (1e-8)
  is added to the root of the corrected second moment, as in the paper; the 2019
  study's TensorFlow 1 adds it to the uncorrected one, which makes its first
  steps smaller where gradients are below about 1e-6.

  Args:
    hparams: 'learning_rate' and 'weight_decay', traced scalars.
  """
  return optax.adamw(
    hparams['learning_rate'], weight_decay=hparams['weight_decay']
  )


def descend(
  loss: Loss,
  optimiser: optax.GradientTransformation,
  params: types.PyTree,
  opt_state: types.PyTree,
) -> tuple[types.PyTree, types.PyTree, Any]:
  """One step of an optimiser down the gradient of a loss.

  Args:
    loss: `(params) -> (float32 scalar, more)`.
    optimiser: of these parameters.
    params: at which the gradient is taken.
    opt_state: the optimiser's.

  Returns:
    New parameters, the optimiser's new state, and what the loss told besides.
  """
  grads, told = jax.grad(loss, has_aux=True)(params)
  updates, opt_state = optimiser.update(grads, opt_state, params)
  return optax.apply_updates(params, updates), opt_state, told


class Turn(NamedTuple):
  """One player's update within a step.

  Attributes:
    player: whose parameters move.
    optimiser: of these parameters.
    loss: `(players, told) -> (float32 scalar, more)`: `players` are the
      parameters of all, by name, as the turns before have left them; `told` is
      what their losses told. Differentiated by the player's own alone.
  """

  player: str
  optimiser: optax.GradientTransformation
  loss: Callable[..., tuple[jax.Array, Any]]


def alternate(
  players: Mapping[str, types.PyTree],
  opt_states: Mapping[str, types.PyTree],
  turns: Sequence[Turn],
) -> tuple[dict[str, types.PyTree], dict[str, types.PyTree], tuple]:
  """The updates of one step, one turn after the other.

  Args:
    players: name -> parameters.
    opt_states: name -> its optimiser's state.
    turns: in order; a player may have several.

  Returns:
    New parameters, new optimisers' states, and what each turn's loss told.
  """
  players, opt_states, told = dict(players), dict(opt_states), ()
  for turn in turns:
    name = turn.player

    def loss(own, turn=turn, told=told):
      return turn.loss({**players, turn.player: own}, told)

    players[name], opt_states[name], more = descend(
      loss, turn.optimiser, players[name], opt_states[name]
    )
    told = (*told, more)
  return players, opt_states, told


def minimise(
  init_params: Callable[..., types.PyTree],
  loss: Callable[..., tuple[jax.Array, tuple[Mapping, types.PyTree]]],
  memory: types.PyTree = (),
  optimiser: Callable[..., optax.GradientTransformation] = adamw,
) -> tuple[Callable, Callable]:
  """`init` and `update` of a method that minimises one loss.

  Args:
    init_params: `(key, batch) -> params`; with an earlier phase `(key, batch,
      frozen) -> params`, where what is kept of `frozen.params` goes in.
    loss: `(params, key, state, batch, hparams) -> (loss, (scalars, memory))`.
    memory: what `State.memory` starts as.
    optimiser: `(hparams) -> optimiser`.

  Returns:
    The two functions of a `types.Method`; `state` is a `State`.
  """

  def init(key, batch, hparams, frozen=None):
    earlier = () if frozen is None else (frozen,)
    params = init_params(key, batch, *earlier)
    opt_state = optimiser(hparams).init(params)
    return State(params, opt_state, jnp.zeros((), jnp.int32), memory)

  def update(key, state, batch, hparams):
    of_params = lambda params: loss(params, key, state, batch, hparams)
    params, opt_state, (scalars, left) = descend(
      of_params, optimiser(hparams), state.params, state.opt_state
    )
    return State(params, opt_state, state.step + 1, left), scalars

  return init, update
