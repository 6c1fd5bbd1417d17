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

from disentangle_jax import layouts, types


def split(
  codes: types.Codes, layout: types.Layout
) -> tuple[jax.Array, tuple[jax.Array, ...]]:
  """The code without its one-hot classes, and the logits of each class.

  Args:
    codes: of a method.
    layout: what stands in its vector.

  Returns:
    float32 [..., D'], and float32 [..., K] for each categorical latent.
  """
  numbers = layout.gaussian + layout.plain
  logits, classes = codes.parts.get('class_logits'), []
  start = 0
  for size in layout.classes:
    classes.append(logits[..., start : start + size])
    start += size
  return codes.vector[..., :numbers], tuple(classes)


def soft_vector(codes: types.Codes, layout: types.Layout) -> jax.Array:
  """The code vector with class probabilities in place of hard classes.

  A one-hot class has no gradient; what is decoded for the gradient's sake takes
  the probabilities, what is judged keeps the hard class.

  Args:
    codes: of a method.
    layout: what stands in its vector.

  Returns:
    float32 [..., D].
  """
  rest, classes = split(codes, layout)
  soft = [jax.nn.softmax(logits, axis=-1) for logits in classes]
  return jnp.concatenate([rest, *soft], axis=-1)


def distance(
  codes: types.Codes, target: types.Codes, layout: types.Layout
) -> jax.Array:
  """How far codes are from those of the target; see the module docstring.

  Args:
    codes: leaves [B, ...].
    target: leaves [B, ...].
    layout: what stands in their vectors.

  Returns:
    float32 [B], nats, >= 0.
  """
  (rest, classes), (goal, goals) = split(codes, layout), split(target, layout)
  far = 0.5 * jnp.sum(jnp.square(rest - goal), axis=-1)
  for logits, goal_logits in zip(classes, goals):
    log_q = jax.nn.log_softmax(logits, axis=-1)
    log_goal = jax.nn.log_softmax(goal_logits, axis=-1)
    far += jnp.sum(jnp.exp(log_goal) * (log_goal - log_q), axis=-1)
  return far


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
  layout = layouts.layout_of(method, goal)
  return lambda images: distance(method.represent(state, images), goal, layout)
