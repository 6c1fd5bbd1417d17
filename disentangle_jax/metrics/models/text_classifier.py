"""A small classifier of sentences, to judge what models write.

Windows of one to three words with the largest answer of each filter (Kim 2014,
https://arxiv.org/abs/1408.5882) and a head of logits, trained by Adam on the
cross entropy with the set's own labels (its field 'label' where it has one,
else a factor). A probe makes a judge, calls its `fit` in its own `fit` and
passes the parameters on as its context; no method shares it.
"""

from collections.abc import Callable
import dataclasses
from typing import NamedTuple

from flax import linen as nn
import jax
import jax.numpy as jnp
import optax

from disentangle_jax import checks, errors, types
from disentangle_jax.metrics.models import judges, language_model
from disentangle_jax.nn import mlp, text
from disentangle_jax.ops import tokens as tokens_lib


@dataclasses.dataclass(frozen=True)
class Config:
  """What is trained, and how.

  Attributes:
    factor: number of the factor that the label is of.
    heights: words in a window.
    filters: of each height.
    embedding: width of the vectors of words.
    steps: of Adam.
    batch_size: sentences per step.
    learning_rate: of Adam, falling to 0 along a half cosine.
  """

  factor: int = 0
  heights: tuple[int, ...] = (1, 2, 3)
  filters: int = 32
  embedding: int = 32
  steps: int = 1000
  batch_size: int = 64
  learning_rate: float = 3e-3


class Network(nn.Module):
  """Logits of a sentence's class.

  Attributes:
    words: V.
    classes: number of classes.
    config: widths.
  """

  words: int
  classes: int
  config: Config

  @nn.compact
  def __call__(self, tokens: jax.Array) -> jax.Array:
    """int32 [B, L] -> float [B, classes]."""
    x = text.Embedding(self.words, self.config.embedding)(tokens)
    cnn = text.WindowCNN(self.config.heights, self.config.filters)
    answers = cnn(x, tokens_lib.mask_of(tokens))
    return nn.Dense(self.classes, kernel_init=mlp.KERNEL_INIT)(answers)


class Judge(NamedTuple):
  """Pure functions of one classifier.

  Attributes:
    fit: (typed key, arrays of the data set) -> parameters.
    logits: (parameters, int32 [B, L]) -> float32 [B, classes], unnormalised log
      probabilities; what follows the first end is not read.
  """

  fit: Callable[[jax.Array, types.PyTree], types.PyTree]
  logits: Callable[[types.PyTree, jax.Array], jax.Array]

  def predict(self, params: types.PyTree, tokens: jax.Array) -> jax.Array:
    """The most likely class, int32 [B]."""
    return jnp.argmax(self.logits(params, tokens), axis=-1).astype(jnp.int32)

  def accuracy(
    self, params: types.PyTree, tokens: jax.Array, labels: jax.Array
  ) -> jax.Array:
    """Share of sentences named right.

    Args:
      params: from `fit`.
      tokens: int32 [B, L].
      labels: int [B].

    Returns:
      float32 scalar in [0, 1].
    """
    said = self.predict(params, tokens)
    return jnp.mean(said == labels, dtype=jnp.float32)


def make(config: Config, data: types.Dataset, where: str) -> Judge:
  """Builds a classifier of a data set's sentences.

  Args:
    config: what is trained, and how.
    data: of the kind 'tokens', with a vocabulary and labels.
    where: dotted name of the settings, for errors.

  Returns:
    The judge.

  Raises:
    ConfigError: no sentences, no labels, a label with one value, or a setting
      out of range.
  """
  vocabulary = language_model.vocabulary_of(data, where)
  check(config, data, where)
  classes = data.factor_sizes[config.factor]
  network = Network(len(vocabulary), classes, config)
  adam = judges.falling_adam(config.learning_rate, config.steps)
  # A set whose labels are not its first factor says so by a field.
  own = 'label' in data.fields and config.factor == 0

  def logits(params, tokens):
    said = network.apply({'params': params}, tokens)
    return said.astype(jnp.float32)

  def loss(params, batch):
    labels = batch['label'] if own else batch['factors'][:, config.factor]
    return jnp.mean(
      optax.softmax_cross_entropy_with_integer_labels(
        logits(params, batch['observation']), labels
      )
    )

  def fit(key, arrays):
    start = jnp.zeros((1, data.observation_shape[0]), jnp.int32)
    index = jnp.arange(config.batch_size, dtype=jnp.int32)
    draw = lambda key: data.sample(key, arrays, index)
    return judges.learnt(key, network, start, loss, adam, draw, config.steps)

  return Judge(fit, logits)


def check(config: Config, data: types.Dataset, where: str) -> None:
  """Refuses settings out of range and sets without such labels."""
  for field in ('filters', 'embedding', 'steps', 'batch_size'):
    checks.integer(f'{where}.{field}', getattr(config, field), 1)
  if not config.heights or not all(
    checks.is_integer(h) and h >= 1 for h in config.heights
  ):
    rule = 'must be numbers of words of at least 1'
    raise errors.value(f'{where}.heights', config.heights, rule)
  rate = config.learning_rate
  if not checks.is_number(rate) or rate <= 0:
    rule = 'must be finite and > 0'
    raise errors.value(f'{where}.learning_rate', rate, rule)
  most = len(data.factor_sizes) - 1
  if most < 0:
    rule = f'data set {data.name} has no labels to train a classifier on'
    raise errors.value(f'{where}.factor', config.factor, rule)
  checks.integer(f'{where}.factor', config.factor, 0, most)
  if data.factor_sizes[config.factor] < 2:
    rule = f'factor {data.factor_names[config.factor]} has a single value'
    raise errors.value(f'{where}.factor', config.factor, rule)
