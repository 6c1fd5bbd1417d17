"""Aligned text files: rows that agree, tests apart, bad files refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import data, errors
from disentangle_jax.data import fingerprints
from disentangle_jax.data.text import aligned, words
from disentangle_jax.ops import tokens as tokens_lib

FIRST = ['the dog is big', 'the dogs run', 'no dog ever runs', 'a dog runs']
SECOND = ['dor hon bag est', 'dor honen ran', 'non hon ar ran', 'an hon ran']
THIRD = ['lo can est gran', 'lo cani cor', 'nul can mai cor', 'un can cor']
TAGS = ['T N X J', 'T Ns V', 'T N A Vs', 'T N Vs']


def write(path, lines):
  path.write_text(''.join(f'{line}\n' for line in lines))
  return str(path)


@pytest.fixture
def files(tmp_path):
  named = {
    'path': FIRST,
    'translation_g': SECOND,
    'translation_f': THIRD,
    'tags': TAGS,
  }
  return {
    name: write(tmp_path / f'{name}.txt', lines)
    for name, lines in named.items()
  }


def text_of(tokens, vocabulary, between):
  return between.join(vocabulary[t] for t in np.asarray(tokens) if t > 3)


@pytest.mark.parametrize('unit, between', [('word', ' '), ('character', '')])
def test_rows_say_the_same_and_tests_are_never_drawn(files, unit, between):
  dataset = data.load(
    'aligned_files', **files, unit=unit, length=20, held_out=3
  )
  data.check(dataset)
  extras = dataset.extras
  key, index = jax.random.key(0), jnp.arange(40)
  batches = [
    jax.jit(draw)(key, dataset.arrays, index)
    for draw in (dataset.sample, extras['held_out'])
  ]
  drawn = set()
  for batch, aside in zip(batches, (False, True)):
    said = [
      text_of(row, extras['vocabulary'], between)
      for row in batch['observation']
    ]
    # What only the line apart holds is unknown, and left out here.
    numbers = [2] * 40 if aside else [FIRST.index(text) for text in said]
    drawn |= set(said)
    for name, lines in (('translation_g', SECOND), ('translation_f', THIRD)):
      assert batch[name].shape[1] == extras['lengths'][name] == 20
      own = extras['vocabularies'][name]
      got = [text_of(row, own, between) for row in batch[name]]
      assert aside or got == [lines[n] for n in numbers]
    tags = extras['vocabularies']['tags']
    assert extras['lengths']['tags'] == batch['tags'].shape[1] == 5
    got = [text_of(row, tags, ' ') for row in batch['tags']]
    assert got == [TAGS[n] for n in numbers]
    np.testing.assert_array_equal(
      batch['mask'], tokens_lib.mask_of(batch['observation'])
    )
  assert drawn >= {FIRST[0], FIRST[1], FIRST[3]} and len(drawn) == 4
  assert dataset.num_examples == 3
  assert '4 lines of 4 files' in extras['summary']
  assert '1 lines for tests' in extras['summary']


def test_files_that_are_left_out_and_their_fingerprint(files, tmp_path):
  few = {name: files[name] for name in ('path', 'tags')}
  dataset = data.load('aligned_files', **few, length=20, held_out=0)
  assert sorted(dataset.fields) == ['mask', 'tags']
  assert 'held_out' not in dataset.extras and dataset.num_examples == 4
  of = lambda: fingerprints.of_files(
    fingerprints.paths(aligned, aligned.Config(**files))
  )
  before = of()
  write(tmp_path / 'tags.txt', [*TAGS[:3], 'T N V'])
  assert of() != before
  write(tmp_path / 'tags.txt', TAGS)
  assert of() == before


def test_own_prototypes(files, tmp_path):
  lines = ['is\tthe dog is big', 'run\ta dog runs', 'run\tno dog run', 'none\t']
  path = write(tmp_path / 'forms.txt', [*lines, 'is\ta dog is', 'none\t'])
  dataset = data.load(
    'aligned_files',
    **files,
    prototypes=path,
    unit='word',
    length=6,
    held_out=0,
  )
  prototypes = dataset.extras['prototypes']
  assert prototypes.names == ('is', 'run', 'none') and prototypes.most == 2
  tokens = np.asarray(prototypes.draw(jax.random.key(0), 2))
  assert tokens.shape == (3, 2, 6)
  vocabulary = dataset.extras['vocabulary']
  assert text_of(tokens[1, 1], vocabulary, ' ') == 'no dog run'
  np.testing.assert_array_equal(tokens[2, :, 0], tokens_lib.EOS)


def test_longer_and_rare_ones(files):
  dataset = data.load(
    'aligned_files',
    **files,
    unit='word',
    length=4,
    drop_longer=True,
    held_out=0,
  )
  assert dataset.num_examples == 2
  assert '2 longer ones left out' in dataset.extras['summary']
  rare = data.load(
    'aligned_files', **files, unit='word', length=9, least_count=3, held_out=0
  )
  assert rare.extras['vocabulary'] == (*words.SPECIAL, 'dog')
  assert len(rare.extras['vocabularies']['tags']) == 4 + 8


def test_bad_files_are_refused_with_the_line(files, tmp_path):
  def refused(said, **options):
    with pytest.raises(errors.ConfigError, match=said) as caught:
      data.load(
        'aligned_files', **{**files, 'length': 20, 'held_out': 0, **options}
      )
    assert '\n' not in str(caught.value)
    assert 'config.dataset.' in str(caught.value)

  new = lambda *lines: write(tmp_path / 'bad.txt', lines)
  refused('line 1: the file is empty', translation_g=new())
  refused('line 3: is the last, .* has 4 lines', tags=new(*TAGS[:3]))
  refused('line 2: 2 tags for 3 words', tags=new(TAGS[0], 'T N', *TAGS[2:]))
  refused('line 1: 4 tokens, at most 2 .*length=3', unit='word', length=3)
  refused('no line is short', unit='word', length=2, drop_longer=True)
  refused('stands in the training lines 50 times', least_count=50)
  refused('held_out = 1', held_out=1)
  refused('held_out = 9: must be at most 4', held_out=9)
  refused('line 1: .*<TAB>', prototypes=new('the dog'))
  refused('path = None', path=None)
  refused("unknown 'letter'", unit='letter')
