"""BLEU by hand and by counting with dictionaries."""

import collections
import math

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax.ops import bleu

EOS = 2
WORDS = {}


def tokens(sentences, length):
  """int32 [N, length] with an end behind each sentence, then other words."""
  rows = np.zeros((len(sentences), length), np.int32)
  for row, sentence in zip(rows, sentences):
    words = [WORDS.setdefault(w, len(WORDS) + 4) for w in sentence.split()]
    row[: len(words)] = words
    if len(words) < length:
      row[len(words)] = EOS
      # What a decoder writes behind the end is not read.
      row[len(words) + 1 :] = 4
  return jnp.asarray(rows)


def by_dictionaries(hypotheses, references):
  matched, total, c, r = [0] * 4, [0] * 4, 0, 0
  for hypothesis, reference in zip(hypotheses, references):
    h, f = hypothesis.split(), reference.split()
    c, r = c + len(h), r + len(f)
    for n in range(1, 5):
      grams = lambda w, n=n: collections.Counter(
        zip(*(w[i:] for i in range(n)))
      )
      own, other = grams(h), grams(f)
      matched[n - 1] += sum((own & other).values())
      total[n - 1] += sum(own.values())
  if not all(matched):
    return 0.0
  logs = [math.log(m / t) for m, t in zip(matched, total)]
  return 100 * min(1.0, math.exp(1 - r / c)) * math.exp(sum(logs) / 4)


def test_clipped_unigrams_of_the_paper():
  each = bleu.counts(
    tokens(['the the the the the the the'], 8),
    tokens(['the cat is on the mat'], 9),
    EOS,
  )
  assert each.matched[0, 0] == 2 and each.total[0, 0] == 7
  assert (int(each.words[0]), int(each.reference_words[0])) == (7, 6)


def test_three_sentences_by_hand():
  hypotheses = [
    'the cat sat on the mat',
    'a dog barked at the the cat',
    'she reads',
  ]
  references = [
    'the cat sat on the red mat',
    'a dog barked at the black cat again',
    'he reads a book',
  ]
  score = bleu.corpus(tokens(hypotheses, 8), tokens(references, 10), EOS)
  # Unigrams 6 + 6 + 1 of 15, pairs 4 + 4 + 0 of 12, triples 3 + 3 of 9,
  # fours 2 + 2 of 7; 15 words against 19.
  precisions = (13 / 15) * (8 / 12) * (6 / 9) * (4 / 7)
  want = 100 * math.exp(1 - 19 / 15) * precisions**0.25
  np.testing.assert_allclose(score, want, rtol=1e-6)
  np.testing.assert_allclose(
    score, by_dictionaries(hypotheses, references), rtol=1e-6
  )


def test_random_sentences_by_dictionaries():
  rng = np.random.default_rng(0)
  length = 9
  score = jax.jit(bleu.corpus, static_argnums=2)
  for _ in range(5):
    draw = lambda: [
      ' '.join(rng.choice(list('abc'), size=rng.integers(0, length + 1)))
      for _ in range(20)
    ]
    hypotheses, references = draw(), draw()
    got = score(tokens(hypotheses, length), tokens(references, length), EOS)
    want = by_dictionaries(hypotheses, references)
    np.testing.assert_allclose(got, want, rtol=2e-6)


def test_ends_of_the_range():
  sentences = tokens(['a b c d e', 'f g h i'], 6)
  np.testing.assert_allclose(bleu.corpus(sentences, sentences, EOS), 100)
  # A longer hypothesis has no bonus, and no penalty of length.
  longer = tokens(['a b c d e x', 'f g h i'], 6)
  assert 0 < bleu.corpus(longer, sentences, EOS) < 100
  empty = tokens(['', ''], 6)
  assert bleu.corpus(empty, sentences, EOS) == 0
  # No run of four words matches: nothing is smoothed.
  assert bleu.corpus(tokens(['a b c x', 'f'], 6), sentences, EOS) == 0
