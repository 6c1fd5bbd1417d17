"""A language model of a data set's sentences, to judge what models write.

A GRU over words (Cho et al. 2014) with a linear readout, trained by Adam on the
negative log likelihood of training sentences. A probe makes a judge, calls its
`fit` in its own `fit` and passes the parameters on as its context; no method
shares it. Perplexity is exp(sum of nll / number of tokens), the end counted.

For the reverse perplexity (Zhao et al. 2018, "Adversarially regularized
autoencoders", https://arxiv.org/abs/1706.04223) `fit_to` trains
the same model on written sentences, and `perplexity` is taken of real ones.
"""

from collections.abc import Callable
import dataclasses
from typing import Any, NamedTuple

from flax import linen as nn
import jax
import jax.numpy as jnp
import optax

from disentangle_jax import checks, errors, types
from disentangle_jax.metrics.models import judges
from disentangle_jax.nn import mlp, recurrent, text
from disentangle_jax.ops import tokens as tokens_lib


@dataclasses.dataclass(frozen=True)
class Config:
  """What is trained, and how.

  Attributes:
    hidden: width of the GRU; 512 at full size.
    embedding: width of the vectors of words.
    steps: of Adam.
    batch_size: sentences per step.
    learning_rate: of Adam, falling to 0 along a half cosine; gradients are cut
      at a norm of 5.
  """

  hidden: int = 128
  embedding: int = 64
  steps: int = 2000
  batch_size: int = 64
  learning_rate: float = 5e-3


class Network(nn.Module):
  """Logits of each token, given those before.

  Attributes:
    words: V.
    embedding: width of the vectors of words.
    hidden: width of the GRU.
  """

  words: int
  embedding: int
  hidden: int

  @nn.compact
  def __call__(self, tokens: jax.Array) -> jax.Array:
    """int32 [B, L] -> float [B, L, V]."""
    x = text.Embedding(self.words, self.embedding)(tokens_lib.inputs(tokens))
    states, _ = recurrent.RNN(self.hidden)(x)
    return nn.Dense(self.words, kernel_init=mlp.KERNEL_INIT)(states)


class Judge(NamedTuple):
  """Pure functions of one language model.

  Attributes:
    fit: (typed key, arrays of the data set) -> parameters.
    fit_to: (typed key, int32 [N, L] sentences) -> parameters.
    nll: (parameters, int32 [B, L]) -> float32 [B], nats, summed over words and
      end; what follows the first end is not read.
  """

  fit: Callable[[jax.Array, types.PyTree], types.PyTree]
  fit_to: Callable[[jax.Array, jax.Array], types.PyTree]
  nll: Callable[[types.PyTree, jax.Array], jax.Array]

  def perplexity(self, params: types.PyTree, tokens: jax.Array) -> jax.Array:
    """Of sentences together.

    Args:
      params: from `fit` or `fit_to`.
      tokens: int32 [N, L].

    Returns:
      float32 scalar >= 1.
    """
    return perplexity(self.nll(params, tokens), tokens_lib.mask_of(tokens))


def perplexity(nll: jax.Array, counts: jax.Array) -> jax.Array:
  """exp(sum of nats / number of words).

  Args:
    nll: float [N], nats of every sentence.
    counts: int [N] or bool [N, L], words of every sentence.

  Returns:
    float32 scalar >= 1.
  """
  return jnp.exp(jnp.sum(nll) / jnp.maximum(jnp.sum(counts), 1))


def of_probe(constants: Any, data: types.Dataset, where: str) -> Judge:
  """The model that a probe describes among its constants.

  Args:
    constants: with `model_hidden`, `model_embedding`, `model_steps` and
      `model_learning_rate`.
    data: as for `make`.
    where: dotted name of the settings, for errors.

  Returns:
    The judge.

  Raises:
    ConfigError: no sentences, or a setting out of range.
  """
  config = Config(
    hidden=constants.model_hidden,
    embedding=constants.model_embedding,
    steps=constants.model_steps,
    learning_rate=constants.model_learning_rate,
  )
  return make(config, data, where)


def make(config: Config, data: types.Dataset, where: str) -> Judge:
  """Builds a language model of a data set.

  Args:
    config: what is trained, and how.
    data: of the kind 'tokens', with a vocabulary.
    where: dotted name of the settings, for errors.

  Returns:
    The judge.

  Raises:
    ConfigError: no sentences, or a setting out of range.
  """
  vocabulary = vocabulary_of(data, where)
  check(config, where)
  network = Network(len(vocabulary), config.embedding, config.hidden)
  adam = judges.falling_adam(config.learning_rate, config.steps)
  optimiser = optax.chain(optax.clip_by_global_norm(5.0), adam)

  def nll(params, tokens):
    logits = network.apply({'params': params}, tokens)
    return tokens_lib.nll(logits.astype(jnp.float32), tokens)

  def loss(params, tokens):
    count = jnp.sum(tokens_lib.mask_of(tokens))
    return jnp.sum(nll(params, tokens)) / jnp.maximum(count, 1)

  def train(key, draw):
    start = jnp.zeros((1, data.observation_shape[0]), jnp.int32)
    steps = config.steps
    return judges.learnt(key, network, start, loss, optimiser, draw, steps)

  def fit(key, arrays):
    index = jnp.arange(config.batch_size, dtype=jnp.int32)
    draw = lambda key: data.sample(key, arrays, index)['observation']
    return train(key, draw)

  def fit_to(key, tokens):
    rows = lambda key: jax.random.randint(
      key, (config.batch_size,), 0, len(tokens)
    )
    return train(key, lambda key: tokens[rows(key)])

  return Judge(fit, fit_to, nll)


def check(config: Config, where: str) -> None:
  """Refuses settings out of range, as ConfigError."""
  for field in ('hidden', 'embedding', 'steps', 'batch_size'):
    checks.integer(f'{where}.{field}', getattr(config, field), 1)
  rate = config.learning_rate
  if not checks.is_number(rate) or rate <= 0:
    rule = 'must be finite and > 0'
    raise errors.value(f'{where}.learning_rate', rate, rule)


def vocabulary_of(data: types.Dataset, where: str) -> tuple[str, ...]:
  """The words of a set of sentences.

  Args:
    data: any.
    where: dotted name of the settings, for errors.

  Returns:
    token -> word.

  Raises:
    ConfigError: no sentences, or no vocabulary.
  """
  vocabulary = data.extras.get('vocabulary')
  if data.kind != 'tokens' or vocabulary is None:
    rule = f'{where} judges sentences, this set holds {data.kind}'
    if data.kind == 'tokens':
      rule = f'{where} needs a vocabulary, this set has none'
    raise errors.value('config.dataset.name', data.name, rule)
  return vocabulary
