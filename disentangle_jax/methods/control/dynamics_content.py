"""Dynamics and content: plans for pictures whose actions nobody recorded.

Banijamali, Khajenezhad, Ghodsi & Ghavamzadeh, "Disentangling Dynamics and
Content for Control and Planning", NIPS 2017 workshop on learning disentangled
representations, https://arxiv.org/abs/1711.09165, equations 2 to 6; the network
of the dynamics is that of Banijamali et al. 2018, "Robust Locally-Linear
Controllable Embedding", https://arxiv.org/abs/1710.05373. A set X has moves
(x, u, x'), a set Y pictures y of the same world that look otherwise. One
encoder q(z|x) = N(m, exp l) serves x, x' and y, a second one q(w|x) gives the
content, one decoder reads both. Dynamics are linear about a point,

  z' = A z + B u + c,   A = I + v r',   (v, r, B, c) = net(zbar, u)

Minimised, in nats, with z' ~ q(.|x'), zbar ~ q(.|z', x, u), w ~ q(.|x),
z = A^-1 (z' - B u - c), and q(.|x) the prior of z and of zbar:

  L_X = -log p(x'|z', w) + a [KL(q(zbar|z', x, u) || q(.|x)) - H(q(z'|x'))
          - log q(z|x) + log|1 + r'v|] + content_weight KL(q(w|x) || N(1, I))
  L_Y = -log p(y|s, w_y) + a KL(q(s|y) || p(s)) + content_weight KL(q(w_y|y) ||
          N(-1, I)),   s ~ q(.|y), w_y ~ q(.|y)
  loss = L_X + y_weight L_Y

with a rising linearly from `warm_up_start` to 1 over `warm_up_steps`; at a =
content_weight = 1, L_X is a bound on -log p(x'|x, u). `pairing='states'` has
p(s) = q(.|x) of an x of the same state as y: pairs are supervision. 'none' has
p(s) = N(0, I). y_weight is the number of y over that of x. Learning rates fall
tenfold over `decay_steps`, gradients are clipped to `clip_norm`.

Corrections of the text: equation 5 samples w from x' (equation 3) and prices it
at x; both are bounds, `content_from` says which picture does both. It lacks
log|det A|, without which it is no bound (`log_det`). Its backward net has no u
(ours has). Actions are divided by `action_limit`.

Extras: 'plan' `(key, state, observation [B, ...], goal [B, ...], previous [B,
T, A] or None) -> actions [B, T, A]`, by `ops.ilqr` in the space of encoder
means, Q = plan_state_weight I, R = plan_action_weight I (actions as the data
set has them); 'act' takes the first of them; 'predict' `(state, observation,
action [B, A]) -> code [B, D]` of what follows. 'pictures' are maps of the plane
and of its codes, with the paths of three plans, where the data set is `planar`.

Traps: w can carry the position, for its price is that of any other bit while z
pays for consistency: 'next' sees all of the picture that it explains, 'current'
(the default) cannot know the move. A folded map gives two places one code.
Clipped: log variances of z to [-10, 4] (else -H - log q explode in opposite
directions), |1 + r'v| to at least 0.1.

Deviations: widths are stated nowhere; 300-300 (encoder, decoder), 100-100
(dynamics), 100 (content).
"""

from collections.abc import Mapping
import dataclasses

import jax
import jax.numpy as jnp
import optax

from disentangle_jax import checks, errors, requests, types
from disentangle_jax.methods import training
from disentangle_jax.methods.control import latent_dynamics, latent_maps
from disentangle_jax.methods.vae import decoders
from disentangle_jax.nn import locally_linear, nets
from disentangle_jax.ops import axis, gaussian, per_example, rank_one

CITATION = 'Banijamali et al. 2017, arXiv:1711.09165, equations 2 to 6'
HPARAMS = {
  'learning_rate': 1e-3,
  'weight_decay': 0.0,
  'y_weight': 0.25,
  'content_weight': 1.0,
  'warm_up_start': 0.02,
  'warm_up_steps': 1.0,
  'decay_steps': 1e9,
  'clip_norm': 100.0,
}
BOUNDS = {'warm_up_steps': (1.0, 1e12), 'decay_steps': (1.0, 1e12)}
PAIRINGS = ('states', 'none')
CONTENT_FROM = ('current', 'next')
LINEARISATIONS = ('jacobian', 'amortised')
# Means of the priors of content.
MU_X, MU_Y = 1.0, -1.0
TEST = {
  'dataset': (
    'planar',
    {'resolution': 8, 'pictures': 'soft', 'triples': 40, 'others': 20},
  ),
  'static': {
    'content': 2,
    'content_hidden': (8,),
    'transition_hidden': (8,),
    'backward_hidden': 8,
    'plan_horizon': 3,
    'plan_iterations': 1,
    'plan_starts': 2,
  },
}
State = training.State
# Keys of noise.
_AFTER, _BEFORE, _CONTENT, _OTHER, _OTHER_CONTENT = range(5)


@dataclasses.dataclass(frozen=True)
class Config(decoders.DecoderConfig):
  """Static choices.

  Attributes:
    net: encoder of z, and decoder.
    num_latents: D, of z.
    content: width of w.
    content_hidden: widths of the encoder of w, ReLU.
    transition_hidden: widths of the dynamics' network, ReLU.
    backward_hidden: width of the layers of x, and of all inputs, in q(zbar|.).
    action_size: numbers in an action.
    action_limit: largest size of any of them.
    pairing: prior of the codes of Y, of PAIRINGS.
    content_from: picture that w is taken from in X, of CONTENT_FROM.
    log_det: whether log|det A| is in the loss.
    stop_prior: whether the prior of Y's codes gets no gradient.
    linearisation: of the plan, of LINEARISATIONS: derivatives of the mean
      transition, or the network's own A and B.
    plan_horizon: T, actions of a plan.
    plan_iterations: of iLQR.
    plan_starts: plans that are improved side by side.
    plan_state_weight: Q.
    plan_action_weight: R.
  """

  net: nets.NetConfig = nets.mlp.Config(
    encoder_hidden=(300, 300),
    decoder_hidden=(300, 300),
    decoder_activation='relu',
  )
  num_latents: int = 2
  content: int = 2
  content_hidden: tuple[int, ...] = (100,)
  transition_hidden: tuple[int, ...] = (100, 100)
  backward_hidden: int = 100
  action_size: int = 2
  action_limit: float = 3.0
  pairing: str = 'states'
  content_from: str = 'current'
  log_det: bool = True
  stop_prior: bool = False
  linearisation: str = 'jacobian'
  plan_horizon: int = 10
  plan_iterations: int = 5
  plan_starts: int = 6
  plan_state_weight: float = 10.0
  plan_action_weight: float = 1.0


def batch(config: Config) -> tuple[requests.Request, ...]:
  """Moves of X and pictures of Y, with their pairs where these are used."""
  names = ['action', 'next_observation', 'other_observation']
  if config.pairing == 'states':
    names.append('paired_observation')
  return (requests.Observation(), *map(requests.Field, names))


def transition_nats(
  after: jax.Array,
  after_logvar: jax.Array,
  linear: locally_linear.Linear,
  action: jax.Array,
  mean: jax.Array,
  logvar: jax.Array,
  log_det: bool = True,
) -> jax.Array:
  """What the bound says of z': -H(q(z'|x')) - log q(z|x) + log|det A|.

  Args:
    after: z', float [B, D], a sample.
    after_logvar: float [B, D], of the distribution that it was drawn from.
    linear: the dynamics, leaves [B, ...].
    action: float [B, U].
    mean: float [B, D], of q(.|x).
    logvar: float [B, D].
    log_det: whether the last term is there.

  Returns:
    float [B], nats.
  """
  before = linear.backward(after, action)
  entropy = 0.5 * jnp.sum(1.0 + gaussian.LOG_2PI + after_logvar, axis=-1)
  log_prior = jnp.sum(gaussian.log_density(before, mean, logvar), axis=-1)
  nats = -entropy - log_prior
  if log_det:
    determinant = rank_one.determinant(linear.v, linear.r)
    nats += jnp.log(jnp.abs(determinant))
  return nats


def optimiser(
  hparams: Mapping[str, jax.Array],
) -> optax.GradientTransformation:
  """Clipped Adam whose rate falls tenfold, and decoupled weight decay."""

  def rate(count):
    fallen = training.ramp(count, hparams['decay_steps'])
    return hparams['learning_rate'] * 0.1**fallen

  return optax.chain(
    optax.clip_by_global_norm(hparams['clip_norm']),
    optax.adamw(rate, weight_decay=hparams['weight_decay']),
  )


def _check(config: Config, data: types.Dataset) -> None:
  """Raises ConfigError for what cannot be."""
  of = lambda field: f'config.static.{field}'
  checks.choice(of('pairing'), config.pairing, PAIRINGS)
  checks.choice(of('content_from'), config.content_from, CONTENT_FROM)
  checks.choice(of('linearisation'), config.linearisation, LINEARISATIONS)
  # A plan of one action has no dynamics in it.
  checks.integer(of('plan_horizon'), config.plan_horizon, 2)
  for field in ('num_latents', 'content', 'plan_iterations', 'plan_starts'):
    checks.integer(of(field), getattr(config, field), 1)
  for field in ('content_hidden', 'transition_hidden'):
    for width in getattr(config, field):
      checks.integer(of(field), width, 1)
  for field in ('action_limit', 'plan_state_weight', 'plan_action_weight'):
    checks.number(of(field), getattr(config, field), 1e-6, 1e6)
  wanted = ['action', 'next_observation', 'other_observation']
  missing = [name for name in wanted if name not in data.fields]
  if missing:
    rule = f'has no {", ".join(missing)}: needs moves of one set and another'
    raise errors.value('config.dataset.name', data.name, rule)
  if config.pairing == 'states' and 'paired_observation' not in data.fields:
    rule = (
      'needs a picture of X for every one of Y: at most as many '
      "config.dataset.others as triples, or config.static.pairing = 'none'"
    )
    raise errors.value(of('pairing'), config.pairing, rule)
  world = data.extras.get('environment')
  if world is not None and world.action_shape != (config.action_size,):
    rule = f'{data.name} has actions of shape {world.action_shape}'
    raise errors.value(of('action_size'), config.action_size, rule)
  nets.check(config.net, data.observation_shape)


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: with the fields that `batch` asks for.

  Returns:
    The method. The code is [z mean, w mean], with the parts 'dynamics',
    'content', 'mean' and 'logvar'. Beside 'loss' and 'reconstruction' it
    reports the terms of both bounds without their weights: 'backward_kl',
    'transition', 'content_kl', and 'other_reconstruction', 'other_kl',
    'other_content_kl' of Y; 'bound', the first four at weight 1.

  Raises:
    ConfigError: an option out of range, a data set without moves, more y than
      x where states are paired.
  """
  _check(config, data)
  networks = latent_dynamics.Networks(config, data)
  decoder, latents = networks.decoder, config.num_latents

  def loss_fn(params, key, state, batch, hparams):
    index, x = batch['index'], batch['observation']
    later, y = batch['next_observation'], batch['other_observation']
    action = networks.scaled(batch['action'])

    def sample(number, mean, logvar):
      own = jax.random.fold_in(key, number)
      noise = per_example.normal(own, index, mean.shape[1:])
      return gaussian.sample(mean, logvar, noise)

    def nats_of(z, w, observation):
      raw = decoder.decode(params, jnp.concatenate([z, w], axis=-1))
      return -decoder.log_likelihood(params, raw, observation)

    def content_of(observation, centre, number):
      mean, logvar = networks.content(params, observation)
      kl = jnp.sum(gaussian.kl_to_standard(mean - centre, logvar), axis=-1)
      return sample(number, mean, logvar), kl

    mean, logvar = networks.dynamics(params, x)
    after_mean, after_logvar = networks.dynamics(params, later)
    after = sample(_AFTER, after_mean, after_logvar)
    before_mean, before_logvar = networks.before(params, after, x, action)
    before = sample(_BEFORE, before_mean, before_logvar)
    linear = networks.linear(params, before, action)
    source = x if config.content_from == 'current' else later
    w, content_kl = content_of(source, MU_X, _CONTENT)
    backward_kl = gaussian.kl(before_mean, before_logvar, mean, logvar)

    y_mean, y_logvar = networks.dynamics(params, y)
    prior = jnp.zeros_like(y_mean), jnp.zeros_like(y_logvar)
    if config.pairing == 'states':
      prior = networks.dynamics(params, batch['paired_observation'])
    if config.stop_prior:
      prior = jax.lax.stop_gradient(prior)
    w_y, other_content_kl = content_of(y, MU_Y, _OTHER_CONTENT)
    other = sample(_OTHER, y_mean, y_logvar)

    rows = {
      'reconstruction': nats_of(after, w, later),
      'backward_kl': jnp.sum(backward_kl, axis=-1),
      'transition': transition_nats(
        after, after_logvar, linear, action, mean, logvar, config.log_det
      ),
      'content_kl': content_kl,
      'other_reconstruction': nats_of(other, w_y, y),
      'other_kl': jnp.sum(gaussian.kl(y_mean, y_logvar, *prior), axis=-1),
      'other_content_kl': other_content_kl,
    }
    terms = {name: axis.mean(nats) for name, nats in rows.items()}
    start = hparams['warm_up_start']
    share = training.ramp(state.step, hparams['warm_up_steps'])
    weight = start + (1.0 - start) * share
    price = hparams['content_weight']
    own = terms['reconstruction'] + price * terms['content_kl']
    own += weight * (terms['backward_kl'] + terms['transition'])
    others = terms['other_reconstruction'] + price * terms['other_content_kl']
    others += weight * terms['other_kl']
    loss = own + hparams['y_weight'] * others
    names = ('reconstruction', 'backward_kl', 'transition', 'content_kl')
    bound = sum(terms[name] for name in names)
    return loss, ({'loss': loss, 'bound': bound, **terms}, ())

  def represent(state, observation):
    params = state.params
    z, w = (
      f(params, observation) for f in (networks.dynamics, networks.content)
    )
    mean, logvar = (jnp.concatenate(pair, axis=-1) for pair in zip(z, w))
    parts = {'dynamics': z[0], 'content': w[0], 'mean': mean, 'logvar': logvar}
    return types.Codes(mean, parts)

  def encode(state, observation):
    return networks.dynamics(state.params, observation)[0]

  def predict(state, observation, action):
    z, scaled = encode(state, observation), networks.scaled(action)
    after = networks.linear(state.params, z, scaled).forward(z, scaled)
    w, _ = networks.content(state.params, observation)
    return jnp.concatenate([after, w], axis=-1)

  plan = latent_dynamics.planner(config, networks)

  def plans(key, state, observation, goal, previous=None):
    z, aim = encode(state, observation), encode(state, goal)
    if previous is None:
      shape = (len(z), config.plan_horizon, config.action_size)
      previous = jnp.zeros(shape)
    keys = jax.random.split(key, len(z))
    one = lambda *given: plan(state.params, *given)
    return jax.vmap(one)(keys, z, aim, previous)

  def act(key, state, observation, goal):
    return plans(key, state, observation, goal)[:, 0]

  decode, extras = decoders.decoding(decoder)
  extras |= {'plan': plans, 'act': act, 'predict': predict}
  if 'environment' in data.extras and 'other' in data.extras and latents > 1:
    first = jnp.zeros((config.plan_horizon, config.action_size))
    extras['pictures'] = latent_maps.pictures(data, encode, plans, first)
  init, update = training.minimise(
    lambda key, batch: networks.init(key, batch['observation']),
    loss_fn,
    optimiser=optimiser,
  )
  layout = types.Layout(gaussian=latents + config.content)
  return types.Method(init, update, represent, decode, extras, layout)
