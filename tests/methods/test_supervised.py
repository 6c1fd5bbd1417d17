"""Kinds and labels: known answers, and what is refused when planning."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import meshes
import numpy as np
import pytest

from disentangle_jax import data as data_lib
from disentangle_jax import errors, requests
from disentangle_jax.data import samplers
from disentangle_jax.methods import METHODS
from disentangle_jax.methods.supervised import dc_ign, labels
from disentangle_jax.methods.vae import common
from disentangle_jax.nn import nets
from disentangle_jax.ops import axis, gaussian, supervision

NET = nets.mlp.Config(encoder_hidden=(8,), decoder_hidden=(8,))
SIZES = {'resolution': 8, 'scales': 2, 'orientations': 3, 'positions': 4}
DATA = data_lib.load('dsprites', **SIZES)
KINDS = (('scale',), ('position_x', 'position_y'), ('shape', 'orientation'))
S2 = ('s2_beta_vae', 's2_factor_vae', 's2_beta_tcvae', 's2_dip_vae_i')
quick_jit = functools.partial(
  jax.jit, compiler_options={'xla_backend_optimization_level': 0}
)


def _ign(data=DATA, **static):
  static = {'num_latents': 5, **static}
  config = dc_ign.Config(net=NET, **static)
  samplers.make(data, dc_ign.batch(config))
  return dc_ign.make(config, data)


def test_two_examples_are_clamped_to_their_mean_and_pulled_towards_it():
  """y = (0, 2) inactive: u = (1, 1), gradient invariance / B times (-1, 1)."""
  y = jnp.array([[0.0, 5.0], [2.0, 7.0]])
  active = jnp.array([False, True])

  def loss(y):
    u, off = dc_ign.clamp(y, active)
    # What comes later pulls at every entry of u.
    return jnp.sum(u * jnp.array([[3.0, 4.0], [5.0, 6.0]])) + 0.3 * off

  u, off = dc_ign.clamp(y, active)
  np.testing.assert_array_equal(u, [[1, 5], [1, 7]])
  assert off == 0.5 * (1 + 1) / 2
  expected = [[-0.3 / 2, 4], [0.3 / 2, 6]]
  np.testing.assert_allclose(jax.grad(loss)(y), expected, rtol=1e-6)
  first, off = dc_ign.clamp(y, active, 'first')
  np.testing.assert_array_equal(first, [[0, 5], [0, 7]])
  assert off == 0.5 * (0 + 4) / 2


def test_the_gradient_is_the_published_backward_rule():
  """p dL/du + (1 - p) invariance / B (y - mean), any loss behind u."""
  random = np.random.default_rng(0)
  y, weights = random.normal(size=(2, 6, 4)).astype(np.float32)
  active = jnp.array([True, False, True, False])
  behind = lambda u: jnp.sum(jnp.sin(u) * weights)

  def loss(y, invariance):
    u, off = dc_ign.clamp(y, active)
    return behind(u) + invariance * off

  gradient = lambda invariance: np.asarray(jax.grad(loss)(y, invariance))
  u = np.where(active, y, y.mean(0))
  expected = np.where(
    active, jax.grad(behind)(u), 0.7 / len(y) * (y - y.mean(0))
  )
  np.testing.assert_allclose(gradient(0.7), expected, rtol=1e-5, atol=1e-6)
  # The pull towards the mean moves no mean.
  inactive = np.flatnonzero(~np.asarray(active))
  np.testing.assert_allclose(gradient(0.7)[:, inactive].sum(0), 0, atol=1e-6)
  assert np.all(gradient(0.0)[:, inactive] == 0)


@pytest.mark.parametrize('kind', dc_ign.CLAMPS)
def test_clamping_a_split_batch_is_clamping_the_whole(kind):
  """The mean, or the first example, of all shards; the gradient with it."""
  y = jnp.asarray(np.random.default_rng(1).normal(size=(8, 3)), jnp.float32)
  active = jnp.array([True, False, False])

  def loss(scale, y):
    u, off = dc_ign.clamp(scale * y, active, kind)
    return axis.mean(jnp.sum(jnp.sin(u), axis=1)) + 0.7 * off

  scales = jnp.array([1.0, 2.0])
  gradient = jax.value_and_grad(loss)
  whole = [gradient(scale, y) for scale in scales]
  split = meshes.run(gradient, (1, 2), scales, y)
  np.testing.assert_allclose(np.transpose(whole), split, rtol=1e-5)


def _plain_terms(method_config, params, batch, key):
  """-ELBO of a VAE on the group, with the noise of the method's step."""
  networks = common.build(method_config, DATA)
  given = {'observation': batch['group'], 'index': batch['index']}
  terms = common.terms_of(networks, params, key, given)
  return terms.reconstruction + jnp.sum(terms.kl)


def test_active_latents_learn_as_in_a_vae_and_inactive_rows_rest():
  """At invariance 0 the heads' rows of inactive latents stay exactly."""
  config = dc_ign.Config(
    net=NET, num_latents=4, latents_per_kind=(1, 1, 2), kinds=KINDS
  )
  method = dc_ign.make(config, DATA)
  sample = samplers.make(DATA, dc_ign.batch(config))
  key = jax.random.key(1)
  rows = np.arange(8)
  batch = quick_jit(lambda key: sample(key, (), rows))(key)
  factors = np.asarray(batch['group_factors'])
  (kind,) = set(np.asarray(batch['group_kind']).tolist())
  varies = {DATA.factor_names[k] for k in np.flatnonzero(np.ptp(factors, 0))}
  assert varies and varies <= set(KINDS[kind])

  hparams = {
    'learning_rate': 0.01, 'weight_decay': 0.0, 'beta': 1.0, 'invariance': 0.0
  }  # fmt: skip
  state = quick_jit(method.init)(key, batch, hparams)
  after, _ = quick_jit(method.update)(key, state, batch, hparams)
  own = np.array(dc_ign.owners(config, 3)) == kind
  heads = lambda s: s.params['encoder']['Heads_0']
  for name in common.HEADS:
    before, later = heads(state)[name], heads(after)[name]
    moved = np.any(np.asarray(before['kernel'] != later['kernel']), axis=0)
    np.testing.assert_array_equal(moved, own)

  # With all latents active it is the VAE: one kind that owns every latent.
  whole = dataclasses.replace(
    config, kinds=(sum(KINDS, ()),), latents_per_kind=(4,)
  )
  one = dc_ign.make(whole, DATA)
  batch = {**batch, 'group_kind': jnp.zeros(8, jnp.int32)}
  state = quick_jit(one.init)(key, batch, hparams)
  _, scalars = quick_jit(one.update)(key, state, batch, hparams)
  plain = quick_jit(lambda p: _plain_terms(config, p, batch, key))
  np.testing.assert_allclose(scalars['loss'], plain(state.params), rtol=1e-6)


def test_costs_of_a_kind_are_those_of_its_last_batch():
  config = dc_ign.Config(
    net=NET, num_latents=3, latents_per_kind=(1, 1, 1), kinds=KINDS
  )
  method = dc_ign.make(config, DATA)
  sample = samplers.make(DATA, dc_ign.batch(config))
  hparams = {
    'learning_rate': 0.01, 'weight_decay': 0.0, 'beta': 1.0, 'invariance': 0.1
  }  # fmt: skip
  rows = np.arange(4)
  batch = quick_jit(lambda key: sample(key, (), rows))(jax.random.key(0))
  state = quick_jit(method.init)(jax.random.key(1), batch, hparams)
  update = quick_jit(method.update)
  names = ['scale', 'position_x_position_y', 'shape_orientation']
  expected = None
  for step, kind in enumerate((1, 2, 1)):
    batch = {**batch, 'group_kind': jnp.full(4, kind, jnp.int32)}
    state, scalars = update(jax.random.key(step), state, batch, hparams)
    cost = float(scalars['reconstruction'])
    expected = expected or [cost] * 3
    expected[kind] = cost
    told = [float(scalars[f'reconstruction/{name}']) for name in names]
    assert told == expected


def test_kinds_vary_as_often_as_their_weights_say():
  request = dc_ign.batch(
    dc_ign.Config(kinds=KINDS, kind_weights=(1.0, 1.0, 8.0))
  )[1]
  assert request == requests.Varying(KINDS, (1.0, 1.0, 8.0))
  sample = samplers.make(DATA, (request,))
  kind_of = lambda key: sample(key, (), np.arange(1))['group_kind'][0]
  kinds = quick_jit(jax.vmap(kind_of))(jax.random.split(jax.random.key(0), 400))
  share = np.bincount(kinds, minlength=3) / 400
  np.testing.assert_allclose(share, [0.1, 0.1, 0.8], atol=0.06)


FIXED = data_lib.load('dsprites', **{**SIZES, 'orientations': 1})


@pytest.mark.parametrize(
  'static, data, said',
  [
    ({'kinds': (*KINDS, ())}, DATA, 'none of them empty'),
    ({'kinds': (*KINDS, ('scale',))}, DATA, 'names scale twice'),
    ({'kinds': KINDS[:2]}, DATA, 'leaves out shape, orientation'),
    ({'kinds': (*KINDS, ('colour',))}, DATA, "unknown 'colour'"),
    ({'kinds': KINDS}, FIXED, 'orientation has one value'),
    ({}, FIXED, 'orientation has one value'),
    ({'kinds': KINDS, 'latents_per_kind': (2, 0, 3)}, DATA, 'at least 1'),
    ({'kinds': KINDS, 'latents_per_kind': (1, 1, 2)}, DATA, 'sum to'),
    ({'kinds': KINDS, 'latents_per_kind': (2, 3)}, DATA, '3 whole numbers'),
    ({'num_latents': 4}, DATA, 'at least 5'),
    ({'kinds': KINDS, 'kind_weights': (1.0, 2.0)}, DATA, '3 numbers'),
    ({'clamp': 'last'}, DATA, 'first, mean'),
    ({'optimiser': 'sgd'}, DATA, 'adam, rmsprop'),
  ],
)
def test_dc_ign_refuses(static, data, said):
  with pytest.raises(errors.ConfigError, match=said) as error:
    _ign(data, **static)
  assert '\n' not in str(error.value)


def test_dc_ign_refuses_a_stream_and_a_batch_of_one():
  stream = DATA._replace(render=None)
  with pytest.raises(errors.ConfigError, match='no grid of factors'):
    dc_ign.make(dc_ign.Config(net=NET), stream)
  assert dc_ign.MIN_BATCH == 2


def test_latents_are_shared_out_in_the_order_of_the_kinds():
  config = dc_ign.Config(num_latents=7)
  assert dc_ign.owners(config, 3) == (0, 1, 2, 2, 2, 2, 2)
  config = dc_ign.Config(num_latents=4, latents_per_kind=(2, 1, 1))
  assert dc_ign.owners(config, 3) == (0, 0, 1, 2)


def test_rmsprop_divides_by_the_root_of_the_mean_square():
  optimiser = dc_ign.optimiser_of(dc_ign.Config(optimiser='rmsprop'))(
    {'learning_rate': 0.1, 'weight_decay': 0.5}
  )
  params, grad = jnp.array(2.0), jnp.array(3.0)
  update, _ = optimiser.update(grad, optimiser.init(params), params)
  expected = -0.1 * (3.0 / np.sqrt(0.01 * 9.0) + 0.5 * 2.0)
  np.testing.assert_allclose(update, expected, rtol=1e-5)


def test_cross_entropy_at_the_logit_of_the_target_is_its_entropy():
  target = np.array([[0.25, 0.5], [0.75, 0.5]])
  mean = jnp.asarray(np.log(target / (1 - target)), jnp.float32)
  found = supervision.cross_entropy(mean, jnp.array([[1, 1], [3, 1]]), (4, 2))
  entropy = -target * np.log(target) - (1 - target) * np.log(1 - target)
  np.testing.assert_allclose(found, entropy.sum(1), rtol=1e-6)


def test_errors_of_hand_worked_labels():
  """Perfect codes cost nothing; a covariance off its place costs its square."""
  y = jnp.array([[0, 2], [1, 0], [2, 1]])
  scaled = jnp.array([[0.0, 4.0], [2.0, 0.0], [4.0, 2.0]])
  found = supervision.squared_error(scaled, y, jnp.float32(0.5))
  np.testing.assert_allclose(found, 0)
  found = supervision.squared_error(scaled, y, jnp.float32(1.0))
  np.testing.assert_allclose(found, [4, 1, 5])  # (0+4, 1+0, 4+1)
  # Equal distances: log n each.
  found = supervision.embedding_error(
    jnp.zeros((3, 2)), y, [jnp.ones(3), jnp.ones(3)], jnp.float32(2.0)
  )
  np.testing.assert_allclose(found, 2 * np.log(3), rtol=1e-6)
  # Latent 2 follows factor 0: Cov = 2/3; and latent 1 is factor 1 alone.
  centred = np.array([[-1.0, 1.0], [0.0, -1.0], [1.0, 0.0]])
  mean = jnp.asarray(np.c_[np.zeros(3), np.zeros(3), centred[:, 0]])
  cross = centred[:, 0] @ centred / 3
  found = supervision.covariance_error(mean.astype(jnp.float32), y)
  np.testing.assert_allclose(found, np.sum(cross**2), rtol=1e-5)
  own = jnp.asarray(np.c_[centred[:, 0], np.zeros(3)], jnp.float32)
  np.testing.assert_allclose(
    supervision.covariance_error(own, y), cross[1] ** 2, rtol=1e-5
  )


def test_the_weight_rises_or_steps():
  steps = jnp.array([0, 2, 4, 8])
  for kind, expected in (
    ('fixed', [1, 1, 1, 1]),
    ('linear', [0, 0.5, 1, 1]),
    ('step', [0, 0, 1, 1]),
  ):
    options = labels.Options(annealing=kind, annealing_steps=4)
    weights = [float(labels.weight_of(options, step)) for step in steps]
    assert weights == expected


def _s2(name, data=DATA, **static):
  module = METHODS[name]
  small = {'num_latents': 5, 'num_labels': 20}
  if 'factor' in name:
    small |= {'discriminator_width': 4, 'discriminator_depth': 1}
  config = module.Config(net=NET, **{**small, **static})
  samplers.make(data, module.batch(config))
  return module, config, module.make(config, data)


def _base(name, config):
  module = METHODS[name.removeprefix('s2_')]
  shared = {f.name for f in dataclasses.fields(module.Config)}
  given = {k: v for k, v in vars(config).items() if k in shared}
  return module.make(module.Config(**given), DATA)


@pytest.mark.parametrize('name', S2)
def test_without_weight_it_is_the_base_bit_for_bit(name):
  """And with weight S reaches the encoder alone.

  Operation by operation: compiled as wholes, two programs are fused each in its
  own way, which moves last bits.
  """
  module, config, method = _s2(name)
  base = _base(name, config)
  sample = samplers.make(DATA, module.batch(config))
  hparams = {k: jnp.float32(v) for k, v in module.HPARAMS.items()}
  key, index = jax.random.key(2), np.arange(8)
  batch = quick_jit(lambda k: sample(k, DATA.arrays, index))(key)
  methods = {'base': base, 's2': method}

  def trained(which, gamma, count):
    given = {**hparams, 'gamma_supervised': jnp.float32(gamma)}
    state = quick_jit(methods[which].init)(key, batch, given)
    for step in range(count):
      state, scalars = methods[which].update(
        jax.random.fold_in(key, step), state, batch, given
      )
    return jax.device_get((state, scalars))

  plain, expected = trained('base', 0.0, 2)
  state, scalars = trained('s2', 0.0, 2)
  jax.tree.map(np.testing.assert_array_equal, state, plain)
  for score, value in expected.items():
    assert scalars[score] == value, score
  told, _ = trained('s2', 5.0, 1)
  before, _ = trained('s2', 0.0, 1)
  equal = lambda a, b: all(
    np.array_equal(x, y) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b))
  )
  moments = lambda s: s.opt_state[0].mu
  assert equal(moments(told)['decoder'], moments(before)['decoder'])
  assert not equal(moments(told)['encoder'], moments(before)['encoder'])


def test_a_tenth_of_the_labels_is_left_for_selection():
  config = labels.Options(num_labels=100, labeller='noisy', label_seed=3)
  assert labels.request_of(config) == requests.Labelled(90, 'noisy', 3)
  assert [supervision.num_train(n) for n in (10, 19, 1000)] == [9, 17, 900]


def test_partial_labels_are_assigned_the_first_latents():
  request = requests.Labelled(9, 'partial', 1)
  first = labels.targets_of(request, DATA, 2)
  assert len(first) == 2
  batch = samplers.make(DATA, (request,))(jax.random.key(0), (), np.arange(8))
  known = np.all(np.asarray(batch['labelled_factors']) >= 0, axis=0)
  assert tuple(np.flatnonzero(known)) == first
  whole = labels.targets_of(requests.Labelled(), FIXED, 4)
  assert [FIXED.factor_sizes[k] > 1 for k in whole] == [True] * 4


@pytest.mark.parametrize(
  'static, data, said',
  [
    ({'num_latents': 4}, DATA, 'a latent for each labelled factor'),
    ({'num_labels': 9}, DATA, 'num_labels'),
    ({'labeller': 'partially'}, DATA, "'partial'"),
    ({'supervision': 'mse'}, DATA, 'cov, embed, l2, xent'),
    ({'annealing': 'cosine'}, DATA, 'fixed, linear, step'),
    (
      {},
      DATA._replace(factor_names=(), factor_sizes=(), factor_values=()),
      'neither labels nor factors',
    ),
    ({}, DATA._replace(factor_sizes=(1,) * 5), 'no factor that varies'),
    (
      {'labeller': 'partial'},
      DATA._replace(factor_sizes=(1, 1, 1, 1, 2)),
      'labels 2 factors, dsprites has 1',
    ),
  ],
)
def test_labels_refuse(static, data, said):
  with pytest.raises(errors.ConfigError, match=said) as error:
    _s2('s2_beta_vae', data, **static)
  assert '\n' not in str(error.value)


def test_gaussian_codes_of_labels_are_the_encoders():
  """`represent` and `decode` are those of the VAE, labels or not."""
  _, _, method = _s2('s2_beta_vae', supervision='embed')
  batch = {'observation': jnp.zeros((2, 8, 8, 1))}
  hparams = {k: 0.1 for k in METHODS['s2_beta_vae'].HPARAMS}
  state = method.init(jax.random.key(0), batch, hparams)
  codes = method.represent(state, batch['observation'])
  assert set(codes.parts) == set(common.HEADS)
  assert gaussian.kl_to_standard(*codes.parts.values()).shape == (2, 5)
