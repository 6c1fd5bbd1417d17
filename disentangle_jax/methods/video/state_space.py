"""Filtering in a state space model with diagonal Gaussians, as pure functions.

p(z_1) = N(0, 1), p(z_t | z_{t-1}) and q(z_t | z_{t-1}, x_t) are diagonal
Gaussians given by mean and log variance. q of a step is told what the step
before predicts; the first one is told zeros.
"""

from collections.abc import Callable
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

from disentangle_jax.ops import gaussian


class Filtered(NamedTuple):
  """A pass over T steps, all float [B, T, Z].

  Attributes:
    z: one sample of each q, given the one before.
    mean: of q(z_t | z_{t-1}, x_t).
    logvar: of the same.
    prior_mean: of p(z_t | z_{t-1}).
    prior_logvar: of the same.
  """

  z: jax.Array
  mean: jax.Array
  logvar: jax.Array
  prior_mean: jax.Array
  prior_logvar: jax.Array

  def kl(self) -> jax.Array:
    """KL(q(z_t | z_{t-1}, x_t) || p(z_t | z_{t-1})), float [B, T, Z], nats."""
    return gaussian.kl(
      self.mean, self.logvar, self.prior_mean, self.prior_logvar
    )


def run(
  posterior: Callable[..., tuple[jax.Array, jax.Array]],
  transition: Callable[..., tuple[jax.Array, jax.Array]],
  told: Callable[..., tuple[jax.Array, jax.Array]],
  seen: jax.Array,
  noise: jax.Array,
) -> Filtered:
  """Filters a batch of sequences; each sample is carried to the next step.

  Args:
    posterior: `(seen [B, F], mean [B, Z], logvar [B, Z]) -> (mean, logvar)`
      of q, from what is seen of a step and what is predicted of it.
    transition: `(z [B, Z]) -> (mean, logvar)` of p(z_t | z_{t-1}).
    told: `(z, (mean, logvar)) -> (mean, logvar)`, the prediction as q is told
      it; the second argument is what `transition` says.
    seen: float [B, T, F].
    noise: float [B, T, Z], standard normal; zeros carry means on.

  Returns:
    The pass.
  """
  chex.assert_rank([seen, noise], 3)
  chex.assert_type([seen, noise], float)
  chex.assert_equal_shape_prefix([seen, noise], 2)
  nothing = jnp.zeros_like(noise[:, 0])

  def step(seen, noise, prior, predicted):
    mean, logvar = posterior(seen, *predicted)
    z = gaussian.sample(mean, logvar, noise)
    return Filtered(z, mean, logvar, *prior)

  first = step(seen[:, 0], noise[:, 0], (nothing, nothing), (nothing, nothing))

  def advance(z, inputs):
    prior = transition(z)
    now = step(*inputs, prior, told(z, prior))
    return now.z, now

  over_time = lambda x: jnp.moveaxis(x[:, 1:], 1, 0)
  _, later = jax.lax.scan(advance, first.z, (over_time(seen), over_time(noise)))
  whole = lambda a, b: jnp.concatenate([a[:, None], jnp.moveaxis(b, 0, 1)], 1)
  return Filtered(*map(whole, first, later))


def roll(
  transition: Callable[..., tuple[jax.Array, jax.Array]],
  z: jax.Array,
  noise: jax.Array,
) -> jax.Array:
  """Goes on from a state by the transition alone.

  Args:
    transition: as for `run`.
    z: float [B, Z].
    noise: float [B, T, Z], standard normal; zeros follow the means.

  Returns:
    float [B, T, Z], the T states after z.
  """
  chex.assert_rank([z, noise], [2, 3])
  chex.assert_type([z, noise], float)

  def advance(z, noise):
    z = gaussian.sample(*transition(z), noise)
    return z, z

  _, states = jax.lax.scan(advance, z, jnp.moveaxis(noise, 1, 0))
  return jnp.moveaxis(states, 0, 1)
