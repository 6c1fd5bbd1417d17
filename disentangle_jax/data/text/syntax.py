"""What is a sentence of the first rule-made language, and what only resembles.

Sentences of `languages` are those that a small automaton over the forms of
their words accepts: it knows which determiners, nouns and verbs go together,
and not how long a sentence may be. Here, too, are the two kinds of test
sentences that Brunner et al. 2018 (https://arxiv.org/abs/1801.06024, sections
4.1 and 4.3) ask of a code:

- prototypes: the 13 forms of section 4.1 in the words of the first language,
  random words in every place, and the empty sentence;
- analogies: two sentences that differ in one word or in number, and two others
  that differ in the same.

Forms 8, 9, 10, 11 and 13 of the paper are longer than 30 characters, more than
the language has, and stand here shortened; form 12 lacks 'in order'.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax.data.text import languages

# +N noun, +Ns plural noun, +V verb, +Vs third person, +A adjective, +D adverb.
PROTOTYPES = (
  'the +N is +A',
  'the +N +Vs',
  'the +N has a +N',
  'the +N +Vs a +N',
  'the +N +Vs +D',
  'no +N ever +Vs',
  'are +Ns +A',
  '+Ns +V but some +Ns +V',
  'in the +N the +N +Vs',
  '+Ns +V the +N of +Ns',
  'in the +N +Ns +V +Ns',
  '+N +Vs to +V on a +N',
  '+A +Ns +V like +Ns',
  '',
)
UNKNOWN = -1
# Words of a form, in `languages.FORMS`.
_CLASSES = {
  '+N': 'N',
  '+Ns': 'Ns',
  '+V': 'V',
  '+Vs': 'Vs',
  '+A': 'J',
  '+D': 'D',
}
_FORM_NAMES = [name for name, _ in languages.FORMS]


class Syntax(NamedTuple):
  """Oracles on tokens of the first language.

  Attributes:
    read: (int32 [..., L]) -> forms int32 [..., W], UNKNOWN for what is no word,
      and bool [..., W], where a word stands; up to the end of the sentence.
    accepts: (int32 [..., L]) -> bool [...], whether it is a sentence.
  """

  read: Callable[[jax.Array], tuple[jax.Array, jax.Array]]
  accepts: Callable[[jax.Array], jax.Array]


class Prototypes(NamedTuple):
  """Sentences of a few forms, random words in their places.

  Attributes:
    names: of the forms, P.
    most: how many sentences of each there are at most; 0 for any number.
    draw: (typed key, count) -> int32 [P, count, L].
  """

  names: tuple[str, ...]
  most: int
  draw: Callable[[jax.Array, int], jax.Array]


def members(place: str) -> np.ndarray:
  """Forms that a place of a prototype may hold.

  Args:
    place: '+N' and its like, or a function word.

  Returns:
    int32 [n], numbers of `languages.FORMS`.
  """
  if place in _CLASSES:
    tag, inflected = _CLASSES[place], [tag for _, tag in languages.FORMS]
    return np.array([i for i, t in enumerate(inflected) if t == tag], np.int32)
  return np.array([_FORM_NAMES.index(place)], np.int32)


def draw_forms(key: jax.Array, count: int) -> tuple[jax.Array, jax.Array]:
  """Sentences of every prototype; all words of a class are as likely.

  Args:
    key: typed PRNG key.
    count: of each.

  Returns:
    Forms int32 [P, count, W] and bool [P, count, W], where one stands.
  """
  places = [text.split() for text in PROTOTYPES]
  most = max(map(len, places))
  choices = [members(place) for words in places for place in words]
  width = max(map(len, choices))
  shape = (len(places), most)
  table, sizes = np.zeros((*shape, width), np.int32), np.ones(shape, np.int32)
  taken = np.zeros(shape, bool)
  for p, words in enumerate(places):
    for w, place in enumerate(words):
      own = members(place)
      table[p, w, : len(own)], sizes[p, w], taken[p, w] = own, len(own), True
  number = jax.random.randint(key, (count, *shape), 0, jnp.asarray(sizes))
  number = jnp.moveaxis(number, 0, 1)
  forms = jnp.take_along_axis(
    jnp.asarray(table)[:, None], number[..., None], axis=-1
  )[..., 0]
  taken = jnp.broadcast_to(jnp.asarray(taken)[:, None], forms.shape)
  return forms, taken


def _arrows() -> dict[str, dict[str, str]]:
  """state -> what a word is -> the state behind it."""
  adjective = lambda state: {'J': f'{state} noun'}
  one, many, both = {'N': 'one'}, {'Ns': 'many'}, {'N': 'one', 'Ns': 'many'}
  subject = {'the': 'free', 'no': 'free', 'a': 'single', 'some': 'several'}
  thing = {k: f'object {state}' for k, state in subject.items()}
  things = {'N': 'object', 'Ns': 'object'}
  prepositions = lambda state: dict.fromkeys(languages.PREPOSITIONS, state)
  predicates = {
    'one': {'is': 'is', 'has': 'has', 'Vs': 'verb'},
    'many': {'are': 'is', 'has': 'has', 'V': 'verb'},
  }
  arrows = {
    'start': {'in': 'in', **subject},
    'in': {'the': 'in the'},
    'in the': {'N': 'led'},
    'led': subject,
    'is': {'J': 'end'},
    'has': thing,
    'verb': {'D': 'end', 'to': 'to', **thing},
    'to': {'V': 'end'},
    'object': prepositions('object of'),
    'object of': {'the': 'object of the'},
    'object of the': {'N': 'end'},
    'end': {},
  }
  for state, nouns in (('free', both), ('single', one), ('several', many)):
    arrows[state] = {**adjective(state), **nouns}
    arrows[f'{state} noun'] = nouns
    own = {k: things[k] for k in nouns}
    arrows[f'object {state}'] = {**adjective(f'object {state}'), **own}
    arrows[f'object {state} noun'] = own
  for number, ways in predicates.items():
    told = {'ever': f'{number} ever', **ways}
    arrows[number] = {**prepositions(f'{number} of'), **told}
    arrows[f'{number} of'] = {'the': f'{number} of the'}
    arrows[f'{number} of the'] = {'N': f'{number} joined'}
    arrows[f'{number} joined'] = told
    arrows[f'{number} ever'] = ways
  return arrows


def automaton() -> tuple[np.ndarray, np.ndarray]:
  """The sentences of the first language over the forms of their words.

  Returns:
    int32 [S, F + 1], the state behind each form, the last column for what is no
    word; and bool [S], where a sentence may end. State 0 is the start, 1 has no
    way on.
  """
  arrows = _arrows()
  names = ['start', 'nowhere', *(name for name in arrows if name != 'start')]
  table = np.ones((len(names), len(languages.FORMS) + 1), np.int32)
  for state, ways in arrows.items():
    for number, (form, tag) in enumerate(languages.FORMS):
      after = ways.get(form, ways.get(tag) if '_' in form else None)
      if after is not None:
        table[names.index(state), number] = names.index(after)
  ends = np.isin(names, ['end', 'verb', 'object'])
  return table, ends


def accepts(forms: jax.Array, there: jax.Array) -> jax.Array:
  """Whether words make a sentence of the first language, of any length.

  Args:
    forms: int32 [..., W], UNKNOWN for what is no word.
    there: bool [..., W], a prefix.

  Returns:
    bool [...].
  """
  table, ends = automaton()
  # UNKNOWN counts from the end: the last column.
  table = jnp.asarray(table)
  state = jnp.zeros(forms.shape[:-1], jnp.int32)
  for w in range(forms.shape[-1]):
    state = jnp.where(there[..., w], table[state, forms[..., w]], state)
  return jnp.asarray(ends)[state]


# What two sentences of an analogy may differ in: factor, and least level.
CHANGES = {
  'subject_noun': 0,
  'subject_plural': 0,
  'subject_adjective': 1,
  'predicate_adjective': 0,
  'verb': 0,
}
_COLUMNS = np.array([languages.FACTORS.index(name) for name in CHANGES])
_LEAST = np.array(list(CHANGES.values()))
_LEVELS = np.array([languages.SIZES[c] for c in _COLUMNS]) - _LEAST
_VERBS = np.array(
  [k for k, p in enumerate(languages.PREDICATES) if p not in ('is', 'has')]
)


def analogy(
  key: jax.Array,
  draw: Callable[[jax.Array], jax.Array],
  fits: Callable[[jax.Array], jax.Array],
) -> jax.Array:
  """Factors of a, b, c, d with a - b = d - c: a is to b as d is to c.

  b and c agree in one factor, a and d agree in another level of it and are else
  as b and c: another noun, adjective or verb, or the other number. The word in
  question stands in all four.

  Args:
    key: typed PRNG key.
    draw: (key) -> factors int32 [K], of any length.
    fits: (factors [..., K]) -> bool, whether a sentence is not too long.

  Returns:
    int32 [4, K].
  """

  def once(key):
    keys = jax.random.split(key, 6)
    change = jax.random.randint(keys[0], (), 0, len(CHANGES))
    column = jnp.asarray(_COLUMNS)[change]
    least, levels = jnp.asarray(_LEAST)[change], jnp.asarray(_LEVELS)[change]
    old = jax.random.randint(keys[1], (), 0, levels)
    new = (old + 1 + jax.random.randint(keys[2], (), 0, levels - 1)) % levels
    pair = jnp.stack([draw(keys[3]), draw(keys[4])])
    # The word must be said.
    verb = jax.random.choice(keys[5], jnp.asarray(_VERBS), (2,))
    kind = languages.FACTORS.index('predicate')
    predicate = pair[:, kind]
    names = list(CHANGES)
    is_change = lambda name: change == names.index(name)
    predicate = jnp.where(is_change('predicate_adjective'), 0, predicate)
    predicate = jnp.where(is_change('verb'), verb, predicate)
    pair = pair.at[:, kind].set(predicate.astype(pair.dtype))
    before = pair.at[:, column].set(least + old)
    after = pair.at[:, column].set(least + new)
    return jnp.stack([after[0], before[0], before[1], after[1]])

  def again(carry):
    number, _ = carry
    return number + 1, once(jax.random.fold_in(key, number))

  start = once(jax.random.fold_in(key, 0))
  unfit = lambda carry: ~jnp.all(fits(carry[1]))
  return jax.lax.while_loop(unfit, again, (1 + 0 * start[0, 0], start))[1]
