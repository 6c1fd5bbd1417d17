"""Claims and sections of the study on made-up runs."""

import math

import numpy as np
import pytest

from disentangle_jax import folders
from disentangle_jax.report import section
from disentangle_jax.studies.independent_prediction import page


def fill(store, cross=0.3, same=1.9, bound=280.0, least=1.5, seeds=5):
  """A factored arm as told, and an entangled one that is always the same."""
  for transition in ('factored', 'entangled'):
    own = transition == 'factored'
    for seed in range(seeds):
      numbers = {
        page.CROSS: cross if own else 0.8,
        page.SAME: same if own else 2.0,
        page.BOUND: bound if own else 282.0,
      }
      # Seeds differ alike in both arms, and a little besides.
      scores = {
        name: value * (1 + 0.01 * seed + 0.001 * own * (-1) ** seed)
        for name, value in numbers.items()
      }
      scores[page.LEAST] = least if own else 1.8
      scores['object_purity'] = 0.5
      for i in range(2):
        for j in range(2):
          told = 1.9 if i == j else 0.3
          scores[f'mutual_information/{i}_{j}'] = told
        for chain in range(4):
          scores[f'chain_r2/{i}_{chain}'] = 0.5
      for i in range(10):
        for j in range(10):
          scores[f'latent_correlation/{i}_{j}'] = (i - j) / 10
      store.add(
        scores,
        method='independent_prediction',
        variant=f'transition={transition}',
        seed=seed,
      )
  return store.study()


@pytest.mark.parametrize(
  'scores, words',
  [
    ({}, ['holds', 'holds', 'holds']),
    ({'cross': 0.9}, ['does not hold', 'holds', 'holds']),
    ({'same': 1.5}, ['holds', 'does not hold', 'holds']),
    # More is as far as less.
    ({'same': 2.5}, ['holds', 'does not hold', 'holds']),
    ({'bound': 270.0}, ['holds', 'holds', 'does not hold']),
    # One factor holds all, so that nothing crosses.
    ({'least': 0.1}, ['void', 'void', 'void']),
    ({'seeds': 4}, ['not shown', 'not shown', 'not shown']),
  ],
)
def test_claims(store, judged, scores, words):
  assert list(judged(page, fill(store, **scores)).values()) == words


def test_one_dead_run_makes_all_void(store, judged):
  study = fill(store)
  assert page.alive(study).tolist() == [1.0] * 10
  dead = {page.CROSS: 0.0, page.SAME: 0.0, page.LEAST: 0.0, page.BOUND: 100.0}
  for transition in ('factored', 'entangled'):
    store.add(
      dead,
      method='independent_prediction',
      variant=f'transition={transition}',
      seed=5,
    )
  assert set(judged(page, store.study()).values()) == {'void'}


def test_relative_distance_folds_its_interval(store):
  value, low, high = page.relative(fill(store, same=2.0), page.SAME)
  assert low == 0 and 0 <= value <= high < 0.002


def test_relative_distance_is_of_paired_means(store):
  value, low, high = page.relative(fill(store, same=1.8), page.SAME)
  assert value == pytest.approx(0.1, abs=2e-3) and low <= value <= high


def test_one_seed_has_no_distance(store):
  assert all(map(math.isnan, page.relative(fill(store, seeds=1), page.SAME)))


def test_matrices_are_read_back(store):
  study = fill(store)
  matrices = page.matrices_of(study, 'mutual_information')
  assert sorted(matrices) == list(range(10))
  for matrix in matrices.values():
    np.testing.assert_allclose(matrix, [[1.9, 0.3], [0.3, 1.9]])
  assert page.matrices_of(study, 'chain_r2')[0].shape == (2, 4)
  units = page.matrices_of(study, 'latent_correlation')[3]
  assert units.shape == (10, 10) and units[7, 2] == 0.5
  assert page.matrices_of(study, 'nothing') == {}


def test_sections_of_much_and_of_nothing(store):
  assert list(page.sections(store.study())) == []
  study = fill(store)
  keys = ['arms', 'blocks', 'chains', 'correlation']
  parts = list(page.sections(study))
  section.check(parts)
  assert [p.key for p in parts] == [f'independent_prediction_{k}' for k in keys]
  titles = [axis.get_title() for axis in parts[1].body.axes]
  assert titles[0] == 'factored, seed 0' and titles[-1] == 'entangled, seed 4'


def test_generations_are_stills_and_films(store, tmp_path):
  study = fill(store)
  strip = np.zeros((4, 6, 5, 5, 2), np.uint8)
  strip[0, 3, 1, 1, 0] = 200
  for run_id in study.runs['run_id']:
    path = folders.samples(study.workdirs[0], run_id)
    path.parent.mkdir(exist_ok=True)
    np.savez(
      path,
      kind='video',
      **{f'pictures/{n}': strip for n in (page.GENERATIONS, page.PREDICTION)},
    )
  parts = {p.key.rpartition('_')[2]: p for p in page.sections(study)}
  assert {'generations', 'films', 'predictions'} <= set(parts)
  html = str(parts['films'].body.html)
  assert html.count('src="data:image/webp;base64,') == 2
  assert parts['films'].body.markdown == ''
  film = page.film_of(strip)
  assert film.shape[0] == 6 and film.shape[-1] == 3
  lit = [int((frame[..., 0] == 200).sum()) for frame in film]
  assert lit[3] > 0 and not any(lit[:3] + lit[4:])
