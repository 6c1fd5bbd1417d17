"""Claims and table of the study on made-up runs; plans of every variant."""

import pytest

from disentangle_jax.engine.plan import planning
from disentangle_jax.report import section
from disentangle_jax.studies.arae import config as config_lib
from disentangle_jax.studies.arae import page

PLAIN = {
  'transfer': 0.5,
  'transfer_exact': 0.45,
  'content_exact': 0.95,
  'transfer_both': 0.4,
  'transfer_bleu': 60.0,
  'transfer_perplexity': 6.0,
  'reconstruction_exact': 0.97,
}
FULL = {
  **PLAIN,
  'transfer': 0.95,
  'transfer_exact': 0.93,
  'transfer_both': 0.9,
  'transfer_bleu': 45.0,
}
CROSS = {
  **PLAIN,
  'transfer': 0.8,
  'transfer_bleu': 40.0,
  'transfer_perplexity': 8.0,
}
EXACT = ('transfer_exact', 'content_exact', 'transfer_both')


def fill(store, full=FULL, plain=PLAIN, rising=1.0, seeds=5, grammar=True):
  """Every arm; `rising` -1 makes transfer fall with lambda_c."""
  legal = [k for k in PLAIN if grammar or k not in EXACT]
  for seed in range(seeds):
    for strength in config_lib.STRENGTHS:
      lower = 0.1 * rising * (1 - strength)
      scores = {**full, 'transfer': full['transfer'] - lower}
      scores['transfer_bleu'] += 10 * lower
      store.add(
        {k: scores[k] + 0.001 * seed for k in legal},
        method='arae',
        seed=seed,
        strength=strength,
        hparams={'lambda_c': strength},
      )
    store.add(
      {k: plain[k] + 0.002 * seed for k in legal},
      method='text_autoencoder',
      seed=seed,
    )
    store.add(
      {k: CROSS[k] + 0.002 * seed for k in legal},
      method='cross_aligned',
      seed=seed,
      strength=1.0,
    )
  return store.study()


@pytest.mark.parametrize(
  ('options', 'expected'),
  [
    ({}, ['holds'] * 10),
    (
      {'full': {**PLAIN, 'transfer_perplexity': 9.0}, 'plain': FULL},
      ['does not hold'] * 5
      + ['holds'] * 2
      + ['does not hold', 'holds', 'does not hold'],
    ),
    (
      {'rising': -1.0},
      ['holds'] * 5 + ['does not hold'] * 2 + ['holds'] * 3,
    ),
    # A decoder that ignores the sentence, and codes that forget it.
    ({'full': {**FULL, 'content_exact': 0.2}}, ['void'] * 10),
    ({'full': {**FULL, 'reconstruction_exact': 0.5}}, ['void'] * 10),
    ({'seeds': 3}, ['not shown'] * 10),
    ({'grammar': False}, ['holds'] * 3),
  ],
)
def test_claims(store, judged, options, expected):
  assert list(judged(page, fill(store, **options)).values()) == expected


def test_sections_of_much_and_of_nothing(store, judged):
  empty = store.study()
  assert list(page.sections(empty)) == []
  assert set(judged(page, empty).values()) == {'not run'}
  study = fill(store)
  parts = list(page.sections(study))
  section.check(parts)
  table = page.arms_table(study)
  assert list(table['arm']) == [
    'autoencoder',
    'cross-aligned',
    *[f'ARAE, lambda_c {value:g}' for value in config_lib.STRENGTHS],
  ]
  assert table['transfer'].iloc[-1].startswith('0.952')
  value, low, high = page.perplexity_ratio(study)
  assert low <= value <= high and value == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize('variant', ('', *config_lib.VARIANTS))
def test_variants_are_planned(variant, tmp_path):
  config = config_lib.get_config(variant)
  if variant == 'yelp':
    for name in ('path', 'second', 'test', 'second_test'):
      file = tmp_path / name
      file.write_text('the soup was good\nwe like it\n' * 3)
      config.dataset[name] = str(file)
    config.dataset.least_count = 1
  plan = planning.make(config)
  runs, programs = config_lib.EXPECTED.get(variant, (2, 2))
  assert len(plan.runs) == runs and len(plan.groups) == programs
