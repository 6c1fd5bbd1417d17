"""Dynamics and content: the bound, who learns from what, plans, refusals."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import data as data_lib
from disentangle_jax import errors, requests
from disentangle_jax.methods.control import dynamics_content, latent_maps
from disentangle_jax.nn import locally_linear

NAME = 'dynamics_content'


def toy_bound(slope, log_det, points=4001):
  """-log p(x'|x, u) and L_X of one number with a fixed encoder, by sums.

  q(z|x) = N(x, .3^2), x' ~ N(z', .2^2), z' = slope z + .5 u + .1; q(z'|x') is
  its true posterior, so that the bound could be tight.
  """
  x, u, deviation, noise = 0.7, 1.0, 0.3, 0.2
  later = slope * x + 0.6 + 0.4
  centre, variance = slope * x + 0.6, slope**2 * deviation**2
  total = variance + noise**2
  exact = 0.5 * np.log(2 * np.pi * total) + (later - centre) ** 2 / (2 * total)
  gain = variance / total
  mean, own = centre + gain * (later - centre), (1 - gain) * variance
  after = mean + np.sqrt(own) * np.linspace(-8, 8, points)
  density = np.exp(-((after - mean) ** 2) / (2 * own))
  density /= density.sum()
  single = lambda value: np.full((points, 1), value, np.float32)
  linear = locally_linear.Linear(
    v=single(slope - 1.0),
    r=single(1.0),
    b=np.full((points, 1, 1), 0.5, np.float32),
    c=single(0.1),
  )
  nats = jax.jit(dynamics_content.transition_nats, static_argnums=6)
  transition = nats(
    after[:, None].astype(np.float32),
    single(np.log(own)),
    linear,
    single(u),
    single(x),
    single(2 * np.log(deviation)),
    log_det,
  )
  decoded = 0.5 * np.log(2 * np.pi * noise**2)
  decoded = decoded + (later - after) ** 2 / (2 * noise**2)
  return exact, float(np.sum(density * (np.asarray(transition) + decoded)))


@pytest.mark.parametrize('slope', [3.0, 0.5, -2.0])
def test_the_bound_is_one_only_with_the_determinant(slope):
  exact, bound = toy_bound(slope, True)
  # The posterior is the true one: the bound is tight, to rounding.
  np.testing.assert_allclose(bound, exact, atol=2e-3)
  exact, wrong = toy_bound(slope, False)
  np.testing.assert_allclose(bound - wrong, np.log(abs(slope)), atol=1e-3)
  assert (wrong < exact - 0.5) == (abs(slope) > 1)


def test_a_linear_map_is_undone():
  random = np.random.default_rng(0)
  draw = lambda *shape: jnp.asarray(
    0.5 * random.normal(size=shape), jnp.float32
  )
  linear = locally_linear.Linear(
    draw(5, 3), draw(5, 3), draw(5, 3, 2), draw(5, 3)
  )
  z, u = draw(5, 3), draw(5, 2)
  after, back = jax.jit(
    lambda linear, z, u: (
      linear.forward(z, u),
      linear.backward(linear.forward(z, u), u),
    )
  )(linear, z, u)
  linear, z, u = jax.device_get((linear, z, u))
  for n in range(5):
    matrix = np.eye(3) + np.outer(linear.v[n], linear.r[n])
    expected = matrix @ z[n] + linear.b[n] @ u[n] + linear.c[n]
    np.testing.assert_allclose(after[n], expected, rtol=1e-4, atol=1e-5)
  np.testing.assert_allclose(back, z, atol=1e-3)


KINDS = ('transition', 'backward_kl', 'other_kl', 'other_reconstruction')


@functools.cache
def sensitivities(made):
  """Term -> parameters or pictures -> largest size of its gradient there."""
  state, batch = made.first_state, made.batch(0)
  hparams = {k: jnp.float32(v) for k, v in made.hparams.items()}
  pictures = {k: x for k, x in batch.items() if k.endswith('observation')}

  @made.jit
  @jax.jacrev
  def gradients(given):
    before = state._replace(params=given['params'])
    seen = {**batch, **given['pictures']}
    key = jax.random.key(1)
    scalars = made.method.update(key, before, seen, hparams)[1]
    return {kind: scalars[kind] for kind in KINDS}

  def size(tree):
    return max(float(np.abs(x).max()) for x in jax.tree.leaves(tree))

  grads = gradients({'params': state.params, 'pictures': pictures})
  return {
    kind: {name: size(x) for part in own.values() for name, x in part.items()}
    for kind, own in grads.items()
  }


def test_the_encoder_is_one_for_both_ends_of_a_move_and_for_both_sets(harness):
  made = harness(NAME)
  own = {'encoder', 'content', 'transition', 'backward', 'decoder'}
  assert set(made.first_state.params) == own
  sizes = sensitivities(made)
  transition = sizes['transition']
  # q(z'|x') and p(z|x) read one set of parameters, and both pictures.
  for name in ('encoder', 'observation', 'next_observation'):
    assert transition[name] > 1e-6, name
  assert transition['other_observation'] == transition['decoder'] == 0
  assert transition['transition'] > 1e-6 and transition['backward'] > 1e-6
  assert sizes['other_kl']['encoder'] > 1e-6
  assert sizes['other_reconstruction']['content'] > 1e-6


def test_the_prior_of_the_other_set(harness):
  """Paired states are seen by it; not where stopped or not paired."""
  sizes = sensitivities(harness(NAME))['other_kl']
  assert sizes['paired_observation'] > 1e-6
  assert sizes['observation'] == sizes['next_observation'] == 0
  stopped = sensitivities(harness(NAME, log_det=False, stop_prior=True))
  assert stopped['other_kl']['paired_observation'] == 0
  assert stopped['other_kl']['other_observation'] > 1e-6
  alone = sensitivities(harness(NAME, pairing='none', content_from='next'))
  for kind in ('other_kl', 'other_reconstruction'):
    assert 'paired_observation' not in alone[kind]
    assert alone[kind]['observation'] == alone[kind]['next_observation'] == 0
    assert alone[kind]['other_observation'] > 1e-6


def test_it_asks_for_pairs_only_where_it_uses_them():
  names = lambda **static: {
    request.name
    for request in dynamics_content.batch(dynamics_content.Config(**static))
    if isinstance(request, requests.Field)
  }
  rest = {'action', 'next_observation', 'other_observation'}
  assert names() == rest | {'paired_observation'}
  assert names(pairing='none') == rest


@functools.cache
def with_constant_dynamics(made):
  """A state whose transition is one linear map, and that map."""
  state = jax.tree.map(np.array, made.first_state)
  transition = state.params['transition']
  random = np.random.default_rng(3)
  for name in 'vrbc':
    transition[name]['kernel'][:] = 0
    shape = transition[name]['bias'].shape
    transition[name]['bias'][:] = 0.4 * random.normal(size=shape)
  bias = {name: np.float64(transition[name]['bias']) for name in 'vrbc'}
  matrix = np.eye(3) + np.outer(bias['v'], bias['r'])
  return state, matrix, bias['b'].reshape(3, 2), bias['c']


def test_predictions_are_the_linear_map(harness):
  made = harness(NAME)
  state, a, b, c = with_constant_dynamics(made)
  batch = made.batch(0)
  x, action = batch['observation'], batch['action']
  predict = made.method.extras['predict']
  represent = made.jit(made.method.represent)
  codes = represent(state, x)
  got = np.asarray(made.jit(predict)(state, x, action))
  z = np.asarray(codes.parts['dynamics'], np.float64)
  for n in range(len(z)):
    expected = a @ z[n] + b @ (np.asarray(action[n]) / 3.0) + c
    np.testing.assert_allclose(got[n, :3], expected, rtol=1e-4, atol=1e-5)
  np.testing.assert_allclose(got[:, 3:], codes.parts['content'], rtol=1e-5)
  np.testing.assert_array_equal(codes.vector, codes.parts['mean'])


def test_plans_lower_the_cost_in_codes(harness):
  """By either linearisation; alike where the dynamics are one linear map."""
  made = harness(NAME)
  state, a, b, c = with_constant_dynamics(made)
  x = made.batch(0)['observation']
  start, goal = x[:4], x[4:]
  actions = {}
  for kind in dynamics_content.LINEARISATIONS:
    own = harness(NAME, linearisation=kind)
    call = own.jit(own.method.extras['plan'])
    actions[kind] = np.asarray(
      call(jax.random.key(0), state, start, goal, None)
    )
  jacobian, amortised = actions.values()
  np.testing.assert_allclose(jacobian, amortised, atol=1e-4)
  assert jacobian.shape == (4, 3, 2) and np.abs(jacobian).max() <= 3
  represent = made.jit(made.method.represent)
  codes = lambda x: np.asarray(represent(state, x).parts['dynamics'])

  def cost(plan, z, aim):
    total = 0.0
    for u in plan:
      total += 10 * np.sum((z - aim) ** 2) + np.sum(u**2)
      z = a @ z + b @ (u / 3.0) + c
    return total + 10 * np.sum((z - aim) ** 2)

  random = np.random.default_rng(0)
  for n, (z, aim) in enumerate(zip(codes(start), codes(goal))):
    best = cost(jacobian[n], z, aim)
    assert best < cost(np.zeros((3, 2)), z, aim)
    for _ in range(20):  # no neighbour is better: the problem is convex
      near = np.clip(jacobian[n] + 0.2 * random.normal(size=(3, 2)), -3, 3)
      assert best < cost(near, z, aim) + 1e-4


def test_maps_show_points_and_paths():
  points = jnp.array([[0.0, 0.0], [1.0, 0.5], [0.5, 1.0], [0.2, 0.2]])
  shown = jnp.array([True, True, True, False])
  paths = jnp.array([[[0.0, 1.0], [0.25, 1.0]], [[2.0, 0.5], [-3.0, 0.5]]])
  colour = latent_maps.colours(points)
  draw = jax.jit(latent_maps.draw, static_argnums=4)
  image = np.asarray(draw(points, shown, colour, paths, 27))
  expected = np.full((27, 27, 3), 0.5)
  # Three pixels of border, 20 between the outermost points; rows go down.
  expected[3, 3] = colour[0]
  expected[13, 23] = colour[1]
  expected[23, 13] = colour[2]
  expected[23, [3, 4, 5, 7]] = 0  # 2.5 pixels are two
  expected[23, 8] = [1, 0, 0]
  ours = image.copy()
  # The path from beyond the right to beyond the left crosses a few pixels.
  crossing = np.argwhere((ours[13] == 0).all(-1))[:, 0]
  assert len(crossing) and np.all((crossing > 0) & (crossing < 26))
  ours[13, crossing] = 0.5
  expected[13, crossing] = 0.5
  np.testing.assert_allclose(ours, expected, atol=1e-6)
  low, span = latent_maps.fit(points, shown)
  np.testing.assert_array_equal(low, [0, 0])
  np.testing.assert_array_equal(span, [1, 1])


def test_maps_of_a_method(harness):
  made = harness(NAME)
  call = made.jit(made.method.extras['pictures'])
  maps = call(jax.random.key(0), made.first_state, made.batch(0)['observation'])
  image = np.asarray(maps['latent_map'])
  assert image.shape[:2] == (2, 2) and image.shape[-1] == 3
  assert image.min() >= 0 and image.max() <= 1
  # Both sets stand on one plane; codes of their pictures differ.
  grey = (image[:, 0] == 0.5).all(-1)
  np.testing.assert_array_equal(grey[0, :3], True)
  assert (~grey).sum((1, 2)).min() > 500
  assert np.any(image[0, 1] != image[1, 1])


def _make(data=None, **static):
  options = dict(dynamics_content.TEST['dataset'][1])
  options.update(data or {})
  config = dynamics_content.Config(**static)
  return dynamics_content.make(config, data_lib.load('planar', **options))


@pytest.mark.parametrize(
  'data, static, word',
  [
    ({'triples': 20, 'others': 30}, {}, 'at most as many'),
    ({}, {'plan_horizon': 1}, 'at least 2'),
    ({}, {'pairing': 'some'}, 'none, states'),
    ({}, {'content_from': 'previous'}, 'current, next'),
    ({}, {'linearisation': 'exact'}, 'amortised, jacobian'),
    ({}, {'action_size': 3}, 'actions of shape'),
    ({}, {'num_latents': 0}, 'num_latents'),
    ({}, {'content': 0}, 'content'),
    ({}, {'action_limit': 0.0}, 'action_limit'),
  ],
)
def test_what_cannot_be_is_refused_in_one_line(data, static, word):
  with pytest.raises(errors.ConfigError, match=word) as caught:
    _make(data, **static)
  assert '\n' not in str(caught.value)


def test_more_of_the_other_set_is_legal_without_pairs():
  _make({'triples': 20, 'others': 30}, pairing='none')


def test_a_data_set_without_moves_is_refused():
  blobs = data_lib.load('blobs', resolution=8)
  with pytest.raises(errors.ConfigError, match=r'blobs.*action') as caught:
    dynamics_content.make(dynamics_content.Config(), blobs)
  assert '\n' not in str(caught.value)
