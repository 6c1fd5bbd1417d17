"""What all sets of sentences share: special tokens, ends, masks.

A sentence of L tokens is its words, the end and padding; no start stands in it.
Decoders are given the start as their first input. A set whose training part
leaves sentences out has `extras['held_out']`, `(key, arrays, index int32 [B])
-> batch`, which draws those: the keys of the batch are those of `sample`.
"""

from collections.abc import Sequence

import chex
import jax
import jax.numpy as jnp
import numpy as np

PAD, BOS, EOS, UNK = range(4)
SPECIAL = ('<pad>', '<bos>', '<eos>', '<unk>')


def mask_of(tokens: jax.Array) -> jax.Array:
  """Which tokens count: those up to the first end, the end included.

  Args:
    tokens: int [..., L].

  Returns:
    bool [..., L]: a prefix; all of them where no end stands.
  """
  chex.assert_type(tokens, int)
  ends = jnp.cumsum(tokens == EOS, axis=-1)
  inside = (ends == 0) | ((ends == 1) & (tokens == EOS))
  return jnp.cumprod(inside & (tokens != PAD), axis=-1).astype(bool)


def cut(tokens: jax.Array) -> jax.Array:
  """Padding in place of all that follows the first end.

  Args:
    tokens: int [..., L], e.g. what a decoder wrote.

  Returns:
    int [..., L].
  """
  return jnp.where(mask_of(tokens), tokens, PAD)


def rows(sentences: Sequence[Sequence[int]], length: int) -> np.ndarray:
  """Sentences with an end each.

  Args:
    sentences: N lists of tokens, each shorter than `length`.
    length: L.

  Returns:
    int32 [N, L].
  """
  table = np.full((len(sentences), length), PAD, np.int32)
  for row, sentence in zip(table, sentences):
    row[: len(sentence)] = sentence
    row[len(sentence)] = EOS
  return table
