"""Experts that compete for examples, each to undo one mechanism.

Parascandolo et al., "Learning Independent Causal Mechanisms", ICML 2018,
https://arxiv.org/abs/1712.00961, section 3 and Algorithm 1. x are images of one
half of the set, x' = M_j(x~) images of the other half under a mechanism j drawn
uniformly. There are N' experts E_i and a critic with the logit l; sp is the
softplus. One step, on one batch of each, minimises

  critic:    E sp(-l(x)) + 1/N' sum_i E sp(l(E_i(x')))
  expert i:  1/B sum over {b : w(b) = i} of sp(-l(E_i(x'_b))),
             w(b) = argmax_i l(E_i(x'_b)), the lowest of equal ones,

in nats; the algorithm writes gradient ascent. Winners and both gradients are
those of the parameters before the step. An expert without a win keeps its
parameters and Adam's moments, for Adam moves by its moments when a gradient is
zero; running averages of its normalisation do follow the batch. The sum over
wins is divided by the size of the batch, not by the number of wins.

Experts are one tree with an axis of experts in front. They start from
`identity_pretraining` (its steps: config.phases.identity_pretraining.steps, 200
in the paper), unless `pretraining` is False. One wide net in place of several
is `experts` 1 with wider `channels`.

Batch normalisation: the moments are those of the whole mixed batch that every
expert sees, and not of an expert's wins. Early in training one expert wins
nearly everything; a shift of what leaves the frame has no inverse. Without an
encoder there are no codes: `specialisation` is the score.
"""

from collections.abc import Callable
import dataclasses

import jax
import jax.numpy as jnp
import optax

from disentangle_jax import checks, errors, requests, types
from disentangle_jax.methods import training
from disentangle_jax.methods.gan import identity_pretraining
from disentangle_jax.nn import image_experts, nets
from disentangle_jax.ops import adversarial, axis

CITATION = 'Parascandolo et al. 2018, arXiv:1712.00961, Algorithm 1'
HPARAMS = {'learning_rate': 1e-3, 'critic_learning_rate': 1e-3}
MIN_BATCH = identity_pretraining.MIN_BATCH
TEST = {
  'static': {
    **identity_pretraining.TEST['static'],
    'critic_channels': (4, 8),
    'critic_hidden': 8,
  }
}


@dataclasses.dataclass(frozen=True)
class Config(identity_pretraining.Config):
  """Static choices beside those of the experts.

  Attributes:
    critic_channels: of the critic's convolutions, see
      `image_experts.ExpertCritic`.
    critic_hidden: width of its dense layer.
    pretraining: whether experts start as copiers, from a phase of their own.
  """

  critic_channels: tuple[int, ...] = (16, 16, 16, 32, 32, 64, 64)
  critic_hidden: int = 1024
  pretraining: bool = True


def batch(config: Config) -> tuple[requests.Request, ...]:
  """Images of one half, and of the other under mechanisms."""
  own = identity_pretraining.request(config)
  return (requests.Observation(), own)


def after(config: Config) -> types.Phase | None:
  """Experts learn to copy first, unless told otherwise."""
  return types.Phase('identity_pretraining') if config.pretraining else None


def winners(logits: jax.Array) -> jax.Array:
  """The expert that the critic takes for data most; the lowest of equals.

  Args:
    logits: float [N', B].

  Returns:
    int32 [B].
  """
  return jnp.argmax(logits, axis=0).astype(jnp.int32)


def critic_loss(real: jax.Array, made: jax.Array) -> jax.Array:
  """Data against the outputs of all experts alike, Algorithm 1.

  Args:
    real: float [B], logits of data.
    made: float [N', B], logits of the experts' outputs.

  Returns:
    float scalar, nats; 2 log 2 for a critic that sees nothing.
  """
  return adversarial.critic_loss(real, made.T)


def keep_losers(
  won: jax.Array, after: types.PyTree, before: types.PyTree
) -> types.PyTree:
  """The tree after a step where an expert won, as it was where it did not.

  Args:
    won: bool [N'].
    after: leaves [N', ...]; others (Adam's count) are taken as they are.
    before: the same tree.
  """

  def kept(new, old):
    if not new.ndim:
      return new
    wide = won.reshape(won.shape + (1,) * (new.ndim - 1))
    return jnp.where(wide, new, old)

  return jax.tree.map(kept, after, before)


def play(
  apply: Callable[[types.PyTree, jax.Array], tuple[jax.Array, types.PyTree]],
  judge: Callable[[types.PyTree, jax.Array], jax.Array],
  players: dict[str, types.PyTree],
  opt_states: dict[str, types.PyTree],
  optimisers: dict[str, optax.GradientTransformation],
  observation: jax.Array,
  changed: jax.Array,
) -> tuple[dict, dict, dict, types.PyTree]:
  """One step of Algorithm 1 for any experts and critic.

  Args:
    apply: `(experts, images [B, ...]) -> (images [N', B, ...], more)`.
    judge: `(critic, images [B, ...]) -> logits [B]`.
    players: 'experts', leaves [N', ...], and 'critic'.
    opt_states: of both. Every leaf of the experts' has the axis of experts:
      `init_experts` makes it.
    optimisers: of both.
    observation: [B, ...], data.
    changed: [B, ...], what experts see.

  Returns:
    New players, new states of the optimisers, scalars, and what `apply` told
    besides.
  """
  experts, critic = players['experts'], players['critic']
  made, pull_back, more = jax.vjp(
    lambda params: apply(params, changed), experts, has_aux=True
  )
  count, size = made.shape[:2]
  fixed = jax.lax.stop_gradient(made)

  def of_critic(params):
    rows = fixed.reshape(count * size, *fixed.shape[2:])
    logits = judge(params, jnp.concatenate([observation, rows]))
    real, other = logits[:size], logits[size:].reshape(count, size)
    return critic_loss(real, other), other

  (loss, logits), slope = jax.value_and_grad(of_critic, has_aux=True)(critic)
  winner = winners(logits)
  took = jax.nn.one_hot(winner, count, axis=0, dtype=fixed.dtype)  # [N', B]
  wide = took.reshape(took.shape + (1,) * (fixed.ndim - 2))
  # The winners' outputs alone pass the critic again: the others' slopes are 0.
  best = jnp.sum(wide * fixed, axis=0)
  of_experts = lambda images: adversarial.non_saturating_generator_loss(
    judge(critic, images)
  )
  own, best_slope = jax.value_and_grad(of_experts)(best)
  (expert_slopes,) = pull_back(wide * best_slope)

  after, states = {}, {}
  updates, states['critic'] = optimisers['critic'].update(
    slope, opt_states['critic'], critic
  )
  after['critic'] = optax.apply_updates(critic, updates)
  # Each expert has an Adam of its own, count of steps and all.
  step = jax.vmap(optimisers['experts'].update)
  updates, moved = step(expert_slopes, opt_states['experts'], experts)
  wins = axis.sum(took.T)
  won = wins > 0
  after['experts'] = keep_losers(
    won, optax.apply_updates(experts, updates), experts
  )
  states['experts'] = keep_losers(won, moved, opt_states['experts'])
  scalars = {
    'loss': loss,
    'generator_loss': own,
    'winning_experts': jnp.sum(won, dtype=jnp.float32),
    'greatest_share': jnp.max(wins) / jnp.sum(wins),
  }
  return after, states, scalars, more


def init_experts(
  optimiser: optax.GradientTransformation, experts: types.PyTree
) -> types.PyTree:
  """The state of an optimiser for each expert, leaves [N', ...]."""
  return jax.vmap(optimiser.init)(experts)


def make(
  config: Config, data: types.Dataset, before: types.Method | None = None
) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: the data set, of images.
    before: of the phase before.

  Returns:
    The method, without encoder and decoder. 'winning_experts', with a win in
    the batch, and 'greatest_share' of the wins are also reported. Extras:
    'experts' `(state, observation [B, ...]) -> ([N', B, ...], logits [N', B])`;
    'best' `(state, observation) -> [B, ...]`, the winner's output; 'mechanisms'
    `(key, observation) -> {mechanism: [B, ...]}`; 'pictures', a row per
    mechanism: an image under it and what each expert makes of that.

  Raises:
    ConfigError: an option out of range, mechanisms that the images do not
      allow, or images too small for the critic's pools.
  """
  del before
  experts = identity_pretraining.build(config, data)
  identity_pretraining.widths('critic_channels', config.critic_channels)
  checks.integer('config.static.critic_hidden', config.critic_hidden, 1)
  channels = tuple(config.critic_channels)
  pools = len(image_experts.stages(channels))
  side = min(data.observation_shape[:2])
  if side >> pools < 1:
    rule = f'pools {pools} times, too often for images of side {side}'
    raise errors.value('config.static.critic_channels', channels, rule)
  critic = image_experts.ExpertCritic(channels, config.critic_hidden)
  judge = lambda params, images: nets.apply(
    critic, params, images, config.precision
  )

  def optimisers(hparams):
    return {
      'experts': optax.adam(hparams['learning_rate']),
      'critic': optax.adam(hparams['critic_learning_rate']),
    }

  def init(key, batch, hparams, frozen=None):
    expert_key, critic_key = jax.random.split(key)
    observation = batch['observation']
    if frozen is None:
      params, statistics = experts.init(expert_key, observation)
    else:
      params = frozen.params['experts']
      statistics = frozen.params['statistics']
    players = {
      'experts': params,
      'critic': critic.init(critic_key, observation[:1])['params'],
    }
    tools = optimisers(hparams)
    opt_state = {
      'experts': init_experts(tools['experts'], params),
      'critic': tools['critic'].init(players['critic']),
    }
    return training.State(
      {**players, 'statistics': statistics},
      opt_state,
      jnp.zeros((), jnp.int32),
    )

  def update(key, state, batch, hparams):
    del key
    statistics = state.params['statistics']
    players = {name: state.params[name] for name in ('experts', 'critic')}
    apply = lambda params, x: experts.apply(params, statistics, x, True)
    players, opt_state, scalars, averages = play(
      apply,
      judge,
      players,
      state.opt_state,
      optimisers(hparams),
      batch['observation'],
      batch['transformed'],
    )
    params = {**players, 'statistics': averages}
    return training.State(params, opt_state, state.step + 1), scalars

  def read(state, observation):
    params = state.params
    made, _ = experts.apply(
      params['experts'], params['statistics'], observation, False
    )
    logits = jax.vmap(lambda images: judge(params['critic'], images))(made)
    return made, logits

  def best(state, observation):
    made, logits = read(state, observation)
    winner = winners(logits)
    return jax.vmap(lambda images, j: images[j], (1, 0))(made, winner)

  change = identity_pretraining.mechanisms(config, data)

  def pictures(key, state, observation):
    rows = jnp.concatenate(list(change(key, observation[:1]).values()))
    made, _ = read(state, rows)
    sheet = jnp.concatenate([rows[None], made])  # [1 + N', mechanisms, ...]
    return {'experts': jnp.swapaxes(sheet, 0, 1)}

  extras = {
    'experts': read,
    'best': best,
    'mechanisms': change,
    'pictures': pictures,
  }
  return types.Method(init, update, None, None, extras)
