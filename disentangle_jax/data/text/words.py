"""What all sets of sentences share: special tokens, and rows of tokens.

A sentence of L tokens is its words, the end and padding, as `ops.tokens` says.
A set whose training part leaves sentences out has `extras['held_out']`, `(key,
arrays, index int32 [B]) -> batch`, which draws those: the keys of the batch are
those of `sample`.
"""

from collections.abc import Sequence

import numpy as np

from disentangle_jax.ops import tokens

SPECIAL = ('<pad>', '<bos>', '<eos>', '<unk>')


def rows(sentences: Sequence[Sequence[int]], length: int) -> np.ndarray:
  """Sentences with an end each.

  Args:
    sentences: N lists of tokens, each shorter than `length`.
    length: L.

  Returns:
    int32 [N, L].
  """
  table = np.full((len(sentences), length), tokens.PAD, np.int32)
  for row, sentence in zip(table, sentences):
    row[: len(sentence)] = sentence
    row[len(sentence)] = tokens.EOS
  return table
