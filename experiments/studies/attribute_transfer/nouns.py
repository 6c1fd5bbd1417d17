"""A list of nouns from a file's own words, by a rule.

Files have no tags, and the method asks for nouns. A word is taken for a noun
where at least `SHARE` of its occurrences, and `LEAST` of them, stand at the end
of a noun phrase: one or two words behind an article or a possessive, and right
in front of a word that opens another phrase or of the end of the sentence.

  python -m experiments.studies.attribute_transfer.nouns bad.txt good.txt.gz \
      > nouns.txt

It errs both ways: it takes 'best' ("the best in town") and misses nouns that
stand without an article, such as 'customer service'.
"""

import collections
from collections.abc import Iterable, Sequence
import pathlib
import sys

from disentangle_jax import errors
from disentangle_jax.data.text import corpus

SHARE = 0.2
LEAST = 20
# Words that open a noun phrase, and those that stand behind one.
_OPENERS = 'a an her his my our the their your'
_CLOSERS = (
  ', . ! ? and are at but for from had has have here i in is it of on or that '
  'there they to was we were when which who with'
)
OPENERS = frozenset(_OPENERS.split())
CLOSERS = frozenset(_CLOSERS.split())


def nouns_of(
  sentences: Iterable[Sequence[str]],
  share: float = SHARE,
  least: int = LEAST,
) -> list[str]:
  """Words that are taken for nouns.

  Args:
    sentences: lists of words.
    share: of a word's occurrences that must end a noun phrase, in (0, 1].
    least: how often it must do so.

  Returns:
    They, sorted.
  """
  seen, ends = collections.Counter(), collections.Counter()
  for sentence in sentences:
    padded = ['', '', *sentence, '.']
    for before, last, word, after in zip(
      padded, padded[1:], padded[2:], padded[3:]
    ):
      seen[word] += 1
      inside = bool(OPENERS & {before, last})
      if inside and after in CLOSERS and word not in OPENERS | CLOSERS:
        ends[word] += 1
  return sorted(
    word
    for word, count in ends.items()
    if count >= least and count >= share * seen[word]
  )


def main(paths: Sequence[str]) -> None:
  """Prints the nouns of files, one a line."""
  if not paths:
    raise SystemExit('usage: python -m ...nouns FILE [FILE ...] > nouns.txt')
  try:
    lines = [
      line.words
      for number, path in enumerate(paths)
      for line in corpus.read(pathlib.Path(path), f'file {number}', '')
    ]
  except errors.ConfigError as error:
    raise SystemExit(str(error)) from None
  nouns = nouns_of(lines)
  if not nouns:
    raise SystemExit(f'no word ends a noun phrase {LEAST} times')
  print('\n'.join(nouns))


if __name__ == '__main__':
  main(sys.argv[1:])
