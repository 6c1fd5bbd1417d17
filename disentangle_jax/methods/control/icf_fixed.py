"""Independently controllable factors: one policy for each coordinate.

Thomas et al. 2018, https://arxiv.org/abs/1802.09484, appendix B.1, and Bengio
et al. 2017, "Independently Controllable Features",
https://arxiv.org/abs/1703.07718. Features h = f(s) in (-1, 1)^K, and K policies
pi_k(a|s) on the last hidden layer of f. With D_k = h_k(s') - h_k(s) after
action a and

  sel_k = clip(D_k / (0.01 + sum_j max(D_j, 0)), -1, 1)

minimised, per state, the error summed over pixels:

  - w_sel sum_k E_a[pi_k(a|s) / b(a|s) sel_k] + w_ae |s - g(h)|^2
    - w_ent (1/K) sum_k H(pi_k)

under b, uniform over legal actions: no REINFORCE, for the mean over actions is
a weighted sum. acting='one' draws one action per state (the paper's form),
acting='all' takes the sum over all of them, sum_a pi_k(a|s) sel_k(a). A row of
the batch is an episode of `episode` states, rolled out under b in every step
from a key of the row's own; the batch's observations are not read.

The source of 2018 has no autoencoder loss: w_ae = 0 is its form.

Deviations. The public code of 2017 has 0.0001 for 0.01 and no clip: where
nothing rises its reward is -10,000 D. Policies are softmax over legal actions
where `permissible`. No batch normalisation.

Traps. (1) Too little entropy early, and two policies share an action for ever;
more coordinates than actions help. (2) With hidden layers of tanh neighbouring
states take codes at opposite ends, and a feature rises in half of them. (3) A
coordinate at the end of tanh is dead: with as many as actions some actions are
left to nobody.
"""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from disentangle_jax import checks, types
from disentangle_jax.methods import training
from disentangle_jax.methods.control import arrows, common, icf, icf_parts
from disentangle_jax.nn import nets
from disentangle_jax.ops import axis, likelihood, per_example, selectivity

CITATION = 'Thomas et al. 2018, arXiv:1802.09484, appendix B.1'
HPARAMS = {'learning_rate': 1e-3, 'w_sel': 1.0, 'w_ae': 0.1, 'w_ent': 0.1}
STRENGTH = 'w_sel'
PROGRESS = 'reconstruction'
TEST = {
  'dataset': icf.TEST['dataset'],
  'static': {'num_latents': 4, 'episode': 2},
}
State = training.State


@dataclasses.dataclass(frozen=True)
class Config:
  """Static choices.

  Attributes:
    net: encoder and decoder; the policies are linear in what is below the code.
    output: of the decoder, 'logistic' or 'linear'.
    num_latents: K, features and policies, at least 2.
    episode: states of an episode.
    acting: 'one' action per state, or 'all'.
    permissible: policies take legal actions alone; else all, and those that
      are not leave the state.
    precision: of the networks' products, see `nets.apply`.
  """

  net: nets.NetConfig = nets.conv.Config()
  output: str = 'logistic'
  num_latents: int = 8
  episode: int = 1
  acting: str = 'one'
  permissible: bool = True
  precision: str = 'auto'


class Experience(NamedTuple):
  """What was tried; N states in all, m actions in each: 1, or all A.

  Attributes:
    observation: float32 [N, ...], s.
    legal: bool [N, A].
    action: int32 [N, m].
    outcomes: float32 [N, m, ...], s' after each action.
  """

  observation: jax.Array
  legal: jax.Array
  action: jax.Array
  outcomes: jax.Array


def play(
  config: Config, data: types.Dataset, key: jax.Array, index: jax.Array
) -> Experience:
  """Episodes of uniform legal actions, one for each example.

  Args:
    config: static choices.
    data: with an environment of discrete actions.
    key: typed PRNG key of the step.
    index: int32 [B], numbers of the examples.

  Returns:
    What was tried, N = B x episode.
  """
  environment = data.extras['environment']
  observe = lambda s, key: environment.observe(data.arrays, s, key)

  def visit(s, key):
    look_key, act_key, step_key, after_key = jax.random.split(key, 4)
    legal = environment.legal(s)
    legal = legal if config.permissible else jnp.ones_like(legal)
    action = jax.random.categorical(act_key, jnp.where(legal, 0.0, -jnp.inf))
    action = action.astype(jnp.int32)
    one = config.acting == 'one'
    tried = action[None] if one else jnp.arange(environment.num_actions)
    step = lambda a: environment.step(step_key, s, a)
    ends, _, over = jax.vmap(step)(tried)
    seen = jax.vmap(lambda s: observe(s, after_key))(ends)
    went = 0 if one else action
    after, done = jax.tree.map(lambda x: x[went], (ends, over))
    return after, done, Experience(observe(s, look_key), legal, tried, seen)

  walk = lambda key: common.walk(environment, key, config.episode, visit)
  rows = jax.vmap(walk)(per_example.keys(key, index))
  return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), rows)


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: with an environment of discrete actions.

  Returns:
    The method. It reports 'reconstruction' (squared error, sum over pixels),
    'selectivity' (mean over k of the expected sel_k, at most 1) and 'entropy'
    (mean over k, nats). Extras: 'log_likelihood' (of a Gaussian of scale one
    around the reconstruction), 'act' (goal: int [B], number of a policy; None
    draws one), 'policies' (takes None for embeddings), and 'pictures', arrows
    of policies, on worlds with moves.

  Raises:
    ConfigError: an option out of range, or no environment.
  """
  of = lambda field: f'config.static.{field}'
  checks.integer(of('num_latents'), config.num_latents, 2)
  checks.integer(of('episode'), config.episode, 1)
  checks.choice(of('acting'), config.acting, icf_parts.ACTING)
  checks.choice(of('output'), config.output, icf_parts.OUTPUTS)
  checks.choice(of('precision'), config.precision, nets.PRECISIONS)
  nets.check(config.net, data.observation_shape)
  environment = common.environment_of(data, 'icf_fixed')
  count, actions = config.num_latents, environment.num_actions
  heads = (('code', count), ('logits', count * actions))
  encoder = nets.Encoder(config.net, heads)
  decoder = nets.Decoder(config.net, data.observation_shape)
  output = icf_parts.OUTPUTS[config.output]

  def read(params, observation):
    """h [N, K] and the policies' logits [N, K, A]."""
    told = nets.apply(encoder, params['encoder'], observation, config.precision)
    logits = told['logits'].reshape(-1, count, actions)
    return jnp.tanh(told['code']), logits

  def show(params, h):
    return output(nets.apply(decoder, params['decoder'], h, config.precision))

  def init_params(key, batch):
    encoder_key, decoder_key = jax.random.split(key)
    return {
      'encoder': encoder.init(encoder_key, batch['observation'][:1])['params'],
      'decoder': decoder.init(decoder_key, jnp.zeros((1, count)))['params'],
    }

  def loss_fn(params, key, state, batch, hparams):
    del state
    seen = play(config, data, key, batch['index'])
    h, logits = read(params, seen.observation)
    log_p = common.log_policy(logits, seen.legal[:, None])  # [N, K, A]
    outcomes = seen.outcomes.reshape(-1, *data.observation_shape)
    after, _ = read(params, outcomes)
    change = after.reshape(*seen.action.shape, count) - h[:, None]
    sel = selectivity.by_coordinate(change)  # [N, m, K]
    chances = jax.vmap(lambda p, a: p[:, a].T)(jnp.exp(log_p), seen.action)
    if config.acting == 'one':
      chances *= jnp.sum(seen.legal, axis=1)[:, None, None]
    gained = jnp.sum(chances * sel, axis=1)  # [N, K]
    entropy = common.entropy(log_p)
    error = likelihood.squared_error(show(params, h), seen.observation)
    error = axis.mean(error)
    gain, spread = axis.mean(gained), axis.mean(entropy)
    loss = (
      hparams['w_ae'] * error
      - hparams['w_sel'] * jnp.sum(gain)
      - hparams['w_ent'] * jnp.mean(spread)
    )
    scalars = {
      'loss': loss,
      'reconstruction': error,
      'selectivity': jnp.mean(gain),
      'entropy': jnp.mean(spread),
    }
    return loss, (scalars, ())

  def represent(state, observation):
    return types.Codes(read(state.params, observation)[0], {})

  def decode(state, vector):
    return show(state.params, vector)

  def policies(state, observation, embeddings=None):
    del embeddings
    return read(state.params, observation)[1]

  def act(key, state, observation, goal=None):
    goal_key, key = jax.random.split(key)
    if goal is None:
      goal = jax.random.randint(goal_key, (len(observation),), 0, count)
    logits = jax.vmap(lambda rows, k: rows[k])(
      policies(state, observation), goal
    )
    return jax.random.categorical(key, logits).astype(jnp.int32)

  def pictures(key, state, observation):
    del key, observation

    def probabilities(seen, legal):
      legal = legal[:, None] | (not config.permissible)
      return jnp.exp(common.log_policy(policies(state, seen), legal))

    return {'policies': arrows.sheet(data, probabilities)}

  def log_likelihood(state, vector, observation):
    return likelihood.gaussian(
      decode(state, vector), observation, jnp.zeros(())
    )

  extras = {
    'log_likelihood': log_likelihood,
    'act': act,
    'policies': policies,
  }
  if arrows.planes(data):
    extras['pictures'] = pictures
  init, update = training.minimise(
    init_params,
    loss_fn,
    optimiser=lambda hparams: optax.adam(hparams['learning_rate']),
  )
  layout = types.Layout(plain=count)
  return types.Method(init, update, represent, decode, extras, layout)
