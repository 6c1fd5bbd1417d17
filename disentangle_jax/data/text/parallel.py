"""One sentence in three rule-made languages, with tags of its words.

The languages are those of `languages`: a sentence, its two translations and the
tags are functions of one factor vector.
"""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import checks, types
from disentangle_jax.data import factorial
from disentangle_jax.data.text import languages, words
from disentangle_jax.ops import tokens as tokens_lib

UNITS = ('word', 'character')
_LETTERS = 'abcdefghijklmnopqrstuvwxyz '


@dataclasses.dataclass(frozen=True)
class Config:
  """Static options.

  Attributes:
    unit: what a token is, 'word' or 'character'; tags are always of words.
    lexicon: seed of the invented stems.
  """

  unit: str = 'word'
  lexicon: int = 0


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
  known = languages.lexicons(config.lexicon)
  priors = languages.log_priors()
  most = max(languages.SIZES)
  padded = np.full((len(languages.SIZES), most), -np.inf, np.float32)
  for row, prior in zip(padded, priors):
    row[: len(prior)] = prior
  lengths = np.array([len(form) for form in known['first'].forms])
  law = languages.length_law(known['first'])
  short = float(np.sum(law[: languages.MOST_CHARACTERS + 1]))

  def fits(factors):
    forms, taken = languages.places_of(factors)
    letters = jnp.where(taken, jnp.asarray(lengths)[forms] + 1, 0)
    return jnp.sum(letters, axis=-1) - 1 <= languages.MOST_CHARACTERS

  sizes = jnp.asarray(languages.SIZES, jnp.int32)
  first = jnp.asarray([share for _, share in languages.PRIORS.values()])

  def one_draw(key):
    # One number decides on level 0 and then on which of the others.
    u = jax.random.uniform(key, sizes.shape)
    other = 1 + ((u - first) / (1 - first) * (sizes - 1)).astype(jnp.int32)
    return jnp.where(u < first, 0, jnp.minimum(other, sizes - 1))

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
    each = jnp.asarray(padded)[jnp.arange(len(languages.SIZES)), factors]
    total = jnp.sum(each, axis=-1) - math.log(short)
    return jnp.where(fits(factors), total, -jnp.inf)

  by_word = config.unit == 'word'
  vocabularies, sentence = {}, {}
  alphabet = (*words.SPECIAL, *_LETTERS)
  for language in languages.LANGUAGES:
    forms = known[language].forms
    more = languages.MOST_CHARACTERS + (3 if language == 'g' else 1)
    length = languages.MOST_WORDS + 1 if by_word else more
    if by_word:
      distinct = tuple(dict.fromkeys(forms))
      vocabularies[language] = (*words.SPECIAL, *distinct)
      numbers = np.array([4 + distinct.index(form) for form in forms])
      sentence[language] = _in_words(
        languages.order_of(language), numbers, length
      )
    else:
      vocabularies[language] = alphabet
      sentence[language] = _in_characters(
        languages.order_of(language), forms, length
      )
  tag_of_form = np.array(
    [4 + languages.TAGS.index(tag) for _, tag in languages.FORMS]
  )
  sentence['tags'] = _in_words(
    languages.order_of('first'), tag_of_form, languages.MOST_WORDS + 1
  )
  render = sentence['first']

  def mask(arrays, factors, key):
    return tokens_lib.mask_of(render(arrays, factors, key))

  plain = factorial.make(
    name='parallel_sentences',
    factor_names=languages.FACTORS,
    factor_values=tuple(np.arange(size) for size in languages.SIZES),
    observation_shape=(
      languages.MOST_WORDS + 1 if by_word else languages.MOST_CHARACTERS + 1,
    ),
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
        'tags': (*words.SPECIAL, *languages.TAGS),
      },
    },
  )
  return factorial.redistribute(plain, draw, log_density)


def _in_words(order, numbers, length):
  """`(arrays, factors, key) -> int32 [length]`, a token per word."""

  def render(arrays, factors, key):
    del arrays, key
    forms, taken = languages.places_of(factors)
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
    held, taken = languages.places_of(factors)
    letters = jnp.asarray(table)[held[..., order]]
    there = taken[..., order][..., None] & (letters > 0)
    flat = lambda x: x.reshape(*x.shape[:-2], -1)
    letters, there = flat(letters), flat(there)
    # The last space goes.
    count = jnp.cumsum(there, axis=-1)
    there &= count < count[..., -1:]
    return _front(letters, there, length)

  return render
