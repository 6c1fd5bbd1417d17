"""Films in independent factors: bounds, gradients, lengths, refusals."""

import functools
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from disentangle_jax import data as data_lib
from disentangle_jax import errors
from disentangle_jax.methods.vae import decoders
from disentangle_jax.methods.video import (
  film_networks,
  independent_prediction,
  state_space,
)
from disentangle_jax.nn import nets
from disentangle_jax.ops import gaussian

NET = nets.mlp.Config(encoder_hidden=(16,), decoder_hidden=(16,))
DATA = data_lib.load('moving_blobs', resolution=8, frames=4)
HPARAMS = {'learning_rate': jnp.float32(1e-3)}
KEY = jax.random.key(1)
# The programs are tiny: compiling them is what takes the time.
quick_jit = functools.partial(
  jax.jit, compiler_options={'xla_backend_optimization_level': 0}
)


def config_of(**static):
  static = {**independent_prediction.TEST['static'], 'net': NET, **static}
  return independent_prediction.Config(**static)


@functools.cache
def films(frames, rows=3, resolution=8):
  data = data_lib.load('moving_blobs', resolution=resolution, frames=frames)
  sample = quick_jit(data.sample)
  return sample(jax.random.key(2), data.arrays, jnp.arange(rows))['observation']


@functools.cache
def networks_of(**static):
  """Config, networks and their parameters, built once."""
  config = config_of(**static)
  networks = film_networks.build(config, (8, 8, 2))
  return config, networks, quick_jit(networks.init)(KEY)


def trained(harness, history):
  """A method and its state after a few steps."""
  made = harness('independent_prediction')
  states, _ = history(made, False)
  return made, jax.tree.map(lambda x: np.asarray(x)[0], states[-1])


@pytest.mark.parametrize('transition', independent_prediction.TRANSITIONS)
def test_a_factor_is_predicted_from_itself_alone(transition):
  _, networks, params = networks_of(factors=3, transition=transition)
  z = jax.random.normal(KEY, (1, 6))
  slopes = quick_jit(
    jax.jacobian(functools.partial(networks.transition, params))
  )
  for slope in slopes(z):
    blocks = np.abs(slope[0, :, 0]).reshape(3, 2, 3, 2).sum((1, 3))
    assert (np.diagonal(blocks) > 0).all()
    crossed = blocks[~np.eye(3, dtype=bool)]
    assert (
      (crossed > 0).all() if transition == 'entangled' else not crossed.any()
    )


def test_kl_of_a_pass_is_that_of_its_samples():
  rng = np.random.default_rng(0)
  mean, logvar, prior_mean, prior_logvar = rng.normal(size=(4, 1, 2, 3))
  draws = rng.normal(size=(200_000, 1, 2, 3))
  z = mean + np.exp(logvar / 2) * draws
  own = stats.norm.logpdf(z, mean, np.exp(logvar / 2))
  prior = stats.norm.logpdf(z, prior_mean, np.exp(prior_logvar / 2))
  estimate = own - prior
  f32 = map(jnp.float32, (mean, mean, logvar, prior_mean, prior_logvar))
  kl = state_space.Filtered(*f32).kl()
  error = 5 * estimate.std(0) / math.sqrt(len(draws))
  assert (np.abs(kl - estimate.mean(0)) < error).all()
  by_hand = 0.5 * (
    prior_logvar
    - logvar
    + (np.exp(logvar) + (mean - prior_mean) ** 2) / np.exp(prior_logvar)
    - 1
  )
  np.testing.assert_allclose(kl, by_hand, rtol=1e-5)


def test_one_frame_is_a_vae():
  config, networks, params = networks_of()
  film, noise = films(1), jax.random.normal(KEY, (3, 1, 4))

  @quick_jit
  def both(params):
    terms = film_networks.terms_of(
      networks, config, params, film, noise, train=True
    )
    seen, _ = networks.features(params, film)
    nothing = jnp.zeros((3, 4))
    mean, logvar = networks.posterior(params, seen[:, 0], nothing, nothing)
    z = mean + jnp.exp(logvar / 2) * noise[:, 0]
    raw, _ = networks.decode(params, z)
    scale = jnp.float32(0.5 * math.log(config.variance))
    nats = decoders.LIKELIHOODS['gaussian'](raw, film[:, 0], scale)
    kl = gaussian.kl_to_standard(mean, logvar)
    return (terms.log_likelihood, nats), (terms.kl, kl)

  for got, want in both(params):
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-6)


class Walk:
  """z_1 ~ N(0, 1), z_t = a z_{t-1} + N(0, q), x_t = z_t + N(0, r)."""

  def __init__(self, a, q, r, steps=5):
    self.a, self.q, self.r, self.steps = a, q, r, steps
    covariance = np.eye(steps)
    for t in range(1, steps):
      covariance[t, t] = a**2 * covariance[t - 1, t - 1] + q
      for s in range(t):
        covariance[s, t] = covariance[t, s] = a ** (t - s) * covariance[s, s]
    self.covariance = covariance + r * np.eye(steps)

  def exact(self, x):
    return stats.multivariate_normal.logpdf(
      x, np.zeros(len(x)), self.covariance
    )

  def bound(self, x, draws=100_000):
    """Mean and its standard error, with q the filter's own conditional."""

    def posterior(seen, mean, logvar):
      # Of a prior N(mean, exp(logvar)) and one observation.
      precision = jnp.exp(-logvar) + 1 / self.r
      mean = (mean * jnp.exp(-logvar) + seen / self.r) / precision
      return mean, -jnp.log(precision)

    def transition(z):
      return self.a * z, jnp.full_like(z, math.log(self.q))

    noise = jax.random.normal(KEY, (draws, self.steps, 1))
    seen = jnp.broadcast_to(jnp.float32(x)[None, :, None], noise.shape)
    keep = lambda z, prior: prior

    @quick_jit
    def bounds(seen, noise):
      passed = state_space.run(posterior, transition, keep, seen, noise)
      nats = gaussian.log_density(seen, passed.z, jnp.float32(np.log(self.r)))
      return jnp.sum(nats - passed.kl(), (1, 2))

    values = np.asarray(bounds(seen, noise), np.float64)
    return values.mean(), values.std() / math.sqrt(draws)


def test_kalman_filter_is_a_bound_and_exact_where_the_future_says_nothing():
  x = np.array([0.3, -0.8, 0.5, 1.4, 0.2])
  noisy = Walk(a=0.9, q=0.5, r=1.0)
  bound, error = noisy.bound(x)
  assert bound + 0.05 + 5 * error < noisy.exact(x) < bound + 1.0
  # The observation is all of the state, to a deviation of 0.002.
  clear = Walk(a=0.9, q=0.5, r=4e-6)
  bound, error = clear.bound(x)
  assert error < 0.01
  assert bound == pytest.approx(clear.exact(x), abs=5 * error)


def test_one_factor_is_entangled_bit_for_bit():
  batch = {'observation': films(4), 'index': jnp.arange(3)}
  results = []
  for transition in independent_prediction.TRANSITIONS:
    config = config_of(factors=1, transition=transition)
    method = independent_prediction.make(config, DATA)
    state = quick_jit(method.init)(KEY, batch, HPARAMS)
    results.append(quick_jit(method.update)(KEY, state, batch, HPARAMS))
  jax.tree.map(np.testing.assert_array_equal, *results)


@pytest.mark.parametrize('gradient', ['state', 'none'])
def test_how_far_the_gradient_goes_through_what_is_predicted(gradient):
  _, networks, params = networks_of()
  film, noise = films(2), jax.random.normal(KEY, (3, 2, 4))

  def passed(params, noise):
    return film_networks.filter_film(networks, params, film, noise, gradient)[0]

  second = lambda p, n: jnp.sum(jnp.square(passed(p, n).mean[:, 1]))
  divergence = lambda p: jnp.sum(passed(p, noise).kl())
  (of_params, of_noise), of_kl = quick_jit(
    lambda p, n: (jax.grad(second, (0, 1))(p, n), jax.grad(divergence)(p))
  )(params, noise)
  # Neither updates the transition by what q is told; 'state' reaches z_1.
  for leaf in jax.tree.leaves(of_params['nets']['transition']):
    assert not np.any(leaf)
  assert np.any(of_noise[:, 0]) == (gradient == 'state')
  # The KL's own prior does.
  own = of_kl['nets']['transition']
  assert all(np.any(leaf) for leaf in jax.tree.leaves(own))


def test_bounds_let_gradients_back_inside():
  x = jnp.float32([-12.0, -12.0, -3.0, 4.9, 7.0, 7.0])
  slope = jnp.float32([1.0, -1.0, 2.0, -2.0, 1.0, -1.0])
  value, back = jax.vjp(lambda x: film_networks.bounded(x, -10.0, 5.0), x)
  np.testing.assert_array_equal(value, jnp.clip(x, -10.0, 5.0))
  # Descent goes against the slope: only what leads inside passes.
  np.testing.assert_array_equal(back(slope)[0], [0.0, -1.0, 2.0, -2.0, 1.0, 0])


def test_noise_beyond_the_upper_end_is_no_trap():
  """Where p and q both say 5, their KL is 0 and a plain clip has no slope."""
  config, networks, params = networks_of()
  own = jax.tree.map(lambda x: x, params['nets'])
  heads = own['posterior']['Heads_0']['logvar']
  heads['bias'] = heads['bias'] + 50.0
  last = max(name for name in own['transition'] if name.startswith('bias'))
  bias = own['transition'][last]
  own['transition'][last] = bias.at[:, bias.shape[1] // 2 :].add(50.0)
  film, noise = films(4), jax.random.normal(KEY, (3, 4, 4))

  @quick_jit
  def both(own):
    def loss(own):
      terms = film_networks.terms_of(
        networks, config, {**params, 'nets': own}, film, noise, train=True
      )
      return -jnp.mean(terms.log_likelihood), terms.filtered

    return jax.grad(loss, has_aux=True)(own)

  slopes, passed = both(own)
  assert np.all(passed.logvar == 5.0)
  assert np.all(passed.prior_logvar[:, 1:] == 5.0)
  assert np.any(slopes['posterior']['Heads_0']['logvar']['bias'] != 0)


@pytest.mark.parametrize('frames', [1, 9])
def test_films_shorter_and_longer_than_trained_ones(frames, harness, history):
  made, state = trained(harness, history)
  extras, film = made.method.extras, films(frames)

  @quick_jit
  def all_of_it(state):
    codes = made.method.represent(state, film)
    return {
      'codes': codes,
      'filter': extras['filter'](KEY, state, film),
      'bound': extras['bound'](KEY, state, film),
      'pictures': extras['pictures'](KEY, state, film),
      'generate': extras['generate'](KEY, state, 2, frames=frames),
      'predict_film': extras['predict_film'](state, codes.vector, 2 * frames),
    }

  results = all_of_it(state)
  assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(results))
  codes = results['codes']
  assert codes.vector.shape == (3, 4)
  assert codes.parts['slots'].shape == (3, 2, 2)
  path = codes.parts['sequence_mean']
  assert path.shape == codes.parts['sequence_logvar'].shape == (3, frames, 4)
  np.testing.assert_array_equal(path[:, -1], codes.vector)
  assert results['filter'].z.shape == (3, frames, 4)
  assert results['bound'].shape == (3,)
  for name, rows in (('independent_generation', 4), ('prediction', 2)):
    picture = results['pictures'][name]
    assert picture.shape == (rows, frames, 8, 8, 2)
    np.testing.assert_array_equal(picture[0], film[0])
  drawn, of_drawn = results['generate']
  assert drawn.shape == (2, frames, 8, 8, 2) and of_drawn.vector.shape == (2, 4)
  shown, states = results['predict_film']
  assert shown.shape == (3, 2 * frames, 8, 8, 2)
  assert states.shape == (3, 2 * frames, 4)


def test_extras_are_what_they_say(harness, history):
  """The bound is the loss; predictions roll on; one factor moves alone."""
  made, state = trained(harness, history)
  networks = film_networks.build(made.config, (8, 8, 2))
  extras, film = made.method.extras, films(5)

  @quick_jit
  def all_of_it(state):
    passed = extras['filter'](KEY, state, film)
    codes = made.method.represent(state, film)
    vector = codes.vector
    roll = [vector]
    for _ in range(3):
      roll.append(networks.transition(state.params, roll[-1])[0])
    held = jnp.repeat(passed.z[:, 1:2], 5, axis=1)
    alone = [
      held.at[..., own].set(passed.z[..., own])
      for own in (slice(0, 2), slice(2, 4))
    ]
    show = functools.partial(extras['decode_frame'], state)
    move = lambda i: extras['independent_generation'](KEY, state, film, i)
    return {
      'shown': show(passed.z),
      'kl': passed.kl(),
      'bound': extras['bound'](KEY, state, film),
      'predict_film': extras['predict_film'](state, vector, 3),
      'rolled': (show(jnp.stack(roll[1:], 1)), jnp.stack(roll[1:], 1)),
      'drawn': extras['predict_film'](state, vector, 3, key=KEY),
      'moved': [move(0), move(1)],
      'alone': [show(z) for z in alone],
      'path': codes.parts['sequence_mean'][:, :2],
      'start': made.method.represent(state, film[:, :2]).parts['sequence_mean'],
    }

  results = all_of_it(state)
  deviation = math.sqrt(made.config.variance)
  nats = stats.norm.logpdf(film, results['shown'], deviation)
  want = nats.sum((1, 2, 3, 4)) - np.asarray(results['kl']).sum((1, 2))
  np.testing.assert_allclose(results['bound'], want, rtol=1e-4)
  near = functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-5)
  jax.tree.map(near, results['predict_film'], results['rolled'])
  jax.tree.map(near, results['moved'], results['alone'])
  # A filter knows nothing of the future.
  near(results['path'], results['start'])
  assert np.any(results['moved'][0] != results['moved'][1])
  apart = np.asarray(results['drawn'][1] - results['predict_film'][1])
  assert np.all(np.std(apart, axis=(0, 1)) > 0)
  assert extras['partitioned']() is True


def test_published_nets_normalise_by_what_they_have_seen():
  data = data_lib.load('moving_blobs', resolution=16, frames=2)
  static = {'architecture': 'dcgan', 'width': 2}
  config = config_of(normalise='batch', **static)
  networks = film_networks.build(config, (16, 16, 2))
  params, film = quick_jit(networks.init)(KEY), films(2, 4, resolution=16)
  noise = jnp.zeros((4, 2, 4))

  @quick_jit
  def both(params):
    terms = film_networks.terms_of(
      networks, config, params, film, noise, train=True
    )
    after = {**params, 'statistics': terms.statistics}
    see = lambda film: networks.features(after, film)[0]
    show = lambda z: networks.decode(after, z)[0]
    # Outside of training a film is seen, and a state shown, alone.
    z = terms.filtered.z
    pairs = [(see(film)[1:2], see(film[1:2])), (show(z)[1:2], show(z[1:2]))]
    return terms, pairs

  terms, pairs = both(params)
  assert np.isfinite(terms.log_likelihood).all()
  for part in ('encoder', 'decoder'):
    before, moved = (
      jax.tree.leaves(s[part]) for s in (params['statistics'], terms.statistics)
    )
    assert len(before) == 8
    assert all(np.any(a != b) for a, b in zip(before, moved))
  for among, alone in pairs:
    np.testing.assert_allclose(among, alone, rtol=1e-4, atol=1e-5)
  # A step leaves them in the state, and the optimiser never sees them.
  method = independent_prediction.make(config, data)
  batch = {'observation': film, 'index': jnp.arange(4)}
  state = jax.eval_shape(method.init, KEY, batch, HPARAMS)
  after, _ = jax.eval_shape(method.update, KEY, state, batch, HPARAMS)
  assert jax.tree.structure(after) == jax.tree.structure(state)
  moments = sum(x.size for x in jax.tree.leaves(state.opt_state))
  assert moments == 1 + 2 * nets.count_parameters(state.params['nets'])
  plain = film_networks.build(config_of(**static), (16, 16, 2))
  assert not jax.tree.leaves(jax.eval_shape(plain.init, KEY)['statistics'])


def test_shapes_of_the_published_nets():
  """Weights of appendix A, with 32 latents: counted by hand."""
  networks = film_networks.build(independent_prediction.Config(), (64, 64, 3))
  params = jax.eval_shape(networks.init, KEY)['nets']
  widths = (3, 64, 128, 256, 512, 32)
  encoder = sum(16 * a * b + b for a, b in itertools.pairwise(widths))
  norms = 2 * (64 + 128 + 256 + 512)
  square = 32 * 32 + 32
  assert nets.count_parameters(params['encoder']) == encoder + norms + square
  posterior = 2 * square + (96 * 32 + 32) + 2 * square
  assert nets.count_parameters(params['posterior']) == posterior
  # One bias per place of the first transposed convolution, where it has 512.
  widths = (32, 512, 256, 128, 64, 3)
  decoder = (
    sum(16 * a * b + b for a, b in itertools.pairwise(widths)) + 15 * 512
  )
  assert nets.count_parameters(params['decoder']) == decoder + norms + square
  transition = 16 * 128 + 3 * 128 * 128 + 128 * 32 + 4 * 128 + 32
  assert nets.count_parameters(params['transition']) == 2 * transition


@pytest.mark.parametrize(
  'data, static, words',
  [
    (('blobs', {'resolution': 8}), {}, 'needs films.*kind image'),
    (
      ('moving_blobs', {'resolution': 8, 'frames': 1}),
      {},
      'config.dataset.frames = 1: .*at least 2 frames',
    ),
    (None, {'factors': 0}, 'config.static.factors'),
    (None, {'latents_per_factor': 0}, 'config.static.latents_per_factor'),
    (None, {'transition_hidden': (8, 0)}, 'config.static.transition_hidden'),
    (None, {'transition': 'factorised'}, 'entangled, factored'),
    (None, {'prior_input_gradient': 'all'}, 'none, state'),
    (None, {'variance': 0.0}, 'config.static.variance'),
    (None, {'gradient_clip': math.inf}, 'config.static.gradient_clip'),
    (None, {'architecture': 'mlp'}, 'dcgan, net'),
    (None, {'normalise': 'layer'}, 'batch, none'),
    (None, {'normalise': 'batch'}, "architecture 'net' has no normalisation"),
    (None, {'architecture': 'dcgan'}, 'multiples of 16'),
    (None, {'precision': 'half'}, 'bfloat16, float32, tensorfloat32'),
  ],
)
def test_what_cannot_be_had_is_refused_in_one_line(data, static, words):
  data = DATA if data is None else data_lib.load(data[0], **data[1])
  with pytest.raises(errors.ConfigError, match=words) as caught:
    independent_prediction.make(config_of(**static), data)
  assert '\n' not in str(caught.value)
