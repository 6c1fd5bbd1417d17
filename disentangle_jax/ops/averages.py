"""Running averages, kept by the caller."""

import chex
import jax

from disentangle_jax import types


def ema(
  old: types.PyTree, new: types.PyTree, decay: jax.Array | float
) -> types.PyTree:
  """Exponential moving average, decay * old + (1 - decay) * new.

  Args:
    old: pytree of float arrays, the average so far.
    new: the same shapes.
    decay: in [0, 1], the share of the old average; float scalar, traced or not.

  Returns:
    A pytree as `old`, in its dtypes.
  """
  chex.assert_trees_all_equal_shapes(old, new)
  chex.assert_rank(decay, 0)

  def mix(a, b):
    # In this form nothing moves where both are equal.
    return (a + (1 - decay) * (b - a)).astype(a.dtype)

  return jax.tree.map(mix, old, new)
