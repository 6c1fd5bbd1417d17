"""Tiny methods, one per kind of system, and the data that they need.

Each is a whole method of under eighty lines: a GAN without encoder, a recurrent
video model, a token model, agents in a corridor (whole episodes per update, and
copies that live in the state), a chain of three phases, a method on two data
sets. What the engine cannot carry, one of them meets.
"""

import dataclasses
import types as python_types

from flax import linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from disentangle_jax import requests, types
from disentangle_jax.data import factorial
from disentangle_jax.methods import training
from disentangle_jax.nn import recurrent
from disentangle_jax.ops import adversarial, axis, gaussian, per_example

METHODS, DATASETS, METRICS = {}, {}, {}


def module(**names):
  """What `import my_module` would be."""
  return python_types.SimpleNamespace(**names)


def adam(hparams):
  return optax.adam(hparams['learning_rate'])


@dataclasses.dataclass(frozen=True)
class Config:
  num_latents: int = 2
  width: int = 16


@dataclasses.dataclass(frozen=True)
class NoConfig:
  """Nothing to choose."""


# --- Data: a bright column that moves; a grammar; a gridworld -----------------

FRAMES, SIDE = 4, 6


def make_columns(config):
  """Videos [4, 6, 6, 1] of a column: where it starts, where it goes."""

  def render(arrays, factors, key):
    place = factors[0] + jnp.arange(FRAMES) * (factors[1] - 1)
    film = (jnp.arange(SIDE) == place[:, None] % SIDE).astype(jnp.float32)
    return jnp.broadcast_to(film[:, None, :, None], (FRAMES, SIDE, SIDE, 1))

  return factorial.make(
    name='columns',
    factor_names=('start', 'direction'),
    factor_values=(np.arange(SIDE), np.arange(3) - 1),
    observation_shape=(FRAMES, SIDE, SIDE, 1),
    render=render,
    kind='video',
  )


WORDS = ('', '.', 'a', 'the', 'cat', 'dog', 'owl', 'runs', 'sleeps', '<b>')


def make_sentences(config):
  """Three words and a stop: article, noun, verb."""
  first = (2, 4, 7)

  def render(arrays, factors, key):
    words = jnp.asarray(first, jnp.int32) + factors
    return jnp.concatenate([words, jnp.ones(1, jnp.int32)])

  return factorial.make(
    name='sentences',
    factor_names=('article', 'noun', 'verb'),
    factor_values=(np.arange(2), np.arange(3), np.arange(2)),
    observation_shape=(4,),
    render=render,
    kind='tokens',
    dtype='int32',
    extras={'vocabulary': WORDS},
  )


def make_corridor(config):
  """A corridor of six fields; the goal is its right end."""
  steps = jnp.array([-1, 1])

  def show(arrays, factors, key):
    return (jnp.arange(SIDE) == factors[0]).astype(jnp.float32)[None, :, None]

  environment = types.Environment(
    reset=lambda key: jax.random.randint(key, (), 0, SIDE - 1),
    step=lambda key, s, action: (
      jnp.clip(s + steps[action], 0, SIDE - 1),
      (s + steps[action] == SIDE - 1).astype(jnp.float32),
      s + steps[action] == SIDE - 1,
    ),
    observe=lambda arrays, s, key: show(arrays, s[None], key),
    legal=lambda s: jnp.stack([s > 0, s < SIDE - 1]),
    num_actions=2,
  )
  return factorial.make(
    name='corridor',
    factor_names=('place',),
    factor_values=(np.arange(SIDE),),
    observation_shape=(1, SIDE, 1),
    render=show,
    extras={'environment': environment},
  )


for name, make in (
  ('columns', make_columns),
  ('sentences', make_sentences),
  ('corridor', make_corridor),
):
  DATASETS[name] = module(Config=NoConfig, make=make)


# --- A GAN without encoder ----------------------------------------------------


def make_gan(config, data):
  size = int(np.prod(data.observation_shape))
  generator = nn.Sequential(
    [nn.Dense(config.width), nn.relu, nn.Dense(size), nn.sigmoid]
  )
  critic = nn.Sequential([nn.Dense(config.width), nn.leaky_relu, nn.Dense(1)])
  show = lambda p, z: generator.apply({'params': p}, z).reshape(
    -1, *data.observation_shape
  )
  judge = lambda p, x: critic.apply({'params': p}, x.reshape(-1, size))[:, 0]

  def init(key, batch, hparams):
    keys, z = jax.random.split(key), jnp.zeros((1, config.num_latents))
    params = {'generator': generator.init(keys[0], z)['params']}
    own = critic.init(keys[1], jnp.zeros((1, size)))['params']
    moments = adam(hparams).init(params['generator'])
    memory = {'critic': own, 'moments': adam(hparams).init(own)}
    return training.State(params, moments, jnp.int32(0), memory)

  def update(key, state, batch, hparams):
    shape = (config.num_latents,)
    fake = lambda players, n: show(
      players['generator'],
      per_example.normal(jax.random.fold_in(key, n), batch['index'], shape),
    )

    def critic_loss(players, told):
      own = lambda x: judge(players['critic'], x)
      real, made_up = own(batch['observation']), own(fake(players, 0))
      loss = adversarial.critic_loss(real, made_up)
      return loss, loss

    def generator_loss(players, told):
      logits = judge(players['critic'], fake(players, 1))
      loss = adversarial.non_saturating_generator_loss(logits)
      return loss, loss

    players, moments, told = training.alternate(
      {'critic': state.memory['critic'], **state.params},
      {'critic': state.memory['moments'], 'generator': state.opt_state},
      [
        training.Turn('critic', adam(hparams), critic_loss),
        training.Turn('generator', adam(hparams), generator_loss),
      ],
    )
    memory = {'critic': players['critic'], 'moments': moments['critic']}
    params = {'generator': players['generator']}
    after = training.State(params, moments['generator'], state.step + 1, memory)
    return after, {'loss': told[0], 'generator_loss': told[1]}

  decode = lambda state, vector: show(state.params['generator'], vector)

  def generate(key, state, count):
    z = jax.random.normal(key, (count, config.num_latents))
    return decode(state, z), types.Codes(z, {})

  layout = types.Layout(plain=config.num_latents)
  extras = {'generate': generate}
  return types.Method(init, update, None, decode, extras, layout)


METHODS['tiny_gan'] = module(
  HPARAMS={'learning_rate': 1e-2},
  STRENGTH='learning_rate',
  PROGRESS=None,
  Config=Config,
  make=make_gan,
)


# --- A recurrent video model --------------------------------------------------


def make_video(config, data):
  frames, *shape = data.observation_shape
  size = int(np.prod(shape))

  class Encoder(nn.Module):
    @nn.compact
    def __call__(self, x):
      _, last = recurrent.RNN(config.width)(x.reshape(*x.shape[:2], size))
      head = lambda name: nn.Dense(config.num_latents, name=name)(last)
      return {name: head(name) for name in ('mean', 'logvar')}

  class Decoder(nn.Module):
    @nn.compact
    def __call__(self, z):
      steps = jnp.broadcast_to(z[:, None], (len(z), frames, z.shape[-1]))
      h, _ = recurrent.RNN(config.width)(steps)
      return nn.Dense(size)(h).reshape(-1, frames, *shape)

  encoder, decoder = Encoder(), Decoder()
  encode = lambda p, x: encoder.apply({'params': p['encoder']}, x)
  show = lambda p, z: decoder.apply({'params': p['decoder']}, z)

  def init_params(key, batch):
    keys, z = jax.random.split(key), jnp.zeros((1, config.num_latents))
    return {
      'encoder': encoder.init(keys[0], batch['observation'][:1])['params'],
      'decoder': decoder.init(keys[1], z)['params'],
    }

  def nats(p, z, x):
    logits = show(p, z)
    each = jax.nn.softplus(logits) - x * logits
    return jnp.sum(each.reshape(len(x), -1), axis=1)

  def loss(p, key, state, batch, hparams):
    codes = encode(p, batch['observation'])
    shape = codes['mean'].shape[1:]
    noise = per_example.normal(key, batch['index'], shape)
    z = gaussian.sample(codes['mean'], codes['logvar'], noise)
    kl = axis.mean(gaussian.kl_to_standard(codes['mean'], codes['logvar']))
    rec = axis.mean(nats(p, z, batch['observation']))
    loss = rec + hparams['beta'] * jnp.sum(kl)
    return loss, ({'loss': loss, 'reconstruction': rec}, ())

  def represent(state, observation):
    codes = encode(state.params, observation)
    return types.Codes(codes['mean'], codes)

  decode = lambda state, vector: jax.nn.sigmoid(show(state.params, vector))
  likelihood = lambda state, vector, x: -nats(state.params, vector, x)
  init, update = training.minimise(init_params, loss, optimiser=adam)
  return types.Method(
    init,
    update,
    represent,
    decode,
    {'log_likelihood': likelihood},
    types.Layout(gaussian=config.num_latents),
  )


METHODS['tiny_video'] = module(
  HPARAMS={'learning_rate': 1e-2, 'beta': 0.1},
  STRENGTH='beta',
  Config=Config,
  make=make_video,
)


# --- A token model ------------------------------------------------------------


def make_text(config, data):
  (length,), words = data.observation_shape, len(data.extras['vocabulary'])

  class Encoder(nn.Module):
    @nn.compact
    def __call__(self, tokens):
      x = nn.Embed(words, config.width)(tokens)
      _, last = recurrent.RNN(config.width)(x)
      return nn.Dense(config.num_latents)(last)

  class Decoder(nn.Module):
    @nn.compact
    def __call__(self, z):
      steps = jnp.broadcast_to(z[:, None], (len(z), length, z.shape[-1]))
      h, _ = recurrent.RNN(config.width)(steps)
      return nn.Dense(words)(h)

  encoder, decoder = Encoder(), Decoder()
  encode = lambda p, x: encoder.apply({'params': p['encoder']}, x)
  logits = lambda p, z: decoder.apply({'params': p['decoder']}, z)

  def init_params(key, batch):
    keys, z = jax.random.split(key), jnp.zeros((1, config.num_latents))
    return {
      'encoder': encoder.init(keys[0], batch['observation'][:1])['params'],
      'decoder': decoder.init(keys[1], z)['params'],
    }

  def loss(p, key, state, batch, hparams):
    tokens = batch['observation']
    z = encode(p, tokens)
    chosen = jax.nn.one_hot(tokens, words)
    nats = -jnp.sum(chosen * jax.nn.log_softmax(logits(p, z)), axis=(1, 2))
    loss = axis.mean(nats + hparams['shrinkage'] * jnp.sum(z**2, axis=1))
    return loss, ({'loss': loss}, ())

  represent = lambda state, x: types.Codes(encode(state.params, x), {})

  def decode(state, vector):
    return jnp.argmax(logits(state.params, vector), -1).astype(jnp.int32)

  def texts(key, state, observation):
    return {'again': decode(state, represent(state, observation).vector)}

  init, update = training.minimise(init_params, loss, optimiser=adam)
  layout = types.Layout(plain=config.num_latents)
  extras = {'texts': texts}
  return types.Method(init, update, represent, decode, extras, layout)


METHODS['tiny_text'] = module(
  HPARAMS={'learning_rate': 1e-2, 'shrinkage': 0.0},
  STRENGTH='shrinkage',
  Config=Config,
  make=make_text,
)


# --- An agent: REINFORCE over whole episodes from keys per example ------------

STEPS = 5


def make_agent(config, data):
  world = data.extras['environment']
  policy = nn.Dense(world.num_actions)
  logits = lambda p, x: policy.apply({'params': p}, x.reshape(-1))

  def episode(p, arrays, key):
    """Log probability of the actions of an episode, and its return."""
    start, key = jax.random.split(key)

    def act(carry, key):
      s, running = carry
      scores = jax.nn.log_softmax(logits(p, world.observe(arrays, s, key)))
      action = jax.random.categorical(key, scores)
      s, reward, done = world.step(key, s, action)
      told = (running * scores[action], running * reward)
      return (s, running * (1.0 - done)), told

    # Alive as a number that varies over the mesh as the key does.
    alive = 1.0 + 0.0 * jax.random.uniform(key)
    first = (world.reset(start), alive)
    _, told = jax.lax.scan(act, first, jax.random.split(key, STEPS))
    return jax.tree.map(jnp.sum, told)

  def init_params(key, batch):
    return policy.init(key, batch['observation'][0].reshape(-1))['params']

  def loss(p, key, state, batch, hparams):
    keys = per_example.keys(key, batch['index'])
    log_p, earned = jax.vmap(episode, (None, None, 0))(p, (), keys)
    advantage = jax.lax.stop_gradient(earned - axis.mean(earned))
    loss = -axis.mean(log_p * advantage)
    return loss, ({'loss': loss, 'return': axis.mean(earned)}, ())

  def act(key, state, observation, goal=None):
    scores = jax.vmap(logits, (None, 0))(state.params, observation)
    return jax.random.categorical(key, scores)

  init, update = training.minimise(init_params, loss, optimiser=adam)
  return types.Method(init, update, None, None, {'act': act})


METHODS['tiny_agent'] = module(
  HPARAMS={'learning_rate': 3e-2},
  STRENGTH='learning_rate',
  PROGRESS=None,
  Config=NoConfig,
  make=make_agent,
)


# --- The other form: copies of the environment live in the state --------------


def make_resident(config, data):
  """Q-learning, one step per update in B copies; half the moves random."""
  world = data.extras['environment']
  network = nn.Dense(world.num_actions)
  of_one = lambda p, x: network.apply({'params': p}, x.reshape(-1))
  values = jax.vmap(of_one, (None, 0))
  see = jax.vmap(lambda s: world.observe((), s, jax.random.key(0)))

  def init(key, batch, hparams):
    p = network.init(key, batch['observation'][0].reshape(-1))['params']
    copies = jax.vmap(world.reset)(per_example.keys(key, batch['index']))
    return training.State(p, adam(hparams).init(p), jnp.int32(0), copies)

  def update(key, state, batch, hparams):
    s, keys = state.memory, per_example.keys(key, batch['index'])
    draw, start = jax.vmap(jax.random.split, out_axes=1)(keys)
    q = values(state.params, see(s))
    drawn = jax.vmap(lambda k: jax.random.randint(k, (), 0, 4))(draw)
    action = jnp.where(drawn < 2, drawn, jnp.argmax(q, 1))
    after, reward, done = jax.vmap(world.step)(keys, s, action)
    ahead = jnp.max(values(state.params, see(after)), axis=1)
    target = reward + 0.9 * ahead * (1.0 - done)

    def loss(p):
      chosen = jnp.take_along_axis(values(p, see(s)), action[:, None], 1)[:, 0]
      error = jnp.mean((chosen - target) ** 2)
      return error, {'loss': error}

    p, moments, told = training.descend(
      loss, adam(hparams), state.params, state.opt_state
    )
    copies = jnp.where(done, jax.vmap(world.reset)(start), after)
    return training.State(p, moments, state.step + 1, copies), told

  def act(key, state, observation, goal=None):
    return jnp.argmax(values(state.params, observation), axis=1)

  return types.Method(init, update, None, None, {'act': act})


METHODS['tiny_resident'] = module(
  HPARAMS={'learning_rate': 3e-2},
  STRENGTH='learning_rate',
  PROGRESS=None,
  SPLITS=False,
  Config=NoConfig,
  make=make_resident,
)


# --- A chain of three phases: autoencoders on top of each other ---------------


@dataclasses.dataclass(frozen=True)
class StackConfig:
  widths: tuple[int, ...] = (16, 8, 3)
  stage: int = 3


def stack_after(config):
  names = {3: 'middle', 2: 'bottom'}
  if config.stage not in names:
    return None
  static = {'stage': config.stage - 1}
  return types.Phase('tiny_stack', static, names[config.stage])


def make_stack(config, data, before=None):
  stage, shape = config.stage, data.observation_shape
  sizes = (int(np.prod(shape)), *config.widths)
  flat = lambda x: x.reshape(len(x), -1)
  up = lambda layer, x: jnp.tanh(x @ layer['up'])
  down = lambda layer, h: h @ layer['down']

  def below(params, x):
    for n in range(1, stage):
      x = up(params[f'layer_{n}'], x)
    return x

  def init_params(key, batch, frozen=None):
    start = nn.initializers.glorot_uniform()
    own = {
      'up': start(key, (sizes[stage - 1], sizes[stage])),
      'down': start(key, (sizes[stage], sizes[stage - 1])),
    }
    earlier = {} if frozen is None else frozen.params
    return {**earlier, f'layer_{stage}': own}

  def loss(params, key, state, batch, hparams):
    x = jax.lax.stop_gradient(below(params, flat(batch['observation'])))
    layer = params[f'layer_{stage}']
    h = up(layer, x)
    error = axis.mean(jnp.sum((down(layer, h) - x) ** 2, axis=1))
    loss = error + hparams['sparsity'] * axis.mean(jnp.sum(jnp.abs(h), axis=1))
    return loss, ({'loss': loss}, ())

  def represent(state, observation):
    params = state.params
    h = up(params[f'layer_{stage}'], below(params, flat(observation)))
    return types.Codes(h, {})

  def decode(state, vector):
    for n in range(stage, 0, -1):
      vector = down(state.params[f'layer_{n}'], vector)
    return vector.reshape(-1, *shape)

  init, update = training.minimise(init_params, loss, optimiser=adam)
  layout = types.Layout(plain=sizes[stage])
  return types.Method(init, update, represent, decode, {}, layout)


METHODS['tiny_stack'] = module(
  HPARAMS={'learning_rate': 1e-2, 'sparsity': 0.0},
  STRENGTH='sparsity',
  Config=StackConfig,
  after=stack_after,
  make=make_stack,
)


# --- Two data sets: two encoders, one classifier ------------------------------


def two_batch(config):
  return (
    requests.Observation(),
    requests.Label('scale'),
    requests.Field('secondary'),
    requests.MoreObservations(2),
  )


def make_two(config, data):
  classes = data.factor_sizes[data.factor_names.index('scale')]
  other = data.extras['secondary']
  encoders = {name: nn.Dense(config.num_latents) for name in ('own', 'other')}
  head = nn.Dense(classes)
  flat = lambda x: x.reshape(len(x), -1)
  code = lambda p, name, x: encoders[name].apply({'params': p[name]}, flat(x))
  told = lambda p, z: head.apply({'params': p['head']}, z)

  def init_params(key, batch):
    keys, z = jax.random.split(key, 3), jnp.zeros((1, config.num_latents))
    size = int(np.prod(other.observation_shape))
    return {
      'own': encoders['own'].init(keys[0], flat(batch['observation']))[
        'params'
      ],
      'other': encoders['other'].init(keys[1], jnp.zeros((1, size)))['params'],
      'head': head.init(keys[2], z)['params'],
    }

  def loss(p, key, state, batch, hparams):
    def cross_entropy(name, x):
      scores = jax.nn.log_softmax(told(p, code(p, name, x)))
      chosen = jnp.take_along_axis(scores, batch['label'][:, None], 1)
      return -axis.mean(chosen[:, 0])

    # Two more batches per step: their codes shall be small.
    more = [code(p, 'own', batch['more_observations'][:, i]) for i in (0, 1)]
    size = sum(axis.mean(jnp.sum(z**2, axis=1)) for z in more)
    loss = (
      cross_entropy('own', batch['observation'])
      + cross_entropy('other', batch['secondary'])
      + hparams['shrinkage'] * size
    )
    return loss, ({'loss': loss}, ())

  represent = lambda state, x: types.Codes(code(state.params, 'own', x), {})
  classify = lambda state, x: told(state.params, represent(state, x).vector)
  init, update = training.minimise(init_params, loss, optimiser=adam)
  layout = types.Layout(plain=config.num_latents)
  extras = {'classify': classify}
  return types.Method(init, update, represent, None, extras, layout)


METHODS['tiny_two'] = module(
  HPARAMS={'learning_rate': 1e-2, 'shrinkage': 0.0},
  STRENGTH='shrinkage',
  Config=Config,
  batch=two_batch,
  make=make_two,
)


# --- What each is judged by: probes that need one ability ---------------------


@dataclasses.dataclass(frozen=True)
class ProbeConfig:
  examples: int = 64


def probe(key, requires, score):
  """A module with one score, `(key, batch, method, state, data)`."""

  def make(config, data):
    whole = lambda rng, context, method, state, arrays, batch: {
      key: score(rng, batch, method, state, data)
    }
    return types.Probe(
      fit=None,
      score=whole,
      requires=(requires,),
      constants=dataclasses.asdict(config),
      examples=config.examples,
      reduce='whole',
    )

  METRICS[key] = module(
    SCORES={key: types.Score('a tiny score', 'higher', high=1.0)},
    Config=ProbeConfig,
    make=make,
  )


def explained(x, guess):
  """1 - squared error / variance of the observations."""
  return 1 - jnp.mean((x - guess) ** 2) / jnp.mean((x - x.mean(0)) ** 2)


def of_generated(rng, batch, method, state, data):
  """1 where the mean image of draws is that of the data; 0 at its distance
  from a grey picture."""
  drawn, _ = method.extras['generate'](rng, state, 64)
  mean = batch['observation'].mean(0)
  far = jnp.sum((mean - 0.5) ** 2)
  return 1 - jnp.sum((drawn.mean(0) - mean) ** 2) / far


def of_reconstructed(rng, batch, method, state, data):
  x = batch['observation']
  vector = method.represent(state, x).vector
  return explained(x, method.decode(state, vector))


def of_tokens(rng, batch, method, state, data):
  x = batch['observation']
  again = method.decode(state, method.represent(state, x).vector)
  return jnp.mean(again == x, dtype=jnp.float32)


def of_acting(rng, batch, method, state, data):
  """Share of starts from which the goal is reached in STEPS actions."""
  world = data.extras['environment']
  s = jax.vmap(world.reset)(jax.random.split(rng, 64))
  won = jnp.zeros(64)
  for t in range(STEPS):
    key = jax.random.fold_in(rng, t)
    seen = jax.vmap(world.observe, (None, 0, None))((), s, key)
    action = method.extras['act'](key, state, seen, None)
    s, reward, _ = jax.vmap(world.step, (None, 0, 0))(key, s, action)
    won = jnp.maximum(won, reward)
  return jnp.mean(won)


def of_classes(rng, batch, method, state, data):
  label = batch['factors'][:, data.factor_names.index('scale')]
  guess = jnp.argmax(method.extras['classify'](state, batch['observation']), 1)
  return jnp.mean(guess == label, dtype=jnp.float32)


probe('drawn_mean', 'generate', of_generated)
probe('explained', 'decode', of_reconstructed)
probe('tokens_right', 'decode', of_tokens)
probe('success', 'act', of_acting)
probe('classes_right', 'classify', of_classes)
