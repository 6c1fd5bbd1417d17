"""Whether draws from a model look like the data, and as varied.

Detectors beside any claim about codes of a generative model, where a bound on
information can be perfect while the images are noise, or one image per class:

  sample_classes    exp of the entropy of the classes that a classifier of
                    images names; K when all are drawn alike often, 1 collapsed
  sample_nearest    mean distance (L2 over pixels) of a draw to its nearest of
                    `num_points` images of the data, over the same mean of
                    images and their nearest other one: 0 for copies, 1 as near
                    as neighbours in the data, large off the data
  sample_coverage   mean distance of an image of the data to its nearest draw,
                    over the same denominator: large where modes lack
  sample_spread     mean over pixels of the deviation of draws, over that of
                    images

Source: the two nearest-neighbour means are the sides of a modified Hausdorff
distance (Dubuisson & Jain 1994, https://doi.org/10.1109/ICPR.1994.576361), and
the classes those of the inception score (Salimans et al. 2016,
https://arxiv.org/abs/1606.03498), without its sharpness. A study calls a claim
void where sample_nearest > 3 or sample_classes < K / 2.

Draws are the method's extra 'generate'; the classifier is fitted to the run's
data set, once for all runs, which meet the same images.

Another image is one that differs by a thousandth or more, root mean square over
its values: a grid of few points is drawn with repetitions.

Known failure modes: pixel distances prefer blur, so that sample_nearest may be
below 1; the classifier names a class for noise, too.
"""

import dataclasses

import jax
import jax.numpy as jnp

from disentangle_jax import types
from disentangle_jax.metrics import base
from disentangle_jax.metrics.models import image_classifier

SCORES = {
  'sample_classes': types.Score(
    'exp of the entropy of the classes of draws', 'higher', 1.0
  ),
  'sample_nearest': types.Score(
    'mean distance of a draw to its nearest image, over that of neighbours',
    'lower',
    0.0,
  ),
  'sample_coverage': types.Score(
    'mean distance of an image to its nearest draw, over that of neighbours',
    'lower',
    0.0,
  ),
  'sample_spread': types.Score(
    'mean deviation of the pixels of draws, over that of images', low=0.0
  ),
}
CITATION = 'Dubuisson & Jain 1994; Salimans et al. 2016, arXiv:1606.03498'
_HIGHEST = jax.lax.Precision.HIGHEST
# Less than half a step of 8 bits.
_DIFFERENT = 1e-3


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    num_points: draws, and images on each side.
    factor: number of the factor that is the class.
    net: of the classifier, a key of `nets.NETS`.
    hidden: widths of its layers when it is an 'mlp'.
    steps: of its training.
    batch_size: images per step.
    learning_rate: of Adam, falling to 0 along a half cosine.
  """

  num_points: int = 2000
  factor: int = 0
  net: str = 'mlp'
  hidden: tuple[int, ...] = (256,)
  steps: int = 1000
  batch_size: int = 128
  learning_rate: float = 1e-3


def nearest(
  images: jax.Array, others: jax.Array, different: float = 0.0
) -> jax.Array:
  """Distance of each image to its nearest among others.

  Args:
    images: float [N, P].
    others: float [M, P].
    different: root mean square over values by which the other must differ.

  Returns:
    float [N], L2; infinite where none differs.
  """
  products = jnp.matmul(images, others.T, precision=_HIGHEST)
  squares = lambda x: jnp.sum(jnp.square(x), axis=1)
  distances = squares(images)[:, None] + squares(others) - 2 * products
  if different:
    least = different**2 * images.shape[1]
    distances = jnp.where(distances < least, jnp.inf, distances)
  return jnp.sqrt(jnp.maximum(jnp.min(distances, axis=1), 0))


def classes_in_use(labels: jax.Array, num_classes: int) -> jax.Array:
  """exp of the entropy of a histogram, in [1, num_classes].

  Args:
    labels: int [N]; others than 0 .. num_classes - 1 are left out.
    num_classes: K.

  Returns:
    float scalar.
  """
  counts = jnp.sum(jax.nn.one_hot(labels, num_classes), axis=0)
  shares = counts / jnp.sum(counts)
  return jnp.exp(jnp.sum(jax.scipy.special.entr(shares)))


def make(config: Config, data: types.Dataset) -> types.Probe:
  """Builds the probe; its context is the classifier's parameters.

  Args:
    config: constants.
    data: a data set with a factor of at least two values.

  Returns:
    The probe.

  Raises:
    ConfigError: no such factor, or a constant out of range.
  """
  base.at_least(config, num_points=2, steps=1, batch_size=1)
  judge = image_classifier.make(
    image_classifier.settings_of(config),
    data,
    'config.metric_options.sample_quality',
  )
  index = jnp.arange(config.num_points, dtype=jnp.int32)

  def score(key, context, method, state, arrays, batch):
    del batch
    draw_key, data_key = jax.random.split(key)
    draws, _ = method.extras['generate'](draw_key, state, config.num_points)
    images = data.sample(data_key, arrays, index)['observation']
    labels = judge.predict(context, draws)
    flat = lambda x: x.reshape(len(x), -1).astype(jnp.float32)
    drawn, seen = flat(draws), flat(images)
    as_near = jnp.mean(nearest(seen, seen, _DIFFERENT))
    spread = lambda x: jnp.mean(jnp.std(x, axis=0))
    classes = classes_in_use(labels, data.factor_sizes[config.factor])
    # A draw that is not finite has no class.
    finite = jnp.all(labels >= 0)
    return {
      'sample_classes': jnp.where(finite, classes, jnp.nan),
      'sample_nearest': jnp.mean(nearest(drawn, seen)) / as_near,
      'sample_coverage': jnp.mean(nearest(seen, drawn)) / as_near,
      'sample_spread': spread(drawn) / spread(seen),
    }

  return types.Probe(
    fit=judge.fit,
    score=score,
    requires=('generate',),
    constants=dataclasses.asdict(config),
    at_once=4,
  )
