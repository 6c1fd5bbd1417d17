"""Known answers of both SD-GANs."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import data as data_lib
from disentangle_jax import errors
from disentangle_jax.data import samplers
from disentangle_jax.methods import METHODS
from disentangle_jax.methods.gan import sd_began, sd_common, sd_gan
from disentangle_jax.nn import nets, pair_players
from disentangle_jax.ops import adversarial

SPRITES = {'resolution': 8, 'scales': 2, 'orientations': 1, 'positions': 3}
NET = nets.mlp.Config(encoder_hidden=(8,), decoder_hidden=(8,))
SMALL = {
  'architecture': 'net',
  'net': NET,
  'identity': ('position_x', 'position_y'),
  'identity_latents': 2,
  'observation_latents': 3,
}
INDEX = jnp.arange(6, dtype=jnp.int32)


@functools.cache
def sprites():
  return data_lib.load('dsprites', **SPRITES)


@functools.cache
def made(name, **static):
  """Method, a batch, and `update` compiled."""
  module, data = METHODS[name], sprites()
  config = module.Config(**{**SMALL, **static})
  method = module.make(config, data)
  sample = jax.jit(samplers.make(data, module.batch(config)))
  batch = sample(jax.random.key(1), data.arrays, INDEX)
  method = method._replace(init=jax.jit(method.init))
  # Compiling is what takes the time.
  quick = {'xla_backend_optimization_level': 0}
  update = jax.jit(method.update, compiler_options=quick)
  return method, batch, update, module.HPARAMS


def step(name, state=None, static=(), **changed):
  method, batch, update, hparams = made(name, **dict(static))
  hparams = {**hparams, **changed}
  if state is None:
    state = method.init(jax.random.key(0), batch, hparams)
  return state, *update(jax.random.key(3), state, batch, hparams)


def equal(first, second):
  jax.tree.map(np.testing.assert_array_equal, first, second)


def moved(first, second):
  pairs = zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True)
  return any(np.any(np.asarray(a) != np.asarray(b)) for a, b in pairs)


@pytest.mark.parametrize('name', ['sd_gan', 'sd_began'])
def test_each_turn_moves_its_own_player_alone(name):
  before, after, _ = step(name, learning_rate=0.0)
  equal(before.params['generator'], after.params['generator'])
  assert moved(before.critic, after.critic)
  before, after, _ = step(name, critic_learning_rate=0.0)
  equal(before.critic, after.critic)
  assert moved(before.params['generator'], after.params['generator'])


def test_a_blind_critic_has_log_2():
  method, batch, _, hparams = made('sd_gan')
  state = method.init(jax.random.key(0), batch, hparams)
  blind = jax.tree.map(np.zeros_like, state.critic)
  _, after, scalars = step(
    'sd_gan', state._replace(critic=blind), critic_learning_rate=0.0
  )
  np.testing.assert_allclose(scalars['loss'], math.log(2), rtol=1e-6)
  np.testing.assert_allclose(scalars['generator_loss'], math.log(2), rtol=1e-6)
  equal(state.params['generator'], after.params['generator'])


def test_images_of_a_pair_meet_in_the_collating_layer_alone():
  """Swapped images are swapped features; alone, nothing else is changed."""
  data = sprites()
  sample = jax.jit(data.sample)
  images = sample(jax.random.key(2), data.arrays, INDEX)['observation']
  first, second = np.asarray(images), np.asarray(images)[::-1]
  config = sd_gan.Config(**SMALL)
  networks = sd_gan.build(config, data)
  _, critic = jax.jit(networks.init)(jax.random.key(0))
  judge = jax.jit(lambda *given: networks.judge(*given))

  @jax.jit
  def collated_swapped(critic):
    one, two = (networks.encode(critic, x) for x in (first, second))
    return networks.collate(critic, jnp.concatenate([two, one], axis=-1))

  swapped = np.asarray(judge(critic, second, first))[:, 0]
  np.testing.assert_allclose(swapped, collated_swapped(critic), rtol=1e-5)
  straight = np.asarray(judge(critic, first, second))[:, 0]
  assert np.abs(swapped - straight).max() > 0
  # A collating layer that adds both features cannot tell the order.
  kernel = np.asarray(critic['collate']['MLP_0']['Dense_0']['kernel'])
  half = len(kernel) // 2
  critic['collate']['MLP_0']['Dense_0']['kernel'] = np.concatenate(
    [kernel[:half], kernel[:half]]
  )
  np.testing.assert_allclose(
    judge(critic, first, second), judge(critic, second, first), atol=1e-6
  )
  alone = sd_gan.build(sd_gan.Config(**{**SMALL, 'paired': False}), data)
  _, critic = jax.jit(alone.init)(jax.random.key(0))
  judge = jax.jit(lambda *given: alone.judge(*given))
  logits = np.asarray(judge(critic, first, second))
  assert logits.shape == (6, 2)
  np.testing.assert_allclose(
    judge(critic, second, first), logits[:, ::-1], rtol=1e-6
  )


def test_copies_do_not_count_among_real_pairs():
  images = jnp.arange(6.0).reshape(3, 2)
  batch = {
    'observation': images,
    'identity_pair': images.at[1:, 0].add(1.0),
  }
  mean = sd_common.mean_of_pairs(jnp.array([[100.0], [2.0], [4.0]]), batch)
  np.testing.assert_allclose(mean, 3.0)
  # A whole batch of copies has no loss instead of no number.
  batch['identity_pair'] = images
  np.testing.assert_allclose(sd_common.mean_of_pairs(jnp.ones(3), batch), 0.0)


def test_pairs_share_what_they_should():
  config = sd_gan.Config(**SMALL)
  same = jnp.array([True, False] * 3)
  first, second = sd_common.draw_pair(config, jax.random.key(0), INDEX, same)
  shared = np.asarray(first == second)
  np.testing.assert_array_equal(shared[:, :2].all(1), same)
  assert not shared[:, 2:].any()
  assert np.abs(first).max() <= 1 and np.min(first) < -0.3 < 0.3 < np.max(first)
  half, _ = sd_common.draw_pair(config, jax.random.key(0), INDEX[3:], same[3:])
  np.testing.assert_array_equal(half, first[3:])


def test_sample_pair_decodes_such_pairs():
  method, batch, _, hparams = made('sd_gan')
  state = method.init(jax.random.key(0), batch, hparams)
  # A generator that sees z_I alone gives equal images, and others elsewhere.
  state = jax.tree.map(np.array, state)
  state.params['generator']['MLP_0']['Dense_0']['kernel'][2:] = 0
  same = np.array([True, False] * 3)
  sample_pair = jax.jit(method.extras['sample_pair'])
  first, second = jax.device_get(
    sample_pair(jax.random.key(0), state, INDEX, same)
  )
  alike = np.abs(first - second).reshape(6, -1).max(1) < 1e-6
  np.testing.assert_array_equal(alike, same)
  draw = jax.jit(method.extras['pictures'])
  sheets = jax.device_get(draw(jax.random.key(0), state, None))
  for sheet in sheets.values():
    assert sheet.shape == (8, 8, 8, 8, 1)
    # Rows are identities, columns are not.
    np.testing.assert_allclose(sheet[:, 0], sheet[:, 5], atol=1e-6)
    assert np.abs(sheet[0] - sheet[7]).max() > 1e-4


def test_a_perfect_autoencoder_has_no_error_and_k_stays_at_zero():
  images = jax.random.uniform(jax.random.key(0), (4, 2, 3, 3, 1))
  real = sd_began.error_of(images, images)
  np.testing.assert_array_equal(real, 0)
  fake = sd_began.error_of(images, images + 0.25)
  np.testing.assert_allclose(fake, 0.25, rtol=1e-6)
  k, convergence = adversarial.began_balance(
    jnp.float32(0.3), real, fake, 0.5, 0.1
  )
  np.testing.assert_allclose(k, 0.3 - 0.1 * 0.25, rtol=1e-6)
  np.testing.assert_allclose(convergence, 0.25, rtol=1e-6)
  k, _ = adversarial.began_balance(jnp.float32(0.01), real, fake, 0.5, 0.1)
  assert k == 0


def test_k_follows_the_errors_and_stays_within_bounds():
  before, after, scalars = step('sd_began')
  assert before.balance == 0 and scalars['k'] == 0
  np.testing.assert_allclose(
    after.balance, max(0, 1e-3 * float(scalars['balance'])), rtol=1e-5
  )
  # k weighs the generated pairs of the next step.
  _, _, weighed = step('sd_began', before._replace(balance=jnp.float32(0.5)))
  expected = scalars['real_error'] - 0.5 * scalars['generator_loss']
  np.testing.assert_allclose(weighed['loss'], expected, rtol=1e-5)
  state = before
  for gamma in (1.0, 0.0):
    for _ in range(4):
      _, state, _ = step('sd_began', state, gamma=gamma, lambda_k=1e3)
      assert 0 <= float(state.balance) <= 1


def test_both_gradients_of_began_are_taken_at_the_old_parameters():
  """The generator's update is the same however the critic moves."""
  _, still, _ = step('sd_began', critic_learning_rate=0.0)
  _, moving, _ = step('sd_began', critic_learning_rate=0.1)
  assert moved(still.critic, moving.critic)
  equal(still.params['generator'], moving.params['generator'])


@pytest.mark.parametrize(('paired', 'width'), [(True, 8), (False, 5)])
def test_the_bottleneck_shares_the_identity(paired, width):
  config = sd_began.Config(**{**SMALL, 'paired': paired})
  networks = sd_began.build(config, sprites())

  def run(key):
    generator, critic = networks.init(key)
    images = networks.generate(generator, jnp.zeros((12, 5)))
    images = images.reshape(-1, 2 if paired else 1, 8, 8, 1)
    return (
      networks.bottleneck(critic, images),
      networks.reconstruct(critic, images),
      networks.error(critic, images[:, 0], images[:, 0]),
    )

  narrow, images, error = jax.eval_shape(run, jax.random.key(0))
  assert narrow.shape == (6 if paired else 12, width)
  assert images.shape == (6 if paired else 12, 2 if paired else 1, 8, 8, 1)
  assert error.shape == narrow.shape[:1]


def test_rates_halve_down_to_a_quarter():
  hparams = {**sd_began.HPARAMS}
  at = lambda n: float(sd_began.rates(hparams, jnp.float32(n))['critic'])
  rates = [at(n) for n in (0, 99_999, 100_000, 250_000, 900_000)]
  np.testing.assert_allclose(rates, [8e-5, 8e-5, 4e-5, 2e-5, 2e-5], rtol=1e-6)


@pytest.mark.parametrize(
  ('name', 'static', 'said'),
  [
    ('sd_gan', {'identity': ()}, 'must name factors'),
    ('sd_gan', {'identity': ('position_z',)}, 'position_x'),
    ('sd_gan', {'identity': ('orientation',)}, 'single identity'),
    (
      'sd_began',
      {'identity': ('shape', 'scale', 'position_x', 'position_y')},
      'leaves no factor',
    ),
    ('sd_gan', {'architecture': 'began'}, 'dcgan'),
    ('sd_gan', {'architecture': 'dcgan'}, 'multiples of 16'),
    ('sd_began', {'identity_latents': 0}, 'identity_latents = 0'),
    ('sd_gan', {'collate_hidden': (0,)}, 'collate_hidden = 0'),
    ('sd_began', {'precision': 'half'}, 'bfloat16'),
  ],
)
def test_what_cannot_be_is_said_in_one_line(name, static, said):
  module = METHODS[name]
  with pytest.raises(errors.ConfigError) as caught:
    module.make(module.Config(**{**SMALL, **static}), sprites())
  assert said in str(caught.value) and '\n' not in str(caught.value)


def count(tree):
  return sum(math.prod(x.shape) for x in jax.tree.leaves(tree))


def test_published_networks_of_sd_gan():
  data = data_lib.load('shapes3d', resolution=64)
  networks = sd_gan.build(sd_gan.Config(), data)

  def run(key):
    params, critic = networks.init(key)
    images, _ = networks.generate(
      params['generator'], params['statistics'], jnp.zeros((4, 100)), True
    )
    features = networks.encode(critic, images)
    return (
      images,
      features,
      networks.judge(critic, images, images),
      (
        params['generator'],
        critic,
      ),
    )

  images, features, logits, (made, critic) = jax.eval_shape(
    run, jax.random.key(0)
  )
  assert images.shape == (4, 64, 64, 3)
  assert features.shape == (4, 4, 4, 512) and logits.shape == (4, 1)
  layer = lambda side, into, out: side * side * into * out + out
  start = 100 * 8192 + 8192
  ups = layer(5, 512, 256) + layer(5, 256, 128) + layer(5, 128, 64)
  assert count(made) == start + ups + layer(5, 64, 3) + 2 * (
    512 + 256 + 128 + 64
  )
  downs = layer(5, 3, 64) + layer(5, 64, 128) + layer(5, 128, 256)
  downs += layer(5, 256, 512) + 2 * (128 + 256 + 512)
  assert count(critic['encoder']) == downs
  assert count(critic['collate']) == layer(3, 1024, 512) + 2 * 512 + 2049


def test_published_networks_of_sd_began():
  shape, n = (64, 64, 3), 128
  decoder = pair_players.BeganDecoder(shape)
  encoder = pair_players.BeganEncoder(100)

  def run(key):
    images, made = decoder.init_with_output(key, jnp.zeros((2, 100)))
    code, seen = encoder.init_with_output(key, images)
    return images, code, made, seen

  images, code, made, seen = jax.eval_shape(run, jax.random.key(0))
  assert images.shape == (2, *shape) and code.shape == (2, 100)
  layer = lambda into, out: 9 * into * out + out
  base = 8 * 8 * n
  assert count(made) == 101 * base + 8 * layer(n, n) + layer(n, 3)
  levels = [layer(3, n)]
  for level in range(1, 5):
    below = n * max(level - 1, 1)
    levels += [layer(below, level * n), layer(level * n, level * n)]
    levels += [layer(level * n, level * n)] * (level < 4)
  assert count(seen) == sum(levels) + (8 * 8 * 4 * n) * 100 + 100


def test_a_normalised_generator_keeps_averages(harness, history):
  made = harness('sd_gan', architecture='net_bn_generator')
  states, scalars = history(made, False)
  at = lambda state: jax.tree.map(lambda x: np.asarray(x)[0], state)
  first, last = at(states[0]), at(states[-1])
  assert first.params['statistics'], 'the generator has averages'
  for before, after in zip(
    jax.tree.leaves(first.params['statistics']),
    jax.tree.leaves(last.params['statistics']),
  ):
    assert np.any(before != after) and np.isfinite(after).all()
  assert np.isfinite([row['loss'][0] for row in scalars]).all()
  # What is drawn later depends on one vector alone, not on its batch.
  vectors = jax.random.normal(jax.random.key(0), (4, made.method.layout.width))
  decode = made.jit(made.method.decode)
  together = np.asarray(decode(last, vectors))
  alone = decode(last, vectors[:1])
  np.testing.assert_allclose(together[:1], alone, atol=1e-6)
