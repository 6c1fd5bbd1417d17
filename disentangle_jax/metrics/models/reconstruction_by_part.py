"""How well observations come back, inside and outside the seen combinations.

Source: Montero et al. 2021, "The role of Disentanglement in Generalisation",
https://openreview.net/forum?id=qbH974jKUVy: a model is trained where
combinations of factors are left out and asked to reconstruct those. Seen images
are draws of the data set, left-out ones are uniform over the grid points that
it never draws (an exclusion, `held_out`, a part). Codes are those that
`represent` gives, without noise. For either part:

  nats_*           -log p(x|z) per image, summed over pixels
  squared_error_*  of the decoded mean per image, summed over pixels
  explained_*      1 - squared error / variance of the part's images around
                   their own mean: 1 is perfect, 0 is no better than the one
                   image that suits the part best

The images, drawn once for all runs, are shown to every model.

Deviations: the paper shows nats; `explained_*` is ours, because left-out images
may be harder or easier than seen ones whatever was learnt. Known failure modes:
a part of nearly equal images has little variance, so that small errors explain
nothing; a small object in a wide image moves few pixels.
"""

import dataclasses
import math

import jax
import jax.numpy as jnp

from disentangle_jax import errors, types
from disentangle_jax.data import exclusions, factorial
from disentangle_jax.metrics import base
from disentangle_jax.ops import likelihood

PARTS = {
  'seen': 'seen combinations of factors',
  'left_out': 'combinations that training leaves out',
}
SCORES = {
  f'reconstruction_by_part/{key}_{part}': types.Score(
    f'{definition} of {words}', direction, low, high
  )
  for part, words in PARTS.items()
  for key, definition, direction, low, high in (
    (
      'nats',
      '-log p(x|z), summed over pixels, mean over images',
      'lower',
      -math.inf,
      math.inf,
    ),
    (
      'squared_error',
      'squared error of the decoded mean, summed over pixels, mean over images',
      'lower',
      0.0,
      math.inf,
    ),
    (
      'explained',
      '1 - squared error over the variance of the images',
      'higher',
      -math.inf,
      1.0,
    ),
  )
}
CITATION = 'Montero et al. 2021'
_BLOCK = 250


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    num_points: images of either part, with replacement.
  """

  num_points: int = 2000


def explained(error: jax.Array, images: jax.Array) -> jax.Array:
  """Share of the images' variance that does not stay as an error.

  Args:
    error: scalar, mean squared error, summed over an image.
    images: float [N, ...].

  Returns:
    Scalar in (-inf, 1]; NaN where all images are the same.
  """
  apart = jnp.square(images - jnp.mean(images, axis=0))
  variance = jnp.sum(apart) / len(images)
  return jnp.where(variance > 0, 1 - error / variance, jnp.nan)


def make(config: Config, data: types.Dataset) -> types.Probe:
  """Builds the probe; its context holds the images of both parts.

  Args:
    config: constants.
    data: a grid of which combinations are left out.

  Returns:
    The probe.

  Raises:
    ConfigError: no grid, nothing left out, or a constant out of range.
  """
  base.at_least(config, num_points=1)
  if data.render is None:
    rule = (
      'reconstruction_by_part renders combinations that training never sees'
    )
    raise errors.value('config.dataset.name', data.name, rule)
  numbers = exclusions.left_out(data)
  if not len(numbers):
    rule = (
      'leaves no combination out, reconstruction_by_part needs some; e.g. '
      "config.dataset.distribution = 'extrapolation'"
    )
    raise errors.value('config.dataset.name', data.name, rule)
  count = config.num_points

  def fit(key, arrays):
    seen_key, choice_key, render_key = jax.random.split(key, 3)
    index = jnp.arange(count, dtype=jnp.int32)
    seen = data.sample(seen_key, arrays, index)['observation']
    chosen = jax.random.choice(choice_key, jnp.asarray(numbers), (count,))
    left_out = jax.lax.map(
      lambda inputs: data.render(arrays, *inputs),
      (
        factorial.unflatten(chosen, data.factor_sizes),
        jax.random.split(render_key, count),
      ),
      batch_size=_BLOCK,
    )
    return {'seen': seen, 'left_out': left_out}

  def score(key, context, method, state, arrays, batch):
    del key, arrays, batch

    def one(image):
      image = image[None]
      vector = method.represent(state, image).vector
      nats = -method.extras['log_likelihood'](state, vector, image)
      decoded = method.decode(state, vector)
      return nats[0], likelihood.squared_error(decoded, image)[0]

    scores = {}
    for part, images in context.items():
      nats, errors_of = jax.lax.map(one, images, batch_size=_BLOCK)
      error = jnp.mean(errors_of)
      scores |= {
        f'reconstruction_by_part/nats_{part}': jnp.mean(nats),
        f'reconstruction_by_part/squared_error_{part}': error,
        f'reconstruction_by_part/explained_{part}': explained(error, images),
      }
    return scores

  return types.Probe(
    fit=fit,
    score=score,
    requires=('represent', 'decode', 'log_likelihood'),
    constants=dataclasses.asdict(config),
    kinds=('image', 'video', 'voxels', 'vector'),
    at_once=2,
  )
