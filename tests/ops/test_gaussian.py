"""The KL between Gaussians against its integral."""

import jax
import numpy as np

from disentangle_jax.ops import gaussian


def test_kl_between_gaussians_is_the_integral():
  rng = np.random.default_rng(0)
  mean, logvar, prior_mean, prior_logvar = rng.normal(size=(4, 6, 2))
  got = jax.jit(gaussian.kl)(mean, logvar, prior_mean, prior_logvar)
  x = np.linspace(-25, 25, 200_001)
  log = lambda m, v: -0.5 * (np.log(2 * np.pi) + v + (x - m) ** 2 / np.exp(v))
  for place in np.ndindex(6, 2):
    own = log(mean[place], logvar[place])
    other = log(prior_mean[place], prior_logvar[place])
    want = np.trapezoid(np.exp(own) * (own - other), x)
    np.testing.assert_allclose(got[place], want, rtol=1e-4)


def test_kl_to_itself_is_zero_and_to_the_standard_normal_the_known_one():
  mean, logvar = np.random.default_rng(1).normal(size=(2, 5, 3))
  np.testing.assert_array_equal(gaussian.kl(mean, logvar, mean, logvar), 0)
  np.testing.assert_allclose(
    gaussian.kl(mean, logvar, 0.0, 0.0),
    gaussian.kl_to_standard(mean, logvar),
    rtol=1e-6,
  )
