"""Sentences of two or more classes from a user's own text files.

One sentence a line, words with spaces between, UTF-8, gzipped or not. Either a
file for each class (`path` and `second`) or one file with the label before a
tabulator (`path` alone); test sentences in the same form, which training never
draws. Words that the training files hold fewer than `least_count` times become
'<unk>', and so do words of the test files that are not in the vocabulary.

Numbers of words, of unknown ones and lengths are told on load
(`extras['summary']`).
"""

import codecs
import collections
from collections.abc import Sequence
import dataclasses
import gzip
import pathlib
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from disentangle_jax import checks, errors, types
from disentangle_jax.data import files, stream
from disentangle_jax.data.text import words
from disentangle_jax.ops import tokens as tokens_lib

WHERE = (
  'set --config.dataset.path and --config.dataset.second to a text file of '
  "each class, or path alone to lines 'label<TAB>sentence'"
)
# Fields of Config that hold paths, for the fingerprint.
FILES = ('path', 'second', 'test', 'second_test', 'nouns')
UNKNOWN = ('replace', 'refuse')


@dataclasses.dataclass(frozen=True)
class Config:
  """Static options.

  Attributes:
    path: of the sentences of class 0; of all, with labels, where `second` is
      None.
    second: of the sentences of class 1.
    test: of the test sentences in the form of `path`.
    second_test: in the form of `second`.
    nouns: of a list of nouns, one a line; then there is a field 'noun_mask'.
    length: L, longest sentence and its end, tokens.
    drop_longer: leave longer sentences out instead of refusing them.
    least_count: how often the training files must hold a word.
    most_words: of the vocabulary, the most frequent ones; 0 for all.
    unknown: 'replace' makes '<unk>' of words that the vocabulary lacks;
      'refuse' takes none, in no file.
  """

  path: str | None = None
  second: str | None = None
  test: str | None = None
  second_test: str | None = None
  nouns: str | None = None
  length: int = 20
  drop_longer: bool = False
  least_count: int = 5
  most_words: int = 0
  unknown: str = 'replace'


class Line(NamedTuple):
  """A sentence and where it stands.

  Attributes:
    field: dotted name of the setting of its file.
    file: path of it.
    number: of the line, from 1.
    label: its class as written, or the number of its file.
    words: of the sentence.
  """

  field: str
  file: str
  number: int
  label: str
  words: tuple[str, ...]

  def refuse(self, rule: str) -> errors.ConfigError:
    """One line that names file and line."""
    return errors.value(self.field, self.file, f'line {self.number}: {rule}')


def read(
  path: pathlib.Path,
  field: str,
  label: str | None = None,
  empty: bool = False,
) -> list[Line]:
  """The sentences of a file.

  Args:
    path: of the file, gzipped or not.
    field: dotted name of the setting that named it.
    label: of all its sentences; None where each line has its own.
    empty: whether a sentence may have no words.

  Returns:
    All of them.

  Raises:
    ConfigError: an empty file, a line that is empty, not UTF-8 or without a
      label, a truncated archive.
  """
  with files.reading(path, field, 'lines of text'):
    raw = path.read_bytes()
    if raw[:2] == b'\x1f\x8b':
      raw = gzip.decompress(raw)
  refuse = lambda number, rule: errors.value(
    field, str(path), f'line {number}: {rule}'
  )
  sentences = []
  for number, encoded in enumerate(raw.splitlines(), 1):
    try:
      text = encoded.decode('utf-8-sig' if number == 1 else 'utf-8')
    except UnicodeDecodeError as error:
      # Latin-1 reads anything: a file that says it is UTF-16 needs that.
      marks = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
      encoding = 'utf-16' if raw.startswith(marks) else 'latin1'
      rule = (
        f'byte {error.start + 1} is not UTF-8; convert the file, such as by '
        f'iconv -f {encoding} -t utf-8'
      )
      raise refuse(number, rule) from error
    if '\0' in text:
      raise refuse(number, 'holds a zero byte: not UTF-8 text (UTF-16?)')
    own = label
    if label is None:
      own, tab, text = text.partition('\t')
      own = own.strip()
      if not tab or not own:
        rule = "must be 'label<TAB>sentence', or give config.dataset.second"
        raise refuse(number, rule)
    split = tuple(text.split())
    if not split and not empty:
      raise refuse(number, 'is empty')
    sentences.append(Line(field, str(path), number, own, split))
  if not sentences:
    raise refuse(1, 'the file is empty')
  return sentences


def vocabulary_of(
  sentences: Sequence[Line], least_count: int, most_words: int = 0
) -> tuple[str, ...]:
  """The special tokens and the words of sentences, frequent ones first.

  Args:
    sentences: for training.
    least_count: words that are rarer are left out.
    most_words: how many of them at most; 0 for all.

  Returns:
    token -> word.
  """
  counts = collections.Counter(w for line in sentences for w in line.words)
  ranked = sorted(counts, key=lambda word: (-counts[word], word))
  frequent = [
    word
    for word in ranked
    if counts[word] >= least_count and word not in words.SPECIAL
  ]
  return (*words.SPECIAL, *frequent[: most_words or None])


def tokens_of(
  sentences: Sequence[Line], vocabulary: Sequence[str], length: int
) -> np.ndarray:
  """Sentences as numbers of words.

  Args:
    sentences: each shorter than `length`.
    vocabulary: token -> word.
    length: L.

  Returns:
    int32 [N, L], '<unk>' for words that the vocabulary lacks.
  """
  number = {word: token for token, word in enumerate(vocabulary)}
  # A file cannot write the start, the end or padding; '<unk>' it can.
  for word in words.SPECIAL[: tokens_lib.UNK]:
    number.pop(word, None)
  return words.rows(
    [[number.get(w, tokens_lib.UNK) for w in line.words] for line in sentences],
    length,
  )


def make(config: Config) -> types.Dataset:
  """The data set.

  Args:
    config: static options.

  Returns:
    A stream; observations are int32 [L]: words, the end, padding. The one
    factor is 'label'; fields are 'mask' bool [L], 'label' int32 and, with
    `nouns`, 'noun_mask' bool [L]. Extras: 'vocabulary', 'summary' and, with
    test files, 'held_out' (see `words`).

  Raises:
    ConfigError: files that are missing or cannot be used, with the number of
      the line.
  """
  checks.integer('config.dataset.length', config.length, 2, 2**14)
  checks.integer('config.dataset.least_count', config.least_count, 1)
  checks.integer('config.dataset.most_words', config.most_words, 0)
  checks.choice('config.dataset.unknown', config.unknown, UNKNOWN)
  train = _part(config.path, config.second, 'path', 'second')
  tests = []
  if config.second_test is not None or config.test is not None:
    both = config.second is not None
    if both != (config.second_test is not None):
      rule = (
        'goes with config.dataset.second: tests have the form of the others'
      )
      raise errors.value('config.dataset.second_test', config.second_test, rule)
    tests = _part(config.test, config.second_test, 'test', 'second_test')
  train, dropped = _short(train, config)
  tests, dropped_tests = _short(tests, config)
  names = tuple(sorted({line.label for line in train}))
  if len(names) < 2:
    raise train[-1].refuse(f'one class only, {names[0]!r}, up to the last line')
  for line in tests:
    if line.label not in names:
      raise line.refuse(f'label {line.label!r} is not one of training, {names}')
  vocabulary = vocabulary_of(train, config.least_count, config.most_words)
  if len(vocabulary) == len(words.SPECIAL):
    rule = f'no word stands in the training files {config.least_count} times'
    raise errors.value('config.dataset.least_count', config.least_count, rule)
  _check_words(train, tests, vocabulary, config)
  encode = lambda part: tokens_of(part, vocabulary, config.length)
  label = lambda part: np.array([names.index(n.label) for n in part], np.int32)
  tokens, labels = encode(train), label(train)
  fields = {'mask': np.asarray(tokens_lib.mask_of(tokens)), 'label': labels}
  noun_of = None
  if config.nouns is not None:
    noun_of = _nouns(config.nouns, vocabulary)
    fields['noun_mask'] = noun_of[tokens]
  extras = {'summary': _summary(config, train, tests, vocabulary, names)}
  if dropped or dropped_tests:
    extras['summary'] += f'; {dropped + dropped_tests} longer ones left out'
  held_out = None
  if tests:
    held_out = encode(tests), label(tests)[:, None]

    def show(arrays, row):
      observation = arrays['test_images'][row]
      factors = arrays['test_factors'][row]
      batch = {'observation': observation, 'factors': factors}
      batch |= {'mask': tokens_lib.mask_of(observation), 'label': factors[:, 0]}
      if noun_of is not None:
        batch['noun_mask'] = jnp.asarray(noun_of)[observation]
      return batch

    extras['held_out'] = stream.uniform(stream.Rows(held_out[1], show))
  return stream.sentences(
    tokens,
    vocabulary,
    labels[:, None],
    ('label',),
    name='sentences_file',
    test=held_out,
    fields=fields,
    extras={**extras, 'words': {'label': names}},
    exact=True,
  )


def _part(first, second, field, second_field) -> list[Line]:
  """All sentences of training or of tests."""
  field, second_field = (
    f'config.dataset.{field}',
    f'config.dataset.{second_field}',
  )
  path = files.require(first, field, WHERE, 'file')
  if second is None:
    return read(path, field)
  other = files.require(second, second_field, WHERE, 'file')
  return [*read(path, field, '0'), *read(other, second_field, '1')]


def _short(sentences, config) -> tuple[list[Line], int]:
  """Sentences that fit, and how many were left out."""
  most = config.length - 1
  fitting = [line for line in sentences if len(line.words) <= most]
  if len(fitting) == len(sentences):
    return fitting, 0
  if not config.drop_longer or not fitting:
    longest = max(len(line.words) for line in sentences)
    first = next(line for line in sentences if len(line.words) > most)
    rule = (
      f'{len(first.words)} words, at most {most} fit config.dataset.length='
      f'{config.length}; length={longest + 1} takes all, drop_longer=True none'
    )
    raise first.refuse(rule)
  return fitting, len(sentences) - len(fitting)


def _check_words(train, tests, vocabulary, config) -> None:
  """Refuses words never seen, where they are not to be replaced."""
  known = set(vocabulary)
  if config.unknown == 'refuse':
    for line in (*train, *tests):
      word = next((w for w in line.words if w not in known), None)
      if word is not None:
        rule = (
          f'word {word!r} is not in the vocabulary (least_count='
          f"{config.least_count}); config.dataset.unknown='replace' takes it"
        )
        raise line.refuse(rule)
    return
  # Tests in another language than training would be sentences of '<unk>'.
  strange = [line for line in tests if not known.intersection(line.words)]
  if 2 * len(strange) > len(tests):
    rule = (
      f'no word of it is in the vocabulary, nor of {len(strange)} of '
      f'{len(tests)} test sentences: are they like those of training?'
    )
    raise strange[0].refuse(rule)


def _nouns(path, vocabulary) -> np.ndarray:
  """bool [V], which words are nouns."""
  field = 'config.dataset.nouns'
  path = files.require(path, field, 'a text file with one noun a line', 'file')
  table = np.zeros(len(vocabulary), bool)
  number = {word: token for token, word in enumerate(vocabulary)}
  lines = read(path, field, '')
  for line in lines:
    if len(line.words) != 1:
      raise line.refuse('must be one word')
    # A noun that is too rare for the vocabulary is '<unk>', and none here.
    token = number.get(line.words[0], tokens_lib.UNK)
    table[token] = token != tokens_lib.UNK
  if not table.any():
    raise lines[0].refuse('neither this noun nor any other was ever seen')
  return table


def _summary(config, train, tests, vocabulary, names) -> str:
  """What was read, one line."""
  known = set(vocabulary)
  counts = collections.Counter(line.label for line in train)
  classes = ', '.join(f'{counts[name]} of label {name}' for name in names)
  lengths = [len(line.words) for line in train]
  share = lambda part: (
    sum(w not in known for line in part for w in line.words)
    / sum(len(line.words) for line in part)
  )
  told = (
    f'data sentences_file {pathlib.Path(train[0].file).name}: '
    f'{len(train)} sentences ({classes}) of {min(lengths)} to {max(lengths)} '
    'words, median '
    f'{int(np.median(lengths))}; vocabulary {len(vocabulary)} (seen '
    f'{config.least_count} times), {share(train):.1%} of the words unknown'
  )
  if tests:
    told += f'; {len(tests)} more for tests, {share(tests):.1%} unknown'
  return told
