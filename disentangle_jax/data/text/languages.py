"""Three rule-made languages: words, order of words, lengths of sentences.

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

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

NOUNS, VERBS, ADJECTIVES, ADVERBS = 16, 10, 10, 6
FUNCTION_WORDS = (
  *('the', 'a', 'no', 'is', 'ever', 'are', 'of', 'has', 'in', 'to', 'on'),
  *('like', 'some', 'but'),
)
PREPOSITIONS = ('of', 'in', 'on', 'like')
TAGS = ('T', 'X', 'P', 'V', 'N', 'A', 'D', 'J', 'Ns', 'Vs')
LANGUAGES = ('first', 'g', 'f')
# Letters and words that a sentence may have.
MOST_CHARACTERS, MOST_WORDS = 30, 11

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
ORDERS = {
  'first': (
    *_LEAD,
    *_SUBJECT,
    *('ever', 'auxiliary', 'predicate_adjective', 'verb', 'adverb', 'to'),
    'second_verb',
    *_OBJECT,
  )
}
_LAST = ('auxiliary', 'verb', 'second_verb')
ORDERS['g'] = (*(p for p in ORDERS['first'] if p not in _LAST), *_LAST)


def _adjectives_behind(order):
  swap = {}
  for phrase in ('subject', 'object'):
    adjective, noun = f'{phrase}_adjective', f'{phrase}_noun'
    swap |= {adjective: noun, noun: adjective}
  return tuple(swap.get(name, name) for name in order)


ORDERS['f'] = _adjectives_behind(ORDERS['first'])
PLACES = ORDERS['first']

# Forms of the first language, by number: what a place may hold.
FORMS = (
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
for _number, (_form, _) in enumerate(FORMS):
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


def order_of(language):
  """Numbers of PLACES in the order of a language."""
  return np.array([PLACES.index(place) for place in ORDERS[language]])


def log_priors() -> list[np.ndarray]:
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
