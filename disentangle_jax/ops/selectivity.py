"""How well a change says which policy made it: rewards of controllable factors.

Thomas et al. 2018, https://arxiv.org/abs/1802.09484, equation 1: with a score
A(change, embedding) of how near a name of a policy is to what the policy did,
selectivity is log A of the policy that acted, less the log of the mean of A
over all that could have acted. In nats; at most log n for n embeddings.
"""

import chex
import jax
import jax.numpy as jnp

# Under the logarithm of the inner product, which may be 0 or less.
LEAST = 1e-3
# Under the quotient of `by_coordinate`, where nothing changes.
SLACK = 1e-2


def log_gaussian(
  change: jax.Array, embedding: jax.Array, sigma: jax.Array | float
) -> jax.Array:
  """log A = -|h' - h - phi|^2 / (2 sigma^2), appendix A.2.

  Args:
    change: float [..., D], h' - h.
    embedding: float [..., n, D], phi; leading axes broadcast.
    sigma: > 0, in units of the code.

  Returns:
    float [..., n], nats, <= 0.
  """
  _check_pair(change, embedding)
  apart = jnp.square(change[..., None, :] - embedding)
  return -jnp.sum(apart, axis=-1) / (2 * sigma**2)


def log_dot(change: jax.Array, embedding: jax.Array) -> jax.Array:
  """log A with A = max(0, <h' - h, phi>), section 4.2; LEAST is added to A.

  Args:
    change: float [..., D], h' - h.
    embedding: float [..., n, D], phi; leading axes broadcast.

  Returns:
    float [..., n], nats.
  """
  _check_pair(change, embedding)
  inner = jnp.sum(change[..., None, :] * embedding, axis=-1)
  return jnp.log(jnp.maximum(inner, 0.0) + LEAST)


def reward(log_scores: jax.Array) -> jax.Array:
  """log A_j - log((1/n) sum_k A_k), for each of n embeddings.

  Args:
    log_scores: float [..., n], log A of one change.

  Returns:
    float [..., n], nats, at most log n; 0 where n is 1.
  """
  chex.assert_shape(log_scores, (..., None))
  chex.assert_type(log_scores, float)
  total = jax.nn.logsumexp(log_scores, axis=-1, keepdims=True)
  return log_scores - total + jnp.log(log_scores.shape[-1])


def by_coordinate(change: jax.Array) -> jax.Array:
  """Share of one coordinate in what rises, appendix B.1.

  clip(D_k / (SLACK + sum_j max(D_j, 0)), -1, 1): 1 where coordinate k alone
  rises, whatever falls. With |D_j| below the line coordinates that rise and
  fall together would punish each other.

  Args:
    change: float [..., D], h' - h.

  Returns:
    float [..., D], in [-1, 1].
  """
  chex.assert_shape(change, (..., None))
  chex.assert_type(change, float)
  rising = jnp.sum(jnp.maximum(change, 0.0), axis=-1, keepdims=True)
  return jnp.clip(change / (SLACK + rising), -1.0, 1.0)


def weights(
  log_policy: jax.Array, log_behaviour: jax.Array, most: float = 5.0
) -> jax.Array:
  """Importance weights pi / pi_b, cut at `most`; computed from logarithms.

  Args:
    log_policy: float [..., n], log probability of what was done under each
      policy that learns.
    log_behaviour: float [..., n] or [..., 1], under the one that acted.
    most: largest weight.

  Returns:
    float [..., n], without a gradient.
  """
  chex.assert_type([log_policy, log_behaviour], float)
  chex.assert_shape(log_policy, (..., None))
  chex.assert_equal_rank([log_policy, log_behaviour])
  chex.assert_is_broadcastable(log_behaviour.shape, log_policy.shape)
  ratio = jnp.minimum(log_policy - log_behaviour, jnp.log(most))
  return jax.lax.stop_gradient(jnp.exp(ratio))


def surrogate(
  log_policy: jax.Array,
  reward: jax.Array,
  baseline: jax.Array,
  weight: jax.Array,
) -> jax.Array:
  """What to maximise: its gradient is REINFORCE's (Williams 1992).

  w (r + stop(r - V) log pi): the reward's own gradient, for it is a function of
  the parameters, and that of what was done. A baseline leaves the mean of the
  gradient as it is.

  Args:
    log_policy: float [...], log probability of what was done.
    reward: float [...].
    baseline: float [...], V.
    weight: float [...], of `weights`; 1 on policy.

  Returns:
    float [...].
  """
  arrays = [log_policy, reward, baseline, weight]
  chex.assert_equal_shape(arrays)
  chex.assert_type(arrays, float)
  advantage = jax.lax.stop_gradient(reward - baseline)
  return jax.lax.stop_gradient(weight) * (reward + advantage * log_policy)


def _check_pair(change, embedding):
  chex.assert_type([change, embedding], float)
  chex.assert_shape(change, (..., None))
  chex.assert_equal(embedding.ndim, change.ndim + 1)
  chex.assert_equal_shape_suffix([change, embedding], 1)
