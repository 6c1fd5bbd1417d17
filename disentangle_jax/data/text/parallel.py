"""One sentence in three rule-made languages, with tags of its words.

A small stand-in of ours for aligned corpora of translations. The first language
has English function words and invented stems; the factors choose

  [in the N] DET [ADJ] N [P the N] [ever] and one of
  is/are ADJ | V | V ADV | V NP | has NP | V to V

with plural '-s' and '-s' of the third person. Language G has a word of its own
for each of these, plural '-en', and its verbs come last; language F has its
own, too, plural '-i', and adjectives behind their nouns. Verbs of both are not
inflected. All stems are random, CVC or CVCV, so that no letter tells what a
word is, and a stem has the same length in all three. Tags: T determiner, X is,
are, has, P preposition and 'to', A 'ever', V verb, Vs verb of the third person,
N noun, Ns plural noun, J adjective, D adverb.

All three sentences and the tags are functions of one factor vector. Sentences
of more than 30 characters in the first language are not drawn; those of the
others are then at most 32 and 30 long.
"""

import dataclasses
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import checks, types
from disentangle_jax.data import factorial
from disentangle_jax.data.text import words
from disentangle_jax.ops import tokens as tokens_lib

NOUNS, VERBS, ADJECTIVES, ADVERBS = 16, 10, 10, 6
FUNCTION_WORDS = (
  *('the', 'a', 'no', 'is', 'ever', 'are', 'of', 'has', 'in', 'to', 'on'),
  *('like', 'some', 'but'),
)
PREPOSITIONS = ('of', 'in', 'on', 'like')
TAGS = ('T', 'X', 'P', 'V', 'N', 'A', 'D', 'J', 'Ns', 'Vs')
UNITS = ('word', 'character')
LANGUAGES = ('first', 'g', 'f')
# Letters and words that a sentence may have.
MOST_CHARACTERS, MOST_WORDS = 30, 11
_LETTERS = 'abcdefghijklmnopqrstuvwxyz '

# Factor -> (number of levels, probability of level 0; the rest share what is
# left). Level 0 of an option is that it is absent.
_PHRASE = {
  'determiner': (3, 1 / 3),
  'adjective': (1 + ADJECTIVES, 0.65),
  'noun': (NOUNS, 1 / NOUNS),
  'plural': (2, 0.5),
  'attached': (1 + len(PREPOSITIONS) * NOUNS, 0.88),
}
PRIORS = {
  'leading': (1 + NOUNS, 0.85),
  **{f'subject_{name}': spec for name, spec in _PHRASE.items()},
  'ever': (2, 0.9),
  'predicate': (6, 1 / 6),
  'verb': (VERBS, 1 / VERBS),
  'adverb': (ADVERBS, 1 / ADVERBS),
  'second_verb': (VERBS, 1 / VERBS),
  'predicate_adjective': (ADJECTIVES, 1 / ADJECTIVES),
  **{f'object_{name}': spec for name, spec in _PHRASE.items()},
}
FACTORS = tuple(PRIORS)
SIZES = tuple(size for size, _ in PRIORS.values())
PREDICATES = ('is', 'verb', 'adverb', 'object', 'has', 'to')
# Places of a sentence in the order of each language; absent words are left out.
_NP = ('determiner', 'adjective', 'noun', 'preposition', 'article', 'attached')
_SUBJECT = tuple(f'subject_{name}' for name in _NP)
_OBJECT = tuple(f'object_{name}' for name in _NP)
_LEAD = ('in', 'lead_article', 'leading')
_ORDERS = {
  'first': (
    *_LEAD,
    *_SUBJECT,
    *('ever', 'auxiliary', 'predicate_adjective', 'verb', 'adverb', 'to'),
    'second_verb',
    *_OBJECT,
  )
}
_LAST = ('auxiliary', 'verb', 'second_verb')
_ORDERS['g'] = (*(p for p in _ORDERS['first'] if p not in _LAST), *_LAST)


def _adjectives_behind(order):
  swap = {}
  for phrase in ('subject', 'object'):
    adjective, noun = f'{phrase}_adjective', f'{phrase}_noun'
    swap |= {adjective: noun, noun: adjective}
  return tuple(swap.get(name, name) for name in order)


_ORDERS['f'] = _adjectives_behind(_ORDERS['first'])
PLACES = _ORDERS['first']

# Forms of the first language, by number: what a place may hold.
_FORMS = (
  *((f'noun_{n}', 'N') for n in range(NOUNS)),
  *((f'nouns_{n}', 'Ns') for n in range(NOUNS)),
  *((f'verb_{n}', 'V') for n in range(VERBS)),
  *((f'verbs_{n}', 'Vs') for n in range(VERBS)),
  *((f'adjective_{n}', 'J') for n in range(ADJECTIVES)),
  *((f'adverb_{n}', 'D') for n in range(ADVERBS)),
  *zip(
    FUNCTION_WORDS,
    ('T', 'T', 'T', 'X', 'A', 'X', 'P', 'X', 'P', 'P', 'P', 'P', 'T', 'A'),
  ),
)
_START = {}
for _number, (_form, _) in enumerate(_FORMS):
  _START.setdefault(_form.removesuffix('_0'), _number)


class Lexicon(NamedTuple):
  """The words of one language.

  Attributes:
    forms: word of each form of the first language, in one order for all three.
    plural: suffix of plural nouns.
    third: suffix of verbs in the third person.
  """

  forms: tuple[str, ...]
  plural: str
  third: str


@dataclasses.dataclass(frozen=True)
class Config:
  """Static options.

  Attributes:
    unit: what a token is, 'word' or 'character'; tags are always of words.
    lexicon: seed of the invented stems.
  """

  unit: str = 'word'
  lexicon: int = 0


def lexicons(seed: int) -> dict[str, Lexicon]:
  """The words of the three languages.

  Args:
    seed: of the stems.

  Returns:
    By name in LANGUAGES; within a language all forms but those of verbs that
    are not inflected differ.
  """
  rng = np.random.Generator(np.random.PCG64(seed))
  suffixes = {'first': ('s', 's'), 'g': ('en', ''), 'f': ('i', '')}
  stems = NOUNS + VERBS + ADJECTIVES + ADVERBS
  sizes = rng.integers(3, 5, size=stems)
  known = {}
  for language in LANGUAGES:
    endings = {'', *suffixes[language]}
    taken = set(FUNCTION_WORDS) if language == 'first' else set()

    def invent(letters, taken=taken, endings=endings):
      while True:
        pools = [('bdfgklmnprtvz', 'aeiou')[k % 2] for k in range(letters)]
        # Two letters begin with a vowel as often as not; one letter is one.
        if letters < 3 and (letters == 1 or rng.random() < 0.5):
          pools = [('aeiou', 'bdfgklmnprtvz')[k % 2] for k in range(letters)]
        stem = ''.join(rng.choice(list(pool)) for pool in pools)
        forms = {stem + ending for ending in endings}
        if not forms & taken:
          taken |= forms
          return stem

    invented = [invent(int(size)) for size in sizes]
    if language == 'first':
      function = list(FUNCTION_WORDS)
    else:
      function = [invent(len(word)) for word in FUNCTION_WORDS]
    plural, third = suffixes[language]
    nouns, rest = invented[:NOUNS], invented[NOUNS:]
    verbs, rest = rest[:VERBS], rest[VERBS:]
    forms = (
      *nouns,
      *(stem + plural for stem in nouns),
      *verbs,
      *(stem + third for stem in verbs),
      *rest,
      *function,
    )
    known[language] = Lexicon(tuple(forms), plural, third)
  return known


def places_of(factors: jax.Array) -> tuple[jax.Array, jax.Array]:
  """What stands at every place of a sentence.

  Args:
    factors: int32 [..., K].

  Returns:
    int32 [..., P], forms in the order of PLACES, and bool [..., P], which of
    the places are taken.
  """
  column = dict(zip(FACTORS, jnp.moveaxis(factors, -1, 0)))
  kind = column['predicate']
  is_kind = lambda *names: sum(
    kind == PREDICATES.index(name) for name in names
  ).astype(bool)
  always = jnp.ones(kind.shape, bool)
  word = lambda name: jnp.full(kind.shape, _START[name])
  many = column['subject_plural'] == 1
  held = {
    'in': (word('in'), column['leading'] > 0),
    'lead_article': (word('the'), column['leading'] > 0),
    'leading': (column['leading'] - 1, column['leading'] > 0),
    'ever': (word('ever'), column['ever'] == 1),
    'auxiliary': (
      jnp.where(
        is_kind('has'), word('has'), jnp.where(many, word('are'), word('is'))
      ),
      is_kind('is', 'has'),
    ),
    'predicate_adjective': (
      _START['adjective'] + column['predicate_adjective'],
      is_kind('is'),
    ),
    'verb': (
      jnp.where(many, _START['verb'], _START['verbs']) + column['verb'],
      ~is_kind('is', 'has'),
    ),
    'adverb': (_START['adverb'] + column['adverb'], is_kind('adverb')),
    'to': (word('to'), is_kind('to')),
    'second_verb': (_START['verb'] + column['second_verb'], is_kind('to')),
  }
  for phrase, there in (
    ('subject', always),
    ('object', is_kind('object', 'has')),
  ):
    of = lambda name, phrase=phrase: column[f'{phrase}_{name}']
    plural = of('plural') == 1
    determiners = jnp.asarray(
      [[_START[w] for w in ('the', a, 'no')] for a in ('a', 'some')]
    )
    attached = of('attached')
    joined = there & (attached > 0)
    number = jnp.maximum(attached - 1, 0)
    prepositions = jnp.asarray([_START[w] for w in PREPOSITIONS])
    held |= {
      f'{phrase}_determiner': (
        determiners[plural.astype(int), of('determiner')],
        there,
      ),
      f'{phrase}_adjective': (
        _START['adjective'] + of('adjective') - 1,
        there & (of('adjective') > 0),
      ),
      f'{phrase}_noun': (
        jnp.where(plural, _START['nouns'], _START['noun']) + of('noun'),
        there,
      ),
      f'{phrase}_preposition': (prepositions[number // NOUNS], joined),
      f'{phrase}_article': (word('the'), joined),
      f'{phrase}_attached': (number % NOUNS, joined),
    }
  forms, taken = zip(*(held[place] for place in PLACES))
  forms = jnp.stack(forms, axis=-1).astype(jnp.int32)
  taken = jnp.stack(taken, axis=-1)
  return jnp.where(taken, forms, 0), taken


def _front(values, taken, length):
  """Taken values [..., P] in order, an end, padding: int32 [..., length]."""
  order = jnp.argsort(~taken, axis=-1, stable=True)
  values = jnp.take_along_axis(jnp.where(taken, values, 0), order, axis=-1)
  count = jnp.sum(taken, axis=-1, keepdims=True)
  pad = [(0, 0)] * (values.ndim - 1) + [(0, max(0, length - values.shape[-1]))]
  values = jnp.pad(values, pad)[..., :length]
  place = jnp.arange(length)
  ended = jnp.where(place == count, tokens_lib.EOS, values)
  return jnp.where(place > count, tokens_lib.PAD, ended).astype(jnp.int32)


def _order(language):
  """Numbers of PLACES in the order of a language."""
  return np.array([PLACES.index(place) for place in _ORDERS[language]])


def _log_priors() -> list[np.ndarray]:
  """Log probability of each level of each factor, nats."""
  tables = []
  for size, first in PRIORS.values():
    rest = (1 - first) / (size - 1)
    tables.append(np.log(np.array([first, *[rest] * (size - 1)])))
  return tables


def length_law(lexicon: Lexicon) -> np.ndarray:
  """Exact probabilities of the lengths of sentences before any is left out.

  Args:
    lexicon: of the first language.

  Returns:
    float64 [L], of 0, 1, ... characters, spaces between words included.
  """
  most = 160
  long = lambda form: len(lexicon.forms[form]) + 1

  def law(lengths, weights=None):
    weights = np.ones(len(lengths)) if weights is None else weights
    counts = np.bincount(lengths, weights, minlength=most)
    return counts / np.sum(weights)

  def join(*laws):
    total = law([0])
    for one in laws:
      total = np.convolve(total, one)[:most]
    return total

  def optional(one, share):
    return (1 - share) * law([0]) + share * one

  of = lambda name, count: law([long(_START[name] + k) for k in range(count)])
  word = lambda name: law([long(_START[name])])
  noun = of('noun', NOUNS)
  absent = {name: first for name, (_, first) in PRIORS.items()}

  def phrase(plural):
    determiners = ('the', 'some' if plural else 'a', 'no')
    attached = join(
      law([long(_START[w]) for w in PREPOSITIONS]), word('the'), noun
    )
    return join(
      law([long(_START[w]) for w in determiners]),
      optional(of('adjective', ADJECTIVES), 1 - absent['subject_adjective']),
      of('nouns', NOUNS) if plural else noun,
      optional(attached, 1 - absent['subject_attached']),
    )

  lead = optional(join(word('in'), word('the'), noun), 1 - absent['leading'])
  ever = optional(word('ever'), 1 - absent['ever'])
  thing = (phrase(False) + phrase(True)) / 2
  total = 0
  for plural in (False, True):
    verb = of('verb' if plural else 'verbs', VERBS)
    predicates = (
      join(word('are' if plural else 'is'), of('adjective', ADJECTIVES)),
      verb,
      join(verb, of('adverb', ADVERBS)),
      join(verb, thing),
      join(word('has'), thing),
      join(verb, word('to'), of('verb', VERBS)),
    )
    clause = sum(predicates) / len(predicates)
    total = total + join(lead, phrase(plural), ever, clause) / 2
  # No space behind the last word.
  return total[1:]


def make(config: Config) -> types.Dataset:
  """The data set.

  Args:
    config: static options.

  Returns:
    A set on a grid of factors; observations are int32 [L], the sentence in the
    first language, its end, padding; L is 12 words or 31 characters. Fields:
    'mask' bool [L]; 'translation_g', 'translation_f' int32 [L], or 33 and 31
    characters; 'tags' int32 [12], of words, numbers of `vocabularies['tags']`.
    Extras: 'vocabulary' and 'vocabularies' (field -> token -> word).
    `log_density` is exact.

  Raises:
    ConfigError: an option out of range.
  """
  checks.choice('config.dataset.unit', config.unit, UNITS)
  checks.integer('config.dataset.lexicon', config.lexicon, 0)
  known = lexicons(config.lexicon)
  priors = _log_priors()
  most = max(SIZES)
  padded = np.full((len(SIZES), most), -np.inf, np.float32)
  for row, prior in zip(padded, priors):
    row[: len(prior)] = prior
  lengths = np.array([len(form) for form in known['first'].forms])
  short = float(np.sum(length_law(known['first'])[: MOST_CHARACTERS + 1]))

  def fits(factors):
    forms, taken = places_of(factors)
    letters = jnp.where(taken, jnp.asarray(lengths)[forms] + 1, 0)
    return jnp.sum(letters, axis=-1) - 1 <= MOST_CHARACTERS

  def one_draw(key):
    keys = jax.random.split(key, len(SIZES))
    levels = jax.vmap(jax.random.categorical)(keys, jnp.asarray(padded))
    return levels.astype(jnp.int32)

  def draw(key, table):
    del table
    # The fields of a row take other children of its key.
    own = jax.random.fold_in(key, 0)

    def again(carry):
      number, _ = carry
      return number + 1, one_draw(jax.random.fold_in(own, number))

    # From a draw, so that the loop starts from what differs over devices.
    start = one_draw(jax.random.fold_in(own, 0))
    number = 1 + 0 * start[0]
    return jax.lax.while_loop(lambda c: ~fits(c[1]), again, (number, start))[1]

  def log_density(factors):
    each = jnp.asarray(padded)[jnp.arange(len(SIZES)), factors]
    total = jnp.sum(each, axis=-1) - math.log(short)
    return jnp.where(fits(factors), total, -jnp.inf)

  by_word = config.unit == 'word'
  vocabularies, sentence = {}, {}
  alphabet = (*words.SPECIAL, *_LETTERS)
  for language in LANGUAGES:
    forms = known[language].forms
    more = MOST_CHARACTERS + (3 if language == 'g' else 1)
    length = MOST_WORDS + 1 if by_word else more
    if by_word:
      distinct = tuple(dict.fromkeys(forms))
      vocabularies[language] = (*words.SPECIAL, *distinct)
      numbers = np.array([4 + distinct.index(form) for form in forms])
      sentence[language] = _in_words(_order(language), numbers, length)
    else:
      vocabularies[language] = alphabet
      sentence[language] = _in_characters(_order(language), forms, length)
  tag_of_form = np.array([4 + TAGS.index(tag) for _, tag in _FORMS])
  sentence['tags'] = _in_words(_order('first'), tag_of_form, MOST_WORDS + 1)
  render = sentence['first']

  def mask(arrays, factors, key):
    return tokens_lib.mask_of(render(arrays, factors, key))

  plain = factorial.make(
    name='parallel_sentences',
    factor_names=FACTORS,
    factor_values=tuple(np.arange(size) for size in SIZES),
    observation_shape=(MOST_WORDS + 1 if by_word else MOST_CHARACTERS + 1,),
    render=render,
    kind='tokens',
    dtype='int32',
    fields={
      'mask': mask,
      'translation_g': sentence['g'],
      'translation_f': sentence['f'],
      'tags': sentence['tags'],
    },
    extras={
      'vocabulary': vocabularies['first'],
      'vocabularies': {
        'translation_g': vocabularies['g'],
        'translation_f': vocabularies['f'],
        'tags': (*words.SPECIAL, *TAGS),
      },
    },
  )
  return factorial.redistribute(plain, draw, log_density)


def _in_words(order, numbers, length):
  """`(arrays, factors, key) -> int32 [length]`, a token per word."""

  def render(arrays, factors, key):
    del arrays, key
    forms, taken = places_of(factors)
    tokens = jnp.asarray(numbers)[forms]
    return _front(tokens[..., order], taken[..., order], length)

  return render


def _in_characters(order, forms, length):
  """The same, a token per letter and per space between words."""
  width = max(map(len, forms)) + 1
  table = np.zeros((len(forms), width), np.int32)
  for row, form in zip(table, forms):
    row[: len(form) + 1] = [4 + _LETTERS.index(c) for c in form + ' ']

  def render(arrays, factors, key):
    del arrays, key
    held, taken = places_of(factors)
    letters = jnp.asarray(table)[held[..., order]]
    there = taken[..., order][..., None] & (letters > 0)
    flat = lambda x: x.reshape(*x.shape[:-2], -1)
    letters, there = flat(letters), flat(there)
    # The last space goes.
    count = jnp.cumsum(there, axis=-1)
    there &= count < count[..., -1:]
    return _front(letters, there, length)

  return render
