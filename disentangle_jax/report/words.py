"""Sentences of a run that holds tokens: what a latent changes in them."""

from collections.abc import Sequence
import difflib
from typing import NamedTuple

import numpy as np

from disentangle_jax.report import tables, traversals

EMPTY = '(empty)'


class Line(NamedTuple):
  """One line of a table of sentences.

  Attributes:
    label: what the line and those below it without a label are about, e.g. 'z3'
      or '' for none.
    value: where on the walk, or which of two.
    words: (word, whether it is another one than in the sentence compared with).
  """

  label: str
  value: str
  words: tuple[tuple[str, bool], ...]


def split(tokens: np.ndarray, vocabulary: Sequence[str]) -> list[str]:
  """The words of one sequence [L]; padding (token 0) is left out.

  Without a vocabulary, and for tokens beyond it, numbers stand for words.
  """
  return [
    vocabulary[token] if 0 <= token < len(vocabulary) else str(token)
    for token in np.asarray(tokens).tolist()
    if token
  ]


def marked(
  sentence: Sequence[str], compared: Sequence[str]
) -> tuple[tuple[str, bool], ...]:
  """Every word with whether it is missing or another one in `compared`."""
  matcher = difflib.SequenceMatcher(a=compared, b=sentence, autojunk=False)
  changed = np.ones(len(sentence), bool)
  for block in matcher.get_matching_blocks():
    changed[block.b : block.b + block.size] = False
  return tuple(zip(sentence, changed.tolist()))


def traversals_of(samples: traversals.Samples) -> list[Line]:
  """What each latent does, in the order of the KL.

  Sentences are compared with the one in the middle of the walk; neighbouring
  values with one sentence share a line.
  """
  lines = []
  for latent in traversals.by_kl(samples):
    values = np.broadcast_to(samples.values, samples.traversals.shape[:2])
    sentences = [
      split(tokens, samples.vocabulary) for tokens in samples.traversals[latent]
    ]
    centre = sentences[len(sentences) // 2]
    kl = tables.nats(samples.kl[latent])
    label = f'z{latent}' + f' ({kl})' * bool(kl)
    for first, last in _runs(sentences):
      ends = [f'{x:.3g}' for x in values[latent][[first, last]]]
      value = ends[0] if first == last else ' to '.join(ends)
      lines.append(Line(label, value, marked(sentences[first], centre)))
      label = ''
  return lines


def _runs(items: Sequence) -> list[tuple[int, int]]:
  """First and last index of every stretch of equal items."""
  starts = [i for i, item in enumerate(items) if i == 0 or item != items[i - 1]]
  return list(zip(starts, [i - 1 for i in starts[1:]] + [len(items) - 1]))


def reconstructions_of(samples: traversals.Samples) -> list[Line]:
  """Two lines for each observation; words that were not kept are marked."""
  lines = []
  pairs = zip(samples.observations, samples.reconstructions)
  for number, pair in enumerate(pairs):
    before, after = (split(tokens, samples.vocabulary) for tokens in pair)
    lines += [
      Line(str(number), 'observed', marked(before, before)),
      Line('', 'rebuilt', marked(after, before)),
    ]
  return lines


def plain(rows: np.ndarray, vocabulary: Sequence[str]) -> list[Line]:
  """Sequences [N, L] as they are, one line each."""
  sentences = [split(row, vocabulary) for row in rows]
  return [Line('', '', marked(words, words)) for words in sentences]


def to_text(lines: Sequence[Line]) -> str:
  """The table as plain text, changed words between asterisks."""
  labels = max((len(line.label) for line in lines), default=0)
  values = max((len(line.value) for line in lines), default=0)
  rows = []
  for line in lines:
    words = ' '.join(f'*{w}*' if new else w for w, new in line.words) or EMPTY
    head = f'{line.label:<{labels}}  ' * bool(labels)
    head += f'{line.value:<{values}}  ' * bool(values)
    rows.append(f'{head}{words}'.rstrip())
  return '\n'.join(rows)
