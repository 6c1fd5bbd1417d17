"""Known answers of pairs, groups and time; what is refused."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import disentangle_jax as dj
from disentangle_jax import data as data_lib
from disentangle_jax import errors
from disentangle_jax.data import samplers
from disentangle_jax.engine.plan import planning
from disentangle_jax.methods import METHODS
from disentangle_jax.methods.weak import (
  ada_gvae,
  group_vae,
  ml_vae,
  pairs,
  slow_vae,
)
from disentangle_jax.ops import groups

NAMES = ('ada_gvae', 'group_vae', 'ml_vae', 'slow_vae')


def codes(mean, logvar=None):
  """Posteriors [2, B, D] of lists; variance 1 unless given."""
  mean = jnp.asarray(mean, jnp.float32)
  logvar = jnp.zeros_like(mean) if logvar is None else jnp.asarray(logvar)
  return pairs.Codes(mean, logvar.astype(jnp.float32), jnp.zeros_like(mean))


def test_shared_latents_are_those_below_the_middle():
  # With variance 1, delta is half the squared distance: (0, 0, 5).
  apart = math.sqrt(10)
  first = [[0.3, -1.0, 0.0], [0.0, 2.0, 1.0], [1.0, 1.0, 1.0]]
  second = [
    [0.3, -1.0, apart],
    # delta (0.5, 4.5, 2.5): the middle is 2.5, which is not below itself.
    [1.0, 5.0, 1 + math.sqrt(5)],
    [1.0, 1.0, 1.0],  # alike: nothing is below 0
  ]
  shared = np.asarray(ada_gvae.alike(codes([first, second])))
  assert shared[0].tolist() == [True, True, False]
  assert shared[1][:2].tolist() == [True, False]
  assert not shared[2].any()


def test_only_the_changed_factors_latent_is_not_shared():
  changed = np.zeros((3, 4), bool)
  changed[0, 2] = changed[1, 0] = True
  shared = np.asarray(group_vae.unchanged(jnp.asarray(changed), 6))
  want = np.ones((3, 6), bool)
  want[0, 2] = want[1, 0] = False
  np.testing.assert_array_equal(shared, want)


def test_gradients_of_a_shared_latent_reach_both_encodings():
  shared = jnp.asarray([[True, False]])
  rng = np.random.default_rng(0)
  first = rng.normal(size=(2, 2, 1, 2)).astype(np.float32)

  def shown(mean, logvar, image):
    own = pairs.shared_by(codes(mean, logvar), shared, 'gvae')
    return jnp.sum(own.mean[image] + own.logvar[image])

  for image in (0, 1):
    of_mean, of_logvar = jax.grad(shown, (0, 1))(*first, image)
    other = 1 - image
    np.testing.assert_allclose(of_mean[:, 0, 0], [0.5, 0.5])
    assert np.all(of_logvar[:, 0, 0] != 0)
    np.testing.assert_array_equal(of_mean[[image, other], 0, 1], [1, 0])
    np.testing.assert_array_equal(of_logvar[[image, other], 0, 1], [1, 0])


def test_averages_keep_what_is_not_shared():
  rng = np.random.default_rng(1)
  given = codes(*rng.normal(size=(2, 2, 5, 3)))
  for kind in groups.AVERAGES:
    nothing = pairs.shared_by(given, jnp.zeros((5, 3), bool), kind)
    np.testing.assert_array_equal(nothing.mean, given.mean)
    every = pairs.shared_by(given, jnp.ones((5, 3), bool), kind)
    np.testing.assert_array_equal(every.mean[0], every.mean[1])
    np.testing.assert_array_equal(every.noise, given.noise)


def test_identical_images_leave_a_vae(harness):
  """Nothing is shared, and the loss is a VAE's of two draws."""
  made = harness('ada_gvae')
  batch = made.batch(0)
  batch['pair'] = batch['observation']
  hparams = {k: jnp.float32(v) for k, v in made.hparams.items()}
  vae = harness('beta_vae').method

  @made.jit
  def run(key, state):
    first, second = jax.random.split(key)
    _, scalars = made.method.update(key, state, batch, hparams)
    singles = [vae.update(k, state, batch, hparams)[1] for k in (first, second)]
    return scalars, singles

  scalars, singles = run(made.keys(0)[1], made.first_state)
  assert scalars['shared_latents'] == 0
  for name in ('loss', 'kl', 'reconstruction'):
    mean = 0.5 * (singles[0][name] + singles[1][name])
    np.testing.assert_allclose(scalars[name], mean, rtol=1e-5)


def test_slow_vae_at_gamma_0_is_a_beta_vae_on_pairs(harness):
  made = harness('slow_vae')
  batch = made.batch(0)
  vae = harness('beta_vae').method
  hparams = {k: jnp.float32(v) for k, v in made.hparams.items()}
  hparams |= {'gamma': jnp.float32(0), 'beta': jnp.float32(3)}

  @made.jit
  def run(key, state):
    _, scalars = made.method.update(key, state, batch, hparams)
    singles = [
      vae.update(
        k,
        state,
        {**batch, 'observation': batch[name]},
        {**hparams, 'beta': jnp.float32(1.5)},
      )[1]['loss']
      for k, name in zip(jax.random.split(key), ('observation', 'pair'))
    ]
    return scalars['loss'], singles

  loss, singles = run(made.keys(0)[1], made.first_state)
  np.testing.assert_allclose(loss, np.mean(singles), rtol=1e-5)


@pytest.mark.parametrize('entropy', slow_vae.ENTROPIES)
def test_time_has_no_direction_and_a_best_deviation(entropy):
  rng = np.random.default_rng(2)
  given = codes(*rng.normal(size=(2, 2, 4, 3)))
  back = codes(given.mean[::-1], given.logvar[::-1])
  cost = slow_vae.transition_cost(given, 6.0, entropy)
  np.testing.assert_allclose(
    cost, slow_vae.transition_cost(back, 6.0, entropy), rtol=1e-6
  )
  # Where nothing moves, sqrt(pi / 2) / rate; half of it in the public code.
  deviation = np.exp(np.linspace(-5, 1, 20001))
  logvar = np.broadcast_to(2 * np.log(deviation)[:, None], (2, 20001, 1))
  still = codes(np.zeros_like(logvar), logvar)
  cost = slow_vae.transition_cost(still, 6.0, entropy)[:, 0]
  want = math.sqrt(math.pi / 2) / 6 / (1 if entropy == 'exact' else 2)
  np.testing.assert_allclose(deviation[np.argmin(cost)], want, rtol=1e-2)


def test_content_of_a_group_is_that_of_its_images_in_any_order(harness):
  made = harness('ml_vae')
  config = made.config
  rng = np.random.default_rng(3)
  mean, logvar = rng.normal(size=(2, 8, 2)).astype(np.float32)
  number = jnp.repeat(jnp.arange(2), 4)
  of_rows = ml_vae.content_of_groups(mean, logvar, number, config)
  for g, rows in enumerate((slice(0, 4), slice(4, 8))):
    variance = 1 / np.exp(-logvar[rows]).sum(0)
    centre = variance * (mean[rows] * np.exp(-logvar[rows])).sum(0)
    for row in range(4 * g, 4 * g + 4):
      np.testing.assert_allclose(of_rows[0][row], centre, rtol=1e-5)
      np.testing.assert_allclose(np.exp(of_rows[1][row]), variance, rtol=1e-5)


def test_ml_vae_shows_content_and_style(harness):
  """Codes, redrawn groups and gathered evidence."""
  made = harness('ml_vae')
  state, x = made.first_state, made.batch(0)['identity_group']

  @made.jit
  def run(state, x, key):
    method = made.method
    own = method.represent(state, x)
    several = method.extras['accumulate'](state, x.reshape(2, 4, *x.shape[1:]))
    single = method.extras['accumulate'](state, x[:, None])
    drawn = [
      method.extras[name](key, state, own.vector)
      for name in ('resample_global', 'resample_local')
    ]
    return own, several, single, drawn

  own, several, single, drawn = run(state, x, jax.random.key(0))
  content = own.vector[:, :2], own.parts['logvar'][:, :2]
  np.testing.assert_allclose(single.vector, content[0], rtol=1e-5, atol=1e-6)
  np.testing.assert_allclose(single.parts['logvar'], content[1], atol=1e-5)
  precision = np.exp(-np.asarray(content[1])).reshape(2, 4, 2).sum(1)
  np.testing.assert_allclose(
    np.exp(-several.parts['logvar']), precision, rtol=1e-5
  )
  changed = [np.asarray(z != own.vector).all(0).tolist() for z in drawn]
  assert changed == [[True] * 2 + [False] * 3, [False] * 2 + [True] * 3]


def test_a_group_of_one_image_is_a_vae():
  """The content of a group of one is the content of its image."""
  rng = np.random.default_rng(4)
  mean, logvar = rng.normal(size=(2, 7, 1, 3)).astype(np.float32)
  for kind in groups.AVERAGES:
    of_group = groups.average(mean, logvar, kind)
    np.testing.assert_allclose(of_group[0], mean[:, 0], rtol=1e-5)
    np.testing.assert_allclose(of_group[1], logvar[:, 0], rtol=1e-5, atol=1e-6)


def plan(name, dataset='dsprites', **settings):
  config = dj.base_config()
  config.methods = (name,)
  if dataset == 'dsprites':
    config.dataset.update(
      {'resolution': 8, 'scales': 2, 'orientations': 3, 'positions': 4}
    )
  config.net.name = 'mlp'
  config.net.mlp.encoder_hidden = config.net.mlp.decoder_hidden = (8,)
  config.metrics = ()
  config.batch_size = 8
  config.steps = config.seeds = 1
  for field, value in settings.items():
    group, _, field = field.partition('__')
    (config if not field else config[group])[field or group] = value
  return planning.make(config)


GROUPS = {
  'static__identity': ('shape',),
  'static__identities': 2,
  'static__per_identity': 4,
}


@pytest.mark.parametrize(
  'name, settings, words',
  [
    ('ada_gvae', {'static__num_latents': 1}, 'static.num_latents = 1: must'),
    ('ada_gvae', {'static__average': 'mean'}, 'legal: gvae, mlvae, product'),
    ('ada_gvae', {'static__pair_changes': 6}, 'must be from 1 to 5'),
    ('group_vae', {'static__pair_changes': 2}, 'must be 1: the one changed'),
    ('group_vae', {'static__random_changes': True}, 'random_changes = True'),
    ('group_vae', {'static__num_latents': 4}, 'must be at least 5, a latent'),
    ('ml_vae', {**GROUPS, 'static__identity': ()}, 'must name factors'),
    ('ml_vae', {**GROUPS, 'static__per_identity': 1}, 'must be at least 2'),
    ('ml_vae', {**GROUPS, 'static__identities': 3}, 'batch_size = 8: must be'),
    (
      'ml_vae',
      {'batch_size': 16, **GROUPS, 'static__identities': 4},
      'has 3 identities',
    ),
    ('slow_vae', {'hparams__rate': 0.0}, 'hparams.rate = 0'),
    ('slow_vae', {'static__pair_rate': 0.0}, 'must be a finite number > 0'),
    ('slow_vae', {'static__entropy': 'both'}, 'legal: exact, reference'),
    ('slow_vae', {'static__pair_transition': 'walk'}, 'laplace, uniform'),
    (
      'slow_vae',
      {
        'static__pair_fixed': (
          'shape',
          'scale',
          'orientation',
          'position_x',
          'position_y',
        )
      },
      'leaves no factor',
    ),
  ],
)
def test_bad_settings_are_refused_in_one_line_when_planning(
  name, settings, words
):
  with pytest.raises(errors.ConfigError, match=words) as caught:
    plan(name, **settings)
  assert '\n' not in str(caught.value)


@pytest.mark.parametrize('name', NAMES)
def test_sets_without_a_grid_of_factors_are_refused(name):
  data = data_lib.load('digits', resolution=12)
  stream = data._replace(
    render=None, factor_names=(), factor_sizes=(), factor_values=()
  )
  module = METHODS[name]
  static = {} if name != 'ml_vae' else {'identity': ('digit',)}
  asked = module.batch(module.Config(**static))
  with pytest.raises(errors.ConfigError) as caught:
    samplers.make(stream, asked)
  assert '\n' not in str(caught.value)


def test_deltas_are_those_of_numerical_integrals():
  """KL(q1 || q2) by the trapezoidal rule, and tau from them."""
  rng = np.random.default_rng(5)
  given = codes(*rng.normal(size=(2, 2, 6, 3)))
  x = np.linspace(-40, 40, 200_001)
  log = lambda i, b, d: (
    -0.5
    * (x - float(given.mean[i, b, d])) ** 2
    * math.exp(-float(given.logvar[i, b, d]))
    - 0.5 * float(given.logvar[i, b, d])
    - 0.5 * math.log(2 * math.pi)
  )
  delta = np.zeros((6, 3))
  for b, d in itertools.product(range(6), range(3)):
    first, second = log(0, b, d), log(1, b, d)
    delta[b, d] = np.trapezoid(np.exp(first) * (first - second), x)
  tau = (delta.max(1) + delta.min(1)) / 2
  np.testing.assert_array_equal(ada_gvae.alike(given), delta < tau[:, None])
