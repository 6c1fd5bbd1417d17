"""Decompositions that stay safe under `vmap` on a CPU.

XLA spreads a batch of LAPACK calls over the thread pool that it is itself run
by, and every call asks for threads of its own. Three covariances of 256 codes
per device waited for each other for ever (JAX 0.10); jax issue 39292 has the
same as a corrupted heap. So on a CPU a batch is a loop; elsewhere it is the
library's own batched routine. Which of the two is decided when a program is
lowered, so that one compiled on a CPU for an accelerator has no loop.

All functions take leading axes, which are looped over in the same way, and
have derivatives of any order, forward and reverse. Up to `UNROLLED` rows,
`cholesky`, `solve`, `inv` and the triangular solvers call no LAPACK at all:
they are a few hundred elementwise operations on the whole batch.
"""

from collections.abc import Callable
import functools

import chex
import jax
import jax.numpy as jnp

from disentangle_jax.ops import axis

# Rows up to which solvers are written out, operation by operation.
UNROLLED = 8

# Accelerators round the factors of a product unless they are asked not to.
_times = functools.partial(jnp.matmul, precision='highest')


def _safe(function: Callable) -> Callable:
  """A function of single matrices whose batches are loops on a CPU."""
  looped = jax.custom_batching.sequential_vmap(function)

  def call(*arrays):
    return jax.lax.platform_dependent(*arrays, cpu=looped, default=function)

  return call


def _over_leading(function: Callable) -> Callable:
  """Lets a function of one matrix, and maybe another array, take batches."""

  @functools.wraps(function)
  def call(x, *others, **options):
    # Under `vmap` as well: a batch of vectors would end as numbers.
    chex.assert_shape(x, (..., None, None))
    if jnp.ndim(x) == 2:
      return function(x, *others, **options)
    return jax.vmap(functools.partial(call, **options))(x, *others)

  return call


def _check_square(x: jax.Array) -> None:
  """Whether x is float [..., D, D]."""
  chex.assert_type(x, float)
  chex.assert_shape(x, (..., None, None))
  chex.assert_shape(x, (..., x.shape[-1], x.shape[-1]))


def _difference_inverses(x: jax.Array) -> jax.Array:
  """1 / (x_j - x_i) [D, D]; 0 where they are equal, as on the diagonal."""
  difference = x[None, :] - x[:, None]
  return _inverse_or_zero(difference)


def _inverse_or_zero(x: jax.Array) -> jax.Array:
  return jnp.where(x == 0, 0.0, 1.0 / jnp.where(x == 0, 1.0, x))


_eigh = _safe(lambda x: tuple(jnp.linalg.eigh(x)))
_eigvalsh = _safe(lambda x: jnp.linalg.eigvalsh(x))
_qr = _safe(lambda x: tuple(jnp.linalg.qr(x)))
_svd = _safe(lambda x: tuple(jnp.linalg.svd(x, full_matrices=False)))
_slogdet = _safe(lambda x: tuple(jnp.linalg.slogdet(x)))


@_over_leading
@jax.custom_jvp
def eigh(x: jax.Array) -> tuple[jax.Array, jax.Array]:
  """Eigenvalues and eigenvectors of a symmetric matrix.

  Args:
    x: float [..., D, D]; its symmetric part counts.

  Returns:
    Eigenvalues [..., D], rising, and eigenvectors [..., D, D], the columns.
    Inside an eigenspace of several dimensions the vectors are arbitrary, and
    their derivative there is taken as zero.
  """
  _check_square(x)
  return _eigh(x)


@eigh.__wrapped__.defjvp
def _eigh_jvp(primals, tangents):
  # dl_i = v_i' dX v_i, dV = V (F * V' dX V) with F_ij = 1 / (l_j - l_i).
  (x,), (dx,) = primals, tangents
  values, vectors = eigh(x)
  inner = _times(vectors.T, _times((dx + dx.T) / 2, vectors))
  turned = _times(vectors, _difference_inverses(values) * inner)
  return (values, vectors), (jnp.diagonal(inner), turned)


@_over_leading
@jax.custom_jvp
def eigvalsh(x: jax.Array) -> jax.Array:
  """Eigenvalues [..., D], rising, of a symmetric matrix [..., D, D]."""
  _check_square(x)
  return _eigvalsh(x)


@eigvalsh.__wrapped__.defjvp
def _eigvalsh_jvp(primals, tangents):
  (values, _), (dvalues, _) = _eigh_jvp(primals, tangents)
  return values, dvalues


@_over_leading
@jax.custom_jvp
def qr(x: jax.Array) -> tuple[jax.Array, jax.Array]:
  """Reduced QR decomposition; differentiable where N >= D.

  Args:
    x: float [..., N, D].

  Returns:
    Orthonormal columns [..., N, min(N, D)] and an upper triangle
    [..., min(N, D), D], whose diagonal has any sign.
  """
  return _qr(x)


@qr.__wrapped__.defjvp
def _qr_jvp(primals, tangents):
  # dX R^-1 = dQ + Q dR R^-1 with Q' dQ antisymmetric, dR R^-1 upper triangular.
  (x,), (dx,) = primals, tangents
  rows, columns = x.shape
  if rows < columns:
    raise NotImplementedError(
      f'qr of {rows} x {columns}: no derivative for fewer rows than columns'
    )
  q, r = qr(x)
  scaled = solve_triangular(r, dx.T, lower=False, transpose=True).T
  inner = _times(q.T, scaled)
  below = jnp.tril(inner, -1)
  turn = below - below.T
  upper = inner - turn
  dq = scaled - _times(q, upper)
  return (q, r), (dq, _times(upper, r))


def orthonormal(x: jax.Array) -> jax.Array:
  """Orthonormal columns that span those of x [..., N, D], N >= D, by QR."""
  return qr(x)[0]


@_over_leading
@jax.custom_jvp
def svd(x: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
  """Reduced singular value decomposition, x = U diag(s) V'.

  Derivatives as in Townsend 2016, "Differentiating the Singular Value
  Decomposition"; between equal singular values, and along zero ones, those of
  the vectors are not defined and taken as zero.

  Args:
    x: float [..., N, D].

  Returns:
    U [..., N, K], s [..., K], falling, and V' [..., K, D], K = min(N, D).
  """
  return _svd(x)


@svd.__wrapped__.defjvp
def _svd_jvp(primals, tangents):
  # P = U' dX V, ds = diag(P), F_ij = 1 / (s_j^2 - s_i^2):
  # dU = U (F * (P S + S P')) + (I - U U') dX V / S, and V likewise from X'.
  (x,), (dx,) = primals, tangents
  u, s, vt = svd(x)
  inner = _times(u.T, _times(dx, vt.T))
  # (s_j - s_i)(s_j + s_i) keeps digits that the squares lose.
  between = _difference_inverses(s) * _inverse_or_zero(s[None] + s[:, None])
  inverse = _inverse_or_zero(s)

  def turned(vectors, change, p):
    own = between * (p * s[None] + s[:, None] * p.T)
    off = change - _times(vectors, _times(vectors.T, change))
    return _times(vectors, own) + off * inverse

  du = turned(u, _times(dx, vt.T), inner)
  dv = turned(vt.T, _times(dx.T, u), inner.T)
  return (u, s, vt), (du, jnp.diagonal(inner), dv.T)


@_over_leading
@jax.custom_jvp
def slogdet(x: jax.Array) -> tuple[jax.Array, jax.Array]:
  """Sign [...] and log [...], nats, of the determinant of x [..., D, D]."""
  _check_square(x)
  return _slogdet(x)


@slogdet.__wrapped__.defjvp
def _slogdet_jvp(primals, tangents):
  # d log |det X| = tr(X^-1 dX).
  (x,), (dx,) = primals, tangents
  sign, log = slogdet(x)
  return (sign, log), (jnp.zeros_like(sign), jnp.sum(inv(x).T * dx))


def cholesky(x: jax.Array) -> jax.Array:
  """Lower triangle L [..., D, D] with L L' = x, of a positive definite x.

  Args:
    x: float [..., D, D]; its symmetric part counts.

  Returns:
    float [..., D, D]; a triangle of NaN where x is not positive definite.
  """
  _check_square(x)
  return _cholesky((x + jnp.swapaxes(x, -1, -2)) / 2)


@_over_leading
@jax.custom_jvp
def _cholesky(x: jax.Array) -> jax.Array:
  if len(x) <= UNROLLED:
    return _unrolled_cholesky(x)
  lower = lambda x: jnp.linalg.cholesky(x, symmetrize_input=False)
  return _safe(lower)(x)


@_cholesky.__wrapped__.defjvp
def _cholesky_jvp(primals, tangents):
  # L^-1 dX L^-T = L^-1 dL + (L^-1 dL)', and L^-1 dL is a lower triangle.
  (x,), (dx,) = primals, tangents
  factor = _cholesky(x)
  half = solve_triangular(factor, dx)
  inner = solve_triangular(factor, half.T)
  share = jnp.tril(inner) - jnp.diag(jnp.diagonal(inner)) / 2
  return factor, _times(factor, share)


def _unrolled_cholesky(x: jax.Array) -> jax.Array:
  size = len(x)
  rest, columns = x, []
  for k in range(size):
    column = rest[:, 0] / jnp.sqrt(rest[0, 0])
    columns.append(jnp.pad(column, (k, 0)))
    rest = rest[1:, 1:] - column[1:, None] * column[None, 1:]
  factor = jnp.stack(columns, axis=1)
  # A root of a negative number spoils what comes after it, not before.
  nothing = jnp.tril(jnp.full_like(factor, jnp.nan))
  return jnp.where(jnp.all(jnp.diagonal(factor) > 0), factor, nothing)


def solve_triangular(
  x: jax.Array, b: jax.Array, *, lower: bool = True, transpose: bool = False
) -> jax.Array:
  """y with x y = b, or x' y = b, for a triangle x.

  Args:
    x: float [..., D, D]; the other triangle is not read.
    b: float [..., D, K] or [..., D].
    lower: whether x is the lower triangle.
    transpose: solve with x' instead.

  Returns:
    float, shaped as b; not finite where the diagonal has a zero.
  """
  return _columns(_solve_triangular, x, b, lower=lower, transpose=transpose)


@_over_leading
def _solve_triangular(x, b, *, lower, transpose):
  part = jnp.tril(x) if lower else jnp.triu(x)
  fixed = jax.lax.stop_gradient(x)
  substitute = lambda turned: (
    lambda _, y: _substitute(fixed, y, lower, transpose=turned)
  )
  return jax.lax.custom_linear_solve(
    lambda y: _times(part.T if transpose else part, y),
    b,
    substitute(transpose),
    substitute(not transpose),
  )


def _substitute(x, b, lower, transpose, unit=False):
  """Solves with a triangle [D, D] for b [D, K]; has no derivative."""
  if len(x) > UNROLLED:
    options = {'left_side': True, 'lower': lower, 'transpose_a': transpose}
    call = functools.partial(
      jax.lax.linalg.triangular_solve, **options, unit_diagonal=unit
    )
    return _safe(call)(x, b)
  if transpose:
    x, lower = x.T, not lower
  if not lower:
    return _substitute(x[::-1, ::-1], b[::-1], True, False, unit)[::-1]
  rows, rest = [], b
  for k in range(len(x)):
    row = rest[0] if unit else rest[0] / x[k, k]
    rows.append(row)
    rest = rest[1:] - x[k + 1 :, k, None] * row[None]
  return jnp.stack(rows)


def cho_solve(factor: jax.Array, b: jax.Array) -> jax.Array:
  """y with L L' y = b, for the lower triangle L that `cholesky` gives.

  Args:
    factor: float [..., D, D], L.
    b: float [..., D, K] or [..., D].

  Returns:
    float, shaped as b.
  """
  half = solve_triangular(factor, b)
  return solve_triangular(factor, half, transpose=True)


def solve(x: jax.Array, b: jax.Array) -> jax.Array:
  """y with x y = b, by LU with partial pivoting.

  Args:
    x: float [..., D, D].
    b: float [..., D, K] or [..., D], with the leading axes of x.

  Returns:
    float, shaped as b; not finite where x is singular.
  """
  return _columns(_solve, x, b)


@_over_leading
def _solve(x, b):
  fixed = jax.lax.stop_gradient(x)
  if len(x) <= UNROLLED:
    forward, backward = (
      lambda _, y: _eliminate(fixed, y),
      lambda _, y: _eliminate(fixed.T, y),
    )
  else:
    forward, backward = _lu_solvers(fixed)
  matvec = lambda y: _times(x, y)
  return jax.lax.custom_linear_solve(matvec, b, forward, backward)


def _lu_solvers(x: jax.Array) -> tuple[Callable, Callable]:
  """Solvers with x and with x', which share one decomposition P x = L U."""
  factor = _safe(lambda x: tuple(jax.lax.linalg.lu(x)))
  triangles, _, order = factor(x)
  permutation = jnp.eye(len(x), dtype=x.dtype)[order]
  down = functools.partial(_substitute, triangles, lower=True, unit=True)
  up = functools.partial(_substitute, triangles, lower=False)

  def forward(_, y):
    y = down(_times(permutation, y), transpose=False)
    return up(y, transpose=False)

  def backward(_, y):
    y = down(up(y, transpose=True), transpose=True)
    return _times(permutation.T, y)

  return forward, backward


def _eliminate(x: jax.Array, b: jax.Array) -> jax.Array:
  """Gaussian elimination with partial pivoting; has no derivative.

  Neither gathers nor searches: both are slow in loops on a CPU.
  """
  rows = jnp.concatenate([x, b], axis=1)
  pivots = []
  for _ in range(len(x)):
    sizes = jnp.abs(rows[:, 0])
    largest, row = sizes[0], jnp.int32(0)
    for i in range(1, len(rows)):
      larger = sizes[i] > largest
      largest = jnp.where(larger, sizes[i], largest)
      row = jnp.where(larger, i, row)
    is_pivot = (jnp.arange(len(rows)) == row)[:, None]
    pivot = jnp.sum(jnp.where(is_pivot, rows, 0.0), axis=0)
    others = jnp.where(is_pivot, rows[0], rows)[1:]
    factors = others[:, :1] / pivot[0]
    rows = others[:, 1:] - factors * pivot[1:]
    pivots.append(pivot)
  unknowns = []  # from the last to the first
  for pivot in reversed(pivots):
    row = pivot[len(unknowns) + 1 :]
    for factor, later in zip(pivot[1:], reversed(unknowns)):
      row = row - factor * later
    unknowns.append(row / pivot[0])
  return jnp.stack(unknowns[::-1])


def inv(x: jax.Array) -> jax.Array:
  """Inverse of x [..., D, D]; not finite where x is singular."""
  _check_square(x)
  unit = jnp.eye(x.shape[-1], dtype=x.dtype)
  return solve(x, jnp.broadcast_to(unit, x.shape))


def _columns(function, x, b, **options):
  """Calls a solver with b [..., D, K], also where it came as [..., D]."""
  _check_square(x)
  # [..., D, K], or else [..., D].
  rows = x.shape[:-1]
  chex.assert_shape(b, rows if b.ndim < x.ndim else (*rows, None))
  kind = jnp.result_type(x, b)
  # A linear solve wants b to vary over a mesh wherever x does.
  x, b = x.astype(kind), b.astype(kind) + axis.like(b, x)
  if b.ndim == x.ndim:
    return function(x, b, **options)
  return function(x, b[..., None], **options)[..., 0]
