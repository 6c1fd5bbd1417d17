"""Oracles of the rule-made language, its prototypes and its analogies."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import data
from disentangle_jax.data.text import languages, syntax

TAG = dict(languages.FORMS)
# The programs are small: compiling them is what takes the time.
quick_jit = functools.partial(
  jax.jit, compiler_options={'xla_backend_optimization_level': 0}
)


@pytest.fixture(scope='module')
def sets():
  """Unit -> data set, 1,500 draws, prototypes, analogies."""
  made = {}
  for unit in ('word', 'character'):
    dataset = data.load('parallel_sentences', unit=unit)
    extras = dataset.extras

    @quick_jit
    def draw(key, dataset=dataset, extras=extras):
      index = jnp.arange(1500)
      batch = dataset.sample(key, dataset.arrays, index)
      several = {
        'observation': batch['observation'],
        'prototypes': extras['prototypes'].draw(key, 50),
      }
      if dataset.observation_shape == (12,):
        several['analogies'] = extras['analogies'](key, 300)
      read = {name: extras['syntax'].read(x) for name, x in several.items()}
      good = {name: extras['syntax'].accepts(x) for name, x in several.items()}
      return batch, several, read, good

    made[unit] = (dataset, *jax.device_get(draw(jax.random.key(0))))
  return made


def text_of(tokens, dataset):
  words = dataset.extras['vocabulary']
  between = ' ' if len(words) > 40 else ''
  return between.join(words[t] for t in np.asarray(tokens) if t > 3)


def is_sentence(names):
  """The grammar of `languages`, as a regular expression over tags."""
  tags = []
  for name in names:
    tags.append(TAG[name] if '_' in name else name)
  p = '(?:(?:of|in|on|like) the N )?'
  single = '(?:the|a|no) (?:J )?N '
  several = '(?:the|some|no) (?:J )?Ns '
  thing = f'(?:{single}|{several}){p}'
  rest = lambda be, verb: (
    f'(?:ever )?(?:{be} J |{verb} (?:D |{thing}|to V )?|has {thing})'
  )
  whole = (
    f'(?:in the N )?(?:{single}{p}{rest("is", "Vs")}'
    f'|{several}{p}{rest("are", "V")})'
  )
  return re.fullmatch(whole, ''.join(f'{tag} ' for tag in tags)) is not None


@pytest.mark.parametrize('unit', ['word', 'character'])
def test_forms_are_read_back_and_drawn_sentences_accepted(sets, unit):
  dataset, batch, several, read, good = sets[unit]
  assert good['observation'].all()
  assert unit == 'character' or good['analogies'].all()
  forms, taken = languages.places_of(jnp.asarray(batch['factors']))
  lexicon = languages.lexicons(0)['first'].forms
  got, there = read['observation']
  for row in range(200):
    want = np.asarray(forms[row])[np.asarray(taken[row])]
    np.testing.assert_array_equal(got[row][there[row]], want)
  # Prototypes, random words in all places.
  got, there = read['prototypes']
  for number, pattern in enumerate(syntax.PROTOTYPES):
    places = pattern.split()
    assert np.all(there[number].sum(-1) == len(places))
    assert np.all(got[number][there[number]] >= 0)
    for w, place in enumerate(places):
      used = set(got[number, :, w])
      assert used <= set(syntax.members(place).tolist())
      assert len(used) > 4 or not place.startswith('+')
    longest = [text_of(t, dataset) for t in several['prototypes'][number]]
    assert max(map(len, longest)) <= languages.MOST_CHARACTERS
    # In the longest words of every class, too.
    words = [
      max((lexicon[m] for m in syntax.members(p)), key=len) for p in places
    ]
    assert len(' '.join(words)) <= languages.MOST_CHARACTERS
  of_form = good['prototypes'].mean(axis=1)
  grammatical = [0, 1, 2, 3, 4, 5, 8]
  np.testing.assert_array_equal(np.flatnonzero(of_form == 1), grammatical)
  np.testing.assert_array_equal(of_form[of_form < 1], 0)


def test_the_automaton_is_the_grammar(sets):
  """Against a regular expression, on sentences and on broken ones."""
  _, batch, _, _, _ = sets['word']
  forms, taken = languages.places_of(jnp.asarray(batch['factors']))
  rng = np.random.default_rng(0)
  rows, names = [], [name for name, _ in languages.FORMS]
  for row, there in zip(np.asarray(forms[:800]), np.asarray(taken[:800])):
    row = list(row[there])
    kind = rng.integers(4)
    place = rng.integers(len(row))
    if kind == 0:
      row[place] = rng.integers(len(names))
    elif kind == 1:
      del row[place]
    elif kind == 2:
      row.insert(place, row[rng.integers(len(row))])
    rows.append(row)
  width = max(map(len, rows))
  table = np.zeros((len(rows), width), np.int32)
  there = np.zeros((len(rows), width), bool)
  for i, row in enumerate(rows):
    table[i, : len(row)], there[i, : len(row)] = row, True
  got = np.asarray(quick_jit(syntax.accepts)(table, there))
  want = [is_sentence([names[form] for form in row]) for row in rows]
  np.testing.assert_array_equal(got, want)
  assert 0.3 < np.mean(want) < 0.7


def test_letters_that_make_no_word(sets):
  dataset = sets['character'][0]
  letters = dataset.extras['vocabulary']
  good = text_of(sets['character'][1]['observation'][0], dataset)
  first, _, rest = good.partition(' ')
  texts = [
    good,
    f'{first}q {rest}',
    f'{first}  {rest}',
    f' {good}',
    f'{good} ',
    good.replace(' ', ''),
    f'{first} abcdefghij',
    '',
  ]
  rows = np.zeros((len(texts), 40), np.int32)
  for row, text in zip(rows, texts):
    row[: len(text)] = [letters.index(c) for c in text]
    row[len(text)] = 2
  rows[0, len(good) + 1 :] = 7  # behind the end nothing is read
  oracles = dataset.extras['syntax']
  forms, there = quick_jit(oracles.read)(rows)
  accepted = np.asarray(oracles.accepts(jnp.asarray(rows)))
  assert accepted[0] and not accepted[1:].any()
  known = [int(np.sum(there[i] & (forms[i] < 0))) for i in range(len(texts))]
  assert known == [0, 1, 1, 1, 1, 1, 1, 0]
  assert not np.any(there[-1])


def test_analogies_differ_in_one_word_or_in_number(sets):
  dataset, _, several, read, _ = sets['word']
  forms, there = read['analogies']
  names = [name for name, _ in languages.FORMS]
  changes = set()
  for row in range(300):
    said = [[names[f] for f in forms[row, k][there[row, k]]] for k in range(4)]
    a, b, c, d = said
    assert len(a) == len(b) and len(c) == len(d)
    stem = lambda name: name.replace('s_', '_')
    swapped = [
      {(x, y) for x, y in zip(*pair) if x != y} for pair in ((b, a), (c, d))
    ]
    stems = [{(stem(x), stem(y)) for x, y in pairs} for pairs in swapped]
    if stems[0] == stems[1] and len(stems[0]) == 1:
      ((x, y),) = stems[0]
      assert x != y and x.split('_')[0] == y.split('_')[0]
      changes.add(x.split('_')[0])
    else:
      # Number takes determiners and verbs along, and leaves all stems.
      changes.add('number')
      for pairs in stems:
        assert any(x == y and x.startswith('noun') for x, y in pairs)
        assert all(x == y for x, y in pairs if '_' in x)
    letters = [len(text_of(t, dataset)) for t in several['analogies'][row]]
    assert max(letters) <= languages.MOST_CHARACTERS
  assert changes == {'number', 'noun', 'adjective', 'verb'}
