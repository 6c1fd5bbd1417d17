"""PCA and ICA from batches, against NumPy and scikit-learn on all rows."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import decomposition

import disentangle_jax as dj
from disentangle_jax import data as data_lib
from disentangle_jax import errors
from disentangle_jax.methods.linear import ica, pca, raw_pixels

SHAPE = (4, 3, 1)
PIXELS = 12


def _data():
  dataset = data_lib.load('dsprites', resolution=8, scales=1)
  return dataset._replace(observation_shape=SHAPE)


def _train(module, images, num_latents, batch_size, passes, hparams, **static):
  """The state after some passes over all rows in batches."""
  config = module.Config(num_latents=num_latents, **static)
  method = module.make(config, _data())
  batches = images.reshape(-1, batch_size, *SHAPE).astype(np.float32)

  @jax.jit
  def train(key):
    state = method.init(key, {'observation': batches[0]}, hparams)

    def step(state, number):
      batch = {'observation': jnp.asarray(batches)[number % len(batches)]}
      return method.update(key, state, batch, hparams)

    return jax.lax.scan(step, state, jnp.arange(passes * len(batches)))

  state, scalars = train(jax.random.key(0))
  return method, state, scalars


@pytest.fixture(scope='module')
def images():
  """Rows far from zero with well separated variances."""
  rng = np.random.default_rng(0)
  mixing = np.linalg.qr(rng.normal(size=(PIXELS, PIXELS)))[0]
  scales = 0.5 * 0.7 ** np.arange(PIXELS)
  x = rng.normal(size=(960, PIXELS)) * scales @ mixing.T + 3.0
  return x.astype(np.float32)


def test_pca_is_the_eigendecomposition_of_all_images(images):
  method, state, scalars = _train(pca, images, 4, 32, 6, {})
  values, vectors = np.linalg.eigh(np.cov(images.T, bias=True))
  values, vectors = values[::-1][:4], vectors[:, ::-1][:, :4]
  params = jax.device_get(state.params)
  np.testing.assert_allclose(params['mean'], images.mean(0), atol=1e-5)
  np.testing.assert_allclose(params['variance'], values, rtol=1e-3)
  found = params['components']
  np.testing.assert_allclose(
    np.abs(np.sum(found * vectors, axis=0)), 1, atol=1e-4
  )
  reference = decomposition.PCA(4).fit(images)
  codes = method.represent(state, images.reshape(-1, *SHAPE)).vector
  expected = reference.transform(images)
  np.testing.assert_allclose(np.abs(codes), np.abs(expected), atol=5e-3)
  decoded = np.asarray(method.decode(state, codes)).reshape(-1, PIXELS)
  np.testing.assert_allclose(
    decoded, reference.inverse_transform(expected), atol=5e-3
  )
  lost = 0.5 * np.square(images - decoded).sum(1).mean()
  last = np.mean(scalars['loss'][-30:])
  np.testing.assert_allclose(last, lost, rtol=5e-3)


def test_standardised_pca_is_that_of_the_correlations(images):
  scaled = images * np.linspace(0.2, 3, PIXELS).astype(np.float32)
  scaled[:, 5] = 0.25  # a pixel that never varies
  method, state, _ = _train(pca, scaled, 3, 32, 12, {}, standardise=True)
  spread = scaled.std(0)
  spread[5] = 1
  normed = (scaled - scaled.mean(0)) / spread
  reference = decomposition.PCA(3).fit(normed)
  codes = method.represent(state, scaled.reshape(-1, *SHAPE)).vector
  expected = reference.transform(normed)
  np.testing.assert_allclose(np.abs(codes), np.abs(expected), atol=0.03)
  decoded = np.asarray(method.decode(state, codes)).reshape(-1, PIXELS)
  back = scaled.mean(0) + reference.inverse_transform(expected) * spread
  np.testing.assert_allclose(decoded, back, atol=0.03)


def test_pca_does_not_depend_on_how_batches_are_cut(images):
  small = _train(pca, images, 3, 16, 3, {})[1].params
  large = _train(pca, images, 3, 96, 18, {})[1].params
  np.testing.assert_allclose(small['mean'], large['mean'], atol=1e-5)
  np.testing.assert_allclose(
    small['components'], large['components'], atol=2e-3
  )


@pytest.mark.parametrize('kind', ['flat', 'heavy', 'mixed'])
def test_ica_finds_the_sources_as_scikit_learn_does(kind):
  rng = np.random.default_rng(1)
  count, sources = 4096, 4
  flat = rng.uniform(-1, 1, (count, sources))
  heavy = rng.laplace(size=(count, sources))
  mixed = np.where(np.arange(sources) % 2, flat, heavy)
  s = {'flat': flat, 'heavy': heavy, 'mixed': mixed}[kind]
  x = s / s.std(0) @ rng.normal(size=(sources, PIXELS)) + 1.0
  method, state, _ = _train(
    ica, x, sources, 256, 40, {'learning_rate': jnp.float32(0.1)}
  )
  codes = np.asarray(method.represent(state, x.reshape(-1, *SHAPE)).vector)
  np.testing.assert_allclose(np.cov(codes.T), np.eye(sources), atol=0.02)
  reference = decomposition.FastICA(
    sources, whiten='unit-variance', random_state=0, max_iter=500
  ).fit_transform(x)

  def matched(a, b):
    """Correlation of each column of `a` with its partner in `b`."""
    between = np.abs(np.corrcoef(a.T, b.T)[: len(a.T), len(a.T) :])
    assert len(set(between.argmax(1))) == len(a.T)  # one to one
    return between.max(1)

  assert matched(codes, s).min() > 0.97
  assert matched(codes, reference).min() > 0.97
  # PCA alone mixes them.
  u = decomposition.PCA(sources, whiten=True).fit_transform(x)
  assert np.abs(np.corrcoef(u.T, s.T)[:sources, sources:]).max(1).min() < 0.95
  decoded = np.asarray(method.decode(state, jnp.asarray(codes)))
  np.testing.assert_allclose(decoded.reshape(-1, PIXELS), x, atol=0.02)


def test_a_dead_component_has_code_zero():
  rng = np.random.default_rng(2)
  x = rng.uniform(size=(64, 2)) @ rng.normal(size=(2, PIXELS))
  method, state, _ = _train(
    ica, x, 3, 32, 20, {'learning_rate': jnp.float32(0.1)}
  )
  codes = np.asarray(method.represent(state, x.reshape(-1, *SHAPE)).vector)
  assert np.isfinite(codes).all()
  # Two dimensions of variance 1 in three rotated codes.
  np.testing.assert_allclose(np.cov(codes.T, bias=True).trace(), 2, atol=0.02)


def test_raw_pixels_are_their_own_codes(images):
  method = raw_pixels.make(raw_pixels.Config(), _data())
  state = method.init(None, None, None)
  x = jnp.asarray(images[:5]).reshape(-1, *SHAPE)
  codes = method.represent(state, x).vector
  np.testing.assert_array_equal(codes, images[:5])
  np.testing.assert_array_equal(method.decode(state, codes), x)
  nats = method.extras['log_likelihood'](state, codes, x)
  np.testing.assert_allclose(nats, -PIXELS / 2 * np.log(2 * np.pi), rtol=1e-6)


def test_more_components_than_pixels_are_refused():
  for module in (pca, ica):
    with pytest.raises(errors.ConfigError, match='number of pixels, 12'):
      module.make(module.Config(num_latents=13), _data())


def test_codes_without_a_distribution_are_not_sampled():
  config = dj.base_config()
  config.methods = ('pca',)
  config.dataset.resolution = 8
  config.metrics = ('reconstruction',)
  with pytest.raises(errors.ConfigError, match=r'config\.representations') as e:
    dj.sweep(config)
  assert '\n' not in str(e.value)
