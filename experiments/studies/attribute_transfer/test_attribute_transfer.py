"""Claims, table and the rule for nouns on made-up runs and sentences."""

import pytest

from disentangle_jax.engine.plan import planning
from disentangle_jax.report import section
from disentangle_jax.studies.attribute_transfer import config as config_lib
from disentangle_jax.studies.attribute_transfer import nouns, page

FULL = {
  'transfer': 0.9,
  'transfer_exact': 0.85,
  'transfer_content': 0.95,
  'content_exact': 0.9,
  'transfer_both': 0.8,
  'transfer_perplexity': 9.0,
}
NEITHER = {
  **FULL,
  'transfer': 0.91,
  'transfer_content': 0.6,
  'content_exact': 0.4,
  'transfer_both': 0.3,
  'transfer_perplexity': 6.0,
}
PLAIN = {**NEITHER, 'transfer_exact': 0.4}


def fill(store, full, neither=NEITHER, plain=PLAIN, seeds=5):
  on, off = {'lambda_cnt': 1.0, 'lambda_back': 1.0}, {}
  off = dict.fromkeys(on, 0.0)
  for seed in range(seeds):
    for scores, method, hparams in (
      (full, page.METHOD, on),
      (neither, page.METHOD, off),
      (plain, 'text_autoencoder', {}),
    ):
      moved = {k: v + 0.001 * seed for k, v in scores.items()}
      store.add(moved, method=method, seed=seed, hparams=hparams)
  return store.study()


@pytest.mark.parametrize(
  ('full', 'expected'),
  [
    (FULL, ['holds'] * 4),
    (
      {**FULL, 'transfer_content': 0.5, 'transfer_perplexity': 5.0},
      ['does not hold', 'holds', 'does not hold', 'holds'],
    ),
    # Much content where little is transferred, and copies.
    ({**FULL, 'transfer': 0.8}, ['void', 'void', 'void', 'holds']),
    ({**FULL, 'transfer_both': 0.2}, ['void', 'void', 'void', 'holds']),
    (
      {**FULL, 'transfer_exact': 0.1},
      ['holds', 'holds', 'holds', 'does not hold'],
    ),
  ],
)
def test_claims(store, judged, full, expected):
  assert list(judged(page, fill(store, full)).values()) == expected


def test_few_seeds_files_and_nothing(store, judged):
  assert list(judged(page, store.study()).values()) == ['not run'] * 4
  assert list(page.sections(store.study())) == []
  # Files have no grammar.
  left = lambda scores: {
    k: v
    for k, v in scores.items()
    if k not in ('transfer_exact', 'transfer_both', 'content_exact')
  }
  study = fill(store, left(FULL), left(NEITHER), left(PLAIN), seeds=1)
  words = list(judged(page, study).values())
  assert words == ['not shown', 'not run', 'not shown', 'not run']
  parts = list(page.sections(study))
  section.check(parts)
  table = page.arms_table(study)
  assert list(table['arm']) == ['full', 'neither', 'plain autoencoder']
  assert table['transfer_content'][0].startswith('0.95')


def test_nouns_by_the_rule():
  sentences = [
    ['the', 'cold', 'soup', 'was', 'good'],
    ['my', 'soup', 'is', 'here'],
    ['we', 'ate', 'soup'],
    ['the', 'good', 'days', 'are', 'over'],
    ['it', 'was', 'good'],
    ['good'],
    ['that', 'is', 'the', 'end'],
  ]
  # 'soup' ends two phrases of three; 'good' none; 'end' one of one.
  of = lambda **options: nouns.nouns_of(sentences, **options)
  assert of(share=0.6, least=2) == ['soup']
  assert of(share=0.6, least=1) == ['days', 'end', 'soup']
  assert of(share=0.7, least=1) == ['days', 'end']


def test_nouns_of_files_are_printed(tmp_path, capsys):
  first, second = tmp_path / 'a', tmp_path / 'b'
  first.write_text('the tea was good\n' * 12)
  second.write_text('my tea is bad\n' * 12)
  nouns.main([str(first), str(second)])
  assert capsys.readouterr().out == 'tea\n'
  for paths, words in (
    ([], 'usage'),
    ([str(tmp_path / 'c')], 'file 0'),
    ([str(first)], 'ends a noun phrase 20 times'),
  ):
    with pytest.raises(SystemExit, match=words) as caught:
      nouns.main(paths)
    assert '\n' not in str(caught.value)


def test_files_are_planned(tmp_path):
  for name, word in (('a', 'bad'), ('b', 'good')):
    (tmp_path / name).write_text(f'the soup is {word}\nthe tea is {word}\n')
  (tmp_path / 'nouns').write_text('soup\ntea\n')
  config = config_lib.get_config('yelp')
  at = lambda name: str(tmp_path / name)
  config.dataset.update(
    {
      'path': at('a'),
      'second': at('b'),
      'test': at('a'),
      'second_test': at('b'),
      'nouns': at('nouns'),
      'least_count': 1,
    }
  )
  plan = planning.make(config)
  assert len(plan.runs) == 3
  assert all(note.startswith('not scored: ') for note in plan.notes)
