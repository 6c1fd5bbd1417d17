"""Known answers of the InfoGAN family."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from disentangle_jax import data as data_lib
from disentangle_jax import errors
from disentangle_jax.methods import METHODS
from disentangle_jax.methods.gan import common, infogan, infogan_cr
from disentangle_jax.nn import image_players, nets
from disentangle_jax.ops import adversarial

NET = nets.mlp.Config(encoder_hidden=(8,), decoder_hidden=(8,))
SMALL = {'architecture': 'net', 'net': NET, 'num_noise': 2}
SPRITES = data_lib.load(
  'dsprites', resolution=8, scales=2, orientations=1, positions=2
)
zeros = functools.partial(jax.tree.map, np.zeros_like)


def _compiled(method):
  """One program for each function, not one for each operation in it."""
  return method._replace(
    init=jax.jit(method.init), update=jax.jit(method.update)
  )


def _scalar(method, name):
  """A scalar of an update, without what only the parameters need."""
  update = method.update
  return jax.jit(lambda *given: update(*given)[1][name])


@functools.cache
def _batch(rows):
  index = jnp.arange(rows, dtype=jnp.int32)
  sample = jax.jit(SPRITES.sample)
  drawn = sample(jax.random.key(1), SPRITES.arrays, index)
  return {**drawn, 'index': index}


def _latents(classes, continuous):
  return common.Latents(None, continuous, classes, None)


def test_information_of_a_perfect_and_of_a_blind_posterior():
  config = common.Config(categories=(10, 4), num_continuous=0)
  classes = jnp.array([[3, 1], [0, 0], [9, 2]])
  hot = jnp.concatenate(
    [jax.nn.one_hot(classes[:, 0], 10), jax.nn.one_hot(classes[:, 1], 4)], -1
  )
  bound = lambda logits: common.information(
    config,
    common.categorical_cross_entropy(
      config, {'class_logits': logits}, _latents(classes, None)
    ),
    jnp.zeros(()),
  )['information_categorical']
  np.testing.assert_allclose(bound(100 * hot), math.log(40), rtol=1e-6)
  np.testing.assert_allclose(bound(0 * hot), 0, atol=1e-6)


def test_information_of_continuous_codes():
  config = common.Config(categories=(), num_continuous=2)
  codes = jnp.array([[0.3, -0.9], [-0.2, 0.5]])
  latents = _latents(None, codes)
  heads = lambda scale: {
    'mean': codes,
    'log_scale': jnp.full(codes.shape, math.log(scale)),
  }
  bound = lambda h: common.information(
    config, jnp.zeros(()), common.continuous_cross_entropy(config, h, latents)
  )['information_continuous']
  # 2 log 2 - 2 (0.5 log 2 pi + log s) is 0 at s = 2 / sqrt(2 pi).
  np.testing.assert_allclose(
    bound(heads(2 / math.sqrt(2 * math.pi))), 0, atol=1e-6
  )
  # With deviation 1 the bound of a perfect posterior is negative.
  fixed = bound({'mean': codes})
  np.testing.assert_allclose(fixed, 2 * (math.log(2) - 0.9189385), rtol=1e-5)


def test_a_posterior_learns_the_information_of_a_channel_and_no_more():
  """x = c with probability 0.8, else uniform: 1.4357 nats at K = 10."""
  k, noise = 10, 0.2
  p = 1 - noise + noise / k
  rest = noise / k
  exact = math.log(k) + p * math.log(p) + (k - 1) * rest * math.log(rest)
  np.testing.assert_allclose(exact, 1.4357, atol=1e-4)
  config = common.Config(categories=(k,), num_continuous=0)

  def draw(key, count):
    code_key, seen_key, other_key = jax.random.split(key, 3)
    code = jax.random.randint(code_key, (count,), 0, k)
    other = jax.random.randint(other_key, (count,), 0, k)
    kept = jax.random.uniform(seen_key, (count,)) > noise
    return code, jnp.where(kept, code, other)

  def cross_entropy(table, key, count):
    code, seen = draw(key, count)
    heads = {'class_logits': table[seen]}
    return common.categorical_cross_entropy(
      config, heads, _latents(code[:, None], None)
    )

  adam = optax.adam(0.05)

  @jax.jit
  def learn(table):
    def step(carry, number):
      table, opt_state = carry
      key = jax.random.fold_in(jax.random.key(1), number)
      grads = jax.grad(cross_entropy)(table, key, 2000)
      updates, opt_state = adam.update(grads, opt_state)
      return (optax.apply_updates(table, updates), opt_state), None

    carry = (table, adam.init(table))
    return jax.lax.scan(step, carry, jnp.arange(300))[0][0]

  table = learn(jnp.zeros((k, k)))
  bound = math.log(k) - cross_entropy(table, jax.random.key(2), 200_000)
  assert exact - 0.02 < bound < exact + 0.01


@pytest.fixture(scope='module')
def made():
  config = infogan.Config(categories=(3,), num_continuous=1, **SMALL)
  return _compiled(infogan.make(config, SPRITES)), _batch(4), config


def _step(method, batch, **changed):
  hparams = {**infogan.HPARAMS, **changed}
  state = method.init(jax.random.key(0), batch, hparams)
  after, scalars = method.update(jax.random.key(3), state, batch, hparams)
  return state, after, scalars


def test_blind_players(made):
  """Zero weights everywhere: 2 log 2 and codes at their entropy."""
  method, batch, config = made
  state = method.init(jax.random.key(0), batch, infogan.HPARAMS)
  statistics = {'statistics': state.params['statistics']}
  state = state._replace(
    params=zeros(state.params) | statistics, head=zeros(state.head)
  )
  hparams = {**infogan.HPARAMS, 'lambda_continuous': 0.0}
  _, scalars = method.update(jax.random.key(3), state, batch, hparams)
  np.testing.assert_allclose(
    scalars['loss'], 2 * math.log(2) + math.log(3), rtol=1e-6
  )
  np.testing.assert_allclose(scalars['information_categorical'], 0, atol=1e-6)
  assert config.categories == (3,)


def test_the_generator_without_codes_is_that_of_a_gan(made):
  """With generator_information 0 codes change nothing of G's own update."""
  method, batch, _ = made
  still = {'critic_learning_rate': 0.0, 'generator_information': 0.0}
  _, plain, _ = _step(
    method, batch, lambda_categorical=0.0, lambda_continuous=0.0, **still
  )
  _, coded, _ = _step(method, batch, **still)
  equal = lambda a, b: np.testing.assert_array_equal(a, b)
  jax.tree.map(equal, plain.params['generator'], coded.params['generator'])
  _, informed, _ = _step(method, batch, critic_learning_rate=0.0)
  apart = jax.tree.map(
    lambda a, b: np.max(np.abs(a - b)),
    plain.params['generator'],
    informed.params['generator'],
  )
  assert max(jax.tree.leaves(apart)) > 0


def test_each_turn_moves_its_own_player_alone(made):
  method, batch, _ = made
  before, after, _ = _step(method, batch, learning_rate=0.0)
  same = lambda a, b: np.testing.assert_array_equal(a, b)
  jax.tree.map(same, before.params['generator'], after.params['generator'])
  before, after, _ = _step(method, batch, critic_learning_rate=0.0)
  for name in ('trunk', 'posterior'):
    jax.tree.map(same, before.params[name], after.params[name])
  jax.tree.map(same, before.head, after.head)


def test_the_penalty_of_a_linear_critic_and_its_gradient():
  """(|w| - 1)^2, and a second derivative that differences confirm."""
  weights = np.float32([0.6, -0.3, 1.1])
  real, fake = jax.random.normal(jax.random.key(0), (2, 5, 3))
  index = jnp.arange(5, dtype=jnp.int32)

  @jax.jit
  @jax.value_and_grad
  def penalty(w):
    judge = lambda v: v @ w
    return adversarial.gradient_penalty(
      judge, jax.random.key(1), index, real, fake
    )

  length = float(np.linalg.norm(weights))
  value, slope = penalty(weights)
  np.testing.assert_allclose(value, (length - 1) ** 2, rtol=1e-5)
  exact = 2 * (length - 1) * weights / length
  np.testing.assert_allclose(slope, exact, rtol=1e-4)


def test_pairs_of_infogan_cr_share_one_code_and_the_noise():
  config = infogan_cr.Config(num_continuous=4, spectral=False, **SMALL)
  networks = common.build(config, SPRITES, centred=False)
  index = jnp.arange(40, dtype=jnp.int32)
  draw = jax.jit(functools.partial(infogan_cr.paired_latents, networks))
  first, second, shared = draw(jax.random.key(0), index)
  equal = np.asarray(first.continuous == second.continuous)
  np.testing.assert_array_equal(equal.sum(axis=1), 1)
  np.testing.assert_array_equal(equal.argmax(axis=1), shared)
  np.testing.assert_array_equal(first.noise, second.noise)
  np.testing.assert_array_equal(second.vector, second.continuous)
  assert set(np.asarray(shared)) == {0, 1, 2, 3}


def test_a_contrast_that_sees_nothing_has_log_c_nats():
  config = infogan_cr.Config(num_continuous=4, spectral=False, **SMALL)
  method, batch = infogan_cr.make(config, SPRITES), _batch(6)
  hparams = {**infogan_cr.HPARAMS, 'contrast_start': 0.0}
  state = jax.jit(method.init)(jax.random.key(0), batch, hparams)
  blind = zeros(state.more['contrast'])
  state = state._replace(
    more={**state.more, 'contrast': blind}, step=jnp.int32(5)
  )
  contrast = _scalar(method, 'contrast')
  nats = contrast(jax.random.key(3), state, batch, hparams)
  np.testing.assert_allclose(nats, math.log(4), rtol=1e-6)
  # At the step where its weight sets in it is another network.
  state = state._replace(step=jnp.int32(0))
  nats = contrast(jax.random.key(3), state, batch, hparams)
  assert abs(float(nats) - math.log(4)) > 1e-4


def test_later_updates_of_the_critic_see_images_of_their_own():
  module = METHODS['infogan_wgan']
  config = module.Config(critic_updates=2, num_continuous=2, **SMALL)
  method = module.make(config, SPRITES)
  (_, more) = module.batch(config)
  assert more.n == 1
  images = np.asarray(_batch(4)['observation'])
  batch = {**_batch(4), 'more_observations': images[:, None]}
  state = jax.jit(method.init)(jax.random.key(0), batch, module.HPARAMS)
  wasserstein = _scalar(method, 'wasserstein')
  step = lambda b: wasserstein(jax.random.key(3), state, b, module.HPARAMS)
  first = step(batch)
  dark = step({**batch, 'more_observations': 0 * images[:, None]})
  # The last critic's update is told; it saw black images.
  assert float(first) != float(dark)
  other = step({**batch, 'observation': 0 * images})
  assert float(first) != float(other)


@pytest.mark.parametrize(
  ('name', 'static', 'said'),
  [
    ('infogan', {'categories': (1,)}, 'categories = 1'),
    ('infogan', {'categories': (), 'num_continuous': 0}, 'must be a code'),
    ('infogan', {'num_noise': -1}, 'num_noise = -1'),
    ('infogan', {'code_sigma': 'lerned'}, 'learned'),
    ('infogan', {'architecture': 'dcgam'}, 'dcgan'),
    ('infogan', {'architecture': 'resnet'}, 'multiples of 16'),
    ('infogan', {'architecture': 'net_bn', 'net': nets.conv.Config()}, "'mlp'"),
    ('infogan_wgan', {'architecture': 'dcgan'}, 'no slope per image'),
    ('infogan_wgan', {'architecture': 'net_bn'}, 'no slope per image'),
    ('infogan_wgan', {'critic_updates': 0}, 'critic_updates = 0'),
    ('infogan_cr', {'num_continuous': 1}, 'at least 2'),
    ('infogan_cr', {'categories': (3,)}, 'must be ()'),
  ],
)
def test_what_cannot_be_is_said_in_one_line(name, static, said):
  module = METHODS[name]
  with pytest.raises(errors.ConfigError) as caught:
    module.make(module.Config(**{**SMALL, **static}), SPRITES)
  assert said in str(caught.value) and '\n' not in str(caught.value)


@pytest.mark.parametrize('architecture', ['dcgan', 'sprites', 'resnet'])
def test_published_networks_have_the_published_shapes(architecture):
  sizes = {'dcgan': (28, 1), 'sprites': (64, 1), 'resnet': (64, 3)}
  side, channels = sizes[architecture]

  shape = (side, side, channels)
  generator = image_players.generator(architecture, NET, shape)
  trunk = image_players.trunk(architecture, NET)
  width = {'dcgan': 74, 'sprites': 10, 'resnet': 134}[architecture]

  def run(key):
    (raw, _), variables = generator.init_with_output(key, jnp.zeros((2, width)))
    (features, _), judge = trunk.init_with_output(key, raw)
    return raw, features, variables['params'], judge['params']

  raw, features, made, judge = jax.eval_shape(run, jax.random.key(0))
  assert raw.shape == (2, *shape)
  count = lambda tree: sum(math.prod(x.shape) for x in jax.tree.leaves(tree))
  if architecture == 'dcgan':
    assert features.shape == (2, 1024)
    # Dense without bias under normalisation (gain and bias of each).
    base = 7 * 7 * 128
    expected = 74 * 1024 + 2 * 1024 + 1024 * base + 2 * base
    expected += 16 * 128 * 64 + 64 + 2 * 64 + 16 * 64 + 1
    assert count(made) == expected
    expected = 16 * 64 + 64 + 16 * 64 * 128 + 128 + 2 * 128
    assert count(judge) == expected + base * 1024 + 2 * 1024
  elif architecture == 'sprites':
    assert features.shape == (2, 128)
    # Dense and transposed convolutions with bias, then gain and bias.
    normalised = lambda inputs, outputs: (inputs + 3) * outputs
    expected = normalised(10, 128) + 128 * 1024 + 1024 + 2 * 1024
    expected += normalised(16 * 64, 64) + normalised(16 * 64, 32)
    expected += normalised(16 * 32, 32) + 16 * 32 + 1
    assert count(made) == expected
    layer = lambda inputs, outputs: (inputs + 1) * outputs
    expected = layer(16, 32) + layer(16 * 32, 32) + layer(16 * 32, 64)
    assert count(judge) == expected + layer(16 * 64, 64) + layer(1024, 128)
  else:
    assert features.shape == (2, 4 * 4 * 512)


@pytest.mark.parametrize(
  ('side', 'expected'),
  [(8, (64,)), (16, (64, 64)), (24, (64, 64)), (32, (32, 64, 64)), (128, None)],
)
def test_sprites_leave_at_least_four_rows(side, expected):
  channels = image_players.sprite_channels((side, side, 1))
  assert channels == (expected or image_players.SPRITE_CHANNELS)


def test_normalised_nets_normalise_their_batch():
  """Layers below activations have mean 0 and variance 1 in training."""
  key, shape = jax.random.key(0), (2, 2, 1)
  net = nets.mlp.Config(
    encoder_hidden=(5, 4), decoder_hidden=(4,), encoder_activation='leaky_relu'
  )
  x = jax.random.normal(key, (6, 3))
  generator = image_players.generator('net_bn', net, shape)

  @jax.jit
  def run(x):
    (_, start), variables = generator.init_with_output(key, x)
    return variables, *generator.apply(variables, x, start, True)

  variables, raw, averages = run(x)
  p = jax.tree.map(np.asarray, variables['params'])
  h = np.asarray(x) @ p['Dense_0']['kernel']
  centred = (h - h.mean(0)) / np.sqrt(h.var(0) + 1e-5)
  expected = np.tanh(centred) @ p['Dense_1']['kernel'] + p['Dense_1']['bias']
  np.testing.assert_allclose(raw.reshape(6, 4), expected, atol=1e-5)
  np.testing.assert_allclose(averages['norm_0'].mean, 0.1 * h.mean(0), 1e-4)
  images = jax.random.uniform(key, (6, *shape))
  for pair, layers in (('net_bn', {'norm_1'}), ('net_bn_generator', set())):
    trunk = image_players.trunk(pair, net)
    see = jax.jit(functools.partial(trunk.init_with_output, key))
    (features, averages), _ = see(images)
    assert features.shape == (6, 4) and set(averages) == layers


def test_a_code_sheet_has_values_by_rows_and_noise_by_columns(made):
  method, batch, config = made
  state = method.init(jax.random.key(0), batch, infogan.HPARAMS)
  networks = common.build(config, SPRITES, centred=False)

  @jax.jit
  def sheets(key, state):
    (sheet,) = method.extras['pictures'](key, state, None).values()
    latents = networks.draw(key, jnp.arange(8))
    rows = []
    for value in range(3):
      hot = jnp.broadcast_to(jnp.eye(3)[value], (8, 3))
      vector = jnp.concatenate([latents.continuous, hot], axis=-1)
      images, _ = networks.generate(
        state.params['generator'],
        state.params['statistics']['generator'],
        latents._replace(vector=vector),
        False,
      )
      rows.append(images)
    return sheet, jnp.stack(rows)

  sheet, rows = sheets(jax.random.key(5), state)
  assert sheet.shape == (3, 8, 8, 8, 1)
  np.testing.assert_allclose(sheet, rows, atol=1e-6)


def test_the_last_layer_of_the_contrast_is_free():
  """Ten times its kernel is ten times its logits."""
  config = infogan_cr.Config(num_continuous=2, **SMALL)
  method, batch = infogan_cr.make(config, SPRITES), _batch(4)
  hparams = {**infogan_cr.HPARAMS, 'contrast_start': 9.0}
  state = jax.jit(method.init)(jax.random.key(0), batch, hparams)
  contrast = _scalar(method, 'contrast')
  assert set(state.more['contrast']) - set(state.more['vectors']) == {'last'}

  def nats(scale):
    grown = jax.tree.map(lambda x: scale * x, state.more['contrast']['last'])
    more = {**state.more['contrast'], 'last': grown}
    own = state._replace(more={**state.more, 'contrast': more})
    return float(contrast(jax.random.key(3), own, batch, hparams))

  np.testing.assert_allclose(nats(0.0), math.log(2), rtol=1e-6)
  # Of normalised logits a change of scale would be none.
  assert abs(nats(10.0) - nats(1.0)) > 1e-3
