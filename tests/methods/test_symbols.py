"""What symbols come to stand for, and what operators can and cannot do."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from disentangle_jax import data as data_lib
from disentangle_jax import errors
from disentangle_jax.methods import METHODS
from disentangle_jax.methods.concepts import common, operators, scan
from disentangle_jax.nn import nets

ROOMS = data_lib.load(scan.ROOMS[0], **scan.ROOMS[1])
NET = nets.mlp.Config(encoder_hidden=(8,), decoder_hidden=(8,))


def one(*numbers):
  """A Gaussian of one latent: mean and variance."""
  mean, variance = numbers
  return jnp.array([[mean]]), jnp.log(jnp.array([[variance]]))


def test_grounding_is_the_kl_of_two_gaussians():
  seen, said = one(0.3, 0.5), one(-1.0, 2.0)
  forward = 0.5 * (np.log(2.0 / 0.5) + (0.5 + 1.3**2) / 2.0 - 1)
  reverse = 0.5 * (np.log(0.5 / 2.0) + (2.0 + 1.3**2) / 0.5 - 1)
  got = scan.grounding('forward', seen, said)
  np.testing.assert_allclose(got, forward, rtol=1e-6)
  got = scan.grounding('reverse', seen, said)
  np.testing.assert_allclose(got, reverse, rtol=1e-6)
  for direction in scan.DIRECTIONS:
    assert abs(scan.grounding(direction, seen, seen)) < 1e-7


@pytest.fixture(scope='module')
def fitted():
  """Mean and variance that each direction comes to on one symbol's pictures."""
  random = np.random.default_rng(0)
  mean, variance = random.normal(size=(20, 3)), random.uniform(0.1, 1, (20, 3))
  seen = tuple(jnp.asarray(x, jnp.float32) for x in (mean, np.log(variance)))

  def loss(params, direction):
    said = tuple(jnp.broadcast_to(x, mean.shape) for x in params)
    return scan.grounding(direction, seen, said)

  adam = optax.adam(optax.cosine_decay_schedule(0.05, 1500))

  @jax.jit
  def fit():
    def step(carry, _):
      params, state = carry
      grads = [jax.grad(loss)(p, d) for p, d in zip(params, scan.DIRECTIONS)]
      updates, state = adam.update(grads, state)
      return (optax.apply_updates(params, updates), state), None

    start = [(jnp.zeros(3), jnp.zeros(3)) for _ in scan.DIRECTIONS]
    return jax.lax.scan(step, (start, adam.init(start)), length=1500)[0][0]

  return mean, variance, dict(zip(scan.DIRECTIONS, jax.device_get(fit())))


def test_forward_grounding_ends_at_the_moments_of_what_is_seen(fitted):
  mean, variance, params = fitted
  found, logvar = params['forward']
  np.testing.assert_allclose(found, mean.mean(0), atol=1e-3)
  spread = (variance + (mean - mean.mean(0)) ** 2).mean(0)
  np.testing.assert_allclose(np.exp(logvar), spread, rtol=3e-3)


def test_reverse_grounding_ends_at_the_mode_weighted_by_precision(fitted):
  mean, variance, params = fitted
  found, logvar = params['reverse']
  weight = (1 / variance) / (1 / variance).sum(0)
  np.testing.assert_allclose(found, (weight * mean).sum(0), atol=1e-3)
  narrow = 1 / (1 / variance).mean(0)
  np.testing.assert_allclose(np.exp(logvar), narrow, rtol=3e-3)
  assert np.all(logvar < params['forward'][1])


@pytest.fixture(scope='module')
def recombine():
  """(program, its parameters, a Gaussian over 5 latents and another)."""
  network = operators.Operators(8)
  random = np.random.default_rng(1)
  gaussian = lambda: tuple(
    jnp.asarray(random.normal(size=(3, 5)), jnp.float32) for _ in '12'
  )
  first, second, operator = gaussian(), gaussian(), jnp.arange(3)
  params = network.init(jax.random.key(0), (first, second, operator))
  return jax.jit(network.apply), params, first, second, operator


def test_operators_look_at_one_latent_at_a_time(recombine):
  apply, params, first, second, operator = recombine
  before = apply(params, (first, second, operator))
  for which in (0, 1):
    for part in (0, 1):
      given = [list(first), list(second)]
      given[which][part] = given[which][part].at[:, 2].add(1.0)
      a, b = (tuple(x) for x in given)
      for old, new in zip(before, apply(params, (a, b, operator))):
        rest = [0, 1, 3, 4]
        np.testing.assert_array_equal(old[:, rest], new[:, rest])
        assert np.all(np.abs(old[:, 2] - new[:, 2]) > 0)


def test_operators_share_weights_over_latents_and_read_the_order(recombine):
  apply, params, first, second, operator = recombine
  before = apply(params, (first, second, operator))
  turn = lambda of: tuple(x[:, ::-1] for x in of)
  turned = apply(params, (turn(first), turn(second), operator))
  for old, new in zip(turn(before), turned):
    np.testing.assert_allclose(old, new, rtol=1e-6)
  swapped = apply(params, (second, first, operator))
  assert np.all(np.abs(swapped[0] - before[0]) > 0)
  other = apply(params, (first, second, (operator + 1) % 3))
  assert np.all(np.abs(other[0] - before[0]) > 0)


@pytest.mark.parametrize('name', ['scan', 'scan_operators', 'trelbo'])
def test_what_came_before_stands_still(name, harness, history):
  states, _ = history(harness(name), False)
  first, last = (jax.device_get(states[k].params) for k in (0, -1))
  moving = {
    'scan': {'symbol_encoder', 'symbol_decoder'},
    'scan_operators': {'operators'},
    'trelbo': {'encoder', 'symbol_encoder'},
  }[name]
  assert moving < set(first)
  for part in first:
    same = [
      np.array_equal(a, b)
      for a, b in zip(jax.tree.leaves(first[part]), jax.tree.leaves(last[part]))
    ]
    assert all(same) != (part in moving), part


def test_symbols_and_pictures_go_both_ways(harness, history):
  made = harness('scan_operators')
  states, _ = history(made, False)
  state = jax.tree.map(lambda x: np.asarray(x[0]), states[-1])
  extras, batch = made.method.extras, made.batch(0)
  grammar = made.data.extras['concepts'].grammar
  few = {k: v[:3] for k, v in batch.items() if np.ndim(v)}

  @made.jit
  def everything(state, key):
    first = extras['concept'](state, few['first_symbol'])
    samples = extras['sym2img'](key, state, few['first_symbol'], 4)
    sheets = extras['pictures'](key, state, few['observation'])
    named = extras['img2sym'](state, few['observation'])
    result = extras['recombine'](state, first, first, few['operator'])
    return first, samples, sheets, named, result

  first, samples, sheets, named, result = everything(state, jax.random.key(0))
  mean, logvar = first
  noise = jax.random.normal(jax.random.key(0), (3, 4, mean.shape[1]))
  z = mean[:, None] + np.exp(logvar / 2)[:, None] * noise
  shown = made.method.decode(state, z.reshape(12, -1))
  np.testing.assert_allclose(samples.reshape(shown.shape), shown, atol=1e-5)
  assert named.shape == (3, grammar.width)
  assert np.all((named > 0) & (named < 1))
  assert result[0].shape == mean.shape
  # A picture in every row, then samples: four attributes and all together.
  assert sheets['sym2img'].shape == (15, 9, 8, 8, 3)
  assert sheets['operators'].shape == (9, 9, 8, 8, 3)
  np.testing.assert_allclose(sheets['sym2img'][5, 0], few['observation'][1])


def test_named_symbols_have_a_value_of_each_attribute():
  grammar = ROOMS.extras['concepts'].grammar
  said = np.random.default_rng(0).uniform(size=(4, grammar.width))
  named = np.asarray(common.concepts_named(grammar, jnp.asarray(said)))
  for row, symbol in zip(said, named):
    for k, value in enumerate(grammar.read(symbol)):
      start = grammar.starts[k]
      assert value == np.argmax(row[start : start + grammar.sizes[k]])
  part = np.asarray(common.only(grammar, jnp.asarray(named), (1, 3)))
  for symbol, whole in zip(part, named):
    concept, full = grammar.read(symbol), grammar.read(whole)
    np.testing.assert_array_equal(concept[[1, 3]], full[[1, 3]])
    assert np.all(concept[[0, 2]] == -1)


def eyes(latents):
  module = METHODS['beta_vae']
  config = module.Config(net=NET, num_latents=latents)
  return module.make(config, ROOMS)


@pytest.mark.parametrize(
  'name, static, before, word',
  [
    ('scan', {'num_latents': 4}, 3, 'must be that of the eyes, 3'),
    ('scan', {}, None, 'needs trained eyes'),
    ('scan', {'num_latents': 3, 'direction': 'both'}, 3, 'forward, reverse'),
    ('scan', {'num_latents': 3, 'symbol_hidden': (0,)}, 3, 'symbol_hidden'),
    ('scan_operators', {}, 3, 'needs a trained system of concepts'),
    ('jmvae_operators', {'operator_target': 'both'}, 3, 'image, symbol'),
    ('trelbo', {'stage': 'first'}, None, 'all, joint'),
  ],
)
def test_what_cannot_be_is_refused_in_one_line(name, static, before, word):
  module = METHODS[name]
  eye = None if before is None else eyes(before)
  with pytest.raises(errors.ConfigError, match=word) as caught:
    module.make(module.Config(**static), ROOMS, eye)
  assert '\n' not in str(caught.value)


def test_sets_without_symbols_and_unknown_eyes_are_refused():
  plain = data_lib.load('dsprites', resolution=8, scales=1, orientations=1)
  for name in ('scan', 'jmvae'):
    module = METHODS[name]
    config = module.Config(num_latents=3)
    before = () if name == 'jmvae' else (eyes(3),)
    with pytest.raises(errors.ConfigError, match='has no symbols'):
      module.make(config, plain, *before)
  with pytest.raises(errors.ConfigError, match='beta_vae, perceptual_vae'):
    scan.after(scan.Config(vision='vae'))
