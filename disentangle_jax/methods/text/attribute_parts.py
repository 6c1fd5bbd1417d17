"""Networks of attribute transfer: a reader, a writer, a classifier of words.

Words are tokens, int32 [B, L], or laws over the vocabulary, float [B, L, V]:
all three networks take either. A law is read as the mean of the words' vectors,
and each place counts as far as the sentence has not ended before it.
"""

import dataclasses
from typing import Any, NamedTuple

from flax import linen as nn
import jax
import jax.numpy as jnp

from disentangle_jax.nn import mlp, recurrent, text
from disentangle_jax.ops import axis, per_example
from disentangle_jax.ops import tokens as tokens_lib

LABELS = 2


class Reader(nn.Module):
  """A GRU over words whose first state is the label's.

  Attributes:
    features: H.
  """

  features: int

  def setup(self):
    self.start = text.Embedding(LABELS, self.features)
    self.rnn = recurrent.RNN(self.features)

  def __call__(self, x: jax.Array, label: jax.Array) -> jax.Array:
    """Words' vectors [B, L, F], int [B] -> states [B, L, H].

    It reads on behind the end; whoever looks at the states masks them.
    """
    return self.rnn(x, carry=self.start(label))[0]


class Classifier(nn.Module):
  """Logits of the label, from vectors of words of its own.

  Attributes:
    words: V.
    embedding: F.
    heights: words in a window.
    filters: of each height.
  """

  words: int
  embedding: int
  heights: tuple[int, ...]
  filters: int

  def setup(self):
    self.vectors = text.Embedding(self.words, self.embedding)
    self.cnn = text.WindowCNN(self.heights, self.filters)
    self.head = nn.Dense(LABELS, kernel_init=mlp.KERNEL_INIT)

  def __call__(
    self, sentence: jax.Array, scale: jax.Array | None = None
  ) -> jax.Array:
    """Tokens or laws -> logits [B, 2]; scale [B, filters] of dropout."""
    answers = self.cnn(vectors_of(self.vectors, sentence), mask_of(sentence))
    return self.head(answers if scale is None else answers * scale)


def is_soft(sentence: jax.Array) -> bool:
  """Whether words are laws."""
  return jnp.issubdtype(sentence.dtype, jnp.floating)


def mask_of(sentence: jax.Array) -> jax.Array:
  """How far each place counts, in [0, 1]: tokens or laws -> [B, L]."""
  if is_soft(sentence):
    return tokens_lib.soft_mask(sentence)
  return tokens_lib.mask_of(sentence)


def vectors_of(table: text.Embedding, sentence: jax.Array) -> jax.Array:
  """Of words, by a bound embedding: tokens or laws -> [B, L, F]."""
  return table.soft(sentence) if is_soft(sentence) else table(sentence)


class Memory(NamedTuple):
  """A sentence as the writer sees it.

  Attributes:
    states: float [B, L, H].
    mask: bool or float [B, L] in [0, 1].
  """

  states: jax.Array
  mask: jax.Array


class Written(NamedTuple):
  """A soft sentence.

  Attributes:
    laws: float [B, T, V], softmax(logits / temperature).
    logits: float [B, T, V].
    attention: float [B, T, L], over the places of the sentence that was read.
  """

  laws: jax.Array
  logits: jax.Array
  attention: jax.Array


class Dropout(NamedTuple):
  """What stays, scaled: one draw per sentence, for all places and passes.

  Attributes:
    vectors: float [B, F], of words in front of reader and writer.
    features: float [B, filters], of the classifier's answers.
  """

  vectors: jax.Array | None = None
  features: jax.Array | None = None


NO_DROPOUT = Dropout()


@dataclasses.dataclass(frozen=True)
class Networks:
  """Pure functions of parameters {'words', 'reader', 'writer', 'classifier'}.

  Attributes:
    words: vectors of reader and writer.
    reader: E.
    writer: G.
    classifier: C.
    length: T, words of a written sentence at most, its end included.
  """

  words: text.Embedding
  reader: Reader
  writer: text.Decoder
  classifier: Classifier
  length: int

  def init(self, key: jax.Array, tokens: jax.Array) -> Any:
    """Parameters; int32 [B, L] serves for its shape."""
    keys = jax.random.split(key, 4)
    label = jnp.zeros(len(tokens), jnp.int32)
    start = lambda module, key, *of: module.init(key, *of)['params']
    words = start(self.words, keys[0], tokens)
    x = self.words.apply({'params': words}, tokens)
    reader = start(self.reader, keys[1], x, label)
    states = self.reader.apply({'params': reader}, x, label)
    memory = states, tokens_lib.mask_of(tokens)
    return {
      'words': words,
      'reader': reader,
      'writer': start(self.writer, keys[2], _first(label), x, *memory),
      'classifier': start(self.classifier, keys[3], tokens),
    }

  def vectors(self, params: Any, sentence: jax.Array) -> jax.Array:
    """Tokens or laws -> float [B, L, F]."""
    module = self.words.bind({'params': params['words']})
    return vectors_of(module, sentence)

  def read(
    self,
    params: Any,
    sentence: jax.Array,
    label: jax.Array,
    dropout: Dropout = NO_DROPOUT,
  ) -> Memory:
    """E(x, s): tokens or laws, int [B] -> what the writer looks at."""
    x = _scaled(self.vectors(params, sentence), dropout.vectors)
    states = self.reader.apply({'params': params['reader']}, x, label)
    return Memory(states, mask_of(sentence))

  def say(
    self,
    params: Any,
    memory: Memory,
    label: jax.Array,
    tokens: jax.Array,
    dropout: Dropout = NO_DROPOUT,
  ) -> tuple[jax.Array, jax.Array]:
    """G, teacher-forced on tokens: logits [B, T, V], attention [B, T, L]."""
    x = self.vectors(params, tokens_lib.inputs(tokens))
    return self.writer.apply(
      {'params': params['writer']},
      _first(label),
      _scaled(x, dropout.vectors),
      *memory,
    )

  def write(
    self,
    params: Any,
    memory: Memory,
    label: jax.Array,
    temperature: jax.Array | float,
    dropout: Dropout = NO_DROPOUT,
  ) -> Written:
    """G, each law fed on as the mean of the words' vectors.

    Args:
      params: of all networks.
      memory: of the sentence that is read.
      label: int [B], under which it is written.
      temperature: > 0; near 0 the laws are the words of `greedy`.
      dropout: of training.

    Returns:
      The soft sentence.
    """
    say, table, carry = self._steps(params, memory, label)

    def advance(carry, x, row):
      del row
      carry, logits, attention = say(carry, _scaled(x, dropout.vectors))
      law = nn.softmax(text.words_alone(logits) / temperature, axis=-1)
      return carry, law @ table, Written(law, logits, attention)

    start = jnp.broadcast_to(
      table[tokens_lib.BOS], (len(label), table.shape[-1])
    )
    return recurrent.unroll(advance, carry, start, self.length)[0]

  def greedy(self, params: Any, memory: Memory, label: jax.Array) -> jax.Array:
    """The likeliest word at each step: int32 [B, T], padding behind the end."""
    say, table, carry = self._steps(params, memory, label)
    step = lambda carry, x: say(carry, x)[:2]
    return text.greedy(step, table, carry, self.length)

  def _steps(self, params, memory, label):
    """One step of the writer, the table of words, the first state."""
    # Parameters inside of a loop over a split batch: summed over shards once.
    params = {name: params[name] for name in ('words', 'writer')}
    params = axis.spread(params, memory)
    apply = lambda *a, method: self.writer.apply(
      {'params': params['writer']}, *a, method=method
    )
    known = apply(memory.states, method='known')
    say = lambda carry, x: apply(carry, x, *memory, None, known, method='step')
    return say, params['words']['table'], apply(_first(label), method='begin')

  def classify(
    self, params: Any, sentence: jax.Array, dropout: Dropout = NO_DROPOUT
  ) -> jax.Array:
    """C: tokens or laws -> logits float [B, 2]."""
    return self.classifier.apply(
      {'params': params['classifier']}, sentence, dropout.features
    )

  def dropout(self, key: jax.Array, index: jax.Array, rate: float) -> Dropout:
    """Draws what stays in a step of training.

    Args:
      key: a typed PRNG key.
      index: int32 [B], numbers of the examples.
      rate: share that is dropped; 0 draws nothing.

    Returns:
      Scales 0 or 1 / (1 - rate), a row per example.
    """
    if not rate:
      return NO_DROPOUT
    filters = len(self.classifier.heights) * self.classifier.filters
    keys = jax.random.split(key)
    stays = lambda key, width: (
      per_example.bernoulli(key, index, 1 - rate, (width,)) / (1 - rate)
    )
    return Dropout(stays(keys[0], self.words.features), stays(keys[1], filters))


def _first(label):
  """What the writer's first state is a linear map of: a vector per label."""
  return jax.nn.one_hot(label, LABELS)


def _scaled(x, scale):
  """Vectors [B, L, F] or [B, F] times scale [B, F], where there is one."""
  if scale is None:
    return x
  return x * (scale[:, None] if x.ndim == 3 else scale)


def aligned_nll(
  written: Written, tokens: jax.Array, nouns: jax.Array
) -> jax.Array:
  """L_cnt: nouns said again where the writer looks at them.

  The noun at place r is asked for at r' = argmax_t attention[t, r], over the
  steps t that count; steps behind the end count as far as the sentence may go
  on. No gradient reaches the choice.

  Args:
    written: the transferred sentence, T steps.
    tokens: int [B, L], the sentence that was read.
    nouns: bool [B, L].

  Returns:
    float [B], nats, summed over nouns.
  """
  place = alignment(written)
  logs = jax.nn.log_softmax(written.logits, axis=-1)
  there = jnp.broadcast_to(tokens[:, None], (*logs.shape[:2], tokens.shape[-1]))
  own = jnp.take_along_axis(logs, there, axis=-1)  # [B, T, L]
  own = jnp.take_along_axis(own, place[:, None], axis=1)[:, 0]
  return -jnp.sum(jnp.where(nouns, own, 0), axis=-1)


def alignment(written: Written) -> jax.Array:
  """Which step looks most at each place: int [B, L]."""
  reached = tokens_lib.soft_mask(written.laws)[..., None]
  looks = jax.lax.stop_gradient(written.attention * reached)
  return jnp.argmax(looks, axis=1)
