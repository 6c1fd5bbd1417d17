"""Batches of decompositions are those of their matrices, one call at a time."""

import functools
import os
import subprocess
import sys

import jax
import jax.numpy as jnp
from jax.test_util import check_grads
import meshes
import numpy as np
import pytest

from disentangle_jax.ops import axis, linalg

# Larger and smaller than what is written out without LAPACK.
SIZES = [3, linalg.UNROLLED, linalg.UNROLLED + 3]


def _matrices(count, size):
  x = np.random.default_rng(0).normal(size=(count, size + 3, size))
  return (x.swapaxes(1, 2) @ x).astype(np.float32)


def _tall(count, rows, columns):
  x = np.random.default_rng(1).normal(size=(count, rows, columns))
  return x.astype(np.float32)


# name -> function of one square, positive definite matrix.
FUNCTIONS = {
  'eigh': linalg.eigh,
  'eigvalsh': linalg.eigvalsh,
  'qr': linalg.qr,
  'orthonormal': linalg.orthonormal,
  'svd': linalg.svd,
  'slogdet': linalg.slogdet,
  'cholesky': linalg.cholesky,
  'solve_triangular': lambda x: linalg.solve_triangular(x, x[:, :2]),
  'cho_solve': lambda x: linalg.cho_solve(x, x[:, :2]),
  'solve': lambda x: linalg.solve(x, x[:, :2]),
  'inv': linalg.inv,
}


def _lowered(function, platform, *shape):
  traced = jax.jit(function).trace(jnp.zeros(shape))
  return traced.lower(lowering_platforms=(platform,)).as_text()


def _calls(text):
  """Lines that decompose or solve, with the shapes they do it to."""
  names = ('custom_call', 'stablehlo.cholesky', 'stablehlo.triangular_solve')
  return [line for line in text.splitlines() if any(n in line for n in names)]


@pytest.mark.parametrize('name', FUNCTIONS)
def test_batches_never_reach_lapack_on_a_cpu(name):
  nested = jax.vmap(jax.vmap(FUNCTIONS[name]))
  calls = _calls(_lowered(nested, 'cpu', 2, 3, 11, 11))
  assert calls
  for line in calls:
    assert 'tensor<11x11xf32>' in line and 'x11x11xf32' not in line, line


@pytest.mark.parametrize('platform', ['tpu', 'cuda'])
@pytest.mark.parametrize('name', FUNCTIONS)
def test_batches_stay_batches_elsewhere(name, platform):
  text = _lowered(jax.vmap(FUNCTIONS[name]), platform, 3, 11, 11)
  calls = _calls(text)
  assert any('tensor<3x11x11xf32>' in line for line in calls)
  if (name, platform) != ('svd', 'tpu'):  # JAX's own iteration on a TPU
    assert 'stablehlo.while' not in text


@pytest.mark.parametrize('name', ['cholesky', 'solve', 'inv', 'cho_solve'])
def test_small_ones_need_no_lapack(name):
  batched = jax.vmap(FUNCTIONS[name])
  text = _lowered(batched, 'cpu', 3, linalg.UNROLLED, linalg.UNROLLED)
  assert not _calls(text) and 'stablehlo.while' not in text


def test_values_are_those_of_numpy():
  x = _matrices(4, 5)
  values, vectors = jax.jit(jax.vmap(linalg.eigh))(x)
  np.testing.assert_allclose(values, np.linalg.eigvalsh(x), rtol=1e-4)
  again = (vectors * values[:, None]) @ np.asarray(vectors).swapaxes(1, 2)
  np.testing.assert_allclose(again, x, atol=1e-4)
  only = jax.jit(jax.vmap(linalg.eigvalsh))(x)
  np.testing.assert_allclose(only, values, rtol=1e-4)


def test_columns_are_orthonormal_and_span_the_same():
  x = _tall(3, 7, 4)
  q = np.asarray(jax.jit(jax.vmap(linalg.orthonormal))(x))
  unit = np.broadcast_to(np.eye(4), (3, 4, 4))
  np.testing.assert_allclose(q.swapaxes(1, 2) @ q, unit, atol=1e-5)
  np.testing.assert_allclose(q @ (q.swapaxes(1, 2) @ x), x, atol=1e-5)


@pytest.mark.parametrize('rows, columns', [(7, 4), (4, 7), (4, 4)])
def test_factors_multiply_to_the_matrix(rows, columns):
  x = _tall(3, rows, columns)
  q, r = linalg.qr(x)
  np.testing.assert_allclose(q @ r, x, atol=1e-5)
  np.testing.assert_array_equal(r, np.triu(r))
  u, s, vt = linalg.svd(x)
  np.testing.assert_allclose((u * s[:, None]) @ vt, x, atol=1e-5)
  np.testing.assert_allclose(
    s, np.linalg.svd(x, compute_uv=False), rtol=1e-4, atol=1e-5
  )


@pytest.mark.parametrize('size', SIZES)
def test_determinants_inverses_and_factors_are_those_of_numpy(size):
  x = _tall(4, size, size)
  exact = x.astype(np.float64)
  sign, log = jax.jit(linalg.slogdet)(x)
  want_sign, want_log = np.linalg.slogdet(exact)
  np.testing.assert_array_equal(sign, want_sign)
  np.testing.assert_allclose(log, want_log, rtol=1e-4, atol=1e-4)
  inverse = np.linalg.inv(exact)
  error = np.abs(jax.jit(linalg.inv)(x) - inverse).max((1, 2))
  assert np.all(error < 1e-5 * np.linalg.cond(exact) * np.abs(inverse).max())
  spd = _matrices(4, size)
  factor = jax.jit(linalg.cholesky)(spd)
  want = np.linalg.cholesky(spd.astype(np.float64))
  np.testing.assert_allclose(factor, want, rtol=1e-3, atol=1e-4)
  b = _tall(4, size, 2)
  got = jax.jit(linalg.cho_solve)(factor, b)
  np.testing.assert_allclose(spd @ np.asarray(got), b, atol=1e-3)


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('lower', [True, False])
@pytest.mark.parametrize('transpose', [True, False])
def test_triangles_solve_and_the_other_half_is_not_read(size, lower, transpose):
  x = _tall(1, size, size)[0] + 3 * np.eye(size, dtype=np.float32)
  part = np.tril(x) if lower else np.triu(x)
  b = _tall(1, size, 1)[0, :, 0]
  solve = functools.partial(
    linalg.solve_triangular, lower=lower, transpose=transpose
  )
  y = jax.jit(solve)(x, b)
  matrix = part.T if transpose else part
  want = np.linalg.solve(matrix.astype(np.float64), b)
  np.testing.assert_allclose(y, want, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize('size', range(1, linalg.UNROLLED + 1))
def test_written_out_solvers_are_as_exact_as_float32_is(size):
  x, b = _tall(200, size, size), _tall(200, size, 3)
  x[:50, 0, 0] = 0.0 if size > 1 else 1.0  # only pivoting can begin there
  y = np.asarray(jax.jit(linalg.solve)(x, b), np.float64)
  exact = np.linalg.solve(x.astype(np.float64), b)
  condition = np.linalg.cond(x.astype(np.float64))
  scale = np.linalg.norm(exact, axis=(1, 2))
  error = np.linalg.norm(y - exact, axis=(1, 2)) / scale
  eps = np.finfo(np.float32).eps
  assert np.all(error < size * eps * condition)
  # What backward stability promises, however bad the condition.
  residual = np.linalg.norm(x @ y - b, axis=(1, 2))
  size_of_x = np.linalg.norm(x, axis=(1, 2))
  assert np.all(residual < 4 * eps * size_of_x * scale)
  spd = x @ x.swapaxes(1, 2) + 0.01 * np.eye(size, dtype=np.float32)
  factor = np.asarray(jax.jit(linalg.cholesky)(spd), np.float64)
  again = factor @ factor.swapaxes(1, 2)
  gap = np.linalg.norm(again - spd, axis=(1, 2))
  assert np.all(gap < 2 * size * eps * np.linalg.norm(spd, axis=(1, 2)))


@pytest.mark.parametrize('size', [4, 12])
def test_what_has_no_factor_is_not_finite(size):
  indefinite = jnp.diag(jnp.ones(size).at[-1].set(-1.0))
  nothing = np.isnan(jax.jit(linalg.cholesky)(indefinite))
  np.testing.assert_array_equal(nothing, np.tri(size, dtype=bool))
  singular = jnp.zeros((size, size))
  solved = jax.jit(linalg.solve)(singular, jnp.ones(size))
  assert not np.any(np.isfinite(solved))


def test_leading_axes_and_vectors():
  x, b = _matrices(6, 4).reshape(2, 3, 4, 4), _tall(6, 4, 1).reshape(2, 3, 4)
  y = jax.jit(linalg.solve)(x, b)
  assert y.shape == b.shape
  np.testing.assert_allclose(
    np.einsum('...ij,...j', x, np.asarray(y)), b, atol=1e-4
  )
  assert linalg.eigh(x)[0].shape == (2, 3, 4)
  assert linalg.slogdet(x)[1].shape == (2, 3)
  assert linalg.qr(x)[1].shape == x.shape


# Sums that do not depend on the signs of vectors, and what they are taken of.
def _loss(name):
  def loss(x, weights):
    out = FUNCTIONS[name](x)
    terms = zip(jax.tree.leaves(out), weights)
    # Columns and rows have any sign: their squares, and a few products, do not.
    signless = name in ('eigh', 'qr', 'svd', 'orthonormal')
    shape = lambda a: jnp.square(a) if signless else jnp.sin(a)
    return sum(jnp.sum(shape(a) * w) for a, w in terms)

  return loss


def _check_derivatives(name, x, order, tolerance):
  with jax.enable_x64(True):
    x = np.asarray(x, np.float64)
    leaves = jax.tree.leaves(jax.eval_shape(FUNCTIONS[name], x))
    rng = np.random.default_rng(2)
    weights = [rng.normal(size=leaf.shape) for leaf in leaves]
    loss = jax.jit(lambda x: _loss(name)(x, weights))
    check_grads(loss, (x,), order, modes=('fwd', 'rev'), rtol=tolerance)


def _well_conditioned(size):
  x = _tall(1, size, size)[0] / np.sqrt(size)
  return x @ x.T + np.diag(np.arange(1.0, size + 1))


@pytest.mark.parametrize('name', FUNCTIONS)
def test_derivatives_are_those_of_finite_differences(name):
  _check_derivatives(name, _well_conditioned(3), 1, 1e-4)


@pytest.mark.slow
@pytest.mark.parametrize('name', FUNCTIONS)
@pytest.mark.parametrize('size', [3, 10])
def test_second_derivatives_are_those_of_finite_differences(name, size):
  _check_derivatives(name, _well_conditioned(size), 2, 1e-3)


@pytest.mark.parametrize(
  'name, rows, columns', [('qr', 5, 3), ('svd', 5, 3), ('svd', 3, 5)]
)
def test_derivatives_of_oblong_matrices(name, rows, columns):
  _check_derivatives(name, _tall(1, rows, columns)[0], 1, 1e-4)


def test_qr_of_a_wide_matrix_has_no_derivative():
  loss = lambda x: jnp.sum(linalg.qr(x)[1])
  with pytest.raises(NotImplementedError, match='no derivative'):
    jax.grad(loss)(jnp.ones((3, 5)))


@pytest.mark.parametrize(
  'cases',
  [
    [('qr', 9), ('inv', 3)],
    pytest.param(
      [
        (name, size)
        for name in ('svd', 'slogdet', 'cholesky', 'inv', 'cho_solve')
        for size in (3, 10)
      ],
      marks=pytest.mark.slow,
    ),
  ],
)
def test_gradients_in_a_loop_are_the_same_on_all_meshes(cases):
  matrices = [
    _matrices(2, size) / size + np.eye(size, dtype=np.float32)
    for _, size in cases
  ]
  rows = np.float32([1.0, 2.0])

  def loss(matrices, rows):
    def step(total, scale):
      for (name, _), x in zip(cases, matrices):
        batch = jax.vmap(lambda r, x=x: scale * r * x)(rows)
        squares = lambda x, name=name: sum(
          jnp.sum(jnp.square(out))
          for out in jax.tree.leaves(FUNCTIONS[name](x))
        )
        total += axis.mean(jax.vmap(squares)(batch))
      return total, None

    begin = 0.0 * jnp.sum(matrices[0])
    return jax.lax.scan(step, begin, jnp.float32([1.0, 1.5]))[0]

  got = [
    meshes.run(jax.value_and_grad(loss), shape, matrices, rows, check_vma=check)
    for shape, check in (((1, 1), False), ((1, 1), True), ((2, 2), True))
  ]
  for other in got[1:]:
    for a, b in zip(jax.tree.leaves(got[0]), jax.tree.leaves(other)):
      np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-4)


_RETURNS = """
import jax, jax.numpy as jnp, numpy as np
jax.config.update('jax_num_cpu_devices', 2)
from jax.sharding import Mesh, PartitionSpec as P
from disentangle_jax.ops import linalg
function = {function}
x = jax.random.normal(jax.random.key(0), (4, 6, {size}, {size}))
x = x @ x.swapaxes(-1, -2) / {size} + jnp.eye({size})

def run(x):
  def step(x, _):
    leaves = jax.tree.leaves(jax.vmap(function)(x))
    return x * (1 + 1e-6 * sum(jnp.sum(leaf) for leaf in leaves)), None
  return jax.lax.scan(step, x, length={steps})[0]

mesh = Mesh(np.array(jax.devices()).reshape(2, 1), ('runs', 'data'))
both = jax.shard_map(
  jax.vmap(run), mesh=mesh, in_specs=P('runs'), out_specs=P('runs')
)
print(bool(jnp.all(jnp.isfinite(jax.jit(both)(x)))))
"""


def _returns(function, size, steps, seconds):
  code = _RETURNS.format(function=function, size=size, steps=steps)
  done = subprocess.run(
    [sys.executable, '-c', code],
    # Threads of OpenBLAS spin while they wait, which takes minutes on a busy
    # machine; XLA's waited for each other with one of them too.
    env={**os.environ, 'OPENBLAS_NUM_THREADS': '1'},
    capture_output=True,
    text=True,
    timeout=seconds,
  )
  assert done.stdout.strip() == 'True', done.stderr[-2000:]


def test_two_devices_do_not_wait_for_each_other():
  _returns('linalg.qr', 64, 3, 120)


# Batched, these waited for ever: of 64 and less on one machine, of 256 on
# another.
@pytest.mark.slow
@pytest.mark.parametrize(
  'function, size',
  [
    ('linalg.qr', 64),
    ('linalg.svd', 16),
    ('lambda x: linalg.solve(x, x)', 32),
    ('linalg.inv', 32),
    ('linalg.cholesky', 64),
    ('linalg.slogdet', 64),
    ('linalg.eigh', 64),
    ('linalg.qr', 256),
    ('linalg.eigh', 256),
    ('lambda x: linalg.solve(x, x)', 256),
  ],
)
def test_no_two_devices_wait_for_each_other(function, size):
  _returns(function, size, 10, 300)
