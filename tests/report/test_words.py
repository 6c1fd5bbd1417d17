"""Sentences: which words, and which of them are marked."""

import made_up
import numpy as np

from disentangle_jax.report import traversals, words

VOCABULARY = ('', 'a', 'red', 'blue', 'ball', 'rolls')


def samples(walks, **more):
  walks = np.array(walks, np.int32)
  none = np.zeros((0, 0), np.int32)
  return traversals.Samples(
    traversals=walks,
    values=np.linspace(-2, 2, walks.shape[1]),
    observations=more.pop('observations', none),
    reconstructions=more.pop('reconstructions', none),
    kl=np.arange(len(walks), dtype=np.float32),
    kind='tokens',
    vocabulary=VOCABULARY,
    **more,
  )


def test_padding_is_left_out_and_unknown_tokens_are_numbers():
  assert words.split([1, 0, 4, 9, -1, 0], VOCABULARY) == [
    'a',
    'ball',
    '9',
    '-1',
  ]
  assert words.split(np.array([3, 0, 12]), ()) == ['3', '12']


def test_words_that_differ_are_marked_wherever_they_stand():
  said = words.marked(['a', 'blue', 'ball'], ['a', 'red', 'ball'])
  assert said == (('a', False), ('blue', True), ('ball', False))
  longer = words.marked(['a', 'red', 'ball', 'rolls'], ['a', 'ball'])
  assert [new for _, new in longer] == [False, True, False, True]
  assert words.marked([], ['a']) == ()


def test_values_with_one_sentence_share_a_line():
  red, blue, none = [1, 2, 4], [1, 3, 4], [0, 0, 0]
  held = samples([[red] * 5, [blue, red, red, red, none]])
  lines = words.traversals_of(held)
  assert [(line.label, line.value) for line in lines] == [
    ('z1 (1.00 nats)', '-2'),
    ('', '-1 to 1'),
    ('', '2'),
    ('z0 (0.00 nats)', '-2 to 2'),
  ]
  assert lines[0].words[1] == ('blue', True)
  assert not any(new for _, new in lines[1].words)
  assert words.to_text(lines).splitlines() == [
    'z1 (1.00 nats)  -2       a *blue* ball',
    '                -1 to 1  a red ball',
    '                2        (empty)',
    'z0 (0.00 nats)  -2 to 2  a red ball',
  ]


def test_reconstructions_are_compared_with_their_observation():
  held = samples([[[1]]], observations=[[1, 2, 4]], reconstructions=[[1, 3, 4]])
  lines = words.reconstructions_of(held)
  assert [line.value for line in lines] == ['observed', 'rebuilt']
  assert lines[0].words[1] == ('red', False)
  assert lines[1].words == (('a', False), ('blue', True), ('ball', False))


def test_plain_sentences_have_no_labels():
  tokens = made_up.sample('tokens')['generated']
  text = words.to_text(words.plain(tokens, made_up.WORDS))
  assert text.splitlines()[0].startswith('the ')
  assert '*' not in text
