"""A small classifier of images, to judge what models decode.

One of the encoders of `nn.nets` with a head of logits, trained by Adam on the
cross entropy with a factor of the data set as the label. A probe (an attack, a
swap of latents) makes a judge, calls its `fit` in its own `fit`, and passes the
parameters on as its context.
"""

from collections.abc import Callable
import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from disentangle_jax import errors, types
from disentangle_jax.metrics.models import judges
from disentangle_jax.nn import nets


@dataclasses.dataclass(frozen=True)
class Config:
  """What is trained, and how.

  Attributes:
    factor: number of the factor that is the label.
    net: a key of `nets.NETS`: 'conv' needs images that can be halved four
      times.
    hidden: widths of the layers, where the net has an option
      `encoder_hidden`: 'mlp'.
    steps: of Adam.
    batch_size: images per step.
    learning_rate: of Adam, falling to 0 along a half cosine.
  """

  factor: int = 0
  net: str = 'mlp'
  hidden: tuple[int, ...] = (256,)
  steps: int = 1000
  batch_size: int = 128
  learning_rate: float = 1e-3


def settings_of(config: Any) -> Config:
  """The settings that a probe's own constants hold under the same names.

  Args:
    config: a dataclass with some of the fields of `Config`.

  Returns:
    The settings; what the dataclass lacks has its default.
  """
  own = {field.name for field in dataclasses.fields(Config)}
  given = {f.name for f in dataclasses.fields(config)} & own
  return Config(**{name: getattr(config, name) for name in given})


class Judge(NamedTuple):
  """Pure functions of one classifier.

  Attributes:
    fit: (typed key, arrays of the data set) -> parameters.
    logits: (parameters, float32 [B, ...] in [0, 1]) -> float32 [B, classes],
      unnormalised log probabilities.
  """

  fit: Callable[[jax.Array, types.PyTree], types.PyTree]
  logits: Callable[[types.PyTree, jax.Array], jax.Array]

  def predict(self, params: types.PyTree, images: jax.Array) -> jax.Array:
    """The most likely class, int32 [B]; -1 where the logits are not finite."""
    scores = self.logits(params, images)
    finite = jnp.all(jnp.isfinite(scores), axis=-1)
    return jnp.where(finite, jnp.argmax(scores, axis=-1), -1).astype(jnp.int32)

  def accuracy(
    self, params: types.PyTree, images: jax.Array, labels: jax.Array
  ) -> jax.Array:
    """Share of images named right.

    Args:
      params: from `fit`.
      images: float32 [B, ...] in [0, 1].
      labels: int [B].

    Returns:
      float32 scalar in [0, 1]; NaN when an image has no finite logits, for what
      a diverged model decodes is not a wrong class.
    """
    said = self.predict(params, images)
    share = jnp.mean(said == labels, dtype=jnp.float32)
    return jnp.where(jnp.all(said >= 0), share, jnp.nan)


def _check(config: Config, data: types.Dataset, where: str) -> None:
  """Raises ConfigError unless the factor can be the label."""
  name = f'{where}.factor'
  if not data.factor_sizes:
    rule = f'data set {data.name} has no labels to train a classifier on'
    raise errors.value(name, config.factor, rule)
  if not 0 <= config.factor < len(data.factor_sizes):
    legal = [f'{k} ({name})' for k, name in enumerate(data.factor_names)]
    rule = f'must be one of {", ".join(legal)}'
    raise errors.value(name, config.factor, rule)
  if data.factor_sizes[config.factor] < 2:
    rule = f'factor {data.factor_names[config.factor]} has a single value'
    raise errors.value(name, config.factor, rule)


def make(config: Config, data: types.Dataset, where: str) -> Judge:
  """Builds a classifier of one factor of a data set.

  Args:
    config: what is trained, and how.
    data: where images and labels come from.
    where: dotted name of the settings, for errors.

  Returns:
    The judge.

  Raises:
    ConfigError: no such label, a label with one value, or a network that does
      not fit the images.
  """
  _check(config, data, where)
  widths = {'encoder_hidden': config.hidden}
  legal = nets.options(config.net)
  options = {name: value for name, value in widths.items() if name in legal}
  net = nets.make_config(config.net, options)
  nets.check(net, data.observation_shape)
  classes = data.factor_sizes[config.factor]
  network = nets.Encoder(net, (('label', classes),))
  adam = judges.falling_adam(config.learning_rate, config.steps)

  def logits(params, images):
    return nets.apply(network, params, images)['label']

  def loss(params, batch):
    return jnp.mean(
      optax.softmax_cross_entropy_with_integer_labels(
        logits(params, batch['observation']), batch['factors'][:, config.factor]
      )
    )

  def fit(key, arrays):
    start = jnp.zeros((1, *data.observation_shape))
    index = jnp.arange(config.batch_size, dtype=jnp.int32)
    draw = lambda key: data.sample(key, arrays, index)
    return judges.learnt(key, network, start, loss, adam, draw, config.steps)

  return Judge(fit, logits)
