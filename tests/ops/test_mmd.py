"""Mean discrepancies whose value is known."""

import jax
import jax.numpy as jnp
import meshes
import numpy as np

from disentangle_jax.ops import mmd


def of_gaussians(mean, deviation, width):
  """MMD^2 of N(mean, deviation^2 I) and N(0, I), with 2 l^2 = width."""
  l2, d = width / 2, len(mean)
  crossed = l2 + 1 + deviation**2
  far = np.exp(-np.sum(np.square(mean)) / (2 * crossed))
  return (
    (l2 / (l2 + 2 * deviation**2)) ** (d / 2)
    + (l2 / (l2 + 2)) ** (d / 2)
    - 2 * (l2 / crossed) ** (d / 2) * far
  )


def test_gaussians_have_a_closed_form():
  rng = np.random.default_rng(0)
  draws, size, d = 300, 100, 3
  y, normal = rng.normal(size=(2, draws, size, d))
  squared = jax.jit(jax.vmap(mmd.squared, (0, 0, None)))
  for mean, deviation, width in (
    ([1.0, 0.0, 0.0], 1.0, 3.0),
    ([0.0, 0.0, 0.0], 0.3, 3.0),
    ([0.5, -1.0, 2.0], 1.7, 8.0),
  ):
    x = (mean + deviation * normal).astype(np.float32)
    values = squared(jnp.asarray(x), jnp.asarray(y, jnp.float32), width)
    l2 = width / 2
    # Rows with themselves: k = 1 where the law has E k, one in `size`.
    own = [(l2 / (l2 + 2 * s**2)) ** (d / 2) for s in (deviation, 1.0)]
    floor = sum(1 - k for k in own) / size
    want = of_gaussians(np.array(mean), deviation, width) + floor
    error = 4 * np.std(values) / np.sqrt(draws)
    assert abs(np.mean(values) - want) < error < 0.1 * want


def test_equal_samples_are_at_zero_and_equal_laws_at_the_floor():
  rng = np.random.default_rng(1)
  size, d, width = 32, 2, 2.0
  x = jnp.asarray(rng.normal(size=(400, 2, size, d)), jnp.float32)
  assert mmd.squared(x[0, 0], x[0, 0], width) == 0
  values = jax.jit(jax.vmap(lambda pair: mmd.squared(*pair, width)))(x)
  assert np.all(np.asarray(values) > 0)
  l2 = width / 2
  expected = 2 / size * (1 - (l2 / (l2 + 2)) ** (d / 2))
  error = 3 * np.std(values) / np.sqrt(len(values))
  assert abs(np.mean(values) - expected) < error < 0.1 * expected


def test_a_kernel_sees_the_square_and_nothing_far_out():
  a, b = jnp.zeros((1, 2)), jnp.asarray([[3.0, 4.0], [300.0, 0.0]])
  np.testing.assert_allclose(
    mmd.kernel(a, b, 10.0), [[np.exp(-2.5), 0.0]], rtol=1e-6
  )


def test_point_masses_are_as_far_as_their_kernel_says():
  s = 1.5
  for distance in (0.0, 0.7, 3.0):
    x, y = jnp.zeros((4, 2)), jnp.full((4, 2), distance / np.sqrt(2))
    want = 2 - 2 * np.exp(-(distance**2) / (2 * s))
    for estimate in (mmd.squared, mmd.unbiased):
      np.testing.assert_allclose(estimate(x, y, 2 * s), want, atol=1e-6)


def test_the_unbiased_estimate_has_no_floor():
  rng = np.random.default_rng(4)
  draws, size, s, mean = 4000, 6, 2.0, 1.3
  x, y = rng.normal(size=(2, draws, size, 1)).astype(np.float32)
  estimate = jax.jit(jax.vmap(mmd.unbiased, (0, 0, None)))
  for shift in (0.0, mean):
    values = np.asarray(estimate(x + np.float32(shift), y, 2 * s))
    far = np.exp(-(shift**2) / (2 * (s + 2)))
    want = 2 * np.sqrt(s / (s + 2)) * (1 - far)
    error = 4 * np.std(values) / np.sqrt(draws)
    assert abs(np.mean(values) - want) < error < 0.05
  # Brute force over all pairs of different rows.
  a, b = x[0, :, 0].astype(np.float64), y[0, :, 0].astype(np.float64)
  k = lambda p, q: np.exp(-np.square(p[:, None] - q) / (2 * s))
  off = ~np.eye(size, dtype=bool)
  want = k(a, a)[off].mean() + k(b, b)[off].mean() - 2 * k(a, b).mean()
  np.testing.assert_allclose(mmd.unbiased(x[0], y[0], 2 * s), want, atol=1e-6)


def test_the_witness_is_high_on_one_sample_and_its_gap_is_mmd():
  rng = np.random.default_rng(5)
  x = rng.normal(size=(7, 2)).astype(np.float32)
  y = (rng.normal(size=(7, 2)) + 1).astype(np.float32)
  width = 3.0
  gap = np.mean(mmd.witness(x, y, x, width)) - np.mean(
    mmd.witness(x, y, y, width)
  )
  np.testing.assert_allclose(gap, mmd.squared(x, y, width), atol=1e-6)
  # One point each: two bumps, in one dimension by hand.
  z = jnp.asarray([[0.0], [0.5], [1.0]])
  values = mmd.witness(jnp.zeros((1, 1)), jnp.ones((1, 1)), z, 2.0)
  bump = 1 - np.exp(-0.5)
  np.testing.assert_allclose(values, [bump, 0, -bump], atol=1e-6)
  one = lambda z: mmd.witness(x, y, z[None], width)[0]
  point, step = jnp.asarray([0.3, -0.2]), 1e-2
  slopes = [
    (one(point + step * e) - one(point - step * e)) / (2 * step)
    for e in np.eye(2, dtype=np.float32)
  ]
  np.testing.assert_allclose(jax.grad(one)(point), slopes, atol=1e-3)


def test_two_shards_are_one():
  rng = np.random.default_rng(2)
  x, y = rng.normal(size=(2, 8, 3)).astype(np.float32)

  def value(scale, x, y):
    x = scale * x
    return mmd.squared(x, y, 3.0) + mmd.unbiased(x, y, 3.0)

  both = jax.value_and_grad(value)
  run = lambda shards: meshes.run(both, (1, shards), jnp.ones(1), x, y)
  for one, two in zip(run(1), run(2)):
    np.testing.assert_allclose(one, two, rtol=1e-5)
