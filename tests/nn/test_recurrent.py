"""Recurrent cells against hand-written NumPy; loops on every mesh."""

import functools

from flax import linen as nn
import jax
import jax.numpy as jnp
import meshes
import numpy as np
import pytest

from disentangle_jax.engine.programs import memory
from disentangle_jax.nn import recurrent
from disentangle_jax.ops import axis

KINDS = ['gru', 'lstm']
BATCH, STEPS, INPUTS, SIZE = 3, 5, 2, 4


def _sigmoid(x):
  return 1 / (1 + np.exp(-x))


def gru_by_hand(p, h, x):
  """One step, gate by gate, float64."""
  W, U, b = (np.split(p[k], 3, -1) for k in ('input', 'state', 'bias'))
  r = _sigmoid(x @ W[0] + b[0] + h @ U[0])
  z = _sigmoid(x @ W[1] + b[1] + h @ U[1])
  n = np.tanh(x @ W[2] + b[2] + r * (h @ U[2] + p['candidate_bias']))
  return (1 - z) * n + z * h


def lstm_by_hand(p, carry, x):
  c, h = carry
  W, U, b = (np.split(p[k], 4, -1) for k in ('input', 'state', 'bias'))
  i, f, g, o = (x @ w + h @ u + v for w, u, v in zip(W, U, b))
  c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
  return c, _sigmoid(o) * np.tanh(c)


def _made(kind, seed=0):
  """Module, parameters that are nowhere zero, and an input."""
  module = recurrent.RNN(SIZE, kind)
  rng = np.random.default_rng(seed)
  x = rng.normal(size=(BATCH, STEPS, INPUTS)).astype(np.float32)
  params = jax.jit(module.init)(jax.random.key(seed), x)['params']
  noise = lambda p: p + 0.3 * rng.normal(size=p.shape).astype(np.float32)
  return module, jax.tree.map(noise, params), x


@functools.cache
def _program(module, options):
  """One for all steps of a loop."""
  return jax.jit(
    lambda p, *a, **k: module.apply({'params': p}, *a, **k, **dict(options))
  )


def _apply(module, params, *args, carry=None, **options):
  program = _program(module, tuple(sorted(options.items())))
  given = {} if carry is None else {'carry': carry}
  return program(params, *args, **given)


@pytest.mark.parametrize('kind', KINDS)
def test_two_steps_by_hand(kind):
  module, params, x = _made(kind)
  states, last = _apply(module, params, x[:, :2])
  p = {k: np.float64(v) for k, v in params['cell'].items()}
  nothing = np.zeros((BATCH, SIZE))
  want = []
  carry = nothing if kind == 'gru' else (nothing, nothing)
  for t in (0, 1):
    if kind == 'gru':
      carry = gru_by_hand(p, carry, x[:, t])
    else:
      carry = lstm_by_hand(p, carry, x[:, t])
    want.append(carry if kind == 'gru' else carry[1])
  np.testing.assert_allclose(states, np.stack(want, 1), atol=1e-6)
  for got, by_hand in zip(jax.tree.leaves(last), jax.tree.leaves(carry)):
    np.testing.assert_allclose(got, by_hand, atol=1e-6)


@pytest.mark.parametrize('kind', KINDS)
def test_steps_one_by_one_are_the_scan(kind):
  module, params, x = _made(kind)
  states, last = _apply(module, params, x)
  carry = module.zeros(BATCH)
  for t in range(STEPS):
    carry, hidden = _apply(module, params, carry, x[:, t], method='step')
    np.testing.assert_allclose(hidden, states[:, t], atol=1e-6)
  for a, b in zip(jax.tree.leaves(carry), jax.tree.leaves(last)):
    np.testing.assert_allclose(a, b, atol=1e-6)
  # From the state in the middle, the second half is the second half.
  middle = module.zeros(BATCH)
  for t in range(2):
    middle, _ = _apply(module, params, middle, x[:, t], method='step')
  half, _ = _apply(module, params, x[:, 2:], carry=middle)
  np.testing.assert_allclose(half, states[:, 2:], atol=1e-6)


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('reverse', [False, True])
def test_a_masked_tail_changes_nothing(kind, reverse):
  module, params, x = _made(kind)
  lengths = jnp.array([5, 2, 0])
  mask = recurrent.mask_of(lengths, STEPS)
  states, last = _apply(module, params, x, mask, reverse=reverse)
  other = np.where(mask[..., None], x, 9.0)
  again, last_again = _apply(module, params, other, mask, reverse=reverse)
  np.testing.assert_array_equal(states, again)
  for a, b in zip(jax.tree.leaves(last), jax.tree.leaves(last_again)):
    np.testing.assert_array_equal(a, b)
  # The row of length 2 is a sequence of 2 steps; that of 0 never starts.
  short, short_last = _apply(module, params, x[1:2, :2], reverse=reverse)
  np.testing.assert_allclose(states[1:2, :2], short, atol=1e-6)
  for a, b in zip(jax.tree.leaves(last), jax.tree.leaves(short_last)):
    np.testing.assert_allclose(a[1:2], b, atol=1e-6)
    assert not np.any(a[2])
  # Frozen: behind the end forwards, at the start backwards.
  frozen = np.zeros(SIZE) if reverse else states[1, 1]
  np.testing.assert_array_equal(states[1, 2:], np.tile(frozen, (3, 1)))


@pytest.mark.parametrize('kind', KINDS)
def test_reverse_is_a_run_over_the_flipped_input(kind):
  module, params, x = _made(kind)
  states, last = _apply(module, params, x, reverse=True)
  flipped, flipped_last = _apply(module, params, x[:, ::-1])
  np.testing.assert_allclose(states, flipped[:, ::-1], atol=1e-6)
  for a, b in zip(jax.tree.leaves(last), jax.tree.leaves(flipped_last)):
    np.testing.assert_allclose(a, b, atol=1e-6)


def test_masks_of_anything_but_a_prefix_are_refused():
  module, params, x = _made('gru')
  mask = np.ones((BATCH, STEPS), bool)
  mask[1, :2] = False
  with pytest.raises(ValueError, match='prefix'):
    module.apply({'params': params}, x, mask)


def test_masks_by_length():
  mask = recurrent.mask_of(jnp.array([0, 2, 3]), 3)
  want = [[False] * 3, [True, True, False], [True] * 3]
  np.testing.assert_array_equal(mask, want)


@pytest.mark.parametrize('kind', KINDS)
def test_start(kind):
  gates = {'gru': 3, 'lstm': 4}[kind]
  module, x = recurrent.RNN(6, kind), jnp.zeros((1, 1, 2))
  keys = jax.random.split(jax.random.key(0), 2)
  cells = jax.jit(jax.vmap(lambda k: module.init(k, x)))(keys)['params']['cell']
  for state in np.split(cells['state'], gates, axis=-1):
    unit = np.broadcast_to(np.eye(6), (2, 6, 6))
    np.testing.assert_allclose(state @ state.swapaxes(1, 2), unit, atol=1e-5)
  limit = np.sqrt(6 / (2 + gates * 6))
  assert np.abs(cells['input']).max() <= limit
  bias = np.zeros((2, gates, 6))
  if kind == 'lstm':
    bias[:, 1] = 1.0
  np.testing.assert_array_equal(cells['bias'], bias.reshape(2, -1))


def test_orthogonal_matrices_are_uniform():
  # Their entries have mean 0 and variance 1 / N; a plain QR favours one sign.
  draw = lambda key: recurrent.orthogonal(key, (3, 3))
  drawn = jax.jit(jax.vmap(draw))(jax.random.split(jax.random.key(0), 2000))
  np.testing.assert_allclose(drawn.mean(0), np.zeros((3, 3)), atol=0.05)
  np.testing.assert_allclose(drawn.var(0), np.full((3, 3), 1 / 3), atol=0.05)
  orthogonal = jax.jit(recurrent.orthogonal, static_argnums=1)
  tall = np.asarray(orthogonal(jax.random.key(1), (5, 2)))
  np.testing.assert_allclose(tall.T @ tall, np.eye(2), atol=1e-6)
  wide = np.asarray(orthogonal(jax.random.key(1), (2, 5)))
  np.testing.assert_allclose(wide @ wide.T, np.eye(2), atol=1e-6)


@pytest.mark.parametrize('kind', KINDS)
def test_gradients_are_the_same_on_all_meshes(kind):
  module = recurrent.RNN(SIZE, kind)
  x = np.random.default_rng(0).normal(size=(4, STEPS, INPUTS))
  x, lengths = x.astype(np.float32), jnp.array([5, 2, 0, 4])
  start = lambda key: module.init(key, x)['params']
  keys = jax.random.split(jax.random.key(0), 2)

  def loss(params, x, lengths):
    run = lambda *a, **k: module.apply({'params': params}, *a, **k)
    forwards, last = run(x, recurrent.mask_of(lengths, STEPS))
    backwards, _ = run(x, reverse=True, carry=last)

    def step(carry, x, extra):
      carry, hidden = run(carry, x, method='step')
      return carry, hidden[:, :INPUTS] + extra, hidden

    extra = jnp.arange(3.0)
    decoded, _ = recurrent.unroll(step, last, x[:, 0], 3, extra)
    both = jnp.concatenate([forwards * backwards, decoded], axis=1)
    return axis.mean(jnp.sum(jnp.sin(both), (1, 2)))

  step = jax.value_and_grad(loss)
  # Parameters are drawn inside of shard_map, as in the engine.
  drawn = jax.device_get(meshes.run(start, (2, 1), keys))
  got = [
    meshes.run(step, shape, drawn, x, lengths, check_vma=check)
    for shape, check in (
      ((1, 1), True),
      ((1, 2), True),
      ((2, 1), False),
    )
  ]
  for other in got[1:]:
    for a, b in zip(jax.tree.leaves(got[0]), jax.tree.leaves(other)):
      np.testing.assert_allclose(b, a, rtol=1e-5, atol=1e-5)


def _loops(jaxpr, inside=False):
  """(primitive, whether inside a scan) of all equations."""
  for equation in jaxpr.eqns:
    yield equation.primitive.name, inside
    deeper = inside or equation.primitive.name == 'scan'
    for inner in memory.inner(equation):
      yield from _loops(inner, deeper)


def test_weights_are_summed_over_shards_once_and_not_per_step():
  module, params, x = _made('gru')
  x = np.concatenate([x, x[:1]])

  def loss(params, x):
    states, _ = module.apply({'params': params}, x)
    return axis.mean(jnp.sum(states, (1, 2)))

  grad = lambda p, x: meshes.run(jax.grad(loss), (1, 2), p, x)
  stacked = jax.tree.map(lambda p: p[None], params)
  equations = set(_loops(jax.make_jaxpr(grad)(stacked, x).jaxpr))
  assert any(name.startswith('psum') for name, _ in equations)
  assert ('scan', False) in equations
  assert not [n for n, inside in equations if inside and n.startswith('psum')]


class Decoder(nn.Module):
  """A cell that reads its own output, inside a module."""

  def setup(self):
    self.rnn = recurrent.RNN(SIZE)
    self.out = nn.Dense(INPUTS)

  def step(self, carry, x):
    carry, hidden = self.rnn.step(carry, x)
    return carry, self.out(hidden)

  def __call__(self, carry, x):
    _, first = self.step(carry, x)  # makes the parameters
    module, variables = self.unbind()

    def step(carry, x, extra):
      carry, y = module.apply(variables, carry, x, method='step')
      return carry, y, y

    films, _ = recurrent.unroll(step, carry, x, 3)
    return films, first


def test_unroll_feeds_back_also_inside_a_module():
  module = Decoder()
  x = jax.random.normal(jax.random.key(0), (BATCH, INPUTS))
  carry = jax.random.normal(jax.random.key(1), (BATCH, SIZE))
  params = jax.jit(module.init)(jax.random.key(2), carry, x)['params']
  got, first = _apply(module, params, carry, x)
  assert got.shape == (BATCH, 3, INPUTS)
  np.testing.assert_allclose(got[:, 0], first, atol=1e-6)
  y = x
  for t in range(3):
    carry, y = _apply(module, params, carry, y, method='step')
    np.testing.assert_allclose(got[:, t], y, atol=1e-6)


def test_unroll_hands_out_one_row_of_extra_per_step():
  def step(total, x, extra):
    noise = jax.random.normal(extra['key'], ())
    return total + x, x + 1, total * extra['scale'] + 0 * noise

  keys = jax.random.split(jax.random.key(0), 4)
  extra = {'key': keys, 'scale': jnp.arange(4.0)}
  outputs, total = recurrent.unroll(step, jnp.zeros(2), jnp.ones(2), 4, extra)
  # Totals before each step: 0, 1, 3, 6; times 0, 1, 2, 3.
  np.testing.assert_array_equal(outputs, [[0, 1, 6, 18]] * 2)
  np.testing.assert_array_equal(total, [10, 10])
