"""Claims, table and curves of the study on made-up runs."""

import pytest

from disentangle_jax.report import section
from disentangle_jax.studies.darla import page

BETAS = (0.1, 1.0, 4.0)


def add(store, seed, eyes, source, ratio, mig=None, beta=float('nan')):
  ratio += 0.01 * seed
  scores = {
    'return_source': source,
    'return_target': source * ratio,
    'transfer_gap': source * (1 - ratio),
    'transfer_ratio': ratio,
  }
  if mig is not None:
    scores[('mig_binned', 'mean')] = mig + 0.001 * seed
  store.add(
    scores,
    method=page.METHOD,
    variant=f'sees={eyes}',
    strength=beta,
    seed=seed,
    training={'train/episode_return': {0: 0.0, 100: source}},
  )


def fill(store, ratios, source=0.9, pixels=0.5, blind=0.0, seeds=6):
  """Runs of all arms; `ratios` by beta."""
  for seed in range(seeds):
    for number, (beta, ratio) in enumerate(zip(BETAS, ratios)):
      add(store, seed, 'vae', source, ratio, 0.1 + 0.1 * number, beta)
    add(store, seed, 'dae', 0.9, 0.6)
    add(store, seed, 'pixels', 0.9, pixels)
    add(store, seed, 'factors', 0.98, 0.97)
    add(store, seed, 'blind', blind, 0.9)
  return store.study()


@pytest.mark.parametrize(
  'ratios, options, of_eyes, of_mig, of_blind',
  [
    ((0.4, 0.7, 0.8), {}, ['holds'] * 4, 'holds', 'holds'),
    (
      (0.8, 0.5, 0.4),
      {'pixels': 0.9, 'blind': 0.7},
      ['does not hold'] * 4,
      'does not hold',
      'does not hold',
    ),
    # Eyes that see too little to act on say nothing.
    ((0.4, 0.7, 0.8), {'source': 0.5}, ['void'] * 4, 'holds', 'holds'),
    (
      (0.4, 0.7, 0.8),
      {'seeds': 3},
      ['not shown'] * 4,
      'not shown',
      'not shown',
    ),
  ],
)
def test_claims(store, judged, ratios, options, of_eyes, of_mig, of_blind):
  words = list(judged(page, fill(store, ratios, **options)).values())
  able = 'not shown' if 'seeds' in options else 'holds'
  assert words == [*of_eyes, of_mig, of_blind, able]


def test_the_correlation_is_over_all_runs(store):
  value, low, high = page.agreement(fill(store, (0.4, 0.7, 0.8)))
  assert 0.9 < value <= 1 and 0.8 < low <= value <= high <= 1


def test_sections_of_much_and_of_nothing(store, judged):
  empty = store.study()
  assert list(page.sections(empty)) == []
  words = judged(page, empty)
  assert set(words.values()) == {'not run'} and len(words) == 5
  study = fill(store, (0.4, 0.7, 0.8))
  parts = list(page.sections(study))
  section.check(parts)
  keys = ['darla_scores', 'darla_domains', 'darla_learning']
  assert [part.key for part in parts] == keys
  assert list(
    page.arms_lib.table(study, page.all_arms(study), page.SCORES)['arm']
  ) == [
    *(f'eyes, beta {beta:g}' for beta in BETAS),
    *page.SEES.values(),
  ]
  axes = page.curves(study).axes[0]
  ends = [line.get_ydata()[-1] for line in axes.get_lines()]
  assert ends == pytest.approx([0.9, 0.9, 0.9, 0.9, 0.9, 0.98, 0.0, 0.0, 1.0])
