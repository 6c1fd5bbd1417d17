"""Forms of words as tokens, a token per word or per letter, and back."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax.data.text import syntax, words
from disentangle_jax.ops import tokens as tokens_lib

LETTERS = 'abcdefghijklmnopqrstuvwxyz '
ALPHABET = (*words.SPECIAL, *LETTERS)
_FIRST = len(words.SPECIAL)
# A word of more letters is none of a language; a code of so many fits int32.
_MOST_LETTERS = 6

# (forms int32 [..., P], bool [..., P], where one stands) -> int32 [..., L].
Speller = Callable[[jax.Array, jax.Array], jax.Array]
# int32 [..., L] -> forms int32 [..., W], bool [..., W], where a word stands.
Reader = Callable[[jax.Array], tuple[jax.Array, jax.Array]]


def in_words(numbers: np.ndarray, length: int) -> Speller:
  """A token per word.

  Args:
    numbers: int [F], token of each form.
    length: L.

  Returns:
    The speller.
  """

  def spell(forms, taken):
    return _front(jnp.asarray(numbers)[forms], taken, length)

  return spell


def in_characters(forms: Sequence[str], length: int) -> Speller:
  """A token per letter and per space between words, numbers of ALPHABET.

  Args:
    forms: word of each form.
    length: L.

  Returns:
    The speller.
  """
  width = max(map(len, forms)) + 1
  table = np.zeros((len(forms), width), np.int32)
  for row, form in zip(table, forms):
    row[: len(form) + 1] = [_FIRST + LETTERS.index(c) for c in form + ' ']

  def spell(forms, taken):
    letters = jnp.asarray(table)[forms]
    there = taken[..., None] & (letters > 0)
    flat = lambda x: x.reshape(*x.shape[:-2], -1)
    letters, there = flat(letters), flat(there)
    # The last space goes.
    count = jnp.cumsum(there, axis=-1)
    there &= count < count[..., -1:]
    return _front(letters, there, length)

  return spell


def of_words(numbers: np.ndarray) -> Reader:
  """What `in_words` spells.

  Args:
    numbers: int [F], token of each form; of forms with one token the first is
      read.

  Returns:
    The reader; W is L.
  """

  def read(tokens):
    same = tokens[..., None] == jnp.asarray(numbers)
    form = jnp.where(same.any(-1), jnp.argmax(same, axis=-1), syntax.UNKNOWN)
    there = tokens_lib.mask_of(tokens) & (tokens != tokens_lib.EOS)
    return form.astype(jnp.int32), there

  return read


def of_characters(forms: Sequence[str]) -> Reader:
  """What `in_characters` spells.

  Args:
    forms: word of each form; of equal ones the first is read.

  Returns:
    The reader; W is L // 2 + 1. Two spaces side by side, or one at an end, make
    a word that is none.
  """
  base = len(LETTERS)
  code = lambda form: sum(
    (1 + LETTERS.index(c)) * base**k for k, c in enumerate(form)
  )
  codes = np.array([code(form) for form in forms], np.int32)

  def read(tokens):
    length = tokens.shape[-1]
    inside = tokens_lib.mask_of(tokens) & (tokens != tokens_lib.EOS)
    space = inside & (tokens == _FIRST + LETTERS.index(' '))
    number = jnp.cumsum(space, axis=-1)
    position = jnp.arange(length)
    start = jnp.where(space, position + 1, 0)
    offset = position - jax.lax.cummax(start, axis=start.ndim - 1)
    letter = inside & ~space
    legal = (tokens >= _FIRST) & (offset < _MOST_LETTERS)
    power = base ** jnp.minimum(offset, _MOST_LETTERS - 1)
    value = jnp.where(letter & legal, (1 + tokens - _FIRST) * power, 0)
    of_word = number[..., None] == jnp.arange(length // 2 + 1)
    total = jnp.sum(jnp.where(of_word, value[..., None], 0), axis=-2)
    bad = jnp.any(of_word & (letter & ~legal)[..., None], axis=-2)
    same = (total[..., None] == jnp.asarray(codes)) & ~bad[..., None]
    form = jnp.where(same.any(-1), jnp.argmax(same, axis=-1), syntax.UNKNOWN)
    # A space at the end opens a word without letters.
    count = jnp.where(inside.any(-1), 1 + number[..., -1], 0)
    there = jnp.arange(length // 2 + 1) < count[..., None]
    return form.astype(jnp.int32), there

  return read


def _front(values, taken, length):
  """Taken values [..., P] in order, an end, padding: int32 [..., length]."""
  order = jnp.argsort(~taken, axis=-1, stable=True)
  values = jnp.take_along_axis(jnp.where(taken, values, 0), order, axis=-1)
  count = jnp.sum(taken, axis=-1, keepdims=True)
  pad = [(0, 0)] * (values.ndim - 1) + [(0, max(0, length - values.shape[-1]))]
  values = jnp.pad(values, pad)[..., :length]
  position = jnp.arange(length)
  ended = jnp.where(position == count, tokens_lib.EOS, values)
  return jnp.where(position > count, tokens_lib.PAD, ended).astype(jnp.int32)
