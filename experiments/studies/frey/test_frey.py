"""Claims and tables of the study of faces against NumPy."""

import numpy as np
import pandas as pd
import pytest

from disentangle_jax.report import section
from disentangle_jax.studies.frey import page

BETAS = (1e-4, 1e-3, 1e-2, 1e-1)


def fill(store, sign, seeds=6, sizes=(2, 3, 5), betas=BETAS, logged=20):
  """Distances that fall with beta, and losses that fall less, if sign is 1."""
  rng = np.random.default_rng(0)
  for size in sizes:
    for k, beta in enumerate(betas):
      for seed in range(seeds):
        level = 5.0 - sign * k
        slope = 2.0 - sign * (beta >= page.FLAT) + 0.1 * rng.uniform()
        loss = {s: 400 - slope * s for s in range(1, logged + 1)}
        scores = {
          ('frobenius_degree', 'mean'): level + 0.1 * rng.uniform(),
          'aggregate_kl': level + 0.1 * rng.uniform(),
          'kl': level,
          **{f'kl/{i}': 1.0 for i in range(size)},
        }
        store.add(
          scores,
          variant=f'num_latents={size}',
          strength=page.PIXELS * beta,
          seed=seed,
          training={'train/loss': loss},
        )
  return store.study()


def test_losses_are_averaged_over_epochs():
  steps = np.arange(1, 21)
  curves = pd.DataFrame(
    {
      'run': np.repeat([0, 1], 20),
      'step': np.tile(steps[::-1], 2),
      'name': 'train/loss',
      'value': np.concatenate([steps[::-1], np.full(20, 7)]).astype(float),
    }
  )
  losses = page.epochs(curves)
  np.testing.assert_allclose(losses[0], np.arange(1.5, 20, 2))
  np.testing.assert_allclose(losses[1], 7)
  assert page.epochs(curves[curves['step'] < 9]) == {}


def test_claims_hold_where_they_do_and_not_where_not(store, tmp_path, judged):
  words = judged(page, fill(store, 1))
  assert list(words.values()) == ['holds'] * 7
  words = judged(page, fill(type(store)(tmp_path / 'b'), -1))
  assert list(words.values()) == ['does not hold'] * 7


def test_the_table_has_the_betas_of_the_source(store):
  study = fill(store, 1, seeds=2)
  table = page.settings_table(study).set_index(['latents', 'beta'])
  assert list(table.loc['3'].index) == ['0.0001', '0.001', '0.01', '0.1']
  mine = (study.runs['variant'] == 'num_latents=3') & np.isclose(
    study.runs['strength'], 5.6
  )
  mean = study.scores['aggregate_kl', ''][mine].mean()
  shown = table['aggregate KL (nats)']['3', '0.01']
  assert mine.sum() == 2 and shown.startswith(f'{mean:.2f} [')
  # Two logged steps to an epoch: 6 and 10 are eight steps apart.
  falls = page.fall(study)[mine].mean()
  assert table[page.FALL]['3', '0.01'].startswith(f'{falls:.2f} [')
  assert 7.9 < falls < 8.9


@pytest.mark.parametrize('case', ['empty', 'one seed', 'no variant', 'short'])
def test_little_is_no_error(store, judged, case):
  if case == 'no variant':
    for seed in range(2):
      scores = {'aggregate_kl': 1.0, 'kl/0': 1.0, 'kl/1': 1.0}
      store.add(scores, strength=0.56, seed=seed)
    study = store.study()
    assert list(page.latents_of(study)) == [2, 2]
  elif case == 'empty':
    study = store.study()
  else:
    logged = 3 if case == 'short' else 20
    study = fill(store, 1, seeds=1, sizes=(2,), betas=(1e-3,), logged=logged)
  assert not {'holds', 'does not hold'} & set(judged(page, study).values())
  sections = list(page.sections(study))
  section.check(sections)
  # Without parameters there are neither clouds nor faces.
  assert len(sections) == 2 * (case != 'empty')
