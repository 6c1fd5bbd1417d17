"""Sentences with translations and tags from a user's own text files.

Line n of every file says the same: `path` the sentence, `translation_g` and
`translation_f` what it is in two other languages, `tags` a tag for each of its
words. UTF-8, gzipped or not, words with spaces between. Each but `path` may be
left out; the set then lacks the field. Words and letters that the training
lines of a file hold fewer than `least_count` times become '<unk>'; tags do not.

`prototypes` is a file of test sentences with lines 'form<TAB>sentence', an
empty one after the tabulator among them if wanted, for scores such as
`prototype_clustering`. What was read is told on load (`extras['summary']`).
"""

import collections
import dataclasses
import pathlib

import jax.numpy as jnp
import numpy as np

from disentangle_jax import checks, errors, types
from disentangle_jax.data import files, stream
from disentangle_jax.data.text import corpus, syntax, words
from disentangle_jax.ops import tokens as tokens_lib

WHERE = (
  'set --config.dataset.path to a text file with a sentence in each line, '
  'translation_g, translation_f and tags to files with the same lines'
)
# Fields of Config that hold paths, for the fingerprint.
FILES = ('path', 'translation_g', 'translation_f', 'tags', 'prototypes')
UNITS = ('word', 'character')
_TRANSLATIONS = ('translation_g', 'translation_f')


@dataclasses.dataclass(frozen=True)
class Config:
  """Static options.

  Attributes:
    path: of the sentences.
    translation_g: of their translations into one language.
    translation_f: into another one.
    tags: of the tags of their words.
    prototypes: of sentences of known forms.
    unit: what a token is, 'word' or 'character'; tags are always of words.
    length: L, longest sentence or translation and its end, tokens.
    drop_longer: leave lines out, in all files, where one is longer.
    least_count: how often the training lines must hold a word or letter.
    most_words: of each vocabulary, the most frequent ones; 0 for all.
    held_out: one line in so many is for tests alone, in all files; 0 for none.
  """

  path: str | None = None
  translation_g: str | None = None
  translation_f: str | None = None
  tags: str | None = None
  prototypes: str | None = None
  unit: str = 'character'
  length: int = 200
  drop_longer: bool = False
  least_count: int = 1
  most_words: int = 0
  held_out: int = 9


def make(config: Config) -> types.Dataset:
  """The data set.

  Args:
    config: static options.

  Returns:
    A stream without factors; observations are int32 [L]: tokens, the end,
    padding. Fields: 'mask' bool [L], and of the files that are given
    'translation_g' and 'translation_f' int32 [L], 'tags' int32 [T], where T is
    one more than the most words of a line. Extras: 'vocabulary', 'vocabularies'
    and 'lengths' of the fields, 'summary', 'held_out' (see `words`), and
    'prototypes' (see `syntax`).

  Raises:
    ConfigError: files that are missing or cannot be used, do not have the same
      lines, or tags that are not as many as the words; with the number of the
      line.
  """
  checks.choice('config.dataset.unit', config.unit, UNITS)
  checks.integer('config.dataset.length', config.length, 2, 2**14)
  checks.integer('config.dataset.least_count', config.least_count, 1)
  checks.integer('config.dataset.most_words', config.most_words, 0)
  checks.integer('config.dataset.held_out', config.held_out, 0)
  if config.held_out == 1:
    rule = 'must be 0 or at least 2: all lines would be for tests'
    raise errors.value('config.dataset.held_out', 1, rule)
  lines = _read(config)
  lines, dropped = _short(lines, config)
  count = len(lines['path'])
  if config.held_out > count:
    rule = f'must be at most {count}, the number of lines'
    raise errors.value('config.dataset.held_out', config.held_out, rule)
  number = np.arange(count)
  aside = np.zeros(count, bool)
  if config.held_out:
    aside = number % config.held_out == config.held_out - 1
  tables, vocabularies = {}, {}
  for name, of_file in lines.items():
    train = [of_file[i] for i in number[~aside]]
    length = config.length
    if name == 'tags':
      vocabularies[name] = corpus.vocabulary_of(of_file, 1)
      length = 1 + max(len(line.words) for line in of_file)
    else:
      vocabularies[name] = corpus.vocabulary_of(
        train, config.least_count, config.most_words
      )
      _check_known(vocabularies[name], config)
    tables[name] = corpus.tokens_of(of_file, vocabularies[name], length)
  sentences, vocabulary = tables.pop('path'), vocabularies.pop('path')
  tables['mask'] = np.asarray(tokens_lib.mask_of(sentences))
  extras = {
    'vocabularies': vocabularies,
    'lengths': {name: tables[name].shape[1] for name in vocabularies},
    'summary': _summary(config, lines, aside, vocabulary, dropped),
  }
  if config.prototypes is not None:
    extras['prototypes'] = _prototypes(config, vocabulary)
  dataset = stream.sentences(
    sentences,
    vocabulary,
    name='aligned_files',
    fields=tables,
    extras=extras,
  )
  return _apart(dataset, config.held_out) if config.held_out else dataset


def _read(config) -> dict[str, list[corpus.Line]]:
  """Lines of the files that are given, in tokens of the unit."""
  lines = {}
  for name in FILES[:-1]:
    given = getattr(config, name)
    if given is None and name != 'path':
      continue
    field = f'config.dataset.{name}'
    path = files.require(given, field, WHERE, 'file')
    lines[name] = corpus.read(path, field, '')
  first = lines['path']
  for of_file in lines.values():
    if len(of_file) != len(first):
      shorter, other = sorted((first, of_file), key=len)
      last = shorter[-1]
      rule = (
        f'is the last, {pathlib.Path(other[0].file).name} has {len(other)} '
        'lines: line n of each must say the same'
      )
      raise last.refuse(rule)
  for sentence, tagged in zip(first, lines.get('tags', ())):
    if len(sentence.words) != len(tagged.words):
      rule = (
        f'{len(tagged.words)} tags for {len(sentence.words)} words of '
        f'{pathlib.Path(sentence.file).name}'
      )
      raise tagged.refuse(rule)
  return {
    name: of_file if name == 'tags' else _in_units(of_file, config.unit)
    for name, of_file in lines.items()
  }


def _in_units(lines, unit) -> list[corpus.Line]:
  """Lines whose words are words, or letters and the spaces between words."""
  if unit == 'word':
    return lines
  return [line._replace(words=tuple(' '.join(line.words))) for line in lines]


def _short(lines, config) -> tuple[dict[str, list[corpus.Line]], int]:
  """Lines of which no sentence is too long, and how many were left out."""
  most = config.length - 1
  fits = np.ones(len(lines['path']), bool)
  for name in ('path', *_TRANSLATIONS):
    for i, line in enumerate(lines.get(name, ())):
      fits[i] &= len(line.words) <= most
      if not fits[i] and not config.drop_longer:
        rule = (
          f'{len(line.words)} tokens, at most {most} fit config.dataset.length='
          f'{config.length}; drop_longer=True leaves such lines out'
        )
        raise line.refuse(rule)
  if not fits.any():
    rule = 'no line is short enough in all files'
    raise errors.value('config.dataset.length', config.length, rule)
  rows = np.flatnonzero(fits)
  short = {name: [part[i] for i in rows] for name, part in lines.items()}
  return short, int(np.sum(~fits))


def _check_known(vocabulary, config) -> None:
  if len(vocabulary) == len(words.SPECIAL):
    rule = f'nothing stands in the training lines {config.least_count} times'
    raise errors.value('config.dataset.least_count', config.least_count, rule)


def _apart(dataset, every) -> types.Dataset:
  """The same set, of which `sample` never draws one line in `every`."""
  everything = dataset.extras['rows']
  tests = len(everything.factors) // every

  def part(number_of, count):
    show = lambda arrays, row: everything.show(arrays, number_of(row))
    return stream.Rows(everything.factors[:count], show)

  train = part(
    lambda row: row + row // (every - 1), len(everything.factors) - tests
  )
  aside = part(lambda row: row * every + every - 1, tests)
  return dataset._replace(
    sample=stream.uniform(train),
    num_examples=len(train.factors),
    extras={
      **dataset.extras,
      'rows': train,
      'held_out': stream.uniform(aside),
    },
  )


def _prototypes(config, vocabulary) -> syntax.Prototypes:
  """Sentences of known forms, as many of each as the rarest form has."""
  field = 'config.dataset.prototypes'
  where = "a text file with lines 'form<TAB>sentence'"
  path = files.require(config.prototypes, field, where, 'file')
  lines = corpus.read(path, field, empty=True)
  lines = _in_units(lines, config.unit)
  by_form = collections.defaultdict(list)
  for line in lines:
    if len(line.words) >= config.length:
      rule = f'{len(line.words)} tokens, at most {config.length - 1} fit'
      raise line.refuse(rule)
    by_form[line.label].append(line)
  most = min(map(len, by_form.values()))
  table = np.stack(
    [
      corpus.tokens_of(of_form[:most], vocabulary, config.length)
      for of_form in by_form.values()
    ]
  )

  def draw(key, count):
    # Which of them does not matter: they were drawn when they were written.
    del key
    return jnp.asarray(table)[:, :count]

  return syntax.Prototypes(tuple(by_form), most, draw)


def _summary(config, lines, aside, vocabulary, dropped) -> str:
  """What was read, one line."""
  lengths = [len(line.words) for line in lines['path']]
  known = set(vocabulary)
  unknown = np.mean([w not in known for n in lines['path'] for w in n.words])
  told = (
    f'data aligned_files {pathlib.Path(config.path).name}: {len(lengths)} lines'
    f' of {len(lines)} files ({", ".join(lines)}), {config.unit}s, '
    f'{min(lengths)} to {max(lengths)}, median {int(np.median(lengths))}; '
    f'vocabulary {len(vocabulary)}, {unknown:.1%} unknown; {aside.sum()} lines '
    'for tests'
  )
  return told + (f'; {dropped} longer ones left out' if dropped else '')
