"""Nets that read and write sentences.

Tokens and their ends are those of `ops.tokens`. A word may be soft, a law over
the vocabulary: its vector is then the mean of the words' vectors, and a place
counts as far as the sentence has not ended before it. So masks are bool or
floats in [0, 1] for windows and attention; recurrent readers take prefixes.

A decoder's loop over its own words is a plain function of one step:

  step = lambda carry, x: decoder.apply(
    {'params': params}, carry, x, memory, mask, code, method='step')[:2]
  words = text.greedy(step, table, carry, length)

These loops never write padding or the start, which are no words.
"""

from collections.abc import Callable
from typing import Any

import chex
from flax import linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax.nn import mlp, recurrent
from disentangle_jax.ops import maxima
from disentangle_jax.ops import tokens as tokens_lib

# One step of a decoder: (carry, float [B, F]) -> (carry, logits [B, V]).
Step = Callable[[Any, jax.Array], tuple[Any, jax.Array]]
_START = nn.initializers.normal(0.1)


class Embedding(nn.Module):
  """A vector for each word, N(0, 0.1^2) at first.

  Attributes:
    words: V.
    features: F.
  """

  words: int
  features: int

  def setup(self):
    self.table = self.param('table', _START, (self.words, self.features))

  def __call__(self, tokens: jax.Array) -> jax.Array:
    """int [..., L] -> float [..., L, F]."""
    chex.assert_type(tokens, int)
    return self.table[tokens]

  def soft(self, probabilities: jax.Array) -> jax.Array:
    """Mean vectors: float [..., V] -> float [..., F]."""
    chex.assert_type(probabilities, float)
    return probabilities @ self.table


class BidirectionalGRU(nn.Module):
  """A sentence read forwards and backwards (Schuster & Paliwal 1997).

  Attributes:
    features: H, of each direction.
  """

  features: int

  def setup(self):
    self.forwards = recurrent.RNN(self.features)
    self.backwards = recurrent.RNN(self.features)

  def __call__(
    self, x: jax.Array, mask: jax.Array, first: jax.Array | None = None
  ) -> tuple[jax.Array, jax.Array]:
    """Reads sentences.

    Args:
      x: float [B, L, F].
      mask: bool [B, L], prefixes.
      first: float [B, 2 H], the first states of both directions; None for 0.

    Returns:
      States float [B, L, 2 H], 0 where masked, and the last one of each
      direction [B, 2 H]: that of the first word is the last one backwards.
    """
    chex.assert_shape(mask, x.shape[:2])
    ahead, back = (None, None) if first is None else jnp.split(first, 2, -1)
    forwards, end = self.forwards(x, mask, carry=ahead)
    backwards, start = self.backwards(x, mask, reverse=True, carry=back)
    states = jnp.concatenate([forwards, backwards], axis=-1)
    states = jnp.where(mask[..., None], states, 0)
    return states, jnp.concatenate([end, start], axis=-1)


class WindowCNN(nn.Module):
  """Filters over windows of words, the largest answer of each.

  Kim 2014, "Convolutional neural networks for sentence classification",
  https://arxiv.org/abs/1408.5882. A window may reach beyond the end, where it
  sees zeros, so that a sentence may be shorter than a window.

  Attributes:
    heights: words in a window, one kind of filters each.
    filters: of each height.
  """

  heights: tuple[int, ...] = (1, 2, 3)
  filters: int = 32

  @nn.compact
  def __call__(self, x: jax.Array, mask: jax.Array) -> jax.Array:
    """Reads sentences.

    Args:
      x: float [B, L, F].
      mask: bool or float [B, L] in [0, 1]; windows that start at a place count
        as far as it does.

    Returns:
      float [B, heights * filters], >= 0.
    """
    chex.assert_shape(mask, x.shape[:2])
    mask = mask.astype(x.dtype)[..., None]
    x = x * mask
    length = x.shape[1]
    answers = []
    for height in self.heights:
      padded = jnp.pad(x, ((0, 0), (0, height - 1), (0, 0)))
      windows = jnp.concatenate(
        [padded[:, k : k + length] for k in range(height)], axis=-1
      )
      dense = nn.Dense(
        self.filters, kernel_init=mlp.KERNEL_INIT, name=f'height_{height}'
      )
      answers.append(maxima.largest(nn.relu(dense(windows)) * mask, 1))
    return jnp.concatenate(answers, axis=-1)


class AdditiveAttention(nn.Module):
  """Which states a query looks at.

  Bahdanau et al. 2015, https://arxiv.org/abs/1409.0473, section 3.1:
  weights = softmax over places of v . tanh(W query + U state).

  Attributes:
    features: width of W and U.
  """

  features: int

  def setup(self):
    dense = lambda width, bias: nn.Dense(
      width, use_bias=bias, kernel_init=mlp.KERNEL_INIT
    )
    self.query = dense(self.features, True)
    self.state = dense(self.features, False)
    self.score = dense(1, False)

  def known(self, states: jax.Array) -> jax.Array:
    """U state, which all queries share: float [B, L, S] -> float [B, L, A]."""
    return self.state(states)

  def __call__(
    self,
    query: jax.Array,
    states: jax.Array,
    mask: jax.Array,
    known: jax.Array | None = None,
  ) -> tuple[jax.Array, jax.Array]:
    """Looks.

    Args:
      query: float [B, T, Q].
      states: float [B, L, S].
      mask: bool or float [B, L] in [0, 1]; a place has that much of its weight.
      known: float [B, L, A], what `known` gives of the states; None to take it
        here.

    Returns:
      Means of the states float [B, T, S], and weights float [B, T, L], whose
      sum over L is 1; where no place counts both are 0.
    """
    chex.assert_shape(mask, states.shape[:2])
    if known is None:
      known = self.known(states)
    asked = self.query(query)[:, :, None]
    scores = self.score(jnp.tanh(asked + known[:, None]))[..., 0]
    share = mask.astype(scores.dtype)[:, None]
    there = share > 0
    scores += jnp.log(jnp.where(there, share, 1))
    least = jnp.finfo(scores.dtype).min
    weights = nn.softmax(jnp.where(there, scores, least), axis=-1)
    weights = jnp.where(there, weights, 0)
    return weights @ states, weights


class Decoder(nn.Module):
  """A GRU that says a law over words at each step.

  Its first state is a linear map of a vector. With attention, what the state of
  a step looks at stands beside it in front of the logits (Luong et al. 2015,
  section 3, with additive scores), so that all steps of a known sentence are
  read at once.

  Attributes:
    words: V.
    features: H.
    attention: width of the scores; 0 for a decoder without.
  """

  words: int
  features: int
  attention: int = 0

  def setup(self):
    self.start = nn.Dense(self.features, kernel_init=mlp.KERNEL_INIT)
    self.rnn = recurrent.RNN(self.features)
    self.readout = nn.Dense(self.words, kernel_init=mlp.KERNEL_INIT)
    if self.attention:
      self.look = AdditiveAttention(self.attention)

  def begin(self, first: jax.Array) -> jax.Array:
    """The first state: float [B, D] -> float [B, H]."""
    return self.start(first)

  def known(self, memory: jax.Array) -> jax.Array:
    """What every step of a loop asks of the memory, see AdditiveAttention."""
    return self.look.known(memory)

  def __call__(
    self,
    first: jax.Array,
    x: jax.Array,
    memory: jax.Array | None = None,
    mask: jax.Array | None = None,
    code: jax.Array | None = None,
  ) -> tuple[jax.Array, jax.Array | None]:
    """Teacher-forced: the words before are given.

    Args:
      first: float [B, D], see `begin`.
      x: float [B, T, F], vectors of the words before, see `tokens.inputs`.
      memory: float [B, L, S], the states that attention looks at.
      mask: bool or float [B, L] of them.
      code: float [B, C], given beside every word; None for nothing.

    Returns:
      Logits float [B, T, V], and the weights of attention [B, T, L] or None.
    """
    states, _ = self.rnn(_beside(x, code), carry=self.begin(first))
    return self._say(states, memory, mask)

  def step(
    self,
    carry: jax.Array,
    x: jax.Array,
    memory: jax.Array | None = None,
    mask: jax.Array | None = None,
    code: jax.Array | None = None,
    known: jax.Array | None = None,
  ) -> tuple[jax.Array, jax.Array, jax.Array | None]:
    """One word; carry [B, H], x [B, F] -> carry, logits [B, V], weights."""
    carry, state = self.rnn.step(carry, _beside(x[:, None], code)[:, 0])
    logits, weights = self._say(state[:, None], memory, mask, known)
    return carry, logits[:, 0], None if weights is None else weights[:, 0]

  def _say(self, states, memory, mask, known=None):
    if not self.attention:
      return self.readout(states), None
    seen, weights = self.look(states, memory, mask, known)
    return self.readout(jnp.concatenate([states, seen], axis=-1)), weights


def _beside(x, code):
  """x [B, T, F] with code [B, C] behind the numbers of every step."""
  if code is None:
    return x
  shape = (*x.shape[:2], code.shape[-1])
  return jnp.concatenate([x, jnp.broadcast_to(code[:, None], shape)], axis=-1)


def greedy(step: Step, table: jax.Array, carry: Any, length: int) -> jax.Array:
  """The most likely word at each step, given those before.

  Args:
    step: of the decoder.
    table: float [V, F], vectors of words.
    carry: first state, arrays [B, ...].
    length: L.

  Returns:
    int32 [B, L], padding behind the end.
  """
  choose = lambda logits, row: jnp.argmax(logits, axis=-1)
  return _write(step, table, carry, length, choose, None)


def sampled(
  keys: jax.Array,
  step: Step,
  table: jax.Array,
  carry: Any,
  length: int,
  temperature: float | jax.Array = 1.0,
) -> jax.Array:
  """A draw from softmax(logits / temperature) at each step.

  Args:
    keys: typed PRNG keys [B], one per sentence: a draw does not depend on how a
      batch is split.
    step: of the decoder.
    table: float [V, F].
    carry: first state, arrays [B, ...].
    length: L.
    temperature: > 0.

  Returns:
    int32 [B, L], padding behind the end.
  """
  numbers = jnp.arange(length)
  rows = jax.vmap(lambda n: jax.vmap(lambda k: jax.random.fold_in(k, n))(keys))(
    numbers
  )
  draw = jax.vmap(jax.random.categorical)
  choose = lambda logits, row: draw(row, logits / temperature)
  return _write(step, table, carry, length, choose, rows)


def _write(step, table, carry, length, choose, extra):
  """Hard words; `choose` is (logits [B, V], row of extra) -> int [B]."""

  def advance(carry, x, row):
    carry, logits = step(carry, x)
    logits = words_alone(logits)
    word = choose(logits, row).astype(jnp.int32)
    return carry, table[word], word

  x = _first(table, carry)
  words, _ = recurrent.unroll(advance, carry, x, length, extra)
  return tokens_lib.cut(words)


def soft(
  step: Step,
  table: jax.Array,
  carry: Any,
  length: int,
  temperature: float | jax.Array,
) -> jax.Array:
  """Laws of words, each fed on as the mean of the words' vectors.

  Near 0 the temperature gives the words of `greedy`, and gradients of little
  use; near 1 the words are averages that no sentence is made of.

  Args:
    step: of the decoder.
    table: float [V, F].
    carry: first state, arrays [B, ...].
    length: L.
    temperature: > 0.

  Returns:
    float [B, L, V], softmax(logits / temperature); what follows the end is not
    taken out, see `tokens.soft_mask`.
  """

  def advance(carry, x, row):
    del row
    carry, logits = step(carry, x)
    logits = words_alone(logits)
    law = nn.softmax(logits / temperature, axis=-1)
    return carry, law @ table, law

  laws, _ = recurrent.unroll(advance, carry, _first(table, carry), length)
  return laws


def words_alone(logits: jax.Array) -> jax.Array:
  """Logits float [..., V] with padding and start as unlikely as can be."""
  written = np.ones(logits.shape[-1], bool)
  written[[tokens_lib.PAD, tokens_lib.BOS]] = False
  return jnp.where(written, logits, jnp.finfo(logits.dtype).min)


def _first(table, carry):
  """The vector of the start for each sentence, [B, F]."""
  batch = jax.tree.leaves(carry)[0].shape[0]
  return jnp.broadcast_to(table[tokens_lib.BOS], (batch, table.shape[1]))
