"""What sentences are about, by words that name a topic.

A topic is a list of words. A sentence is about the one topic of which it holds
words; where it holds none, or words of several, its topic is not known (-1).
"""

from collections.abc import Sequence

import chex
import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import errors
from disentangle_jax.ops import tokens as tokens_lib

UNKNOWN = -1


def table(
  vocabulary: Sequence[str], topics: Sequence[Sequence[str]], where: str
) -> np.ndarray:
  """Which topic each word names.

  Args:
    vocabulary: token -> word.
    topics: words of each topic; those that the vocabulary lacks never occur.
    where: dotted name of the setting, for errors.

  Returns:
    int32 [V], UNKNOWN for words of no topic.

  Raises:
    ConfigError: one topic alone, one none of whose words is known, or a word
      of two topics.
  """
  lists = not isinstance(topics, str) and all(
    isinstance(words, (list, tuple))
    and words
    and all(isinstance(word, str) for word in words)
    for words in topics
  )
  if not lists or len(topics) < 2:
    rule = (
      'must be lists of words, one for each of two topics or more, e.g. '
      "(('food', 'meal'), ('service', 'staff'))"
    )
    raise errors.value(where, topics, rule)
  number = {word: token for token, word in enumerate(vocabulary)}
  topic_of = np.full(len(vocabulary), UNKNOWN, np.int32)
  for topic, words in enumerate(topics):
    known = [number[word] for word in words if word in number]
    if not known:
      rule = 'holds no word of the vocabulary'
      raise errors.value(f'{where}[{topic}]', tuple(words), rule)
    twice = [vocabulary[token] for token in known if topic_of[token] >= 0]
    if twice:
      rule = f'{twice[0]!r} stands in a topic before it, too'
      raise errors.value(f'{where}[{topic}]', tuple(words), rule)
    topic_of[known] = topic
  return topic_of


def of_sentences(tokens: jax.Array, topic_of: jax.Array) -> jax.Array:
  """The topic of each sentence.

  Args:
    tokens: int [..., L]; what follows the first end is not read.
    topic_of: int [V], see `table`.

  Returns:
    int32 [...], UNKNOWN for none and for several.
  """
  chex.assert_type([tokens, topic_of], int)
  chex.assert_rank(topic_of, 1)
  named = jnp.asarray(topic_of)[tokens_lib.cut(tokens)]
  greatest = jnp.max(named, axis=-1)
  known = jnp.where(named == UNKNOWN, greatest[..., None], named)
  agreed = jnp.min(known, axis=-1) == greatest
  return jnp.where(agreed, greatest, UNKNOWN).astype(jnp.int32)
