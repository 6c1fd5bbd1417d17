"""Controllable factors: known rewards, gradients, walks and drawings."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import data as data_lib
from disentangle_jax import errors
from disentangle_jax.data import exclusions, factorial
from disentangle_jax.methods.control import (
  arrows,
  common,
  icf,
  icf_fixed,
  icf_parts,
)
from disentangle_jax.nn import nets
from disentangle_jax.ops import selectivity

LINEAR = nets.mlp.Config(encoder_hidden=(), decoder_hidden=())
WORLD = data_lib.load('gridworld', **icf.TEST['dataset'][1])


def test_reward_of_one_and_of_two_embeddings():
  change = np.float32([[0.3, -0.2]])

  @jax.jit
  def gaussian(change, embeddings, sigma):
    near = selectivity.log_gaussian(change, embeddings, sigma)
    return near, selectivity.reward(near)

  @jax.jit
  def dot(change, embeddings):
    return selectivity.reward(selectivity.log_dot(change, embeddings))

  near, reward = gaussian(change, change[:, None], 0.1)
  np.testing.assert_array_equal(near, [[0.0]])
  np.testing.assert_array_equal(reward, [[0.0]])
  for kind in ('gaussian', 'dot'):
    for far in (1.0, 50.0):
      # One at the change, one far away, beyond the origin.
      both = np.stack([change, np.float32(-far) * change], axis=1)
      if kind == 'gaussian':
        reward = gaussian(change, both, 0.1 if far > 1 else 0.5)[1]
        odds = np.exp(-0.5 * (2 * 0.13**0.5 / 0.5) ** 2) if far == 1 else 0.0
      else:
        reward = dot(change, both)
        odds = 0.001 / (0.13 + 0.001)
      r = np.asarray(reward)[0]
      np.testing.assert_allclose(r[0], np.log(2 / (1 + odds)), rtol=1e-5)


def test_reinforce_against_the_exact_gradient_of_a_two_armed_bandit():
  """d/d(theta, c) of E r with pi = softmax(theta), r_a = c_a^2."""
  theta, c = jnp.array([0.3, -0.5]), jnp.array([0.7, 1.6])
  exact = jax.grad(
    lambda theta, c: jnp.sum(jax.nn.softmax(theta) * c**2), (0, 1)
  )(theta, c)
  p = np.exp(theta) / np.exp(theta).sum()
  rewards = np.array(c) ** 2
  by_hand = p * (rewards - p @ rewards)
  np.testing.assert_allclose(exact[0], by_hand, rtol=1e-5)
  draws = 100_000

  def each(theta, c, action, baseline, behaviour):
    log_p = jax.nn.log_softmax(theta)
    one = lambda x: x[None]
    weight = selectivity.weights(one(log_p[action]), one(behaviour[action]))
    return selectivity.surrogate(
      log_p[action], c[action] ** 2, baseline, weight[0]
    )

  def slopes(baseline, behaviour):
    actions = jax.random.categorical(
      jax.random.key(0), behaviour, shape=(draws,)
    )
    slope = jax.grad(each, (0, 1))
    rows = jax.vmap(slope, (None, None, 0, None, None))
    return rows(theta, c, actions, baseline, behaviour)

  own = jax.nn.log_softmax(theta)
  slopes = jax.jit(slopes)
  spread = {}
  for baseline, behaviour in itertools.product(
    (0.0, 1.5, -3.0), (own, jnp.log(jnp.array([0.5, 0.5])))
  ):
    found = slopes(np.float32(baseline), behaviour)
    for rows, wanted in zip(map(np.asarray, found), exact):
      error = rows.std(0) / np.sqrt(draws)
      assert np.all(np.abs(rows.mean(0) - wanted) < 4.5 * error + 1e-6)
    spread[baseline, behaviour is own] = np.std(found[0])
  # What a baseline is for.
  assert spread[1.5, True] < spread[0.0, True] < spread[-3.0, True]


def test_weights_are_one_on_policy_and_cut_off_it():
  log_p = jnp.log(jnp.array([[0.2, 0.9, 1e-30]]))
  np.testing.assert_allclose(selectivity.weights(log_p, log_p), 1.0)
  weight = selectivity.weights(log_p, jnp.log(jnp.array([[0.1]])))
  np.testing.assert_allclose(weight, [[2.0, 5.0, 1e-29]], rtol=1e-5)
  slope = jax.grad(lambda x: selectivity.weights(x, log_p).sum())(log_p)
  assert not np.any(slope)


def test_coordinates_that_alone_rise():
  """h = (x, -x, y, -y): each move raises one, whatever falls."""
  moves = np.array([[1, 0], [-1, 0], [0, 1], [0, -1]], np.float32)
  change = np.stack([moves[:, 0], -moves[:, 0], moves[:, 1], -moves[:, 1]], 1)
  sel = np.asarray(selectivity.by_coordinate(100 * jnp.asarray(change)))
  np.testing.assert_allclose(np.diag(sel), 1.0, atol=2e-4)
  assert sel.max() <= 1 and sel[0, 1] < -0.999 and sel[0, 2] == 0
  # Two that rise together share it; the slack decides where nothing does.
  sel = selectivity.by_coordinate(jnp.array([0.3, 0.1, -0.5]))
  np.testing.assert_allclose(sel, [0.3 / 0.41, 0.1 / 0.41, -1.0], rtol=1e-6)
  np.testing.assert_array_equal(selectivity.by_coordinate(jnp.zeros(3)), 0)


def test_policies_are_legal_and_explore_as_often_as_asked():
  logits = jnp.array([1.0, -2.0, 0.5, 3.0])
  legal = jnp.array([True, True, True, False])
  log_p = common.log_policy(logits, legal)
  p = np.exp(logits[:3]) / np.exp(logits[:3]).sum()
  np.testing.assert_allclose(np.exp(log_p), [*p, 0], rtol=1e-6)
  np.testing.assert_allclose(common.entropy(log_p), -(p @ np.log(p)), rtol=1e-6)
  slope = jax.grad(lambda x: common.entropy(common.log_policy(x, legal)))(
    logits
  )
  assert np.all(np.isfinite(slope)) and slope[3] == 0
  mixed = np.exp(common.explore(log_p, 0.3))
  np.testing.assert_allclose(mixed, [*(0.7 * p + 0.1), 0], rtol=1e-6)
  np.testing.assert_allclose(np.exp(common.explore(log_p, 0.0)), np.exp(log_p))


# --- A perfect representation and perfect policies, built by hand -------------

SQUARE = data_lib.load('gridworld', cells=6, pixels=1, side=2, agent='square')
MOVES = np.array([(0, 1), (0, -1), (1, 0), (-1, 0)], np.float32)  # as actions
STEP = 0.1


def renderer(data):
  """States [N, K] -> pictures, one program for all equally many states."""
  look = lambda s: data.render(data.arrays, s, jax.random.key(0))
  return jax.jit(jax.vmap(look))


look_at_square = renderer(SQUARE)


def position(observation):
  """(x, y) of the square's corner, linear in the pixels."""
  rows, columns = np.mgrid[:7, :7]
  look = lambda weight: (observation[..., 0] * weight).sum((-1, -2)) / 4 - 0.5
  return jnp.stack([look(columns), look(rows)], axis=-1)


def interior():
  states = factorial.grid((6, 6))
  return states[((states > 0) & (states < 5)).all(1)]


def test_selectivity_of_perfect_policies():
  """phi = +-x, +-y exactly, each policy takes its move: log 4 nats."""
  n = 8
  codes = lambda params, x: STEP * position(x)
  names = jnp.asarray(np.tile(MOVES, (2, 1))) * STEP
  logits = lambda phi: 40 * phi @ jnp.asarray(MOVES.T) / STEP
  parts = icf_parts.Parts(
    init=None,
    encode=codes,
    decode=lambda params, h: jnp.zeros((len(h), 7, 7, 1)),
    embed=lambda params, h, zeta: jnp.broadcast_to(names, (len(h), n, 2)),
    policy=lambda params, h, phi: {
      'logits': logits(phi),
      'value': jnp.zeros((*phi.shape[:-1], 1)),
    },
    transition=lambda params, h, phi: h + phi,
    play=None,
  )
  states = interior()
  after = [look_at_square(states + np.int32(move)) for move in MOVES]
  rows = (len(states), n)
  number = np.broadcast_to(np.arange(n, dtype=np.int32) % 4, rows)
  seen = icf_parts.Experience(
    observation=look_at_square(states),
    noise=np.zeros((*rows, 2), np.float32),
    later=np.zeros((*rows, 0, 7, 7, 1), np.float32),
    legal=np.ones((*rows, 1, 4), bool),
    action=number[..., None],
    log_behaviour=np.zeros(rows, np.float32),
    outcomes=np.stack(after, axis=1),
    outcome=number,
  )
  config = icf.Config(net=LINEAR, embeddings=n, transition=True)
  objective = jax.jit(
    lambda seen, sigma: icf.objective(config, parts, (), seen, {'sigma': sigma})
  )
  terms = objective(seen, 0.01)
  np.testing.assert_allclose(terms['reward'], np.log(4), rtol=1e-5)
  np.testing.assert_allclose(terms['transition'], 0, atol=1e-10)
  np.testing.assert_allclose(terms['entropy'], 0, atol=1e-6)
  # Far wider than a step: nothing is told apart.
  terms = objective(seen, 100.0)
  np.testing.assert_allclose(terms['reward'], 0, atol=1e-5)
  # Every actor in the place of another one: as bad as it gets.
  wrong = seen._replace(outcome=(seen.outcome + 1) % 4)
  terms = objective(wrong, 0.05)
  assert np.all(np.asarray(terms['reward']) < -1)


@functools.cache
def fixed_by_hand():
  """A state of icf_fixed with h = tanh of (x, -x, y, -y) and its policies."""
  config = icf_fixed.Config(net=LINEAR, num_latents=4, acting='all', episode=1)
  method = icf_fixed.make(config, SQUARE)
  batch = jax.jit(SQUARE.sample)(jax.random.key(0), (), jnp.arange(4096))
  hparams = {k: jnp.float32(v) for k, v in icf_fixed.HPARAMS.items()}
  state = jax.jit(method.init)(jax.random.key(1), batch, hparams)
  rows, columns = np.mgrid[:7, :7].reshape(2, -1) / 4
  kernel = STEP * np.stack([columns, -columns, rows, -rows], 1)
  middle = STEP * 3.0 * np.array([-1, 1, -1, 1])
  likely = np.full((4, 4), -20.0)
  for k, action in enumerate((2, 3, 0, 1)):  # right, left, down, up
    likely[k, action] = 20.0
  heads = {
    'code': {'kernel': jnp.float32(kernel), 'bias': jnp.float32(middle)},
    'logits': {
      'kernel': jnp.zeros((49, 16)),
      'bias': jnp.float32(likely.reshape(-1)),
    },
  }
  encoder = {'Heads_0': heads}
  state = state._replace(params={**state.params, 'encoder': encoder})
  return method, state, batch, hparams


def test_fixed_policies_that_are_perfect_have_the_selectivity_they_should():
  method, state, batch, hparams = fixed_by_hand()
  _, scalars = jax.jit(method.update)(jax.random.key(2), state, batch, hparams)
  # By hand, over all states: at a wall a policy does what is left to it.
  gains = []
  for state_of in factorial.grid((6, 6)).astype(float):
    h = lambda s: np.tanh(
      STEP * np.array([s[0] - 2.5, 2.5 - s[0], s[1] - 2.5, 2.5 - s[1]])
    )
    legal = [((state_of + m >= 0) & (state_of + m < 6)).all() for m in MOVES]
    own = []
    for k, action in enumerate((2, 3, 0, 1)):
      chosen = [action] if legal[action] else np.flatnonzero(legal)
      each = []
      for a in chosen:
        change = h(state_of + MOVES[a]) - h(state_of)
        rising = change[change > 0].sum()
        each.append(np.clip(change[k] / (0.01 + rising), -1, 1))
      own.append(np.mean(each))
    gains.append(own)
  gains = np.array(gains)
  inside = gains.reshape(6, 6, 4)[1:5, 1:5]
  assert inside.min() > 0.85 and inside.max() < 1.0
  error = gains.mean(1).std() / np.sqrt(4096)
  assert abs(float(scalars['selectivity']) - gains.mean()) < 4 * error
  assert float(scalars['entropy']) < 0.3


def test_fixed_policies_act_and_are_drawn():
  method, state, _, _ = fixed_by_hand()
  seen = look_at_square(interior()[:4])
  goal = jnp.arange(4, dtype=jnp.int32)
  act = jax.jit(method.extras['act'])
  np.testing.assert_array_equal(
    act(jax.random.key(0), state, seen, goal), [2, 3, 0, 1]
  )
  corner = look_at_square(np.zeros((64, 2), np.int32))
  drawn = act(jax.random.key(0), state, corner)
  assert set(np.asarray(drawn).tolist()) == {0, 1, 2, 3}
  sheet = np.asarray(
    jax.jit(method.extras['pictures'])(jax.random.key(0), state, seen)[
      'policies'
    ]
  )
  side = arrows.CELL
  assert sheet.shape == (1, 4, 6 * side, 6 * side, 1)
  assert sheet.min() >= 0 and sheet.max() <= 1
  tile = lambda k, x, y: sheet[
    0, k, y * side : (y + 1) * side, x * side : (x + 1) * side, 0
  ]
  for k, move in enumerate(((1, 0), (-1, 0), (0, 1), (0, -1))):
    arrow = tile(k, 2, 3)[1:, 1:]
    np.testing.assert_allclose(arrow, arrows.glyph(*move)[1:, 1:], atol=1e-6)
  # In the corner at the right the first policy cannot go on.
  assert np.abs(tile(0, 5, 0) - tile(0, 2, 3)).max() > 0.3


def test_arrows_point_where_they_should():
  ruler = np.arange(arrows.CELL) - (arrows.CELL - 1) / 2
  for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1), (-1, 1)):
    picture = arrows.glyph(dx, dy)
    mean = np.array([picture.sum(0) @ ruler, picture.sum(1) @ ruler])
    mean /= picture.sum()
    towards = np.array([dx, dy]) / np.hypot(dx, dy)
    across = towards[::-1] * [1, -1]
    # More ink at the tip, as much to the left as to the right.
    assert mean @ towards > 0.5 and abs(mean @ across) < 1e-4
  dot = arrows.glyph(0, 0)
  np.testing.assert_array_equal(dot, dot.T)
  assert dot[5, 5] == 1 and dot[0].max() == 0


def test_walls_are_grey_in_the_drawings():
  flat = lambda seen, legal: jnp.ones((len(seen), 2, 4)) / 4
  sheet = np.asarray(jax.jit(lambda: arrows.sheet(WORLD, flat))())
  assert sheet.shape == (1, 2, 33, 33, 1)
  np.testing.assert_allclose(sheet[0, :, 12:22, 12:22], 0.5)
  two = data_lib.load('two_digits', places=3, step=2, side=5)
  assert arrows.planes(two) == [(0, 1), (2, 3)]
  flat = lambda seen, legal: jnp.ones((len(seen), 2, 8)) / 8
  sheet = np.asarray(jax.jit(lambda: arrows.sheet(two, flat))())
  assert sheet.shape == (2, 2, 33, 33, 1) and sheet[1].max() > 0.1


# --- Walks against the world --------------------------------------------------


@functools.cache
def states_of_world():
  """All states that there are, and their pictures as rows."""
  grid = factorial.grid(WORLD.factor_sizes)
  states = np.delete(grid, exclusions.left_out(WORLD), axis=0)
  return states, np.asarray(renderer(WORLD)(states)).reshape(len(states), -1)


def numbers_of(images):
  """The state that each picture shows, -1 for none."""
  _, known = states_of_world()
  flat = np.asarray(images).reshape(-1, known.shape[1])
  gap = np.abs(flat[:, None] - known[None]).max(-1)
  number = np.where(gap.min(1) < 1e-5, gap.argmin(1), -1)
  return number.reshape(np.shape(images)[:-3])


@functools.cache
def transitions():
  """Numbers of the states after each action, and which actions are legal."""
  states, _ = states_of_world()
  world, key = WORLD.extras['environment'], jax.random.key(0)
  step = lambda s, a: world.step(key, s, a)[0]
  many = jax.jit(jax.vmap(jax.vmap(step, (None, 0)), (0, None)))
  after = np.asarray(many(states, jnp.arange(world.num_actions)))
  number = {tuple(state): k for k, state in enumerate(states.tolist())}
  table = [[number[tuple(s)] for s in row] for row in after.tolist()]
  return np.array(table), np.asarray(jax.jit(jax.vmap(world.legal))(states))


@pytest.mark.parametrize(
  'static',
  [
    {'embeddings': 6, 'episode': 3},
    {'embeddings': 3, 'policy_steps': 3, 'transition': True},
    {'embeddings': 3, 'acting': 'one', 'permissible': False},
  ],
)
def test_what_was_played_is_what_the_world_does(static):
  net = nets.mlp.Config(encoder_hidden=(8,), decoder_hidden=(8,))
  parts = icf_parts.build(icf.Config(net=net, **static), WORLD)
  batch = {'observation': jnp.zeros((1, *WORLD.observation_shape))}
  params = jax.jit(parts.init)(jax.random.key(0), batch)
  index, rows = np.arange(8, dtype=np.int32), 8 * static.get('episode', 1)
  play = jax.jit(parts.play)
  epsilon = jnp.float32(0.2)
  seen = jax.device_get(play(params, jax.random.key(1), index, epsilon))
  actors = 1 if static.get('acting') == 'one' else static['embeddings']
  steps = static.get('policy_steps', 1)
  assert seen.action.shape == (rows, actors, steps)
  start = numbers_of(seen.observation)
  later = numbers_of(seen.later) if steps > 1 else None
  ends = numbers_of(seen.outcomes)
  assert start.min() >= 0 and ends.min() >= 0
  table, allowed = transitions()
  for row, i in itertools.product(range(rows), range(actors)):
    at = start[row]
    for t in range(steps):
      assert not t or later[row, i, t - 1] == at
      action, legal = seen.action[row, i, t], seen.legal[row, i, t]
      if static.get('permissible', True):
        np.testing.assert_array_equal(legal, allowed[at])
        assert legal[action]
      else:
        assert legal.all()
      at = table[at, action]
    end = ends[row, seen.outcome[row, i]]
    assert end == at
    if i == 0 and static.get('episode', 1) > 1 and (row + 1) % 3:
      assert start[row + 1] == end  # the walk goes on with the first actor
  # Probabilities of the actions are those of the policies, mixed.
  if steps == 1:

    @jax.jit
    def behaviour(params, seen):
      h = parts.encode(params, seen.observation)
      phi = parts.embed(params, h, seen.noise)[:, :actors]
      h = jnp.broadcast_to(h[:, None], (*phi.shape[:2], h.shape[-1]))
      logits = parts.policy(params, h, phi)['logits']
      own = common.log_policy(logits, seen.legal[:, :, 0])
      return common.of_action(common.explore(own, 0.2), seen.action[:, :, 0])

    wanted = behaviour(params, seen)
    np.testing.assert_allclose(seen.log_behaviour, wanted, rtol=1e-4)
  # A row is its own, whoever is beside it.
  other = play(params, jax.random.key(1), index[::-1], epsilon)
  by_row = lambda x: np.asarray(x).reshape(8, -1)
  np.testing.assert_array_equal(by_row(other.action)[::-1], by_row(seen.action))


def test_extras_of_embedded_policies():
  net = nets.mlp.Config(encoder_hidden=(8,), decoder_hidden=(8,))
  config = icf.Config(net=net, embeddings=3, transition=True)
  method = icf.make(config, WORLD)
  extras, x = method.extras, jnp.zeros((5, *WORLD.observation_shape))

  def use(key):
    state = method.init(key, {'observation': x}, icf.HPARAMS)
    phi = extras['embeddings'](key, state, x, 7)
    return {
      'embeddings': phi,
      'policies': extras['policies'](state, x, phi),
      'act': extras['act'](key, state, x, phi[:, 0]),
      'act freely': extras['act'](key, state, x),
      'transition': extras['transition'](state, phi[:, 0], phi[:, 1]),
      'pictures': extras['pictures'](key, state, x)['policies'],
    }

  shapes = jax.tree.map(jnp.shape, jax.eval_shape(use, jax.random.key(0)))
  assert shapes == {
    'embeddings': (5, 7, 2),
    'policies': (5, 7, 4),
    'act': (5,),
    'act freely': (5,),
    'transition': (5, 2),
    'pictures': (1, 8, 33, 33, 1),
  }
  plain = icf.make(icf.Config(net=net, embeddings=3), WORLD)
  assert 'transition' not in plain.extras


@pytest.mark.parametrize('sees', [True, False])
@pytest.mark.parametrize('space', icf_parts.SPACES)
def test_embeddings_lie_in_their_space_and_may_be_blind_to_the_state(
  sees, space
):
  net = nets.mlp.Config(encoder_hidden=(), decoder_hidden=())
  parts = icf_parts.build(
    icf.Config(net=net, embeddings=3, generator_sees_state=sees, space=space),
    WORLD,
  )
  batch = {'observation': jnp.zeros((1, *WORLD.observation_shape))}
  h = np.random.default_rng(1).uniform(-1, 1, (5, 2)).astype(np.float32)
  zeta = np.broadcast_to(np.float32([[0.3, -1.0]]), (5, 1, 2))

  @jax.jit
  def embeddings(key):
    return parts.embed(parts.init(key, batch), h, zeta)

  phi = np.asarray(embeddings(jax.random.key(0)))
  assert (np.ptp(phi, axis=0).max() == 0) != sees
  if space == 'hypercube':
    assert np.abs(phi).max() < 1
  else:
    size = np.square(phi) if space == 'sphere' else np.abs(phi)
    np.testing.assert_allclose(size.sum(-1), 1, rtol=1e-5)


@pytest.mark.parametrize(
  ('module', 'static', 'said'),
  [
    (icf, {'embeddings': 1}, 'embeddings = 1'),
    (icf, {'num_latents': 33}, 'at most 32'),
    (icf, {'policy_steps': 3}, 'transition=True'),
    (icf, {'acting': 'some'}, 'all, one'),
    (icf, {'space': 'ball'}, 'hypercube, simplex, sphere'),
    (icf, {'kernel': 'laplace'}, 'dot, gaussian'),
    (icf, {'inputs': 'sum'}, 'bilinear, concatenated'),
    (icf, {'output': 'relu'}, 'linear, logistic'),
    (icf_fixed, {'num_latents': 1}, 'num_latents = 1'),
    (icf_fixed, {'acting': 'none'}, 'all, one'),
    (icf_fixed, {'episode': 0}, 'episode = 0'),
  ],
)
def test_bad_options_are_refused_in_one_line(module, static, said):
  with pytest.raises(errors.ConfigError, match=said) as caught:
    module.make(module.Config(net=LINEAR, **static), WORLD)
  assert 'config.static.' in str(caught.value)
  assert '\n' not in str(caught.value)


@pytest.mark.parametrize('module', [icf, icf_fixed])
def test_data_without_a_world_are_refused(module):
  with pytest.raises(errors.ConfigError, match='an environment of discrete'):
    module.make(module.Config(net=LINEAR), data_lib.load('blobs'))
  # More numbers than products allow, if they are not multiplied.
  wide = icf.Config(net=LINEAR, num_latents=40, inputs='concatenated')
  assert icf.make(wide, WORLD).layout.plain == 40
