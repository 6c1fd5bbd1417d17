"""What the generators of clips share: players, noise, rates, penalty, draws.

Clips and frames are float32 in [0, 1] outside; critics see 2 x - 1, with
Gaussian noise of their own on every example where `noise` is above 0.
"""

from collections.abc import Callable, Mapping, Sequence
import dataclasses
from typing import NamedTuple

from flax import linen as nn
import jax
import jax.numpy as jnp
import optax

from disentangle_jax import checks, errors, types
from disentangle_jax.methods import training
from disentangle_jax.nn import conv, nets, video_players
from disentangle_jax.ops import adversarial, per_example

HPARAMS = {
  'learning_rate': 2e-4,
  'critic_learning_rate': 2e-4,
  'weight_decay': 1e-5,
  'noise': 0.0,
  'noise_left': 1.0,
  'rate_left': 1.0,
  'anneal_steps': 100_000.0,
  'gradient_penalty': 0.05,
}
BOUNDS = {
  'noise_left': (0.0, 1.0),
  'rate_left': (0.0, 1.0),
  'anneal_steps': (1.0, float('inf')),
}
MAY_BE_ZERO = ('penalty_every',)


@dataclasses.dataclass(frozen=True)
class Config:
  """Static choices.

  Attributes:
    frames: T, frames of a clip; of longer clips of the data a window of as many
      is drawn.
    architecture: 'dcgan' (the published networks), 'mlp', or 'light', which has
      the critic of clips of 'mlp' and all else of 'dcgan'; see
      `nn.video_players`.
    normalise: which players have batch normalisation: 'both', 'generator' or
      'none'.
    width: of 'dcgan' and 'light', channels next to the image.
    generator_hidden: of 'mlp', the generator's widths.
    frame_hidden: of 'mlp' and 'light', width of the clips' critic for each
      frame.
    clip_hidden: of 'mlp' and 'light', its widths over all frames.
    penalty_every: the gradient penalty is computed in every so-manieth step,
      with as many times its weight; 0 for never.
    conv_form: of the convolutions: 'auto', 'blocks', 'lax' or 'fused'.
    precision: of the products in the networks, one of `nets.PRECISIONS`; a
      recurrent path is float32.
  """

  frames: int = 16
  architecture: str = 'dcgan'
  normalise: str = 'both'
  width: int = 64
  generator_hidden: tuple[int, ...] = (128, 128)
  frame_hidden: int = 64
  clip_hidden: tuple[int, ...] = (128,)
  penalty_every: int = 0
  conv_form: str = 'auto'
  precision: str = 'auto'


class State(NamedTuple):
  """Everything that training changes.

  Attributes:
    params: 'generator', and 'statistics', its running averages.
    opt_state: player -> the state of its Adam.
    step: int32 scalar.
    critics: critic -> its parameters.
  """

  params: types.PyTree
  opt_state: types.PyTree
  step: jax.Array
  critics: types.PyTree


def check(
  config: Config, data: types.Dataset, widths: Sequence[str], whole: bool
) -> None:
  """Raises ConfigError for an option out of range.

  Args:
    config: of one of the methods.
    data: the data set.
    widths: further fields that are integers from 1 on.
    whole: whether the generator makes a clip at once.
  """
  where = 'config.static.{}'.format
  if data.kind != 'video':
    rule = f'makes {data.kind} observations; this method needs videos'
    raise errors.value('config.dataset.name', data.name, rule)
  for field in ('frames', 'width', 'frame_hidden', *widths):
    checks.integer(where(field), getattr(config, field), 1)
  for field in ('generator_hidden', 'clip_hidden'):
    for width in getattr(config, field):
      checks.integer(where(field), width, 1)
  checks.integer(where('penalty_every'), config.penalty_every, 0)
  for field, legal in (
    ('architecture', video_players.ARCHITECTURES),
    ('normalise', video_players.NORMALISED),
    ('conv_form', conv.FORMS),
    ('precision', nets.PRECISIONS),
  ):
    checks.choice(where(field), getattr(config, field), legal)
  available = data.observation_shape[0]
  if config.frames > available:
    rule = f'is more than the {available} frames of a clip of {data.name}'
    raise errors.value(where('frames'), config.frames, rule)
  if config.penalty_every and config.normalise == 'both':
    rule = 'needs critics without batch normalisation: set normalise=generator'
    raise errors.value(where('penalty_every'), config.penalty_every, rule)
  if config.architecture == 'mlp':
    return
  count = video_players.halvings(data.observation_shape)
  if not count:
    rule = (
      'needs square frames whose sides are a power of 2 from 16 on, got '
      f'{data.observation_shape[1:3]}; or take "mlp"'
    )
    raise errors.value(where('architecture'), config.architecture, rule)
  if whole and config.frames % (1 << count):
    rule = f'must be a multiple of {1 << count}: time doubles with the places'
    raise errors.value(where('frames'), config.frames, rule)


class Player(NamedTuple):
  """A network as pure functions of its parameters.

  Attributes:
    init: `(key, x) -> (params, statistics)`.
    run: `(params, x, statistics=None, train=False) -> (output, statistics)`.
  """

  init: Callable[..., tuple[types.PyTree, types.PyTree]]
  run: Callable[..., tuple[jax.Array, types.PyTree]]


def player(module: nn.Module, precision: str) -> Player:
  """A network at a precision, see `nets.apply`."""

  def init(key, x):
    (_, statistics), variables = module.init_with_output(key, x)
    return variables['params'], statistics

  def run(params, x, statistics=None, train=False):
    return nets.apply(
      module, params, x, precision, statistics=statistics, train=train
    )

  return Player(init, run)


def judge(critic: Player, params: types.PyTree, seen: jax.Array) -> jax.Array:
  """Logits [B, ...]; a critic is never asked but in training."""
  return critic.run(params, seen, train=True)[0]


def image_of(raw: jax.Array) -> jax.Array:
  """tanh(raw), moved from (-1, 1) to (0, 1)."""
  return jax.nn.sigmoid(2 * raw)


def clip_critic(config: Config, shape: tuple[int, ...]) -> Player:
  """D_V for clips of a shape (T, H, W, C)."""
  normalise = config.normalise == 'both'
  if config.architecture == 'dcgan':
    module = video_players.ConvClips(
      shape, config.width, normalise, config.conv_form
    )
  else:
    module = video_players.DenseClips(
      config.frame_hidden, tuple(config.clip_hidden), normalise
    )
  return player(module, config.precision)


def window(
  key: jax.Array, index: jax.Array, clips: jax.Array, frames: int
) -> jax.Array:
  """Consecutive frames of each clip, from a uniformly drawn one on.

  Args:
    key: a typed PRNG key.
    index: int32 [B].
    clips: float [B, T', ...].
    frames: T, at most T'.

  Returns:
    float [B, T, ...].
  """
  spare = clips.shape[1] - frames
  if not spare:
    return clips
  starts = per_example.integers(key, index, (), 0, spare + 1)
  cut = lambda clip, n: jax.lax.dynamic_slice_in_dim(clip, n, frames)
  return jax.vmap(cut)(clips, starts)


class Look(NamedTuple):
  """How critics see images in a step.

  Attributes:
    noise: deviation of the noise now, of values in [-1, 1].
  """

  noise: jax.Array

  def __call__(
    self, key: jax.Array, index: jax.Array, images: jax.Array
  ) -> jax.Array:
    """float [B, ...] in [0, 1] -> the same in [-1, 1] with noise."""
    noise = per_example.normal(key, index, images.shape[1:])
    return 2 * images - 1 + self.noise * noise


def look_of(hparams: Mapping[str, jax.Array], step: jax.Array) -> Look:
  """The noise of a step: linear from `noise` to its share `noise_left`."""
  fallen = training.ramp(step, hparams['anneal_steps'])
  return Look(hparams['noise'] * (1 - (1 - hparams['noise_left']) * fallen))


def optimisers(
  hparams: Mapping[str, jax.Array], step: jax.Array, critics: Sequence[str]
) -> dict[str, optax.GradientTransformation]:
  """Adam of every player, as the published code has it.

  Betas 0.5 and 0.999; weight_decay x parameter is added to the gradient, above
  Adam's moments, which is not decoupled decay. Rates fall to their share
  `rate_left` over the second half of `anneal_steps`.

  Args:
    hparams: traced.
    step: int32 scalar.
    critics: names.

  Returns:
    'generator' and the critics -> optimiser.
  """
  half = 0.5 * hparams['anneal_steps']
  fallen = training.ramp(jnp.maximum(step - half, 0.0), half)
  factor = 1 - (1 - hparams['rate_left']) * fallen

  def adam(rate):
    return optax.chain(
      optax.add_decayed_weights(hparams['weight_decay']),
      optax.adam(factor * rate, b1=0.5, b2=0.999),
    )

  own = {name: adam(hparams['critic_learning_rate']) for name in critics}
  return {**own, 'generator': adam(hparams['learning_rate'])}


def critic_turn(
  config: Config,
  name: str,
  critic: Player,
  optimiser: optax.GradientTransformation,
  hparams: Mapping[str, jax.Array],
  step: jax.Array,
  real: jax.Array,
  fake: jax.Array,
) -> training.Turn:
  """The update of one critic on what it sees of real and generated examples.

  Args:
    config: static choices.
    name: of the critic; its loss is told.
    critic: the network.
    optimiser: its own.
    hparams: traced.
    step: the engine's, not batched.
    real: float [B, ...], as it sees them.
    fake: the same of generated ones; no gradient passes.

  Returns:
    The turn.
  """
  fake = jax.lax.stop_gradient(fake)

  def loss_of(players, told):
    del told
    own = players[name]
    # One after the other: each batch is normalised by its own moments.
    loss = adversarial.critic_loss(
      judge(critic, own, real), judge(critic, own, fake)
    )
    return loss + penalty_of(own), loss

  def penalty_of(own):
    every = config.penalty_every
    if not every:
      return jnp.zeros(())
    score = lambda x: video_players.logits_of(judge(critic, own, x))
    weight = every * hparams['gradient_penalty']
    penalised = lambda: weight * adversarial.real_gradient_penalty(score, real)
    if every == 1:
      return penalised()
    return jax.lax.cond(step % every == 0, penalised, lambda: 0 * weight)

  return training.Turn(name, optimiser, loss_of)


def start(
  params: types.PyTree,
  critics: Mapping[str, types.PyTree],
  hparams: Mapping[str, jax.Array],
) -> State:
  """The state before the first step.

  Args:
    params: 'generator' and 'statistics'.
    critics: name -> parameters.
    hparams: traced.

  Returns:
    The state.
  """
  step = jnp.zeros((), jnp.int32)
  players = {**critics, 'generator': params['generator']}
  adams = optimisers(hparams, step, tuple(critics))
  opt_state = {name: adams[name].init(own) for name, own in players.items()}
  return State(params, opt_state, step, dict(critics))


def advance(
  state: State, turns: Sequence[training.Turn]
) -> tuple[State, tuple]:
  """The state after a step's turns; the last is the generator's.

  Args:
    state: before.
    turns: in order; the last one's loss tells (anything, statistics).

  Returns:
    The new state, and what the turns told.
  """
  players, opt_states, told = training.alternate(
    {**state.critics, 'generator': state.params['generator']},
    state.opt_state,
    turns,
  )
  params = {'generator': players.pop('generator'), 'statistics': told[-1][1]}
  return State(params, opt_states, state.step + 1, players), told


def index_of(count: int) -> jax.Array:
  """int32 [count]."""
  return jnp.arange(count, dtype=jnp.int32)
