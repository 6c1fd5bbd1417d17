"""Claims and tables of both figures, in made-up studies."""

import numpy as np
import pandas as pd
import pytest

from disentangle_jax.report import section
from disentangle_jax.studies.beta_variance import page

NETS = {'mlp': (0.0, 1.0, 2.0, 3.0, 5.0), 'conv': (0.0, 1.0, 5.0)}
NOISES = (0.0, 0.2)


def autoencoders(store, slope, spread, seeds=6, steady=None, nets=NETS):
  """Scores along beta; size sets nets apart as in the laptop's study.

  Args:
    store: to fill.
    slope: of the score.
    spread: between seeds.
    seeds: of every beta.
    steady: (slope, spread) of the convolutional denoising one.
    nets: net -> betas.
  """
  rng = np.random.default_rng(0)
  for net, betas in nets.items():
    for noise in NOISES:
      own = (slope, spread)
      if steady and (net, noise) == ('conv', 0.2):
        own = steady
      for beta in betas:
        for seed in range(seeds):
          score = 0.5 + own[0] * beta + own[1] * rng.uniform(-1, 1)
          size = {'mlp': 32, 'conv': 16}[net]
          store.add(
            {page.SCORE: score, 'kl': 5.0, ('reconstruction/nats', 'mean'): 9},
            variant=f'resolution={size}, net={net}, salt_and_pepper={noise}',
            strength=beta,
            seed=seed,
          )
  return store.study()


def digits(store, sign, seeds=6, betas=(0.0, 0.1, 1.0, 4.0)):
  """Accuracy jumps, decays, and rises with the share, if sign is 1."""
  rng = np.random.default_rng(0)
  for share in ('0.1', '0.3', '1.0'):
    for beta in betas:
      for seed in range(seeds):
        level = 0.5 + 0.1 * sign * float(share)
        level += sign * (0.2 if beta else 0.0) - sign * 0.04 * beta
        scores = {
          (name, 'mean'): level + 0.01 * rng.uniform() for name in page.MACHINES
        }
        store.add(scores, variant=f'share={share}', strength=beta, seed=seed)
  return store.study()


def of(words, start):
  return [word for said, word in words.items() if said.startswith(start)]


def test_growth_holds_where_it_does_and_not_where_not(store, tmp_path, judged):
  words = judged(page, autoencoders(store, 0.02, 0.01))
  assert of(words, 'The score grows') == ['holds'] * 4
  assert of(words, 'Scores of one beta') == ['does not hold'] * 4
  falling = autoencoders(type(store)(tmp_path / 'b'), -0.02, 0.01)
  words = judged(page, falling)
  assert of(words, 'The score grows') == ['does not hold'] * 4


def test_seeds_matter_where_beta_does_nothing(store, judged):
  words = judged(page, autoencoders(store, 0.0, 0.1, seeds=20))
  assert of(words, 'Scores of one beta') == ['holds'] * 4


def test_the_steadiest_is_found(store, tmp_path, judged):
  start = 'The growth is steadiest'
  study = autoencoders(store, 0.0, 0.1, steady=(0.1, 0.01), seeds=8)
  assert of(judged(page, study), start) == ['holds']
  # Steady for the others, and falling for it.
  other = autoencoders(
    type(store)(tmp_path / 'b'), 0.1, 0.01, steady=(-0.1, 0.01)
  )
  assert of(judged(page, other), start) == ['does not hold']
  # Its own correlation is -1 in every seed, the others' 1.
  named = page.autoencoders(other)
  values = page.growth(other)
  np.testing.assert_allclose(values[named[page.STEADIEST]], -1)
  np.testing.assert_allclose(values[named['fully connected']], 1)


def test_digits_hold_where_they_do_and_not_where_not(store, tmp_path, judged):
  words = judged(page, digits(store, 1))
  assert list(words.values()) == ['holds'] * 9
  words = judged(page, digits(type(store)(tmp_path / 'b'), -1))
  assert list(words.values()) == ['does not hold'] * 9


def test_the_table_along_beta_is_that_of_the_runs(store):
  study = autoencoders(store, 0.02, 0.01)
  table = page.along_beta_table(study).set_index('autoencoder')
  assert list(table.index) == [
    'fully connected',
    'fully connected, denoising',
    'convolutional',
    'convolutional, denoising',
  ]
  mine = page.autoencoders(study)['convolutional']
  frame = pd.DataFrame(
    {
      'beta': study.runs['strength'][mine],
      'score': study.scores[page.SCORE][mine],
    }
  )
  row = table.loc['convolutional']
  variance = frame.groupby('beta')['score'].var().mean()
  np.testing.assert_allclose(row['deviation of seeds'], np.sqrt(variance))
  expected = frame.corr('spearman').loc['beta', 'score']
  shown = float(row['rank correlation with beta'].split()[0])
  np.testing.assert_allclose(shown, expected, atol=5e-4)
  ends = frame.groupby('beta')['score'].mean()
  shown = float(row['greatest beta minus least'].split()[0])
  np.testing.assert_allclose(shown, ends[5.0] - ends[0.0], atol=5e-4)


def test_the_table_of_digits_is_paired(store):
  study = digits(store, 1)
  table = page.digits_table(study).set_index(['classifier', 'share'])
  assert len(table) == 9
  runs, values = study.runs, study.scores['svm_accuracy', 'mean']
  at = lambda beta: values[
    (runs['variant'] == 'share=0.3') & (runs['strength'] == beta)
  ].mean()
  shown = table.loc['linear', '0.3']['at 4 minus at 0.1']
  np.testing.assert_allclose(
    float(shown.split()[0]), at(4) - at(0.1), atol=5e-4
  )


@pytest.mark.parametrize('case', ['empty', 'one', 'two cells', 'digits'])
def test_little_is_no_error(store, judged, case):
  if case == 'one':
    study = autoencoders(store, 0.1, 0.1, seeds=1, nets={'mlp': (4.0,)})
  elif case == 'two cells':
    study = autoencoders(store, 0.1, 0.1, seeds=2, nets={'conv': (4.0,)})
  elif case == 'digits':
    study = digits(store, 1, seeds=2, betas=(0.0, 4.0))
  else:
    study = store.study()
  words = judged(page, study)
  assert bool(words) == (case != 'empty')
  assert not {'holds', 'does not hold'} & set(words.values())
  sections = list(page.sections(study))
  section.check(sections)
  assert bool(sections) == (case != 'empty')
  if case == 'two cells':
    # One beta: nothing is known of what beta does.
    assert set(page.along_beta_table(study)['share of the seed']) == {''}
