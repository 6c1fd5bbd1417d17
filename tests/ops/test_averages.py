"""Running averages of trees."""

import jax
import numpy as np

from disentangle_jax.ops import averages


def test_three_steps_written_out():
  old = {'a': np.float32([1.0, -2.0]), 'b': (np.float32(0.5),)}
  new = {'a': np.float32([3.0, 0.0]), 'b': (np.float32(-0.5),)}
  average = old
  for _ in range(3):
    average = jax.jit(averages.ema)(average, new, 0.9)
  # The start counts decay ** 3.
  kept = 0.9**3
  for key in ('a', 'b'):
    want = kept * np.asarray(old[key]) + (1 - kept) * np.asarray(new[key])
    np.testing.assert_allclose(average[key], want, rtol=1e-6)


def test_ends_and_dtypes():
  old, new = np.float32([0.1, 0.7]), np.float32([0.3, -0.2])
  np.testing.assert_array_equal(averages.ema(old, new, 1.0), old)
  np.testing.assert_allclose(averages.ema(old, new, 0.0), new, rtol=1e-6)
  np.testing.assert_array_equal(averages.ema(old, old, 0.3), old)
  low = averages.ema(old.astype('bfloat16'), new, 0.5)
  assert low.dtype == 'bfloat16'
