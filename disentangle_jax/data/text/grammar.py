"""Sentences of eight templates with a known sentiment and topic.

A small stand-in of ours for reviews: every sentence says one good or bad thing
of food or of a shop's goods. Factors: sentiment (negative, positive), topic
(food, shop), template, two nouns of the topic, a pair of opposite adjectives,
whether the adjective is negated, a modifier and an opener. The adjective is the
member of the pair whose polarity is sentiment XOR negated, with 'not' before it
where negated: 'good' and 'not bad' are positive. Factors that a template does
not use are nuisances: 442,368 factor vectors make 73,728 sentences of 62 words,
at most 13 long.

Two options decide whether a transfer of sentiment can be seen to work. The
field 'label' is the sentiment with probability `purity`, else its opposite: as
with stars that stand for all sentences of a review. `negation` is the
probability of 'not': at 1/2 each word is as frequent in both sentiments.

One sentence in ten, by a hash of its tokens, belongs to the part 'test', the
others to 'train'. `extras['grammar']` tells of any tokens what they are
(`Grammar`), exactly.
"""

from collections.abc import Callable
import dataclasses
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import checks, types
from disentangle_jax.data import factorial
from disentangle_jax.data.text import words
from disentangle_jax.ops import tokens as tokens_lib

SENTIMENTS = ('negative', 'positive')
NOUNS = {
  'food': ('soup', 'bread', 'rice', 'fish', 'tea', 'cake'),
  'shop': ('shirt', 'lamp', 'chair', 'phone', 'book', 'watch'),
}
# (positive, negative).
PAIRS = (
  ('good', 'bad'),
  ('great', 'awful'),
  ('fresh', 'stale'),
  ('warm', 'cold'),
  ('quick', 'slow'),
  ('clean', 'dirty'),
  ('kind', 'rude'),
  ('cheap', 'pricey'),
)
MODIFIERS = ('small', 'local', 'usual', 'new', 'red', 'main')
OPENERS = ('today', 'again', 'overall', 'honestly')
# Capital words are slots.
TEMPLATES = (
  'the MODIFIER NOUN_A was ADJECTIVE .',
  'OPENER , the NOUN_A and the NOUN_B were ADJECTIVE .',
  'i found the NOUN_A ADJECTIVE and took the NOUN_B .',
  'the NOUN_A next to the NOUN_B is ADJECTIVE OPENER .',
  'ADJECTIVE NOUN_A with a MODIFIER NOUN_B .',
  'we got a MODIFIER NOUN_A that was ADJECTIVE OPENER .',
  'they said the NOUN_B was MODIFIER but the NOUN_A is ADJECTIVE .',
  'my NOUN_A came ADJECTIVE after the MODIFIER NOUN_B .',
)
SLOTS = ('NOUN_A', 'NOUN_B', 'MODIFIER', 'OPENER', 'ADJECTIVE')
FACTORS = (
  'sentiment',
  'topic',
  'template',
  'noun_a',
  'noun_b',
  'pair',
  'negated',
  'modifier',
  'opener',
)
SIZES = (2, 2, len(TEMPLATES), 6, 6, len(PAIRS), 2, 6, 4)
TAGS = ('', 'noun', 'adjective', 'not', 'modifier', 'opener', 'other', 'end')
PARTS = ('train', 'test', 'all')
LENGTH = 14
# What stands for a polar word in a skeleton.
STAR = -1
# One sentence in so many is held out.
_HELD_OUT = 10


def _fixed_words() -> tuple[str, ...]:
  texts = ' '.join(TEMPLATES).split()
  return tuple(dict.fromkeys(w for w in texts if w not in SLOTS))


VOCABULARY = (
  *words.SPECIAL,
  *NOUNS['food'],
  *NOUNS['shop'],
  *(good for good, _ in PAIRS),
  *(bad for _, bad in PAIRS),
  *MODIFIERS,
  *OPENERS,
  'not',
  *_fixed_words(),
)
_NUMBER = {word: number for number, word in enumerate(VOCABULARY)}
_NOUN, _GOOD, _BAD = (_NUMBER[w] for w in ('soup', 'good', 'bad'))
_MODIFIER, _OPENER, _NOT = (_NUMBER[w] for w in ('small', 'today', 'not'))
# Per slot: the first token and how many tokens may stand there.
_FIRST = {
  'NOUN_A': (_NOUN, 12),
  'NOUN_B': (_NOUN, 12),
  'MODIFIER': (_MODIFIER, len(MODIFIERS)),
  'OPENER': (_OPENER, len(OPENERS)),
  'ADJECTIVE': (_GOOD, 2 * len(PAIRS)),
}


def _patterns() -> np.ndarray:
  """int32 [templates, 2, L]: a token, or len(VOCABULARY) + number of a slot."""
  table = np.full((len(TEMPLATES), 2, LENGTH), tokens_lib.PAD, np.int32)
  slot = {name: len(VOCABULARY) + k for k, name in enumerate(SLOTS)}
  for number, template in enumerate(TEMPLATES):
    for negated in (0, 1):
      text = template.replace(
        'ADJECTIVE', 'not ADJECTIVE' * negated or SLOTS[4]
      )
      codes = [slot.get(w, _NUMBER.get(w)) for w in text.split()]
      table[number, negated, : len(codes) + 1] = [*codes, tokens_lib.EOS]
  return table


_PATTERNS = _patterns()
_IS_SLOT = len(VOCABULARY) <= _PATTERNS
# Which factors a template shows: bool [templates, K].
_USED = np.ones((len(TEMPLATES), len(SIZES)), bool)
for _slot, _column in (('NOUN_B', 4), ('MODIFIER', 7), ('OPENER', 8)):
  _USED[:, _column] = [_slot in text.split() for text in TEMPLATES]


@dataclasses.dataclass(frozen=True)
class Config:
  """Static options.

  Attributes:
    purity: probability that the label is the sentiment, in [0.5, 1].
    negation: probability of 'not', in [0, 1].
    correlation: c in [-1, 1] of P(food | positive) = P(shop | negative) =
      (1 + c) / 2.
    part: which sentences are drawn: 'train', 'test' (one in ten) or 'all'.
  """

  purity: float = 0.8
  negation: float = 0.25
  correlation: float = 0.0
  part: str = 'train'


class Grammar(NamedTuple):
  """Exact answers about tokens [..., L], L <= 14, such as a decoder writes.

  What follows the first end is not read.

  Attributes:
    polarity: `(tokens) -> int32 [...]`: 1 or 0 where all polar words say so
      ('not' before one turns it), -1 where none stands or they disagree.
    skeleton: `(tokens) -> int32 [..., L]`: without 'not', polar words as STAR:
      equal for sentences that differ in sentiment alone.
    parse: `(tokens) -> (int32 [..., K], bool [...])`: factors, 0 where the
      template does not use one, and whether the tokens are one of the 73,728
      sentences.
    log_probability: `(tokens) -> float32 [...]`: nats, under `sample`; minus
      infinity for what is never drawn.
  """

  polarity: Callable[..., Any]
  skeleton: Callable[..., Any]
  parse: Callable[..., Any]
  log_probability: Callable[..., Any]


def tokens_of(factors: jax.Array) -> jax.Array:
  """The sentence of a grid point.

  Args:
    factors: int32 [..., 9].

  Returns:
    int32 [..., 14].
  """
  column = dict(zip(FACTORS, jnp.moveaxis(factors, -1, 0)))
  topic = _NOUN + 6 * column['topic']
  good = column['sentiment'] ^ column['negated']
  values = jnp.stack(
    [
      topic + column['noun_a'],
      topic + column['noun_b'],
      _MODIFIER + column['modifier'],
      _OPENER + column['opener'],
      jnp.where(good == 1, _GOOD, _BAD) + column['pair'],
    ],
    axis=-1,
  )
  codes = jnp.asarray(_PATTERNS)[column['template'], column['negated']]
  slot = jnp.maximum(codes - len(VOCABULARY), 0)
  chosen = jnp.take_along_axis(values, slot, axis=-1)
  return jnp.where(codes < len(VOCABULARY), codes, chosen).astype(jnp.int32)


def noun_mask(tokens: jax.Array) -> jax.Array:
  """Where nouns stand: int [...] -> bool [...]."""
  return (tokens >= _NOUN) & (tokens < _GOOD)


def tags_of(tokens: jax.Array) -> jax.Array:
  """Numbers in TAGS of words: int [...] -> int32 [...]."""
  table = np.full(len(VOCABULARY), TAGS.index('other'), np.int32)
  for start, count, tag in (
    (tokens_lib.PAD, 1, ''),
    (tokens_lib.EOS, 1, 'end'),
    (_NOUN, 12, 'noun'),
    (_GOOD, 2 * len(PAIRS), 'adjective'),
    (_MODIFIER, len(MODIFIERS), 'modifier'),
    (_OPENER, len(OPENERS), 'opener'),
    (_NOT, 1, 'not'),
  ):
    table[start : start + count] = TAGS.index(tag)
  return jnp.asarray(table)[tokens]


def polarity(tokens: jax.Array) -> jax.Array:
  """As `Grammar.polarity`."""
  tokens = tokens_lib.cut(tokens)
  polar = (tokens >= _GOOD) & (tokens < _MODIFIER)
  good = tokens < _BAD
  positive = good ^ _after_not(tokens)
  some = lambda x: jnp.any(polar & x, axis=-1)
  clear = some(positive) ^ some(~positive)
  return jnp.where(clear, some(positive), -1).astype(jnp.int32)


def _after_not(tokens):
  """Whether the word before is 'not'; bool [..., L]."""
  before = jnp.concatenate(
    [jnp.zeros_like(tokens[..., :1]), tokens[..., :-1]], axis=-1
  )
  return before == _NOT


def skeleton(tokens: jax.Array) -> jax.Array:
  """As `Grammar.skeleton`."""
  tokens = tokens_lib.cut(tokens)
  polar = (tokens >= _GOOD) & (tokens < _MODIFIER)
  starred = jnp.where(polar, STAR, tokens)
  gone = tokens == _NOT
  # A stable sort brings what is left to the front.
  order = jnp.argsort(gone, axis=-1, stable=True)
  starred = jnp.where(gone, tokens_lib.PAD, starred)
  return jnp.take_along_axis(starred, order, axis=-1).astype(jnp.int32)


def parse(tokens: jax.Array) -> tuple[jax.Array, jax.Array]:
  """As `Grammar.parse`."""
  tokens = tokens_lib.cut(tokens)
  short = LENGTH - tokens.shape[-1]
  pad = [(0, 0)] * (tokens.ndim - 1) + [(0, max(short, 0))]
  tokens = jnp.pad(tokens, pad)[..., :LENGTH]
  # Every template with and without 'not': [..., P, L].
  patterns = _PATTERNS.reshape(-1, LENGTH)
  here = tokens[..., None, :]
  fits = here == patterns
  offsets = {}
  for number, name in enumerate(SLOTS):
    first, count = _FIRST[name]
    at = patterns == len(VOCABULARY) + number
    offset = here - first
    fits = jnp.where(at, (offset >= 0) & (offset < count), fits)
    offsets[name] = jnp.sum(jnp.where(at, offset, 0), axis=-1)
  has_b = np.repeat(_USED[:, 4], 2)
  same = offsets['NOUN_A'] // 6 == offsets['NOUN_B'] // 6
  whole = jnp.all(fits, axis=-1) & (same | ~has_b)
  # At most one pattern fits.
  pick = lambda x: jnp.sum(jnp.where(whole, x, 0), axis=-1)
  number = pick(jnp.arange(len(patterns)))
  template, negated = number // 2, number % 2
  adjective = pick(offsets['ADJECTIVE'])
  good = adjective < len(PAIRS)
  known = jnp.any(whole, axis=-1)
  factors = jnp.stack(
    [
      good ^ (negated == 1),
      pick(offsets['NOUN_A']) // 6,
      template,
      pick(offsets['NOUN_A']) % 6,
      pick(offsets['NOUN_B']) % 6,
      adjective % len(PAIRS),
      negated,
      pick(offsets['MODIFIER']),
      pick(offsets['OPENER']),
    ],
    axis=-1,
  )
  return jnp.where(known[..., None], factors, 0).astype(jnp.int32), known


def is_held_out(tokens: jax.Array) -> jax.Array:
  """Whether sentences belong to the part 'test': int [..., L] -> bool [...]."""
  mark = jnp.full(tokens.shape[:-1], 2166136261, jnp.uint32)
  for position in range(tokens.shape[-1]):
    mark = (mark ^ tokens[..., position].astype(jnp.uint32)) * jnp.uint32(
      16777619
    )
  mark ^= mark >> 15
  mark *= jnp.uint32(2246822519)
  return (mark >> 13) % _HELD_OUT == 0


def _log_prior(config: Config) -> np.ndarray:
  """float64 [2, 2, 2], log P(sentiment, topic, negated), nats."""
  topic = (1 + config.correlation * np.array([[-1, 1], [1, -1]])) / 2
  negated = np.array([1 - config.negation, config.negation])
  with np.errstate(divide='ignore'):
    return np.log(0.5 * topic[:, :, None] * negated)


def make(config: Config) -> types.Dataset:
  """The data set.

  Args:
    config: static options.

  Returns:
    A set on a grid of factors; observations are int32 [14]: words, the end,
    padding. Fields: 'mask' bool [14] (words and the end), 'label' int32,
    'noun_mask' bool [14], 'tags' int32 [14] (numbers in TAGS). Extras:
    'vocabulary', 'grammar', 'part' and, for the part 'train', 'held_out' (see
    `words`).

  Raises:
    ConfigError: an option out of range.
  """
  checks.number('config.dataset.purity', config.purity, 0.5, 1.0)
  checks.number('config.dataset.negation', config.negation, 0.0, 1.0)
  checks.number('config.dataset.correlation', config.correlation, -1.0, 1.0)
  checks.choice('config.dataset.part', config.part, PARTS)
  prior = _log_prior(config).reshape(-1)
  table, counts = _table(config.part)
  shares = counts / (math.prod(SIZES) / 8)
  with np.errstate(divide='ignore'):
    mass = [prior + np.log(s) for s in shares]
  log_mass = np.logaddexp.reduce(mass[0])
  nuisances = math.log(math.prod(SIZES) / 8)
  sizes = np.asarray(SIZES)

  def group_of(factors):
    return 4 * factors[..., 0] + 2 * factors[..., 1] + factors[..., 6]

  def is_drawn(tokens):
    held_out = is_held_out(tokens)
    inside = {'all': jnp.ones_like(held_out), 'test': held_out}
    return inside.get(config.part, ~held_out)

  def log_density(factors):
    level = jnp.asarray(prior - log_mass - nuisances, jnp.float32)
    drawn = is_drawn(tokens_of(factors))
    return jnp.where(drawn, level[group_of(factors)], -jnp.inf)

  def log_probability(tokens):
    factors, known = parse(tokens)
    # A sentence has the sum of its factor vectors: unused factors drop out.
    free = np.where(_USED, np.log(sizes), 0)
    free = np.delete(free, [0, 1, 6], axis=1).sum(axis=1)
    level = jnp.asarray(prior - log_mass, jnp.float32)[group_of(factors)]
    level -= jnp.asarray(free, jnp.float32)[factors[..., 2]]
    return jnp.where(known & is_drawn(tokens_of(factors)), level, -jnp.inf)

  def drawer(part):
    starts = np.cumsum([0, *counts.reshape(-1)])[8 * part : 8 * part + 8]

    def draw(key, numbers):
      group_key, row_key = jax.random.split(key)
      group = jax.random.categorical(group_key, jnp.asarray(mass[part]))
      size = jnp.asarray(counts[part], jnp.int32)[group]
      row = factorial.uniform_factors(row_key, size[None])[0]
      number = numbers[jnp.asarray(starts, jnp.int32)[group] + row]
      return factorial.unflatten(number, SIZES)

    return draw

  def label(arrays, factors, key):
    del arrays
    right = jax.random.bernoulli(key, config.purity)
    return jnp.where(right, factors[0], 1 - factors[0]).astype(jnp.int32)

  of_tokens = lambda function: (
    lambda arrays, factors, key: function(tokens_of(factors))
  )
  fields = {
    'mask': of_tokens(tokens_lib.mask_of),
    'label': label,
    'noun_mask': of_tokens(noun_mask),
    'tags': of_tokens(tags_of),
  }
  plain = factorial.make(
    name='template_sentences',
    factor_names=FACTORS,
    factor_values=tuple(np.arange(size) for size in SIZES),
    observation_shape=(LENGTH,),
    render=of_tokens(lambda tokens: tokens),
    kind='tokens',
    dtype='int32',
    fields=fields,
    extras={
      'vocabulary': VOCABULARY,
      'part': config.part,
      'grammar': Grammar(polarity, skeleton, parse, log_probability),
    },
  )
  dataset = factorial.redistribute(
    plain, drawer(0), log_density, table=jnp.asarray(table)
  )
  if config.part == 'train':
    other = factorial.redistribute(plain, drawer(1), log_density, table=0)
    dataset.extras['held_out'] = other.sample
  return dataset


def _table(part: str) -> tuple[np.ndarray, np.ndarray]:
  """Which factor vectors are drawn, by sentiment, topic and negation.

  Args:
    part: of PARTS.

  Returns:
    int32 numbers of grid points, those of the part before the others, and int64
    [2, 8], how many each group has of both.
  """
  factors = factorial.grid(SIZES)
  held_out = np.asarray(jax.jit(lambda f: is_held_out(tokens_of(f)))(factors))
  inside = {'all': np.ones_like(held_out), 'test': held_out}
  outside = ~inside.get(part, ~held_out)
  group = 4 * factors[:, 0] + 2 * factors[:, 1] + factors[:, 6]
  group = group + 8 * outside
  order = np.argsort(group, kind='stable').astype(np.int32)
  return order, np.bincount(group, minlength=16).reshape(2, 8)
