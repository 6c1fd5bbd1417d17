"""Sets of sentences: exact likelihoods, oracles, alignment, refused files."""

import functools
import gzip

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import data, errors
from disentangle_jax.data import factorial, fingerprints
from disentangle_jax.data.text import corpus, grammar, languages, words
from disentangle_jax.ops import tokens as tokens_lib


def text_of(tokens, vocabulary, between=' '):
  return between.join(vocabulary[t] for t in np.asarray(tokens) if t > 3)


@functools.cache
def everything():
  """All factor vectors, their tokens, and the different sentences."""
  factors = factorial.grid(grammar.SIZES)
  tokens = np.asarray(jax.jit(grammar.tokens_of)(factors))
  return factors, tokens, np.unique(tokens, axis=0)


def load(**options):
  return data.load('template_sentences', **options)


def test_the_grammar_is_as_large_as_it_says():
  factors, tokens, sentences = everything()
  assert len(factors) == 442_368 and len(sentences) == 73_728
  assert len(grammar.VOCABULARY) == len(set(grammar.VOCABULARY)) == 66
  assert np.unique(tokens).size == 64  # no start, nothing unknown
  assert np.max(np.sum(np.asarray(tokens_lib.mask_of(tokens)), axis=1)) == 14
  wanted = {
    'the small soup was good .': (1, 0, 0, 0, 5, 0, 0, 0, 3),
    'again , the lamp and the chair were not cheap .': (
      *(0, 1, 1, 1, 2, 7, 1, 4, 1),
    ),
    'they said the cake was red but the tea is stale .': (
      *(0, 0, 6, 4, 5, 2, 0, 4, 0),
    ),
  }
  for text, point in wanted.items():
    sentence = grammar.tokens_of(jnp.asarray(point))
    assert text_of(sentence, grammar.VOCABULARY) == text


@pytest.mark.parametrize('part, share', [('all', 1.0), ('train', 0.9)])
def test_likelihoods_sum_to_one_over_the_grammar(part, share):
  _, _, sentences = everything()
  dataset = load(part=part, negation=0.3, correlation=0.6)
  logs = jax.jit(dataset.extras['grammar'].log_probability)(sentences)
  logs = np.asarray(logs, np.float64)
  np.testing.assert_allclose(np.exp(logs).sum(), 1, atol=2e-5)
  assert abs(np.mean(np.isfinite(logs)) - share) < 0.01
  # By summing the density of all factor vectors of each sentence.
  factors, tokens, _ = everything()
  density = np.exp(np.asarray(jax.jit(dataset.log_density)(factors), float))
  np.testing.assert_allclose(density.sum(), 1, atol=2e-5)
  rows = np.random.default_rng(0).choice(len(sentences), 20, replace=False)
  for row in rows:
    same = (tokens == sentences[row]).all(axis=1)
    np.testing.assert_allclose(
      density[same].sum(), np.exp(logs[row]), rtol=1e-5
    )


def test_draws_have_the_density_and_parts_share_no_sentence():
  dataset = load(negation=0.3, correlation=0.6)
  index = jnp.arange(20_000, dtype=jnp.int32)
  both = jax.jit(
    lambda key: (
      dataset.sample(key, dataset.arrays, index),
      dataset.extras['held_out'](key, dataset.arrays, index),
    )
  )
  train, test = both(jax.random.key(0))
  for batch, aside in ((train, False), (test, True)):
    held_out = np.asarray(grammar.is_held_out(batch['observation']))
    assert (held_out == aside).all()
    f = np.asarray(batch['factors'])
    np.testing.assert_allclose(np.mean(f[:, 6]), 0.3, atol=0.02)
    food = np.mean(f[f[:, 0] == 1, 1] == 0)
    np.testing.assert_allclose(food, 0.8, atol=0.02)
    right = np.mean(np.asarray(batch['label']) == f[:, 0])
    np.testing.assert_allclose(right, 0.8, atol=0.02)
    np.testing.assert_allclose(np.bincount(f[:, 2]) / len(f), 1 / 8, atol=0.015)
  known = jax.jit(dataset.extras['grammar'].log_probability)
  assert np.isfinite(known(train['observation'])).all()
  assert np.isneginf(known(test['observation'])).all()


def test_every_sentence_parses_back():
  factors, tokens, _ = everything()
  rows = np.random.default_rng(1).choice(len(factors), 20_000, replace=False)
  parsed, known = jax.jit(grammar.parse)(tokens[rows])
  assert np.asarray(known).all()
  parsed = np.asarray(parsed)
  np.testing.assert_array_equal(grammar.tokens_of(parsed), tokens[rows])
  # What each template shows is told exactly.
  np.testing.assert_array_equal(
    parsed[:, [0, 1, 2, 3, 5, 6]], factors[rows][:, [0, 1, 2, 3, 5, 6]]
  )
  assert (parsed[np.isin(parsed[:, 2], [0, 5])][:, 4] == 0).all()


def test_what_is_no_sentence_of_the_grammar():
  of = lambda text, length=14: words.rows(
    [[grammar.VOCABULARY.index(w) for w in text.split()]], length
  )
  parse = lambda text, length=14: bool(grammar.parse(of(text, length))[1][0])
  assert parse('my soup came bad after the red cake .')
  assert parse('the small soup was good .', 8)
  for wrong in (
    'my soup came bad after the red lamp .',  # of two topics
    'my soup came bad after the red cake',
    'my soup came not not bad after the red cake .',
    'my soup came after the red cake .',
    'the soup small was good .',
    'soup',
  ):
    assert not parse(wrong)
  # What follows the end is not read.
  tail = np.array(of('the small soup was good .'))
  tail[0, 8:] = 9
  assert grammar.parse(tail)[1][0]


def test_twins_of_the_other_sentiment():
  factors, _, _ = everything()
  rows = np.random.default_rng(2).choice(len(factors), 5_000, replace=False)
  mine = factors[rows]
  twin = mine.copy()
  twin[:, 0] = 1 - twin[:, 0]
  exact = load(part='all').extras['grammar']

  @jax.jit
  def of(factors):
    tokens = grammar.tokens_of(factors)
    oracles = exact.polarity, exact.skeleton, exact.log_probability
    return [oracle(tokens) for oracle in oracles]

  first, second = of(mine), of(twin)
  np.testing.assert_array_equal(first[0], mine[:, 0])
  np.testing.assert_array_equal(second[0], twin[:, 0])
  np.testing.assert_array_equal(first[1], second[1])
  np.testing.assert_allclose(first[2], second[2], rtol=1e-6)


def test_polarity_and_skeletons_of_any_words():
  of = lambda text: words.rows(
    [[grammar.VOCABULARY.index(w) for w in text.split()]], 14
  )
  for text, want in (
    ('good soup', 1),
    ('not good soup', 0),
    ('not bad soup good', 1),
    ('good bad', -1),
    ('soup', -1),
    ('not soup good', 1),
  ):
    assert grammar.polarity(of(text))[0] == want, text
  stars = np.asarray(grammar.skeleton(of('not bad soup not not warm')))[0]
  soup = grammar.VOCABULARY.index('soup')
  np.testing.assert_array_equal(
    stars[:5],
    [grammar.STAR, soup, grammar.STAR, tokens_lib.EOS, tokens_lib.PAD],
  )


def test_words_tell_nothing_where_half_are_negated():
  _, _, sentences = everything()
  exact = load(part='all', negation=0.5).extras['grammar']
  mass = np.exp(np.asarray(exact.log_probability(sentences), np.float64))
  label = np.asarray(grammar.polarity(sentences))
  expected = [
    np.bincount(
      sentences[label == c].ravel(),
      np.repeat(mass[label == c], 14),
      len(grammar.VOCABULARY),
    )
    for c in (0, 1)
  ]
  np.testing.assert_allclose(*expected, rtol=1e-5)


def test_fields_of_a_sentence():
  dataset = load(purity=1.0)
  batch = dataset.sample(jax.random.key(3), dataset.arrays, jnp.arange(50))
  np.testing.assert_array_equal(batch['label'], batch['factors'][:, 0])
  nouns = {word for topic in grammar.NOUNS.values() for word in topic}
  for row in range(50):
    tokens = np.asarray(batch['observation'][row])
    said = [grammar.VOCABULARY[t] for t in tokens]
    at = [w in nouns for w in said]
    np.testing.assert_array_equal(batch['noun_mask'][row], at)
    tags = [grammar.TAGS[t] for t in np.asarray(batch['tags'][row])]
    np.testing.assert_array_equal([t == 'noun' for t in tags], at)
    assert tags[said.index('<eos>')] == 'end'
    count = said.index('<eos>') + 1
    np.testing.assert_array_equal(batch['mask'][row], np.arange(14) < count)


@pytest.mark.parametrize(
  'options, said',
  [
    ({'purity': 0.4}, 'purity'),
    ({'negation': 1.5}, 'negation'),
    ({'correlation': -2.0}, 'correlation'),
    ({'part': 'dev'}, 'part'),
    ({'distribution': 'held_out', 'pair': ('pair', 'topic')}, 'part'),
  ],
)
def test_options_of_the_grammar_out_of_range(options, said):
  with pytest.raises(errors.ConfigError, match=said):
    load(**options)


@pytest.mark.parametrize('name', data.TEXTS)
def test_rows_are_the_same_over_devices_and_in_any_order(name):
  """Loops must start from what varies over devices as their results do."""
  dataset = data.load(name)
  data.check(dataset)
  assert dataset.name == name and dataset.kind == 'tokens'
  mesh = jax.sharding.Mesh(np.array(jax.devices()[:2]), ('batch',))
  spec = jax.sharding.PartitionSpec
  draw = lambda index, arrays: dataset.sample(jax.random.key(1), arrays, index)
  over = jax.shard_map(
    draw, mesh=mesh, in_specs=(spec('batch'), spec()), out_specs=spec('batch')
  )
  order = jnp.asarray([5, 3, 1, 0])
  split = jax.jit(over)(order, dataset.arrays)
  whole = jax.jit(draw)(jnp.arange(6), dataset.arrays)
  assert set(whole) == {'observation', 'factors', 'index', *dataset.fields}
  for name, values in split.items():
    np.testing.assert_array_equal(values, np.asarray(whole[name])[order])


def test_a_joined_set_still_has_what_was_held_out():
  first = 'template_sentences', {}
  dataset = data.load('joined', first=first, second=first, by=None)
  draw = dataset.extras['held_out']
  batch = draw(jax.random.key(0), dataset.arrays, jnp.arange(20))
  assert np.asarray(grammar.is_held_out(batch['observation'])).all()


# Three languages.


@functools.cache
def aligned(unit):
  dataset = data.load('parallel_sentences', unit=unit)
  sample = jax.jit(dataset.sample)
  batch = sample(jax.random.key(0), dataset.arrays, jnp.arange(2_000))
  return dataset, jax.tree.map(np.asarray, batch)


def test_languages_are_aligned_by_their_rules():
  dataset, batch = aligned('word')
  known = languages.lexicons(0)
  names = dataset.extras['vocabularies']
  vocabularies = {'g': names['translation_g'], 'f': names['translation_f']}
  # First language -> the other, by the lexicon alone.
  for row in range(300):
    first = text_of(batch['observation'][row], dataset.extras['vocabulary'])
    tags = text_of(batch['tags'][row], names['tags']).split()
    first = first.split()
    assert len(first) == len(tags) <= languages.MOST_WORDS
    assert len(' '.join(first)) <= languages.MOST_CHARACTERS
    pairs = list(zip(first, tags))
    last = [p for p in pairs if p[1] in ('V', 'Vs', 'X')]
    want = {'g': [p for p in pairs if p not in last] + last}
    behind = list(pairs)
    for k in range(len(behind) - 1):
      if behind[k][1] == 'J' and behind[k + 1][1] in ('N', 'Ns'):
        behind[k : k + 2] = behind[k + 1], behind[k]
    want['f'] = behind
    for language, order in want.items():
      forms = known[language].forms
      translated = [forms[known['first'].forms.index(w)] for w, _ in order]
      got = text_of(
        batch[f'translation_{language}'][row], vocabularies[language]
      )
      assert got.split() == translated
      plural = {'g': 'en', 'f': 'i'}[language]
      for (_, tag), word in zip(order, translated):
        assert tag != 'Ns' or word.endswith(plural)


def test_letters_and_words_are_the_same_sentences():
  by_word, of_words = aligned('word')
  by_letter, of_letters = aligned('character')
  np.testing.assert_array_equal(of_words['factors'], of_letters['factors'])
  fields = {'observation': None, 'translation_g': None, 'translation_f': None}
  for field in fields:
    of = lambda dataset, field=field: dataset.extras['vocabularies'].get(
      field, dataset.extras['vocabulary']
    )
    for row in range(100):
      assert text_of(of_letters[field][row], of(by_letter), '') == text_of(
        of_words[field][row], of(by_word)
      )
  # Every sentence has its end.
  for batch in (of_words, of_letters):
    for field in (*fields, 'tags'):
      assert (np.sum(batch[field] == tokens_lib.EOS, axis=1) == 1).all()


def test_words_of_a_language_differ():
  for seed in (0, 1):
    for name, lexicon in languages.lexicons(seed).items():
      verbs = 32, 42, 52
      inflected = name == 'first'
      forms = lexicon.forms[: verbs[1]] + lexicon.forms[verbs[2] :]
      forms = lexicon.forms if inflected else forms
      assert len(set(forms)) == len(forms)
  assert languages.lexicons(0) != languages.lexicons(1)


def test_the_law_of_lengths_is_that_of_draws():
  """Before any sentence is left out, by ancestral draws with NumPy."""
  rng = np.random.default_rng(0)
  count, lexicon = 40_000, languages.lexicons(0)['first']
  columns = []
  for size, first in languages.PRIORS.values():
    p = [first, *[(1 - first) / (size - 1)] * (size - 1)]
    columns.append(rng.choice(size, count, p=np.array(p) / np.sum(p)))
  factors = np.stack(columns, axis=1).astype(np.int32)
  forms, taken = jax.jit(languages.places_of)(factors)
  sizes = np.array([len(form) for form in lexicon.forms])
  long = np.sum(np.where(taken, sizes[np.asarray(forms)] + 1, 0), axis=1) - 1
  law = languages.length_law(lexicon)
  np.testing.assert_allclose(law.sum(), 1, atol=1e-9)
  got = np.bincount(long, minlength=len(law)) / count
  np.testing.assert_allclose(got, law, atol=4 * np.sqrt(0.1 / count))
  # Draws are those of them that fit.
  dataset, batch = aligned('word')
  fitting = factors[long <= languages.MOST_CHARACTERS]
  for k, size in enumerate(languages.SIZES):
    share = lambda f, k=k, n=size: np.bincount(f[:, k], minlength=n) / len(f)
    np.testing.assert_allclose(
      share(batch['factors']), share(fitting), atol=4.5 * 0.5 / np.sqrt(2000)
    )
  # So the density of what is drawn is that of all over the share that fits.
  fits = np.mean(long <= languages.MOST_CHARACTERS)
  log_density = jax.jit(dataset.log_density)
  inside = np.asarray(log_density(batch['factors']))
  assert np.isfinite(inside).all()
  assert np.isneginf(
    log_density(factors[long > languages.MOST_CHARACTERS][:50])
  ).all()
  short = factors[long <= languages.MOST_CHARACTERS]
  plain = sum(
    np.log(np.where(short[:, k] == 0, first, (1 - first) / (size - 1)))
    for k, (size, first) in enumerate(languages.PRIORS.values())
  )
  np.testing.assert_allclose(
    np.asarray(log_density(short[:100])),
    plain[:100] - np.log(fits),
    atol=0.02,
  )


# A user's own files.


def write(path, lines, encoding='utf-8', packed=False):
  raw = '\n'.join(lines).encode(encoding)
  path.write_bytes(gzip.compress(raw) if packed else raw)
  return str(path)


@pytest.fixture
def two(tmp_path):
  bad = ['the soup was bad .', 'bad bad soup', 'the café was slow'] * 2
  good = ['the soup was good .', 'good tea'] * 2
  return {
    'path': write(tmp_path / 'bad.txt', bad),
    'second': write(tmp_path / 'good.txt.gz', good, packed=True),
    'least_count': 2,
    'length': 8,
  }


def test_two_files_and_their_summary(two, tmp_path):
  tests = {
    'test': write(tmp_path / 'a.txt', ['the soup was cold .']),
    'second_test': write(tmp_path / 'b.txt', ['good soup']),
  }
  nouns = write(tmp_path / 'nouns.txt', ['soup', 'tea', 'unicorn'])
  dataset = data.load('sentences_file', **two, **tests, nouns=nouns)
  data.check(dataset)
  vocabulary = dataset.extras['vocabulary']
  assert vocabulary[:4] == words.SPECIAL and 'café' in vocabulary
  told = dataset.extras['summary']
  for part in (
    '10 sentences (6 of label 0, 4 of label 1) of 2 to 5 words, median 4',
    f'vocabulary {len(vocabulary)}',
    '0.0% of the words unknown',
    '2 more for tests, 14.3% unknown',
  ):
    assert part in told
  key, index = jax.random.key(0), jnp.arange(40)
  batch = jax.jit(dataset.sample)(key, dataset.arrays, index)
  tests = dataset.extras['held_out'](key, dataset.arrays, index)
  assert set(batch) == set(tests)
  for row in range(40):
    text = text_of(batch['observation'][row], vocabulary)
    assert (batch['label'][row] == 1) == ('good' in text)
    assert batch['label'][row] == batch['factors'][row, 0]
    said = [vocabulary[t] for t in np.asarray(batch['observation'][row])]
    np.testing.assert_array_equal(
      batch['noun_mask'][row], [w in ('soup', 'tea') for w in said]
    )
    assert np.sum(batch['mask'][row]) == len(text.split()) + 1
    cold = np.asarray(tests['observation'][row]) == tokens_lib.UNK
    assert np.sum(cold) == (tests['label'][row] == 0)


def test_one_file_with_labels_and_its_fingerprint(tmp_path):
  lines = ['pos\tgood tea', 'neg\tbad tea', 'pos\tgood soup']
  path = write(tmp_path / 'a.tsv', lines)
  dataset = data.load('sentences_file', path=path, least_count=1, length=3)
  assert dataset.extras['words'] == {'label': ('neg', 'pos')}
  assert sorted(np.asarray(dataset.arrays['factors'])[:, 0]) == [0, 1, 1]
  of = lambda: fingerprints.of_files(
    fingerprints.paths(corpus, corpus.Config(path=path))
  )
  before = of()
  write(tmp_path / 'a.tsv', [*lines, 'neg\tbad soup'])
  assert of() != before


def test_rare_and_longer_ones_on_request(two, tmp_path):
  two['path'] = write(
    tmp_path / 'c.txt', ['a b c d e f g h', 'bad soup', 'bad tea']
  )
  dataset = data.load('sentences_file', **two, drop_longer=True)
  assert '1 longer ones left out' in dataset.extras['summary']
  assert dataset.num_examples == 6
  few = data.load('sentences_file', **two, drop_longer=True, most_words=2)
  assert len(few.extras['vocabulary']) == 6


def refused(options, said, line=True):
  with pytest.raises(errors.ConfigError, match=said) as caught:
    data.load('sentences_file', **options)
  assert '\n' not in str(caught.value)
  assert 'config.dataset.' in str(caught.value)
  assert not line or 'line ' in str(caught.value)


def test_bad_files_are_refused_with_the_line(two, tmp_path):
  new = lambda *lines, **how: write(tmp_path / 'bad input', lines, **how)
  refused(two | {'path': new()}, 'line 1: the file is empty')
  refused(two | {'path': new('a b', '', 'c')}, 'line 2: is empty')
  latin = new('soup', 'café', encoding='latin-1')
  refused(two | {'second': latin}, 'line 2: byte 4 is not UTF-8')
  wide = new('soup is', 'bad', encoding='utf-16-le')
  refused(two | {'path': wide}, 'zero byte')
  marked = new('soup is', 'bad', encoding='utf-16')
  refused(two | {'path': marked}, 'line 1: .* iconv -f utf-16 ')
  long = new('a b', 'a b c d e f g h')
  refused(two | {'path': long}, 'line 2: 8 words, at most 7 .* length=9')
  label = {'least_count': 1, 'length': 8}
  refused(label | {'path': new('0\ta b', '0\tc')}, 'line 2: one class only')
  refused(label | {'path': new('0\ta b', 'a c')}, 'line 2: .*<TAB>')
  seen = two | {'unknown': 'refuse'}
  refused(seen | {'path': new('bad', 'bad soop')}, "line 2: word 'soop'")
  other = new('der Tisch', 'ein Stuhl', 'the soup')
  tests = {'test': other, 'second_test': other}
  refused(two | tests, 'line 1: no word of it is in the vocabulary')
  refused(two | {'nouns': new('elk', 'fox')}, 'line 1: neither this noun')
  refused(two | {'nouns': new('soup', 'a b')}, 'line 2: must be one word')
  refused(two | {'test': two['path']}, 'second_test', line=False)
  refused(two | {'least_count': 50}, 'no word stands', line=False)
  refused(two | {'path': None}, 'not shipped', line=False)
  broken = tmp_path / 'broken.gz'
  broken.write_bytes(gzip.compress(b'soup is good\n' * 9)[:20])
  refused(two | {'path': str(broken)}, 'truncated', line=False)
