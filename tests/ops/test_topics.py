"""Topics of sentences by their words."""

import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import errors
from disentangle_jax.data.text import grammar
from disentangle_jax.ops import topics

VOCABULARY = ('<pad>', '<bos>', '<eos>', '<unk>', 'soup', 'bread', 'lamp', 'is')


def test_none_one_and_several():
  table = topics.table(VOCABULARY, (('soup', 'bread', 'ham'), ('lamp',)), 'x')
  np.testing.assert_array_equal(table, [-1] * 4 + [0, 0, 1, -1])
  sentences = jnp.array(
    [
      [4, 7, 5, 2, 0],  # soup is bread
      [7, 6, 2, 0, 0],  # is lamp
      [4, 7, 6, 2, 0],  # soup is lamp
      [7, 3, 2, 0, 0],  # is <unk>
      [7, 4, 2, 6, 6],  # what follows the end is not read
    ]
  )
  got = topics.of_sentences(sentences, table)
  np.testing.assert_array_equal(got, [0, 1, -1, -1, 0])


def test_nouns_of_the_grammar_name_its_topics():
  lists = tuple(grammar.NOUNS.values())
  table = topics.table(grammar.VOCABULARY, lists, 'x')
  factors = np.zeros((4, 9), np.int32)
  factors[:, 1] = [0, 1, 0, 1]
  factors[:, 2] = [0, 1, 5, 7]
  tokens = grammar.tokens_of(jnp.asarray(factors))
  np.testing.assert_array_equal(
    topics.of_sentences(tokens, table), factors[:, 1]
  )


@pytest.mark.parametrize(
  'lists, words',
  [
    ((('soup',),), 'must be lists of words'),
    ('soup', 'must be lists of words'),
    ((('soup',), ()), 'must be lists of words'),
    ((('soup',), ('ham',)), 'holds no word of the vocabulary'),
    ((('soup', 'lamp'), ('lamp',)), "'lamp' stands in a topic before it"),
  ],
)
def test_lists_that_tell_nothing_apart(lists, words):
  with pytest.raises(errors.ConfigError, match=words) as caught:
    topics.table(VOCABULARY, lists, 'config.static.topics')
  assert '\n' not in str(caught.value)
