"""Networks of `icf`, and how its policies act in a world."""

import dataclasses
import functools
from typing import Any, NamedTuple

from flax import linen as nn
import jax
import jax.numpy as jnp

from disentangle_jax import checks, errors, types
from disentangle_jax.methods.control import common
from disentangle_jax.nn import mlp, nets
from disentangle_jax.ops import per_example

ACTING = ('all', 'one')
SPACES = {
  'hypercube': jnp.tanh,
  'sphere': lambda x: x / jnp.sqrt(jnp.sum(x**2, -1, keepdims=True) + 1e-12),
  'simplex': lambda x: jax.nn.softmax(x, axis=-1),
}
OUTPUTS = {'logistic': jax.nn.sigmoid, 'linear': lambda raw: raw}
KERNELS = ('gaussian', 'dot')
INPUTS = ('bilinear', 'concatenated')
_MOST_BILINEAR = 32


@dataclasses.dataclass(frozen=True)
class Config:
  """Static choices.

  Attributes:
    net: encoder and decoder; the decoder's output goes through `output`.
    output: 'logistic' or 'linear'.
    num_latents: D, length of h and of phi.
    embeddings: n, drawn in each state, at least 2.
    noise: length of zeta.
    episode: states of an episode.
    policy_steps: actions of one policy; above 1 it needs `transition`.
    transition: whether T is learnt.
    acting: who acts, see the module docstring.
    permissible: policies take legal actions alone; else all, and those that
      are not leave the state.
    space: of phi, a key of SPACES.
    kernel: A, 'gaussian' (A.2) or 'dot' (section 4.2).
    inputs: how two vectors enter a network, 'bilinear' or 'concatenated'.
    bilinear_one: whether each vector of an outer product has a constant 1.
    generator_sees_state: whether Phi gets h; else zeta alone.
    generator_hidden: widths of Phi.
    policy_hidden: widths of the policy, with V on top of them too.
    transition_hidden: widths of T.
    precision: of the networks' products, see `nets.apply`.
  """

  net: nets.NetConfig = nets.conv.Config()
  output: str = 'logistic'
  num_latents: int = 2
  embeddings: int = 256
  noise: int = 2
  episode: int = 1
  policy_steps: int = 1
  transition: bool = False
  acting: str = 'all'
  permissible: bool = True
  space: str = 'hypercube'
  kernel: str = 'gaussian'
  inputs: str = 'bilinear'
  bilinear_one: bool = True
  generator_sees_state: bool = True
  generator_hidden: tuple[int, ...] = (128,)
  policy_hidden: tuple[int, ...] = (64,)
  transition_hidden: tuple[int, ...] = (64,)
  precision: str = 'auto'


class Experience(NamedTuple):
  """What was done; N states in all, m actors in each (n, or 1).

  Attributes:
    observation: float32 [N, ...], s.
    noise: float32 [N, n, Z], zeta.
    later: float32 [N, m, P - 1, ...], before the second action and on.
    legal: bool [N, m, P, A].
    action: int32 [N, m, P].
    log_behaviour: float32 [N, m], log probability of the actions.
    outcomes: float32 [N, M, ...]: s' of every actor, or of every action.
    outcome: int32 [N, m], which of them is an actor's.
  """

  observation: jax.Array
  noise: jax.Array
  later: jax.Array
  legal: jax.Array
  action: jax.Array
  log_behaviour: jax.Array
  outcomes: jax.Array
  outcome: jax.Array


class Network(nn.Module):
  """Hidden layers and named linear heads; any leading axes.

  Attributes:
    hidden: widths, ReLU.
    heads: (name, width) pairs.
  """

  hidden: tuple[int, ...]
  heads: tuple[tuple[str, int], ...]

  @nn.compact
  def __call__(self, x: jax.Array) -> dict[str, jax.Array]:
    """float [..., F] -> {name: float [..., width]}."""
    flat = x.reshape(-1, x.shape[-1])
    heads = mlp.Heads(self.heads)(mlp.MLP(self.hidden)(flat))
    return {
      name: y.reshape(*x.shape[:-1], y.shape[-1]) for name, y in heads.items()
    }


class Parts(NamedTuple):
  """The networks as functions of parameters; leading axes are free.

  Attributes:
    init: `(key, batch) -> params`.
    encode: `(params, observation [N, ...]) -> h [N, D]`.
    decode: `(params, h [N, D]) -> observation [N, ...]`.
    embed: `(params, h [..., D], zeta [..., n, Z]) -> phi [..., n, D]`.
    policy: `(params, h [..., D], phi [..., D]) -> {'logits' [..., A], 'value'
      [..., 1]}`.
    transition: `(params, h [..., D], phi [..., D]) -> [..., D]`.
    play: `(params, key, index [B], epsilon) -> Experience`, N = B x episode.
  """

  init: Any
  encode: Any
  decode: Any
  embed: Any
  policy: Any
  transition: Any
  play: Any


def _check(config: Config, data: types.Dataset) -> None:
  of = lambda field: f'config.static.{field}'
  checks.integer(of('num_latents'), config.num_latents, 1)
  checks.integer(of('embeddings'), config.embeddings, 2)
  for field in ('noise', 'episode', 'policy_steps'):
    checks.integer(of(field), getattr(config, field), 1)
  for field, legal in (
    ('acting', ACTING),
    ('space', SPACES),
    ('kernel', KERNELS),
    ('inputs', INPUTS),
    ('output', OUTPUTS),
    ('precision', nets.PRECISIONS),
  ):
    checks.choice(of(field), getattr(config, field), legal)
  if config.inputs == 'bilinear' and config.num_latents > _MOST_BILINEAR:
    rule = (
      f"must be at most {_MOST_BILINEAR} with config.static.inputs='bilinear', "
      'whose width is its square'
    )
    raise errors.value(of('num_latents'), config.num_latents, rule)
  if config.policy_steps > 1 and not config.transition:
    rule = 'policies of several steps need config.static.transition=True'
    raise errors.value(of('policy_steps'), config.policy_steps, rule)
  nets.check(config.net, data.observation_shape)


def build(config: Config, data: types.Dataset) -> Parts:
  """The networks, and how they act.

  Args:
    config: static choices.
    data: with an environment.

  Returns:
    Functions.

  Raises:
    ConfigError: an option out of range, or no environment.
  """
  _check(config, data)
  environment = common.environment_of(data, 'icf')
  width, actions = config.num_latents, environment.num_actions
  modules = {
    'encoder': nets.Encoder(config.net, (('code', width),)),
    'decoder': nets.Decoder(config.net, data.observation_shape),
    'generator': Network(config.generator_hidden, (('embedding', width),)),
    'policy': Network(
      config.policy_hidden, (('logits', actions), ('value', 1))
    ),
  }
  if config.transition:
    modules['transition'] = Network(
      config.transition_hidden, (('change', width),)
    )

  def run(name, params, x):
    return nets.apply(modules[name], params[name], x, config.precision)

  def both(a, b):
    if config.inputs == 'concatenated':
      return jnp.concatenate([a, b], axis=-1)
    if config.bilinear_one:
      one = jnp.ones((*a.shape[:-1], 1))
      a, b = (jnp.concatenate([x, one], axis=-1) for x in (a, b))
    outer = a[..., :, None] * b[..., None, :]
    return outer.reshape(*a.shape[:-1], -1)

  def encode(params, observation):
    return jnp.tanh(run('encoder', params, observation)['code'])

  def decode(params, h):
    return OUTPUTS[config.output](run('decoder', params, h))

  def embed(params, h, noise):
    h = jnp.broadcast_to(h[..., None, :], (*noise.shape[:-1], width))
    given = both(h, noise) if config.generator_sees_state else noise
    return SPACES[config.space](run('generator', params, given)['embedding'])

  def policy(params, h, phi):
    return run('policy', params, both(h, phi))

  def transition(params, h, phi):
    change = run('transition', params, both(h, phi))['change']
    return h + change

  def init(key, batch):
    h = jnp.zeros((1, width))
    noise = jnp.zeros((1, config.noise))
    inputs = {
      'encoder': batch['observation'][:1],
      'decoder': h,
      'generator': both(h, noise) if config.generator_sees_state else noise,
      'policy': both(h, h),
      'transition': both(h, h),
    }
    return {
      name: module.init(jax.random.fold_in(key, number), inputs[name])['params']
      for number, (name, module) in enumerate(modules.items())
    }

  functions = Parts(init, encode, decode, embed, policy, transition, None)
  play = functools.partial(_play, config, data, environment, functions)
  return functions._replace(play=play)


def _play(config, data, environment, parts, params, key, index, epsilon):
  """See `Parts.play`."""
  n = config.embeddings
  actors = n if config.acting == 'all' else 1
  # Fewer outcomes than actors: each action is tried once.
  tried = config.policy_steps == 1 and environment.num_actions < actors
  encode = lambda x: parts.encode(params, x[None])[0]
  observe = lambda s, key: environment.observe(data.arrays, s, key)

  def choose(key, h, phi, legal):
    """An action and the log probability with which it was chosen."""
    logits = parts.policy(params, h, phi)['logits']
    chances = common.explore(common.log_policy(logits, legal), epsilon)
    action = jax.random.categorical(key, chances).astype(jnp.int32)
    return action, common.of_action(chances, action)

  def legal_in(s):
    legal = environment.legal(s)
    return legal if config.permissible else jnp.ones_like(legal)

  def follow(s, observation, phi, key):
    """One actor's actions, one after the other, and where they lead."""
    over, seen, records = jnp.zeros((), bool), observation, []
    for number in range(config.policy_steps):
      keys = jax.random.split(jax.random.fold_in(key, number), 3)
      legal = legal_in(s)
      action, log_p = choose(keys[0], encode(seen), phi, legal)
      records.append((seen, legal, action, log_p))
      after, _, done = environment.step(keys[1], s, action)
      stay = functools.partial(jnp.where, over)
      s = jax.tree.map(stay, s, after)
      over |= done
      seen = observe(s, keys[2])
    path, legal, action, log_p = map(jnp.stack, zip(*records))
    return s, over, seen, (path[1:], legal, action, jnp.sum(log_p))

  def try_all(s, observation, phi, key):
    """The same for policies of one action, whose outcomes actors share."""
    keys = jax.random.split(key, 3)
    legal, h = legal_in(s), encode(observation)
    pick = lambda key, phi: choose(key, h, phi, legal)
    action, log_p = jax.vmap(pick)(jax.random.split(keys[0], actors), phi)
    step = lambda a: environment.step(keys[1], s, a)
    ends, _, over = jax.vmap(step)(jnp.arange(environment.num_actions))
    seen = jax.vmap(lambda s: observe(s, keys[2]))(ends)
    later = jnp.zeros((actors, 0, *observation.shape))
    spread = jnp.broadcast_to(legal, (actors, 1, *legal.shape))
    record = (later, spread, action[:, None], log_p)
    return ends, over, seen, record, action

  def visit(s, key):
    look_key, noise_key, act_key = jax.random.split(key, 3)
    observation = observe(s, look_key)
    noise = jax.random.normal(noise_key, (n, config.noise))
    phi = parts.embed(params, encode(observation), noise)[:actors]
    if tried:
      ends, over, seen, record, which = try_all(s, observation, phi, act_key)
    else:
      keys = jax.random.split(act_key, actors)
      go = jax.vmap(follow, (None, None, 0, 0))
      ends, over, seen, record = go(s, observation, phi, keys)
      which = jnp.arange(actors)
    # The episode goes on with the first actor.
    first = jax.tree.map(lambda x: x[which[0]], (ends, over))
    return *first, Experience(observation, noise, *record, seen, which)

  walk = lambda key: common.walk(
    environment, key, config.episode, visit, params
  )
  rows = jax.vmap(walk)(per_example.keys(key, index))
  flat = lambda x: jax.lax.stop_gradient(
    x.reshape(x.shape[0] * x.shape[1], *x.shape[2:])
  )
  return jax.tree.map(flat, rows)
