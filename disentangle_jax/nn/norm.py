"""Normalisation whose statistics are arguments and results.

flax's BatchNorm hides its averages in a mutable collection and takes the
moments of one shard. Here a layer is given its statistics and returns the new
ones; the caller keeps them in `State.params`, beside the parameters and out of
the optimiser's reach, for whatever `represent` and `decode` read has to be
there. A network of several layers hands a dict through:

  class Critic(nn.Module):
    @nn.compact
    def __call__(self, x, statistics=None, train=False):
      layers = norm.Layers(statistics, train)
      x = layers.batch_norm('first', nn.Dense(64)(x))
      x = layers.batch_norm('second', nn.Dense(64)(nn.relu(x)))
      return x, layers.statistics

Without statistics it starts from `start`, so that the call which makes the
parameters also gives the first statistics: `(_, statistics), variables =
net.init_with_output(key, x)`.

Layer normalisation is per example and touches no other row: flax's nn.LayerNorm
serves as it is.
"""

from typing import NamedTuple

from flax import linen as nn
from flax import traverse_util
import jax
import jax.numpy as jnp

from disentangle_jax import types
from disentangle_jax.ops import averages, axis

# Added to variances; what the published networks of 2015 to 2018 used.
EPSILON = 1e-5
# A norm or singular value below this is taken for this.
_LEAST = 1e-12


class Statistics(NamedTuple):
  """Running averages of a layer's input.

  Attributes:
    mean: float32 [C].
    variance: float32 [C].
  """

  mean: jax.Array
  variance: jax.Array


def start(channels: int) -> Statistics:
  """Mean 0 and variance 1: the averages before any batch was seen."""
  return Statistics(jnp.zeros(channels), jnp.ones(channels))


class BatchNorm(nn.Module):
  """Batch normalisation, Ioffe & Szegedy 2015, Algorithms 1 and 2.

    y = gain (x - mean) / sqrt(variance + epsilon) + bias

  In training by the moments of the batch, over all shards and all places, with
  gradients through them; the averages move towards these moments. Otherwise by
  the averages. The averaged variance is the one that normalises, divided by the
  number of entries (the paper's algorithm 2 divides by one less).

  Attributes:
    decay: share of the old average that a step keeps.
    epsilon: added to the variance.
    gain_init: of the gain; DCGANs draw it from N(1, 0.02).
  """

  decay: float = 0.9
  epsilon: float = EPSILON
  gain_init: nn.initializers.Initializer = nn.initializers.ones

  @nn.compact
  def __call__(
    self, x: jax.Array, statistics: Statistics, train: bool
  ) -> tuple[jax.Array, Statistics]:
    """Normalises every channel.

    Args:
      x: float [B, ..., C].
      statistics: the averages so far, or `start(C)`.
      train: static; whether the batch's own moments serve.

    Returns:
      float [B, ..., C] in the dtype of x, and the averages after this batch:
      the given ones where not in training.
    """
    channels = x.shape[-1]
    gain = self.param('gain', self.gain_init, (channels,))
    bias = self.param('bias', nn.initializers.zeros, (channels,))
    wide = x.astype(jnp.float32)
    moments = statistics
    if train:
      moments = Statistics(*axis.moments(wide))
      fixed = jax.lax.stop_gradient(moments)
      statistics = averages.ema(statistics, fixed, self.decay)
    scale = jax.lax.rsqrt(moments.variance + self.epsilon) * gain
    return ((wide - moments.mean) * scale + bias).astype(x.dtype), statistics


class Layers:
  """The named layers of one call of a network; see the module's docstring.

  Attributes:
    statistics: name -> Statistics, of the layers called so far.
  """

  def __init__(
    self, statistics: dict[str, Statistics] | None, train: bool, **options
  ):
    """Begins a call.

    Args:
      statistics: what the last call gave back; None for the start.
      train: static, see BatchNorm.
      **options: of every BatchNorm.
    """
    self.statistics = {}
    self._given = statistics
    self._train = train
    self._options = options

  def batch_norm(self, name: str, x: jax.Array) -> jax.Array:
    """float [B, ..., C] -> the same; inside a compact method.

    Raises:
      KeyError: the given statistics have no such layer.
    """
    given = start(x.shape[-1]) if self._given is None else self._given[name]
    layer = BatchNorm(name=name, **self._options)
    y, self.statistics[name] = layer(x, given, self._train)
    return y


def spectral_start(key: jax.Array, params: types.PyTree) -> types.PyTree:
  """Random unit vectors, one for each kernel.

  Args:
    key: a typed PRNG key.
    params: nested dicts; every leaf named 'kernel', float [..., I, O],
      counts.

  Returns:
    The same dicts with the kernels alone, float32 [O] in place of each.
  """
  vectors = {}
  for number, (path, kernel) in enumerate(_kernels(params).items()):
    draw_key = jax.random.fold_in(key, number)
    vectors[path] = _unit(jax.random.normal(draw_key, kernel.shape[-1:]))
  return traverse_util.unflatten_dict(vectors)


def spectral_normalise(
  params: types.PyTree,
  vectors: types.PyTree,
  train: bool = True,
  iterations: int = 1,
) -> tuple[types.PyTree, types.PyTree]:
  """Divides kernels by estimates of their largest singular values.

  Miyato et al. 2018, Algorithm 1: with W the kernel as a matrix [rest, O],
  u <- W v / |W v|, v <- W' u / |W' u|, and W / sigma with sigma = u' W v. A
  network is then applied with the result in place of its parameters. Gradients
  pass through sigma, not through u and v (their eq. 10 to 12).

  Args:
    params: nested dicts of arrays; leaves not named 'kernel' stay.
    vectors: the v of each kernel, from `spectral_start` or the last call. The
      caller keeps them in `State.params`, out of the optimiser's reach.
    train: static; whether the vectors move.
    iterations: power iterations in training.

  Returns:
    The parameters to apply, and the vectors after this step.
  """
  leaves = traverse_util.flatten_dict(params)
  moved = traverse_util.flatten_dict(vectors)
  for path, kernel in _kernels(params).items():
    matrix = kernel.reshape(-1, kernel.shape[-1])
    fixed = jax.lax.stop_gradient(matrix)
    v = jax.lax.stop_gradient(moved[path])
    for _ in range(iterations if train else 0):
      turned = fixed.T @ _unit(fixed @ v)
      # A kernel of zeros would leave a vector that never turns again.
      v = jnp.where(jnp.any(turned != 0), _unit(turned), v)
    moved[path] = v
    sigma = _unit(fixed @ v) @ (matrix @ v)
    leaves[path] = kernel / jnp.maximum(sigma, _LEAST)
  unflatten = traverse_util.unflatten_dict
  return unflatten(leaves), unflatten(moved)


def _kernels(params: types.PyTree) -> dict[tuple[str, ...], jax.Array]:
  leaves = traverse_util.flatten_dict(params)
  # In the order of a pytree, so that the draws belong to the names.
  return {p: leaves[p] for p in sorted(leaves) if p[-1] == 'kernel'}


def _unit(x: jax.Array) -> jax.Array:
  return x / jnp.maximum(jnp.sqrt(jnp.sum(jnp.square(x))), _LEAST)
