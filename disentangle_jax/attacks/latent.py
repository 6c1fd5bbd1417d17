"""The latent attack: an image whose code is that of the target image.

Tabacof, Tavares & Valle, "Adversarial images for variational autoencoders",
2016, https://arxiv.org/abs/1612.00155, who lower the distance between the
posterior of the attacked image and that of the target; also the strongest of
the three attacks of Kos, Fischer & Song, "Adversarial examples for generative
models", 2017, https://arxiv.org/abs/1702.06832. Per image, in nats:

  1/2 |mean(x + d) - mean(t)|^2 + KL(q(c|t) || q(c|x + d))

The first term is the KL between Gaussians of unit variance with these means,
the second that between the distributions of the class, where a method has a
categorical latent. Its gradient does not vanish when the model is sure of the
wrong class, as that of a distance between probabilities would.

Deviations: unit variances, where Tabacof et al. take those of the encoder, so
that methods without variances can be attacked too and a model cannot look
robust because its variances are wide.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from disentangle_jax import types


def split(codes: types.Codes) -> tuple[jax.Array, jax.Array | None]:
  """The code without its one-hot class, and the logits of that class.

  Args:
    codes: of any method. A hard one-hot class is recognised by its place: the
      vector is 'mean' followed by as many entries as 'class_logits' has.

  Returns:
    float32 [..., D'] and float32 [..., K]; None where the vector holds no
    class, and D' is then all of it.
  """
  logits, mean = codes.parts.get('class_logits'), codes.parts.get('mean')
  if logits is None or mean is None:
    return codes.vector, None
  if codes.vector.shape[-1] != mean.shape[-1] + logits.shape[-1]:
    return codes.vector, None
  return codes.vector[..., : mean.shape[-1]], logits


def soft_vector(codes: types.Codes) -> jax.Array:
  """The code vector with class probabilities in place of a hard class.

  A one-hot class has no gradient; what is decoded for the gradient's sake takes
  the probabilities, what is judged keeps the hard class.

  Args:
    codes: of any method.

  Returns:
    float32 [..., D].
  """
  rest, logits = split(codes)
  if logits is None:
    return rest
  return jnp.concatenate([rest, jax.nn.softmax(logits, axis=-1)], axis=-1)


def distance(codes: types.Codes, target: types.Codes) -> jax.Array:
  """How far codes are from those of the target; see the module docstring.

  Args:
    codes: leaves [B, ...].
    target: leaves [B, ...].

  Returns:
    float32 [B], nats, >= 0.
  """
  (rest, logits), (goal, goal_logits) = split(codes), split(target)
  far = 0.5 * jnp.sum(jnp.square(rest - goal), axis=-1)
  if logits is None:
    return far
  log_q = jax.nn.log_softmax(logits, axis=-1)
  log_goal = jax.nn.log_softmax(goal_logits, axis=-1)
  return far + jnp.sum(jnp.exp(log_goal) * (log_goal - log_q), axis=-1)


def objective(
  method: types.Method, state: Any, target: jax.Array
) -> Callable[[jax.Array], jax.Array]:
  """What the latent attack lowers.

  Args:
    method: offers `represent`.
    state: of one model.
    target: float32 [B, ...] in [0, 1], the images to be taken for.

  Returns:
    images [B, ...] -> float32 [B], nats.
  """
  goal = jax.lax.stop_gradient(method.represent(state, target))
  return lambda images: distance(method.represent(state, images), goal)
