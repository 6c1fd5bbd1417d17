"""Losses of two players: a critic, and a generator that it judges.

A critic gives one logit l per example, D = sigmoid(l). Everything is written in
softplus, -log D = softplus(-l) and -log(1 - D) = softplus(l), which no clipping
needs to keep finite. All losses are minimised and are means over the whole
batch, over all shards: cross entropies in nats, Wasserstein forms in the
critic's own units. Functions say what is judged, never what a gradient passes
through: give the critic's loss generated examples under `stop_gradient`.
"""

from collections.abc import Callable

import chex
import jax
import jax.numpy as jnp

from disentangle_jax.ops import axis, per_example

# Under the root of a gradient's length: the root has no slope at zero.
_LEAST = 1e-12


def critic_loss(real: jax.Array, fake: jax.Array) -> jax.Array:
  """Cross entropy of real against generated, Goodfellow et al. 2014, eq. 1.

  E softplus(-l(x)) + E softplus(l(G)), the negative of the game's value. The
  same for both kinds of generator.

  Args:
    real: float [B, ...], logits of data.
    fake: float [B, ...], logits of generated examples.

  Returns:
    float scalar, nats; 2 log 2 = 1.3863 for a critic that sees nothing.
  """
  _check_rows(real, fake)
  return _mean(jax.nn.softplus(-real)) + _mean(jax.nn.softplus(fake))


def non_saturating_generator_loss(fake: jax.Array) -> jax.Array:
  """-E log D(G) = E softplus(-l), Goodfellow et al. 2014, section 3.

  Args:
    fake: float [B, ...], logits of generated examples.

  Returns:
    float scalar, nats; log 2 for a critic that sees nothing.
  """
  _check_rows(fake)
  return _mean(jax.nn.softplus(-fake))


def saturating_generator_loss(fake: jax.Array) -> jax.Array:
  """E log(1 - D(G)) = -E softplus(l), Goodfellow et al. 2014, eq. 1.

  Args:
    fake: float [B, ...], logits of generated examples.

  Returns:
    float scalar, nats, <= 0; -log 2 for a critic that sees nothing.
  """
  _check_rows(fake)
  return -_mean(jax.nn.softplus(fake))


def wasserstein_critic_loss(real: jax.Array, fake: jax.Array) -> jax.Array:
  """E l(G) - E l(x), Arjovsky et al. 2017, eq. 2, negated.

  Args:
    real: float [B, ...], what the critic says of data.
    fake: float [B, ...], of generated examples.

  Returns:
    float scalar, critic units; minus the distance for the best 1-Lipschitz
    critic.
  """
  _check_rows(real, fake)
  return _mean(fake) - _mean(real)


def wasserstein_generator_loss(fake: jax.Array) -> jax.Array:
  """-E l(G), Arjovsky et al. 2017, Algorithm 1.

  Args:
    fake: float [B, ...], what the critic says of generated examples.

  Returns:
    float scalar, critic units.
  """
  _check_rows(fake)
  return -_mean(fake)


def gradient_penalty(
  judge: Callable[[jax.Array], jax.Array],
  key: jax.Array,
  index: jax.Array,
  real: jax.Array,
  fake: jax.Array,
  target: float = 1.0,
) -> jax.Array:
  """E (|grad_v l(v)| - target)^2 between data and generated examples.

  Gulrajani et al. 2017, eq. 3, with v = x + e (G - x) and e ~ U[0, 1) per
  example. The length is over all of an example's values.

  Args:
    judge: float [B, ...] -> float [B] or [B, 1], row by row: a critic that
      mixes rows (batch normalisation) has no slope per example.
    key: a typed PRNG key.
    index: int32 [B].
    real: float [B, ...], as the critic sees it.
    fake: the same shape.
    target: the slope asked for; 0 for a critic that is flat at the end.

  Returns:
    float scalar; (|a| - 1)^2 for the critic a . v.
  """
  _check_rows(real, fake)
  chex.assert_equal_shape([real, fake])
  chex.assert_shape(index, real.shape[:1])
  chex.assert_type(index, int)
  weight = per_example.uniform(key, index, (1,) * (real.ndim - 1))
  between = jax.lax.stop_gradient(real + weight * (fake - real))
  slope = jax.grad(lambda v: jnp.sum(judge(v)))(between)
  squares = jnp.sum(jnp.square(slope).reshape(len(slope), -1), axis=1)
  return axis.mean(jnp.square(jnp.sqrt(squares + _LEAST) - target))


def real_gradient_penalty(
  judge: Callable[[jax.Array], jax.Array], real: jax.Array
) -> jax.Array:
  """E |grad_x l(x)|^2 on data, Mescheder et al. 2018, eq. 9.

  Their R1 is gamma / 2 times this. Squares are summed over all of an example's
  values.

  Args:
    judge: float [B, ...] -> float [B] or [B, 1], row by row: a critic that
      mixes rows (batch normalisation) has no slope per example.
    real: float [B, ...], as the critic sees it.

  Returns:
    float scalar; |a|^2 for the critic a . x.
  """
  _check_rows(real)
  slope = jax.grad(lambda x: jnp.sum(judge(x)))(real)
  squares = jnp.sum(jnp.square(slope).reshape(len(slope), -1), axis=1)
  return axis.mean(squares)


def began_critic_loss(
  real: jax.Array, fake: jax.Array, k: jax.Array
) -> jax.Array:
  """E L(x) - k E L(G), Berthelot et al. 2017, section 3.3.

  Args:
    real: float [B], errors of the critic, an autoencoder, on data.
    fake: float [B], on generated examples.
    k: float scalar in [0, 1], see `began_balance`.

  Returns:
    float scalar, in units of the errors.
  """
  chex.assert_rank([real, fake, k], [1, 1, 0])
  return axis.mean(real) - k * axis.mean(fake)


def began_generator_loss(fake: jax.Array) -> jax.Array:
  """E L(G), Berthelot et al. 2017, section 3.3.

  Args:
    fake: float [B], the critic's errors on generated examples.

  Returns:
    float scalar.
  """
  chex.assert_rank(fake, 1)
  return axis.mean(fake)


def began_balance(
  k: jax.Array,
  real: jax.Array,
  fake: jax.Array,
  gamma: jax.Array | float,
  rate: jax.Array | float,
) -> tuple[jax.Array, jax.Array]:
  """The next k, and how far training is; Berthelot et al. 2017, section 3.4.

  k' = clip(k + rate (gamma E L(x) - E L(G)), 0, 1),
  M = E L(x) + |gamma E L(x) - E L(G)|. No gradient passes.

  Args:
    k: float scalar in [0, 1]; 0 at the start.
    real: float [B], the critic's errors on data.
    fake: float [B], on generated examples.
    gamma: the wanted ratio of both errors, in [0, 1].
    rate: lambda_k; the paper has 0.001.

  Returns:
    k' and M, float scalars.
  """
  chex.assert_rank([k, real, fake, gamma, rate], [0, 1, 1, 0, 0])
  own = jax.lax.stop_gradient(axis.mean(real))
  other = jax.lax.stop_gradient(axis.mean(fake))
  balance = gamma * own - other
  return jnp.clip(k + rate * balance, 0.0, 1.0), own + jnp.abs(balance)


def _check_rows(*logits: jax.Array) -> None:
  """Whether all are floats with a batch axis."""
  chex.assert_type(logits, float)
  for rows in logits:
    chex.assert_shape(rows, (None, ...))


def _mean(x: jax.Array) -> jax.Array:
  """Mean over all entries of the whole batch; float [B, ...] -> scalar."""
  return axis.mean(jnp.mean(x.reshape(len(x), -1), axis=1))
