"""Clusters of sentence codes, arithmetic and perplexity, of models made up."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import cluster

from disentangle_jax import data as data_lib
from disentangle_jax import errors, types
from disentangle_jax.data import stream
from disentangle_jax.data.text import syntax
from disentangle_jax.metrics.models import (
  decoder_perplexity,
  prototype_clustering,
  sentence_arithmetic,
)
from disentangle_jax.ops import tokens as tokens_lib

FORMS, EACH, RESTARTS = 14, 100, 20
quick_jit = functools.partial(
  jax.jit, compiler_options={'xla_backend_optimization_level': 0}
)


def method(represent, **extras):
  return types.Method(None, None, represent, None, extras)


def numbered(forms=FORMS, most=0):
  """Sentences that say their form and their number, and nothing else."""

  def draw(key, count):
    del key
    say = lambda p, n: jnp.stack([4 + p, 4 + n, jnp.int32(tokens_lib.EOS)])
    rows = jax.vmap(jax.vmap(say, (None, 0)), (0, None))
    return rows(jnp.arange(forms), jnp.arange(count))

  words = tuple(map(str, range(200)))
  names = tuple(map(str, range(forms)))
  prototypes = syntax.Prototypes(names, most, draw)
  return stream.sentences(
    np.ones((3, 3), int), words, extras={'prototypes': prototypes}
  )


@pytest.fixture(scope='module')
def error():
  """`(codes [1400, 2]) -> scores`, one program for all."""
  data = numbered()
  config = prototype_clustering.Config(restarts=RESTARTS, steps=30)
  probe = prototype_clustering.make(config, data)

  @quick_jit
  def score(table):
    def represent(state, tokens):
      place = (tokens[:, 0] - 4) * EACH + tokens[:, 1] - 4
      return types.Codes(state[place], {})

    context = probe.fit(jax.random.key(0), ())
    key = jax.random.key(1)
    return probe.score(key, context, method(represent), table, (), None)

  def of(codes):
    table = np.asarray(codes, np.float32).reshape(FORMS * EACH, 2)
    return {k: float(v) for k, v in score(table).items()}

  return of


def test_perfect_and_constant_codes(error):
  rng = np.random.default_rng(0)
  place = np.stack(np.divmod(np.arange(FORMS), 4), 1) * 50.0
  apart = place[:, None] + rng.normal(size=(FORMS, EACH, 2))
  assert error(apart)['prototype_clustering_error'] == 0
  same = error(np.ones((FORMS, EACH, 2)))
  assert set(same.values()) == {1300.0}
  broken = np.array(apart)
  broken[3, 5] = np.nan
  assert all(map(math.isnan, error(broken).values()))


def test_overlapping_gaussians_and_scikit_learn(error):
  """Seven far pairs four deviations apart: Phi(-2) of all in expectation."""
  rng = np.random.default_rng(0)
  place = np.stack([np.arange(7) * 40.0, np.zeros(7)], 1)
  pairs = np.stack([place - [0, 2], place + [0, 2]], 1).reshape(14, 1, 2)
  codes = pairs + rng.normal(size=(FORMS, EACH, 2))
  scores = error(codes)
  ours = scores['prototype_clustering_error']
  wanted = 1400 * 0.02275
  assert abs(ours - wanted) < 4 * math.sqrt(wanted)
  flat, forms = codes.reshape(-1, 2), np.repeat(np.arange(FORMS), EACH)

  def of(labels):
    sizes = [np.bincount(forms[labels == k]) for k in range(FORMS)]
    return sum(s.sum() - s.max() for s in sizes if len(s))

  theirs = [
    of(cluster.KMeans(FORMS, n_init=1, random_state=r).fit(flat).labels_)
    for r in range(RESTARTS)
  ]
  assert abs(ours - min(theirs)) <= 5
  assert ours <= scores['prototype_clustering_error_mean'] <= 1300


def test_errors_by_hand():
  labels = jnp.array([0, 0, 0, 1, 1, 3])
  forms = jnp.array([0, 0, 1, 1, 1, 0])
  assert prototype_clustering.errors_of(labels, forms, 4, 2) == 1
  assert prototype_clustering.errors_of(0 * labels, forms, 4, 2) == 3


def test_arithmetic_and_lines_of_codes_that_are_the_words():
  """One-hot words place by place, against loops."""
  data = data_lib.load('parallel_sentences')
  words, length = len(data.extras['vocabulary']), 12
  config = sentence_arithmetic.Config(analogies=60, pairs=8, points=4)
  probe = sentence_arithmetic.make(config, data)
  hot = lambda tokens: jax.nn.one_hot(tokens, words).reshape(len(tokens), -1)
  write = lambda state, vector: jnp.argmax(
    vector.reshape(-1, length, words), axis=-1
  ).astype(jnp.int32)

  def interpolate(state, first, second, points):
    share = jnp.linspace(0, 1, points + 2)[:, None]
    line = (1 - share) * hot(first)[:, None] + share * hot(second)[:, None]
    written = write(state, line.reshape(-1, length * words))
    return written.reshape(len(first), points + 2, length)

  fake = method(
    lambda state, tokens: types.Codes(hot(tokens), {}),
    write=write,
    interpolate=interpolate,
  )

  @quick_jit
  def run(key):
    context = probe.fit(key, data.arrays)
    return context, probe.score(key, context, fake, (), data.arrays, None)

  context, scores = jax.device_get(run(jax.random.key(0)))
  right = []
  for a, b, c, d in context['analogies']:
    said = []
    for place in range(length):
      votes = np.zeros(words)
      for sign, word in ((1, a[place]), (-1, b[place]), (1, c[place])):
        votes[word] += sign
      said.append(np.argmax(votes))
    right.append(np.array_equal(said, d))
  np.testing.assert_allclose(scores['sentence_arithmetic'], np.mean(right))
  assert 0.1 < np.mean(right) < 0.9
  # Four points: two write the first sentence and two the second.
  for name in ('interpolation', 'interpolation_words', 'reconstruction'):
    np.testing.assert_allclose(scores[f'sentence_{name}'], 1)


def test_perplexity_counts_tokens_and_reads_each_target():
  data = data_lib.load('parallel_sentences')
  config = decoder_perplexity.Config(sentences=40, block=20)
  probe = decoder_perplexity.make(config, data)
  fields = {'rep': 'observation', 'pos': 'tags'}

  def log_likelihood(state, vector, tokens, decoder='rep'):
    """Every token costs log 3, tags log 5, but the first sentence nothing."""
    count = jnp.sum(tokens_lib.mask_of(tokens), axis=-1)
    own = {'rep': 3.0, 'pos': 5.0}[decoder]
    return -jnp.where(vector[:, 0] > 0, count, 0) * jnp.log(own)

  fake = method(
    lambda state, tokens: types.Codes(
      (tokens[:, :1] != state).astype(jnp.float32), {}
    ),
    log_likelihood=log_likelihood,
    decoders=lambda: fields,
  )
  key = jax.random.key(0)
  batch = data.sample(key, data.arrays, jnp.arange(40))
  first = batch['observation'][0, 0]
  scores = quick_jit(
    lambda s: probe.score(key, (), fake, s, data.arrays, None)
  )(first)
  for name, base in (('rep', 3.0), ('pos', 5.0)):
    counts = np.asarray(tokens_lib.mask_of(batch[fields[name]])).sum(axis=1)
    paid = np.asarray(batch['observation'][:, 0] != first)
    want = base ** (counts[paid].sum() / counts.sum())
    got = scores[f'decoder_perplexity/{name}']
    np.testing.assert_allclose(got, want, rtol=1e-5)
  assert sorted(scores) == ['decoder_perplexity/pos', 'decoder_perplexity/rep']


def test_what_cannot_be_scored_is_refused_in_one_line():
  blobs = data_lib.load('blobs')
  three, own = numbered(3), numbered(most=9)
  for module, options, data, said in (
    (prototype_clustering, {}, blobs, 'needs sentences of known forms'),
    (prototype_clustering, {}, three, 'clusters = 14: must be 3'),
    (prototype_clustering, {}, own, 'sentences = 100: must be at most 9'),
    (prototype_clustering, {'restarts': 0}, own, 'restarts = 0'),
    (sentence_arithmetic, {}, three, 'needs a language made by rules'),
    (decoder_perplexity, {'sentences': 5, 'block': 2}, three, 'must divide'),
  ):
    with pytest.raises(errors.ConfigError, match=said) as caught:
      module.make(module.Config(**options), data)
    assert '\n' not in str(caught.value)
