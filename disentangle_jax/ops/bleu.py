"""Corpus BLEU-4 of sentences as arrays of tokens.

Source: Papineni et al. 2002, "BLEU: a method for automatic evaluation of
machine translation", https://aclanthology.org/P02-1040, sections 2.1 to 2.3,
with one reference per sentence. Over all sentences together, for n = 1 .. 4,

  p_n  = sum of min(count of an n-gram in the hypothesis, in its reference)
         / number of n-grams of the hypotheses
  BP   = exp(1 - r / c) where c < r, else 1;  c, r words of both sides
  BLEU = 100 BP (p_1 p_2 p_3 p_4)^(1/4)

Nothing is smoothed: where one order has no match, and for hypotheses without a
word, it is 0.
"""

from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

ORDER = 4


class Counts(NamedTuple):
  """What BLEU is made of; counts of several blocks of sentences add up.

  Attributes:
    matched: int32 [..., 4], clipped matches of n-grams, n = 1 .. 4.
    total: int32 [..., 4], n-grams of the hypotheses.
    words: int32 [...], of the hypotheses.
    reference_words: int32 [...].
  """

  matched: jax.Array
  total: jax.Array
  words: jax.Array
  reference_words: jax.Array


def lengths(tokens: jax.Array, eos: int) -> jax.Array:
  """Words before the first end or padding.

  Args:
    tokens: int [..., L], 0 is padding.
    eos: the token that ends a sentence.

  Returns:
    int32 [...], L where nothing ends it.
  """
  chex.assert_rank(tokens, {1, 2, 3})
  chex.assert_type(tokens, int)
  inside = jnp.cumprod((tokens != eos) & (tokens != 0), axis=-1)
  return jnp.sum(inside, axis=-1, dtype=jnp.int32)


def counts(hypotheses: jax.Array, references: jax.Array, eos: int) -> Counts:
  """Counts of each pair of sentences.

  Args:
    hypotheses: int [N, L], 0 is padding; what follows `eos` is not read.
    references: int [N, M].
    eos: the token that ends a sentence.

  Returns:
    Arrays with a leading axis N.
  """
  chex.assert_rank([hypotheses, references], 2)
  chex.assert_equal_shape_prefix([hypotheses, references], 1)
  chex.assert_type([hypotheses, references], int)
  words, reference_words = lengths(hypotheses, eos), lengths(references, eos)

  def of_one(hypothesis, reference, words, reference_words):
    numbers = jnp.arange(len(hypothesis))
    others = jnp.arange(len(reference))
    earlier = numbers[:, None] > numbers
    # Whether the n-grams that start at two positions are equal.
    own = jnp.ones((len(hypothesis),) * 2, bool)
    across = jnp.ones((len(hypothesis), len(reference)), bool)
    matched, total = [], []
    for n in range(ORDER):
      # A roll wraps around, but no n-gram starts where it would be read.
      word, other = jnp.roll(hypothesis, -n), jnp.roll(reference, -n)
      own &= word[:, None] == word
      across &= word[:, None] == other
      starts = numbers + n < words
      before = jnp.sum(own & earlier & starts, axis=1)
      there = jnp.sum(across & (others + n < reference_words), axis=1)
      # The k-th copy of an n-gram counts where the reference has k of them.
      matched.append(jnp.sum(starts & (before < there)))
      total.append(jnp.sum(starts))
    return jnp.stack(matched), jnp.stack(total)

  matched, total = jax.vmap(of_one)(
    hypotheses, references, words, reference_words
  )
  as_int = lambda x: x.astype(jnp.int32)
  return Counts(as_int(matched), as_int(total), words, reference_words)


def of_counts(counts: Counts) -> jax.Array:
  """BLEU of counts that were summed over sentences.

  Args:
    counts: matched and total int [4], words int scalars.

  Returns:
    float32 scalar in [0, 100].
  """
  chex.assert_shape([counts.matched, counts.total], (ORDER,))
  chex.assert_rank([counts.words, counts.reference_words], 0)
  matched, total, words, reference_words = (
    jnp.asarray(x, jnp.float32) for x in counts
  )
  alive = jnp.all(matched > 0)
  precision = jnp.where(alive, matched, 1) / jnp.where(alive, total, 1)
  ratio = reference_words / jnp.maximum(words, 1)
  brevity = jnp.minimum(0, 1 - ratio)
  score = 100 * jnp.exp(brevity + jnp.mean(jnp.log(precision)))
  return jnp.where(alive, score, 0)


def corpus(hypotheses: jax.Array, references: jax.Array, eos: int) -> jax.Array:
  """BLEU of all sentences together; arguments as for `counts`.

  Args:
    hypotheses: int [N, L].
    references: int [N, M].
    eos: the token that ends a sentence.

  Returns:
    float32 scalar in [0, 100].
  """
  each = counts(hypotheses, references, eos)
  return of_counts(Counts(*(jnp.sum(x, axis=0) for x in each)))
