"""Claims and the table of JADE's study on made-up rows."""

import numpy as np
import pytest

import disentangle_jax as dj
from disentangle_jax.engine.plan import planning
from disentangle_jax.report import section
from disentangle_jax.studies.jade import config as study_config
from disentangle_jax.studies.jade import page

PUBLISHED = {'single': 0.32, 'paired': 0.30, 'jade': 0.28}
OPPOSITE = {'single': 0.28, 'paired': 0.30, 'jade': 0.32}


def fill(store, errors, style=0.9, nats=5.0, seeds=20):
  """Runs of all forms; the second domain's error is a tenth of the first's."""
  rng = np.random.default_rng(0)
  for form, error in errors.items():
    for seed in range(seeds):
      error_here = error + rng.uniform(0, 0.01)
      scores = {'label_error': error_here, 'content_variance': 0.3}
      training = None
      if form != 'single':
        scores['label_error_secondary'] = error_here / 10
      if form == 'jade':
        scores['style_variance'] = style + rng.uniform(0, 0.01)
        training = {'train/content_kl': {0: 0.0, 100: nats}}
      store.add(
        scores,
        method='jade',
        variant=f'form={form}',
        seed=seed,
        training=training,
      )
  return store.study()


def test_claims_hold_where_they_are_and_not_where_not(store, tmp_path, judged):
  words = judged(page, fill(store, PUBLISHED))
  assert list(words.values()) == ['holds'] * 5
  other = fill(type(store)(tmp_path / 'b'), OPPOSITE, style=0.1)
  assert list(judged(page, other).values()) == ['does not hold'] * 5


def test_a_collapsed_content_or_chance_decides_nothing(store, tmp_path, judged):
  words = judged(page, fill(store, PUBLISHED, nats=1.0))
  about_jade = [word for said, word in words.items() if 'JADE' in said]
  assert about_jade == ['void'] * 4
  chance = dict.fromkeys(PUBLISHED, 0.89)
  words = judged(page, fill(type(store)(tmp_path / 'b'), chance))
  assert set(words.values()) == {'void'}


def test_five_seeds_of_twenty_show_nothing(store, judged):
  words = judged(page, fill(store, PUBLISHED, seeds=5))
  assert set(words.values()) == {'not shown'}


def test_the_table_has_paired_differences(store):
  study = fill(store, PUBLISHED)
  (only,) = page.sections(study)
  assert isinstance(only, section.Section)
  table = page.scores_table(study).set_index('score')
  assert table.loc['error, second domain', 'single'] == ''
  values = study.scores['label_error', ''].to_numpy().reshape(3, 20)
  gap = (values[2] - values[0]).mean()
  assert table.loc['error', 'jade - single'].startswith(f'{gap:.3f}')
  assert float(table.loc['error', 'paired'].split()[0]) == np.round(
    values[1].mean(), 3
  )


def archives(folder, classes):
  """SVHN's and MNIST's shapes in files of noise, 70 images each."""
  rng, paths = np.random.default_rng(0), []
  for shape, count in (((32, 32, 3), 10), ((28, 28), classes)):
    paths.append(str(folder / f'{len(shape)}.npz'))
    images = rng.integers(0, 256, (70, *shape)).astype(np.uint8)
    np.savez(paths[-1], images=images, labels=np.arange(70) % count)
  return paths


def real(paths, labelled=2):
  """The paper's data from these files."""
  config = study_config.get_config('svhn')
  more = {'test': 'held_out'}
  first = {**config.dataset.first[1], 'path': paths[0], 'labelled': labelled}
  config.dataset.first = ('svhn', first)
  config.dataset.second = ('mnist', {'path': paths[1], **more})
  return config


def test_files_of_svhn_and_mnist_are_planned(tmp_path):
  planned = planning.make(real(archives(tmp_path, 10)))
  assert (len(planned.runs), len(planned.groups)) == (60, 3)
  assert not planned.notes
  arrays = planned.groups[0].dataset.arrays
  assert len(arrays['first']['images']) == 2 * 10
  assert len(arrays['first']['test_images']) == 10


@pytest.mark.parametrize(
  'classes, labelled, said',
  [
    (5, 2, 'svhn has 10 labels and mnist 5: they must be the same'),
    (10, 9, r'labelled = 9: class \d has \d images'),
  ],
)
def test_domains_that_do_not_fit_are_refused_when_planning(
  tmp_path, classes, labelled, said
):
  with pytest.raises(dj.ConfigError, match=said) as caught:
    planning.make(real(archives(tmp_path, classes), labelled))
  assert '\n' not in str(caught.value)
