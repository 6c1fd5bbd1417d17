"""Options that VAEs share, representations, and settings that are refused."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from disentangle_jax import data as data_lib
from disentangle_jax import errors
from disentangle_jax.data import stream as stream_lib
from disentangle_jax.methods import METHODS, training
from disentangle_jax.methods.vae import common, decoders
from disentangle_jax.nn import nets
from disentangle_jax.ops import noise

NET = nets.mlp.Config(encoder_hidden=(16,), decoder_hidden=(16,))
DATA = data_lib.load(
  'dsprites', resolution=8, scales=2, orientations=3, positions=4
)


def _build(name, **static):
  module = METHODS[name]
  return module.make(module.Config(net=NET, **static), DATA)


def test_no_weight_decay_is_adam_and_decay_is_outside_of_it():
  random = np.random.default_rng(0)
  params = jnp.asarray(random.normal(size=(50,)), jnp.float32)
  grads = [jnp.asarray(random.normal(size=(50,)), jnp.float32) for _ in '123']

  def run(transformation, decay=0.0):
    state, p = transformation.init(params), params
    for g in grads:
      updates, state = transformation.update(g, state, p)
      p = p + updates - 0.01 * decay * p
    return p

  ours = lambda decay: training.adamw(
    {'learning_rate': 0.01, 'weight_decay': decay}
  )
  adam = optax.adam(0.01)
  np.testing.assert_array_equal(run(ours(0.0)), run(adam))
  np.testing.assert_allclose(run(ours(0.3)), run(adam, 0.3), rtol=1e-6)


def test_denoising_reconstructs_the_clean_image(harness):
  made = harness('vae')
  config = common.Config(net=NET, num_latents=3, salt_and_pepper=0.5)
  noisy = common.build(config, DATA)
  clean = common.build(dataclasses.replace(config, salt_and_pepper=0.0), DATA)
  batch, key = made.batch(0), jax.random.key(5)
  x, index = batch['observation'], batch['index']
  params = jax.tree.map(lambda x: np.asarray(x)[0], made.init(True)).params
  # Off: the very key and image go through, nothing is drawn.
  left, seen = clean.see(key, x, index)
  assert left is key and seen is x
  terms_of = jax.jit(lambda p: common.terms_of(noisy, p, key, batch))
  terms = terms_of(params)
  left, noise_key = jax.random.split(key)
  corrupted = noise.salt_and_pepper(noise_key, index, x, 0.5)
  assert np.any(corrupted != x)
  heads = jax.jit(clean.encode)(params, corrupted)
  np.testing.assert_allclose(terms.mean, heads['mean'], rtol=1e-5)
  decode = jax.jit(
    lambda p, z: clean.decoder.log_likelihood(p, clean.decoder.decode(p, z), x)
  )
  nats = decode(params, terms.z)
  np.testing.assert_allclose(terms.reconstruction, -nats.mean(), rtol=1e-5)


@pytest.mark.parametrize('likelihood', decoders.LIKELIHOODS)
def test_learned_scales_start_where_asked(likelihood, harness):
  config = common.Config(net=NET, likelihood=likelihood, likelihood_scale=0.25)
  decoder = decoders.build(config, DATA, 3)
  params = jax.jit(decoder.init)(jax.random.key(0))
  learned = likelihood in ('gaussian_learned', 'discretized_logistic')
  assert ('log_scale' in params) == learned
  x = harness('vae').batch(0)['observation']

  @jax.jit
  def both(params):
    raw = decoder.decode(params, jnp.zeros((len(x), 3)))
    start = decoder.log_likelihood(params, raw, x)
    return start, decoders.LIKELIHOODS[likelihood](raw, x, jnp.log(0.25))

  start, want = both(params)
  np.testing.assert_allclose(start, want, rtol=1e-5)


def test_joint_vae_represents_with_a_hard_class(harness, history):
  made = harness('joint_vae')
  states, _ = history(made, True)
  state = jax.tree.map(lambda x: np.asarray(x)[0], states[-1])
  x = made.batch(0)['observation']
  codes = jax.jit(made.method.represent)(state, x)
  assert sorted(codes.parts) == ['class_logits', 'logvar', 'mean']
  np.testing.assert_array_equal(codes.vector[:, :3], codes.parts['mean'])
  chosen = np.asarray(codes.vector[:, 3:])
  assert np.all(np.sort(chosen, axis=1) == [0, 0, 1])
  np.testing.assert_array_equal(
    chosen.argmax(1), np.argmax(codes.parts['class_logits'], axis=1)
  )
  decoded = jax.jit(made.method.decode)(state, codes.vector)
  assert decoded.shape == x.shape
  assert np.all((decoded >= 0) & (decoded <= 1))


def test_capacity_generator_starts_at_half_a_nat_in_all(harness):
  made = harness('capacity_generator')
  assert made.method.represent is None
  state = jax.tree.map(lambda x: np.asarray(x)[0], made.init(True))
  sizes = made.data.factor_sizes
  points = np.stack(np.unravel_index(np.arange(np.prod(sizes)), sizes), 1)
  codes_of = jax.jit(made.method.extras['codes_of_factors'])
  codes = jax.device_get(codes_of(state, points))
  np.testing.assert_allclose(codes.vector.mean(0), 0, atol=1e-5)
  np.testing.assert_allclose(codes.vector.var(0), 1 / len(sizes), rtol=1e-4)
  kl = 0.5 * np.sum(np.square(codes.vector), axis=1)
  np.testing.assert_allclose(kl.mean(), 0.5, rtol=1e-4)
  np.testing.assert_array_equal(codes.parts['logvar'], 0)


def test_methods_that_couple_examples_ask_for_two():
  # For each of these a batch of one makes a term meaningless.
  coupled = {
    'factor_vae',
    'beta_tcvae',
    'dip_vae_i',
    'dip_vae_ii',
    'covariance_autoencoder',
    'covariance_classifier',
    'dc_ign',
    's2_beta_vae',
    's2_factor_vae',
    's2_beta_tcvae',
    's2_dip_vae_i',
    'infogan',
    'infogan_cr',
    'infogan_wgan',
    'identity_pretraining',
    'causal_mechanisms',
    'sd_gan',
    'mocogan',
    'video_gan',
    'info_vae',
    'hfs_vae',
    'hfs_tcvae',
    'arae',
    'text_autoencoder',
    'cross_aligned',
  }
  for name, module in METHODS.items():
    assert getattr(module, 'MIN_BATCH', 1) == (2 if name in coupled else 1)


@pytest.mark.parametrize(
  'name, static, word',
  [
    ('vae', {'likelihood': 'bernouli'}, "did you mean 'bernoulli'"),
    ('vae', {'likelihood_scale': 0.0}, 'likelihood_scale'),
    (
      'vae',
      {'likelihood': 'gaussian_learned', 'likelihood_scale': 1e-4},
      'must start there',
    ),
    ('vae', {'salt_and_pepper': 1.5}, 'salt_and_pepper'),
    ('vae', {'precision': 'half'}, 'bfloat16, float32, tensorfloat32'),
    ('beta_tcvae', {'estimator': 'mms'}, 'mss, mws'),
    ('beta_tcvae', {'kl': 'exact'}, 'analytic, sampled'),
    ('factor_vae', {'permuted': 'batch'}, 'same_batch, second_batch'),
    ('dip_vae_ii', {'covariance_decay': 1.0}, 'below 1'),
    ('joint_vae', {'num_classes': 1}, 'at least 2'),
  ],
)
def test_bad_options_are_refused_in_one_line(name, static, word):
  with pytest.raises(errors.ConfigError, match=word) as caught:
    _build(name, **static)
  assert 'config.static.' in str(caught.value)
  assert '\n' not in str(caught.value)


def test_a_data_set_without_factors_is_refused_where_they_are_needed():
  stream = DATA._replace(
    name='stream', factor_names=(), factor_sizes=(), factor_values=()
  )
  module = METHODS['beta_tcvae']
  with pytest.raises(errors.ConfigError, match='dataset_size'):
    module.make(module.Config(net=NET), stream)
  module.make(module.Config(net=NET, dataset_size=1000), stream)
  module = METHODS['capacity_generator']
  with pytest.raises(errors.ConfigError, match='stream'):
    module.make(module.Config(net=NET), stream)


def test_beta_tcvae_counts_images_and_not_labels():
  # Thirty images of one label: the batch is no larger than their number.
  images = np.random.default_rng(0).integers(0, 256, (30, 8, 8, 1))
  data = stream_lib.stream(
    images.astype(np.uint8), np.zeros((30, 1), int), ('label',)
  )
  module = METHODS['beta_tcvae']
  batch = {
    'observation': jnp.asarray(images[:8] / 255.0, jnp.float32),
    'index': jnp.arange(8),
    'factors': jnp.zeros((8, 1), jnp.int32),
    'step': jnp.zeros((), jnp.int32),
  }

  def step(batch, **options):
    method = module.make(module.Config(net=NET, num_latents=3, **options), data)
    state = method.init(jax.random.key(0), batch, module.HPARAMS)
    return method.update(jax.random.key(1), state, batch, module.HPARAMS)

  # Without the state no gradient is compiled.
  scalars_of = lambda **options: jax.jit(lambda b: step(b, **options)[1])(batch)
  by_number = scalars_of()
  given = scalars_of(dataset_size=30)
  for name, value in by_number.items():
    assert value == given[name], name
  state, scalars = jax.jit(lambda b: step(b, estimator='mss'))(batch)
  assert np.isfinite(scalars['loss'])
  assert all(np.isfinite(x).all() for x in jax.tree.leaves(state.params))
  # N + 1 examples are the most that the stratified weights are defined for.
  assert np.isfinite(scalars_of(estimator='mss', dataset_size=7)['loss'])
  with pytest.raises(errors.ConfigError, match='must be at most 7') as caught:
    step(batch, estimator='mss', dataset_size=6)
  assert str(caught.value).startswith('config.batch_size = 8')


@pytest.mark.slow
def test_kl_of_annealed_vae_follows_the_capacity():
  data = data_lib.load('dsprites', resolution=16, positions=8)
  module = METHODS['annealed_vae']
  net = nets.mlp.Config(encoder_hidden=(64,), decoder_hidden=(64,))
  method = module.make(module.Config(net=net, num_latents=5), data)
  hparams = {**module.HPARAMS, 'learning_rate': 1e-3, 'c_max': 8.0}
  hparams['anneal_steps'] = 2000.0
  index = jnp.arange(64)

  def step(state, key):
    data_key, key = jax.random.split(key)
    batch = data.sample(data_key, (), index)
    state, scalars = method.update(key, state, batch, hparams)
    return state, (scalars['kl'], scalars['capacity'])

  @jax.jit
  def run(key):
    batch = data.sample(key, (), index)
    state = method.init(key, batch, hparams)
    return jax.lax.scan(step, state, jax.random.split(key, 4000))[1]

  kl, capacity = run(jax.random.key(0))
  late = slice(1000, None)  # once trained, while it rises and after
  means = lambda x: np.asarray(x[late]).reshape(-1, 100).mean(1)
  assert capacity[-1] == 8.0
  assert np.all(np.abs(means(kl) - means(capacity)) < 0.5)


def test_the_categorical_capacity_is_cut_off_where_the_classes_are_full():
  """Dupont: 0 to 5 nats in 25,000 steps, at most log 10: from 11,513 on."""
  module = METHODS['joint_vae']
  config = module.Config(net=NET, num_latents=2, num_classes=10)
  method = module.make(config, DATA)
  hparams = {k: jnp.float32(v) for k, v in module.HPARAMS.items()}
  index = jnp.arange(4, dtype=jnp.int32)
  batch = DATA.sample(jax.random.key(0), DATA.arrays, index)

  @jax.jit
  def capacities(steps):
    state = method.init(jax.random.key(1), batch, hparams)
    at = lambda step: method.update(
      jax.random.key(2), state._replace(step=step), batch, hparams
    )[1]
    return jax.lax.map(at, steps)

  steps = np.array([0, 5_000, 11_512, 11_514, 20_000, 30_000])
  scalars = capacities(jnp.asarray(steps, jnp.int32))
  rising = np.minimum(5.0 * steps / 25_000, 5.0)
  np.testing.assert_allclose(
    scalars['capacity_categorical'],
    np.minimum(rising, np.log(10)),
    rtol=1e-5,
    atol=1e-6,
  )
  np.testing.assert_allclose(scalars['capacity_gaussian'], rising, rtol=1e-5)
