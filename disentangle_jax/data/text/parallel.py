"""One sentence in three rule-made languages, with tags of its words.

The languages are those of `languages`: a sentence, its two translations and the
tags are functions of one factor vector.
"""

import dataclasses
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import checks, types
from disentangle_jax.data import factorial
from disentangle_jax.data.text import languages, spelling, syntax, words
from disentangle_jax.ops import tokens as tokens_lib

UNITS = ('word', 'character')


@dataclasses.dataclass(frozen=True)
class Config:
  """Static options.

  Attributes:
    unit: what a token is, 'word' or 'character'; tags are always of words.
    lexicon: seed of the invented stems.
  """

  unit: str = 'word'
  lexicon: int = 0


def make(config: Config) -> types.Dataset:
  """The data set.

  Args:
    config: static options.

  Returns:
    A set on a grid of factors; observations are int32 [L], the sentence in the
    first language, its end, padding; L is 12 words or 31 characters. Fields:
    'mask' bool [L]; 'translation_g', 'translation_f' int32 [L], or 33 and 31
    characters; 'tags' int32 [12], of words, numbers of `vocabularies['tags']`.
    Extras: 'vocabulary', 'vocabularies' (field -> token -> word), 'lengths' of
    these fields, 'syntax', 'prototypes' and 'analogies' (see `syntax`).
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

  tongues = {
    name: _tongue(name, known[name].forms, config.unit)
    for name in languages.LANGUAGES
  }
  main = tongues['first']
  tag_of_form = np.array(
    [4 + languages.TAGS.index(tag) for _, tag in languages.FORMS]
  )
  tags = _Tongue(
    (*words.SPECIAL, *languages.TAGS),
    languages.order_of('first'),
    spelling.in_words(tag_of_form, languages.MOST_WORDS + 1),
    languages.MOST_WORDS + 1,
  )
  fields = {
    'translation_g': tongues['g'],
    'translation_f': tongues['f'],
    'tags': tags,
  }
  render = _renderer(main)

  def prototypes(key, count):
    return main.spell(*syntax.draw_forms(key, count))

  def analogies(key, count):
    one = lambda key: syntax.analogy(key, one_draw, fits)
    factors = jax.vmap(one)(jax.random.split(key, count))
    return render((), factors, None)

  def mask(arrays, factors, key):
    return tokens_lib.mask_of(render(arrays, factors, key))

  plain = factorial.make(
    name='parallel_sentences',
    factor_names=languages.FACTORS,
    factor_values=tuple(np.arange(size) for size in languages.SIZES),
    observation_shape=(main.length,),
    render=render,
    kind='tokens',
    dtype='int32',
    fields={
      'mask': mask,
      **{name: _renderer(tongue) for name, tongue in fields.items()},
    },
    extras={
      'vocabulary': main.vocabulary,
      'vocabularies': {n: tongue.vocabulary for n, tongue in fields.items()},
      'lengths': {n: tongue.length for n, tongue in fields.items()},
      'syntax': syntax.Syntax(
        main.read, lambda tokens: syntax.accepts(*main.read(tokens))
      ),
      'prototypes': syntax.Prototypes(syntax.PROTOTYPES, 0, prototypes),
      'analogies': analogies,
    },
  )
  return factorial.redistribute(plain, draw, log_density)


class _Tongue(NamedTuple):
  """How sentences of a language become tokens.

  Attributes:
    vocabulary: token -> word or letter.
    order: numbers of `languages.PLACES`, as the language has them.
    spell: see `spelling.Speller`.
    length: L.
    read: see `spelling.Reader`; None where nothing is read back.
  """

  vocabulary: tuple[str, ...]
  order: np.ndarray
  spell: spelling.Speller
  length: int
  read: spelling.Reader | None = None


def _tongue(language, forms, unit) -> _Tongue:
  order = languages.order_of(language)
  if unit == 'character':
    length = languages.MOST_CHARACTERS + (3 if language == 'g' else 1)
    spell = spelling.in_characters(forms, length)
    read = spelling.of_characters(forms)
    return _Tongue(spelling.ALPHABET, order, spell, length, read)
  length = languages.MOST_WORDS + 1
  distinct = tuple(dict.fromkeys(forms))
  vocabulary = (*words.SPECIAL, *distinct)
  numbers = np.array([vocabulary.index(form) for form in forms])
  spell = spelling.in_words(numbers, length)
  read = spelling.of_words(numbers)
  return _Tongue(vocabulary, order, spell, length, read)


def _renderer(tongue: _Tongue):
  """`(arrays, factors, key) -> int32 [L]`."""

  def render(arrays, factors, key):
    del arrays, key
    forms, taken = languages.places_of(factors)
    return tongue.spell(forms[..., tongue.order], taken[..., tongue.order])

  return render
