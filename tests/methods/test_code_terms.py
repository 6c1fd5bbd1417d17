"""Known answers of info_vae, qlae, ivae and the methods of factorised support.

Their losses stand in code_formulas.py.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import disentangle_jax as dj
from disentangle_jax import data as data_lib
from disentangle_jax import errors
from disentangle_jax.data import samplers
from disentangle_jax.engine.plan import planning
from disentangle_jax.methods import METHODS, contract
from disentangle_jax.methods.autoencoder import qlae
from disentangle_jax.methods.vae import common, hfs_vae
from disentangle_jax.methods.weak import ivae
from disentangle_jax.nn import nets

SMALL_SOURCES = ivae.TEST['dataset'][1]
SOURCES = data_lib.load('nonstationary_sources', **SMALL_SOURCES)
LINEAR = nets.mlp.Config(encoder_hidden=(), decoder_hidden=())


def floats(hparams, **chosen):
  return {k: jnp.float32(v) for k, v in {**hparams, **chosen}.items()}


def stepped(harness, name, other, chosen, of_other):
  """Scalars of two methods' first step from the same parameters."""
  first, second = harness(name), harness(other)
  batch, key = first.batch(0), first.keys(0)[1]

  @first.jit
  def run(state):
    at = lambda made, hparams: made.method.update(key, state, batch, hparams)
    return (
      at(first, floats(first.hparams, **chosen))[1],
      at(second, floats(second.hparams, **of_other))[1],
    )

  return run(first.first_state)


@pytest.mark.parametrize(
  'name, chosen, other, of_other',
  [
    ('info_vae', {'alpha': 0.0, 'lambda_mmd': 1.0}, 'vae', {}),
    ('hfs_vae', {'beta': 3, 'gamma': 0, 'delta': 0}, 'beta_vae', {'beta': 3}),
    (
      'hfs_tcvae',
      {'beta': 3, 'gamma_support': 0, 'delta': 0},
      'beta_tcvae',
      {'beta': 3},
    ),
  ],
)
def test_without_its_term_each_is_its_base(
  name, chosen, other, of_other, harness
):
  ours, base = stepped(harness, name, other, chosen, of_other)
  for scalar in base:
    np.testing.assert_allclose(ours[scalar], base[scalar], rtol=1e-6)


def test_at_alpha_1_no_posterior_is_pulled_and_the_prior_is_drawn_anew(harness):
  made = harness('info_vae')
  batch, key = made.batch(0), made.keys(0)[1]
  hparams = floats(made.hparams, alpha=1.0, lambda_mmd=200.0)

  @made.jit
  def run(state):
    return made.method.update(key, state, batch, hparams)[1]

  state = made.first_state
  scalars = run(state)
  want = scalars['reconstruction'] + 200 * scalars['mmd']
  np.testing.assert_allclose(scalars['loss'], want, rtol=1e-6)
  # Posteriors that are the prior: z is the noise, and no copy of it the prior.
  heads = state.params['encoder']['Heads_0']
  heads = jax.tree.map(np.zeros_like, heads)
  encoder = {**state.params['encoder'], 'Heads_0': heads}
  blind = state._replace(params={**state.params, 'encoder': encoder})
  scalars = run(blind)
  assert scalars['kl'] == 0
  # 2 / B (1 - E k) on average, with D = 3 and a width of D.
  floor = 2 / 8 * (1 - (1.5 / (1.5 + 2)) ** 1.5)
  assert 0.3 * floor < scalars['mmd'] < 3 * floor


def test_qlae_on_its_codebook_pays_nothing(harness):
  made = harness('qlae')
  batch, key = made.batch(0), made.keys(0)[1]
  state, hparams = made.first_state, floats(made.hparams)
  values = state.params['codebook']
  np.testing.assert_allclose(values, [np.linspace(-0.5, 0.5, 10)] * 3)
  chosen = np.array([2, 0, 9])
  code = {
    'bias': np.asarray(values)[np.arange(3), chosen],
    'kernel': np.zeros_like(
      state.params['encoder']['Heads_0']['code']['kernel']
    ),
  }
  encoder = {**state.params['encoder'], 'Heads_0': {'code': code}}
  on = state._replace(params={**state.params, 'encoder': encoder})
  scalars = made.jit(made.method.update)(key, on, batch, hparams)[1]
  assert scalars['quantise'] == scalars['commit'] == 0
  assert scalars['used_values'] == 1
  codes = made.jit(made.method.represent)(on, batch['observation'])
  np.testing.assert_array_equal(codes.parts['index'], [chosen] * 8)
  np.testing.assert_array_equal(codes.vector, codes.parts['continuous'])


def test_codebooks_learn_from_the_quantise_term_alone(harness):
  made = harness('qlae')
  batch, key, state = made.batch(0), made.keys(0)[1], made.first_state
  update = made.jit(
    lambda hparams: made.method.update(key, state, batch, hparams)
  )
  moved = lambda after, path: (
    not np.array_equal(after.params[path], state.params[path])
  )
  strong = {'weight_decay': 10.0, 'lambda_commit': 5.0}
  after, _ = update(floats(made.hparams, lambda_quantise=0.0, **strong))
  assert not moved(after, 'codebook')
  after, scalars = update(floats(made.hparams, lambda_quantise=1.0))
  assert moved(after, 'codebook')
  used = [float(scalars[f'used_values/{d}']) for d in range(3)]
  represent = made.jit(made.method.represent)
  index = np.asarray(represent(state, batch['observation']).parts['index'])
  assert used == [len(set(column)) for column in index.T]
  np.testing.assert_allclose(scalars['used_values'], np.mean(used))


def test_decay_shrinks_kernels_alone_and_the_clip_is_by_entry():
  ones = jnp.ones((2, 2))
  layer = {'kernel': 2 * ones, 'bias': 2 * jnp.ones(2)}
  params = {'encoder': {'a': layer}, 'decoder': {'b': layer}, 'codebook': ones}
  hparams = floats(qlae.HPARAMS, learning_rate=0.1, weight_decay=0.5)
  optimiser = qlae.optimiser(hparams)
  zero = jax.tree.map(jnp.zeros_like, params)
  updates, _ = optimiser.update(zero, optimiser.init(params), params)
  for net, name in (('encoder', 'a'), ('decoder', 'b')):
    # The rate times the decay times a weight of 2.
    np.testing.assert_allclose(updates[net][name]['kernel'], -0.1, rtol=1e-6)
    assert not updates[net][name]['bias'].any()
  assert not updates['codebook'].any()
  steep = jax.tree.map(jnp.zeros_like, params)
  steep['codebook'] = jnp.asarray([[100.0, -7.0], [0.5, 0.0]])
  _, opt_state = optimiser.update(steep, optimiser.init(params), params)
  first = [x for x in jax.tree.leaves(opt_state) if x.shape == (2, 2)]
  assert any(np.allclose(x, [[0.1, -0.1], [0.05, 0]]) for x in first)


@functools.cache
def on_sources(name, **static):
  """Method, with its functions compiled, a batch and hyper-parameters."""
  module = METHODS[name]
  chosen = {'likelihood': 'gaussian_linear', 'likelihood_scale': 0.1}
  net = nets.mlp.Config(encoder_hidden=(8,), decoder_hidden=(8,))
  config = module.Config(net=net, num_latents=2, **{**chosen, **static})
  method = module.make(config, SOURCES)
  method = method._replace(
    init=jax.jit(method.init), update=jax.jit(method.update)
  )
  sample = jax.jit(samplers.make(SOURCES, contract.read(module).batch(config)))
  batch = sample(jax.random.key(1), SOURCES.arrays, jnp.arange(16))
  return method, batch, floats(module.HPARAMS)


def start(name, **static):
  method, batch, hparams = on_sources(name, **static)
  return method.init(jax.random.key(0), batch, hparams)


def sources_step(name, state=None, label=None, **static):
  """(state, scalars, batch) of one step on sources."""
  method, batch, hparams = on_sources(name, **static)
  if label is not None:
    batch = {**batch, 'label': jnp.full(16, label)}
  state = start(name, **static) if state is None else state
  _, scalars = method.update(jax.random.key(2), state, batch, hparams)
  return state, scalars, batch


def test_one_segment_is_a_vae_with_a_prior_scale_of_its_own():
  state, scalars, batch = sources_step('ivae', label=2)
  without = {k: v for k, v in state.params.items() if k != 'prior'}
  plain = state._replace(params=without, opt_state=())
  module = METHODS['vae']
  of_vae, same, _ = sources_step('vae')
  assert jax.tree.structure(of_vae.params) == jax.tree.structure(plain.params)
  jax.tree.map(np.testing.assert_array_equal, of_vae.params, plain.params)
  for name in ('loss', 'reconstruction', 'kl', 'kl/0', 'kl/1'):
    np.testing.assert_allclose(scalars[name], same[name], rtol=1e-6)
  assert module.HPARAMS.keys() <= ivae.HPARAMS.keys()
  # Another scale of the prior: the closed form of KL(q || N(0, 4)).
  logvar = np.array(state.params['prior']['logvar'])
  logvar[2] = np.log(4.0)
  params = {**state.params, 'prior': {'logvar': logvar}}
  _, scaled, _ = sources_step('ivae', state._replace(params=params), label=2)
  represent = jax.jit(on_sources('ivae')[0].represent)
  codes = jax.device_get(represent(state, batch['observation']))
  mean, variance = codes.parts['mean'], np.exp(codes.parts['logvar'])
  kl = 0.5 * ((variance + mean**2) / 4 - 1 - np.log(variance / 4))
  np.testing.assert_allclose(scaled['kl'], kl.sum(1).mean(), rtol=1e-5)


def test_posteriors_that_are_the_prior_cost_nothing():
  state = start('ivae', prior_mean=True)
  heads = jax.tree.map(np.zeros_like, state.params['encoder']['Heads_0'])
  heads['mean']['bias'] = np.float32([1.0, -2.0])
  heads['logvar']['bias'] = np.float32([0.5, -0.5])
  of_all = lambda bias: np.tile(bias, (4, 1))
  prior = {name: of_all(heads[name]['bias']) for name in ('mean', 'logvar')}
  encoder = {**state.params['encoder'], 'Heads_0': heads}
  params = {**state.params, 'encoder': encoder, 'prior': prior}
  equal = state._replace(params=params)
  _, scalars, _ = sources_step('ivae', equal, prior_mean=True)
  assert scalars['kl'] == 0


def test_what_the_encoder_sees():
  method, *_ = on_sources('ivae', encoder_sees='both')
  state = start('ivae', encoder_sees='both')
  assert method.represent is None and method.decode is not None
  kernel = state.params['encoder']['MLP_0']['Dense_0']['kernel']
  assert kernel.shape == (3 + 4, 8)
  method, *_ = on_sources('ivae')
  assert method.represent is not None


def test_a_linear_decoder_gives_numbers_of_any_range():
  method, *_ = on_sources('vae')
  state = start('vae')
  decoded = jax.jit(method.decode)(state, np.full((16, 2), 50, np.float32))
  assert np.abs(decoded).max() > 1
  nats = jax.eval_shape(
    method.extras['log_likelihood'], state, jnp.zeros((16, 2)), decoded
  )
  assert nats.shape == (16,)


def test_prior_scales_of_segments_are_recovered_where_mixing_is_linear():
  data = data_lib.load(
    'nonstationary_sources', segments=6, per_segment=400, sources=2, layers=1
  )
  config = ivae.Config(net=LINEAR, num_latents=2)
  method = ivae.make(config, data)
  sample = samplers.make(data, ivae.batch(config))
  hparams = floats(ivae.HPARAMS, learning_rate=1e-2)
  index = jnp.arange(64)

  def step(state, key):
    data_key, key = jax.random.split(key)
    batch = sample(data_key, data.arrays, index)
    return method.update(key, state, batch, hparams)[0], ()

  @jax.jit
  def run(key):
    batch = sample(key, data.arrays, index)
    state = method.init(key, batch, hparams)
    return jax.lax.scan(step, state, jax.random.split(key, 4000))[0]

  logvar = np.asarray(run(jax.random.key(0)).params['prior']['logvar'])
  sources = np.asarray(data.arrays['fields']['sources']).reshape(6, 400, 2)
  # Up to the scale of each latent, and up to their order.
  ours = logvar / 2 - logvar.mean(0) / 2
  true = np.log(sources.std(1))
  true = true - true.mean(0)
  errors_of = lambda order: np.abs(ours[:, order] - true).max()
  assert min(errors_of([0, 1]), errors_of([1, 0])) < 0.15
  assert np.abs(true).max() > 0.4


def test_a_small_spread_costs_up_to_one_a_latent():
  wide = np.float32([[-1.0, 3.0], [1.0, -3.0]])
  spread_cost = jax.jit(jax.value_and_grad(hfs_vae.spread_cost))
  assert spread_cost(wide)[0] == 0
  np.testing.assert_allclose(
    spread_cost(np.float32(0.25) * wide)[0], 0.75 + 0.25, rtol=1e-4
  )
  cost, slope = spread_cost(np.ones((4, 3), np.float32))
  np.testing.assert_allclose(cost, 3 * (1 - 1e-3), rtol=1e-6)
  assert np.isfinite(slope).all()


@pytest.mark.parametrize('full', [True, False])
def test_means_on_a_lattice_pay_nothing_and_a_diagonal_does(full):
  corners = [[0.0, 0.0], [2.0, 2.0], [0.0, 2.0], [2.0, 0.0]]
  mean = jnp.asarray(corners if full else corners[:2])
  terms = common.Terms(0.0, None, mean, None, None, None, jax.random.key(0))
  weights = {'gamma': 3.0, 'delta': 0.0}
  penalty = jax.jit(
    lambda mean: hfs_vae.penalty(
      hfs_vae.Options(), weights, terms._replace(mean=mean)
    )
  )
  cost, scalars = penalty(mean)
  # (0, 2) is at 2 along one axis from both ends of the diagonal.
  assert scalars['support_distance'] == (0 if full else 4)
  assert cost == (0 if full else 12)


def plan(name, dataset, net='mlp', batch_size=8, **static):
  config = dj.base_config()
  config.methods = (name,)
  config.dataset.update(dataset)
  config.net.name = net
  config.metrics = ()
  config.batch_size = batch_size
  config.steps = config.seeds = 1
  for field, value in static.items():
    group, _, inner = field.rpartition('__')
    (config[group] if group else config.static)[inner] = value
  return planning.make(config)


ON_SOURCES = {'name': 'nonstationary_sources', **SMALL_SOURCES}
ON_SPRITES = {'name': 'dsprites', 'resolution': 16, 'positions': 4}


@pytest.mark.parametrize(
  'name, dataset, settings, words',
  [
    ('qlae', ON_SPRITES, {'num_values': 1}, 'num_values = 1: .*at least 2'),
    ('qlae', ON_SPRITES, {'num_values': 0}, 'num_values = 0'),
    ('qlae', ON_SPRITES, {'num_latents': 0}, 'num_latents = 0'),
    ('info_vae', ON_SPRITES, {'batch_size': 1}, 'at least 2'),
    ('info_vae', ON_SPRITES, {'hparams__alpha': 1.5}, 'alpha'),
    ('info_vae', ON_SPRITES, {'hparams__lambda_mmd': 0.5}, 'lambda_mmd'),
    ('info_vae', ON_SPRITES, {'kernel_width': -1.0}, 'kernel_width = -1'),
    ('hfs_vae', ON_SPRITES, {'num_latents': 1}, 'num_latents = 1: .*two codes'),
    ('hfs_vae', ON_SPRITES, {'num_points': 0}, 'num_points = 0'),
    ('hfs_vae', ON_SPRITES, {'batch_size': 1}, 'at least 2'),
    ('hfs_tcvae', ON_SPRITES, {'num_pairs': 0}, 'num_pairs = 0'),
    ('hfs_tcvae', ON_SPRITES, {'batch_size': 1}, 'at least 2'),
    (
      'ivae',
      ON_SOURCES,
      {'auxiliary': 'segments'},
      "unknown 'segments'.*'segment'",
    ),
    ('ivae', {'name': 'random_projection'}, {}, 'neither labels nor factors'),
    ('ivae', {**ON_SOURCES, 'segments': 1}, {}, 'one value'),
    ('ivae', ON_SOURCES, {'encoder_sees': 'z'}, 'both.*x|x.*both'),
    (
      'ivae',
      ON_SPRITES,
      {'net': 'conv', 'encoder_sees': 'both', 'dataset__resolution': 64},
      "'mlp' where",
    ),
  ],
)
def test_bad_settings_are_refused_in_one_line_when_planning(
  name, dataset, settings, words
):
  with pytest.raises(errors.ConfigError, match=words) as caught:
    plan(name, dataset, **settings)
  assert '\n' not in str(caught.value)
