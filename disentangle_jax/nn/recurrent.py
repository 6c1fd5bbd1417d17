"""Recurrent cells and the loop over time.

A cell is two functions: `project`, one product for all inputs at once, and
`advance`, what has to wait for the state before it. The loop runs the first
outside of `lax.scan` and the second inside, so that a step costs one product of
the state alone.

flax's cells do not serve here. Their orthogonal start is a batched LAPACK call
under `vmap` over runs, which waits for ever on a CPU of several devices (see
`ops.linalg`), and their loops start from plain zeros, which `shard_map` refuses
where a batch is split: a state differs between devices, zeros do not. Here the
start differs wherever one step's result does, and weights are spread over the
shards once, before the loop: their gradients are then summed over the shards
once, not once per step.

Masks are of prefixes: a sequence is its first n inputs, and `mask_of` makes the
mask from n. A masked step leaves the state as it was, forwards and backwards,
so that backwards starts at a sequence's own last input.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from flax import linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax.nn import mlp
from disentangle_jax.ops import axis, linalg


def orthogonal(
  key: jax.Array, shape: tuple[int, ...], dtype: Any = jnp.float32
) -> jax.Array:
  """Uniformly drawn orthogonal matrix, Saxe et al. 2014.

  Args:
    key: a typed PRNG key.
    shape: (N, D).
    dtype: of the result.

  Returns:
    [N, D] with orthonormal columns, or rows where there are fewer of them.
  """
  rows, columns = shape
  normal = jax.random.normal(key, (max(shape), min(shape)))
  q = linalg.orthonormal(normal)
  # LAPACK's choice of signs is not a uniform one; that of a positive R is.
  q = q * jnp.sign(jnp.sum(q * normal, axis=0))
  return (q if rows >= columns else q.T).astype(dtype)


def _orthogonal_gates(
  key: jax.Array, shape: tuple[int, ...], dtype: Any = jnp.float32
) -> jax.Array:
  """One orthogonal matrix per gate, side by side, [H, gates * H]."""
  size, width = shape
  keys = jax.random.split(key, width // size)
  gates = [orthogonal(k, (size, size), dtype) for k in keys]
  return jnp.concatenate(gates, axis=1)


class GRUCell(nn.Module):
  """Gated recurrent unit.

  Cho et al. 2014, in the form whose reset gate acts on the product (Chung et
  al. 2014; cuDNN and PyTorch have the same):

    r = sigmoid(W_r x + U_r h + b_r),  z = sigmoid(W_z x + U_z h + b_z)
    n = tanh(W_n x + b_n + r * (U_n h + c_n)),  h' = (1 - z) n + z h

  W starts Glorot uniform, every U orthogonal, biases zero. The carry is the
  state h itself, float [B, H].

  Attributes:
    features: H.
  """

  features: int

  @nn.compact
  def weights(self, inputs: int) -> dict[str, jax.Array]:
    """Arrays for inputs of that width; gates in the order r, z, n."""
    size = self.features
    zeros = nn.initializers.zeros
    return {
      'input': self.param('input', mlp.KERNEL_INIT, (inputs, 3 * size)),
      'state': self.param('state', _orthogonal_gates, (size, 3 * size)),
      'bias': self.param('bias', zeros, (3 * size,)),
      'candidate_bias': self.param('candidate_bias', zeros, (size,)),
    }

  @staticmethod
  def project(weights: dict[str, jax.Array], x: jax.Array) -> jax.Array:
    """float [..., F] -> float [..., 3 H]."""
    return x @ weights['input'] + weights['bias']

  @staticmethod
  def advance(
    weights: dict[str, jax.Array], carry: jax.Array, projected: jax.Array
  ) -> jax.Array:
    """The next carry; float [B, H], float [B, 3 H] -> float [B, H]."""
    size = carry.shape[-1]
    gates, candidate = jnp.split(carry @ weights['state'], [2 * size], axis=-1)
    reset, update = jnp.split(
      nn.sigmoid(projected[..., : 2 * size] + gates), 2, axis=-1
    )
    candidate = reset * (candidate + weights['candidate_bias'])
    new = jnp.tanh(projected[..., 2 * size :] + candidate)
    return new + update * (carry - new)

  @staticmethod
  def hidden(carry: jax.Array) -> jax.Array:
    """What a carry shows to other layers, float [B, H]."""
    return carry

  @staticmethod
  def zeros(batch: int, features: int, dtype: Any = jnp.float32) -> jax.Array:
    """The carry before any input, [B, H]."""
    return jnp.zeros((batch, features), dtype)

  def __call__(
    self, carry: jax.Array, x: jax.Array
  ) -> tuple[jax.Array, jax.Array]:
    """One step; carry, float [B, F] -> carry, hidden float [B, H]."""
    return _step(self, carry, x)


class LSTMCarry(NamedTuple):
  """What an LSTM keeps between steps.

  Attributes:
    cell: float [B, H], c.
    hidden: float [B, H], h.
  """

  cell: jax.Array
  hidden: jax.Array


class LSTMCell(nn.Module):
  """Long short-term memory with a forget gate that starts open.

  Hochreiter & Schmidhuber 1997, Gers et al. 2000, without peepholes:

    i, f, o = sigmoid(W x + U h + b),  g = tanh(W_g x + U_g h + b_g)
    c' = f c + i g,  h' = o tanh(c')

  W starts Glorot uniform, every U orthogonal, biases zero but that of the
  forget gate, which is 1 (Jozefowicz et al. 2015).

  Attributes:
    features: H.
  """

  features: int

  @nn.compact
  def weights(self, inputs: int) -> dict[str, jax.Array]:
    """Arrays for inputs of that width; gates in the order i, f, g, o."""
    size = self.features

    def forget_one(key, shape):
      del key
      return jnp.zeros(shape).at[size : 2 * size].set(1.0)

    return {
      'input': self.param('input', mlp.KERNEL_INIT, (inputs, 4 * size)),
      'state': self.param('state', _orthogonal_gates, (size, 4 * size)),
      'bias': self.param('bias', forget_one, (4 * size,)),
    }

  @staticmethod
  def project(weights: dict[str, jax.Array], x: jax.Array) -> jax.Array:
    """float [..., F] -> float [..., 4 H]."""
    return x @ weights['input'] + weights['bias']

  @staticmethod
  def advance(
    weights: dict[str, jax.Array], carry: LSTMCarry, projected: jax.Array
  ) -> LSTMCarry:
    """The next carry; carry, float [B, 4 H] -> carry."""
    gates = projected + carry.hidden @ weights['state']
    i, f, g, o = jnp.split(gates, 4, axis=-1)
    cell = nn.sigmoid(f) * carry.cell + nn.sigmoid(i) * jnp.tanh(g)
    return LSTMCarry(cell, nn.sigmoid(o) * jnp.tanh(cell))

  @staticmethod
  def hidden(carry: LSTMCarry) -> jax.Array:
    """What a carry shows to other layers, float [B, H]."""
    return carry.hidden

  @staticmethod
  def zeros(batch: int, features: int, dtype: Any = jnp.float32) -> LSTMCarry:
    """The carry before any input, [B, H] twice."""
    nothing = jnp.zeros((batch, features), dtype)
    return LSTMCarry(nothing, nothing)

  def __call__(
    self, carry: LSTMCarry, x: jax.Array
  ) -> tuple[LSTMCarry, jax.Array]:
    """One step; carry, float [B, F] -> carry, hidden float [B, H]."""
    return _step(self, carry, x)


Cell = GRUCell | LSTMCell
CELLS = {'gru': GRUCell, 'lstm': LSTMCell}


def _step(cell: Cell, carry: Any, x: jax.Array) -> tuple[Any, jax.Array]:
  weights = cell.weights(x.shape[-1])
  carry = cell.advance(weights, carry, cell.project(weights, x))
  return carry, cell.hidden(carry)


def mask_of(lengths: jax.Array, steps: int) -> jax.Array:
  """The mask of sequences by their lengths.

  Args:
    lengths: int [B].
    steps: T.

  Returns:
    bool [B, T], True at the first `lengths` steps of each.
  """
  return jnp.arange(steps) < lengths[:, None]


class RNN(nn.Module):
  """A cell over a whole sequence; its parameters are under 'cell'.

  Attributes:
    features: H, width of the state.
    kind: a key of CELLS.
  """

  features: int
  kind: str = 'gru'

  def setup(self):
    self.cell = CELLS[self.kind](self.features)

  def __call__(
    self,
    x: jax.Array,
    mask: jax.Array | None = None,
    *,
    reverse: bool = False,
    carry: Any = None,
  ) -> tuple[jax.Array, Any]:
    """Runs over time.

    Args:
      x: float [B, T, F].
      mask: bool [B, T], True on a prefix of each row, see `mask_of`; None for
        all steps.
      reverse: from the last step to the first; states stay in the order of x.
      carry: where to start, as `zeros` gives it; None for that.

    Returns:
      Hidden states float [B, T, H], at masked steps those of the step before,
      and the carry after the last step that was run.

    Raises:
      ValueError: a mask whose values are known is not one of prefixes.
    """
    _check_prefix(mask)
    cell = self.cell
    weights = cell.weights(x.shape[-1])
    weights = _varying(weights, weights, x)
    projected = jnp.moveaxis(cell.project(weights, x), 1, 0)
    if carry is None:
      carry = self.zeros(len(x), projected.dtype)

    def advance(carry, at):
      projected, inside = at
      after = cell.advance(weights, carry, projected)
      if inside is not None:
        hold = lambda new, old: jnp.where(inside[:, None], new, old)
        after = jax.tree.map(hold, after, carry)
      return after, cell.hidden(after)

    inside = None if mask is None else mask.T
    steps = (projected, inside)
    once, _ = advance(carry, jax.tree.map(lambda s: s[0], steps))
    carry = _varying(carry, once)
    last, states = jax.lax.scan(advance, carry, steps, reverse=reverse)
    return jnp.moveaxis(states, 0, 1), last

  def step(self, carry: Any, x: jax.Array) -> tuple[Any, jax.Array]:
    """One step, for decoding; carry, float [B, F] -> carry, float [B, H]."""
    return self.cell(carry, x)

  def zeros(self, batch: int, dtype: Any = jnp.float32) -> Any:
    """The carry before any input, arrays [B, H]; also of an unbound module."""
    return CELLS[self.kind].zeros(batch, self.features, dtype)


def _varying(tree: Any, kind: Any, *others: Any) -> Any:
  """A tree in the types of `kind` that differs over the mesh as all do.

  A loop wants its carry to start in the type that it ends with, and which
  devices it differs between is a part of the type. Of a carry `kind` is what
  one step returns, which depends on parameters and input; that step is only
  traced, for nothing reads its values.
  """
  zeros = axis.like(kind, (kind, *others))
  return jax.tree.map(lambda a, z: a.astype(z.dtype) + z, tree, zeros)


def _check_prefix(mask: jax.Array | None) -> None:
  if mask is None or isinstance(mask, jax.core.Tracer):
    return
  known = np.asarray(mask)
  if np.any(known[:, 1:] & ~known[:, :-1]):
    raise ValueError('mask must be True on a prefix of each row, see mask_of')


def unroll(
  step: Callable[..., tuple[Any, Any, Any]],
  carry: Any,
  x: Any,
  steps: int,
  extra: Any = None,
) -> tuple[Any, Any]:
  """A decoder that reads its own output, for a fixed number of steps.

  `step` is a pure function: inside the loop no module may be called but by
  `module.apply({'params': params}, ..., method='step')`. Its own parameters are
  summed over the shards of a split batch at every step;
  `axis.spread(params, x)` before makes that one sum.

  Args:
    step: `(carry, x, extra) -> (carry, next x, output)`. The next x is shaped
      as x: a sampled token, an embedding, a frame.
    carry: pytree of arrays [B, ...], the first state.
    x: pytree of arrays [B, ...], the first input.
    steps: T.
    extra: pytree of arrays [T, ...], one row for each step, such as keys or
      noise; None for nothing.

  Returns:
    Outputs, pytree of [B, T, ...], and the last carry.
  """
  start = jax.tree.map(jnp.asarray, (carry, x))

  def advance(state, row):
    carry, x, output = step(*state, row)
    return (carry, x), output

  once, _ = advance(start, jax.tree.map(lambda e: e[0], extra))
  start = _varying(start, once)
  (carry, _), outputs = jax.lax.scan(advance, start, extra, length=steps)
  return jax.tree.map(lambda y: jnp.moveaxis(y, 0, 1), outputs), carry
