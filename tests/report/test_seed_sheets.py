"""Sheets of seeds for print: what is written beside the pictures, and where."""

import made_up
import matplotlib.backends.backend_agg
import numpy as np
import PIL.Image
import pytest

import disentangle_jax as dj
from disentangle_jax.report import (
  display,
  paper_kit,
  printed,
  seed_sheets,
  tables,
  traversals,
)

KINDS = [kind for kind in made_up.SHAPES if kind != 'tokens']


@pytest.fixture(scope='module')
def workdir(tmp_path_factory):
  """Six settings of five seeds, each with pictures."""
  return made_up.write_store(
    tmp_path_factory.mktemp('study'), made_up.rows_of()
  )


def seeds_of(kind, folder, count=3):
  """Seeds as a report reads them from what a sweep left."""
  for seed in range(count):
    path = folder / 'samples' / f'run{seed}.npz'
    path.parent.mkdir(exist_ok=True)
    np.savez(path, **made_up.sample(kind))
  return [
    seed_sheets.Seed(f'seed {n}', traversals.load(folder, f'run{n}'))
    for n in range(count)
  ]


def words(figure):
  return [text.get_text() for text in figure.texts]


def boxes(figure):
  """Pixels that texts and pictures take."""
  renderer = figure.canvas.get_renderer()
  box = lambda artist: artist.get_window_extent(renderer)
  return (
    [box(text) for text in figure.texts],
    [box(axes) for axes in figure.axes],
  )


def check_layout(figure):
  """All lies inside the figure, nothing upon anything else."""
  figure.canvas = matplotlib.backends.backend_agg.FigureCanvasAgg(figure)
  figure.canvas.draw()
  texts, pictures = boxes(figure)
  whole = figure.bbox
  for box in texts + pictures:
    assert box.x0 >= whole.x0 - 1 and box.x1 <= whole.x1 + 1, box
    assert box.y0 >= whole.y0 - 1 and box.y1 <= whole.y1 + 1, box
  for i, one in enumerate(texts):
    for other in [*texts[i + 1 :], *pictures]:
      wide = min(one.x1, other.x1) - max(one.x0, other.x0)
      high = min(one.y1, other.y1) - max(one.y0, other.y0)
      assert min(wide, high) < 3, (one, other)


@pytest.mark.parametrize('width', printed.WIDTHS)
@pytest.mark.parametrize('name', seed_sheets.KINDS)
@pytest.mark.parametrize('kind', KINDS)
def test_every_row_says_what_it_is(kind, name, width, tmp_path):
  seeds = seeds_of(kind, tmp_path)
  with printed.use():
    figure = seed_sheets.of_seeds(
      seeds, name, 'Ours, $\\beta$ = 4, dSprites', printed.inches(width)
    )
    check_layout(figure)
  said = words(figure)
  assert said[0] == 'Ours, $\\beta$ = 4, dSprites'
  assert [w for w in said if w.startswith('seed')] == [s.name for s in seeds]
  assert figure.get_figwidth() == printed.WIDTHS[width]
  assert len(figure.axes) == 3
  if name == 'traversals':
    # By KL; that of the last latent is not known.
    labels = [w for w in said if w.startswith('$z')]
    assert labels == ['$z_{1}$ 2.00', '$z_{0}$ 0.50', '$z_{2}$'] * 3
    note = ' '.join(said[-3:])
    assert 'to 2' in note and 'nats' in note


def test_a_block_shows_the_latents_it_names(tmp_path):
  seeds = seeds_of('image', tmp_path)
  with printed.use():
    figure = seed_sheets.of_seeds(seeds, 'traversals', '', 6.75, latents=2)
  image = figure.axes[0].get_images()[0].get_array()
  wanted = traversals.traversal_sheet(seeds[0].samples)
  np.testing.assert_array_equal(image, wanted[: len(image)])
  assert len(image) == 2 * 48 + traversals.GAP
  # Where the label stands is where its row is.
  axes = figure.axes[0].get_position()
  first, second = [t for t in figure.texts if t.get_text()[0] == '$'][:2]
  middle = [axes.y0 + axes.height * part for part in (0.75, 0.25)]
  assert [first.get_position()[1], second.get_position()[1]] == pytest.approx(
    middle, abs=0.01
  )


@pytest.mark.parametrize('width', printed.WIDTHS.values())
def test_runs_below_each_other_with_factors(width, tmp_path):
  factors = ('position y', '', 'orientation')
  seeds = [
    seed._replace(name=f'$\\beta$ = {2 + n}\n{seed.name}', factors=factors)
    for n, seed in enumerate(seeds_of('image', tmp_path))
  ]
  with printed.use():
    figure = seed_sheets.of_runs(seeds, 'Ours, dSprites', width)
    check_layout(figure)
  said = words(figure)
  assert '$z_{0}$ 0.50\nposition y' in said and '$z_{1}$ 2.00' in said
  assert '$\\beta$ = 3\nseed 1' in said and 'factor' in ' '.join(said)


def test_sentences_and_missing_samples_make_no_sheet(tmp_path):
  seeds = seeds_of('tokens', tmp_path)
  assert seed_sheets.of_seeds(seeds, 'traversals', '', 3.25) is None
  assert seed_sheets.of_seeds([], 'generated', '', 3.25) is None
  bare = seeds_of('image', tmp_path)[0].samples
  bare = bare._replace(generated=np.zeros((0, 0), np.uint8))
  one = [seed_sheets.Seed('seed 0', bare)]
  assert seed_sheets.of_seeds(one, 'generated', '', 3.25) is None


def test_long_titles_take_several_lines(tmp_path):
  title = ', '.join(['$\\beta$ = 4 and more'] * 8)
  with printed.use():
    figure = seed_sheets.of_seeds(
      seeds_of('image', tmp_path), 'traversals', title, 3.25
    )
    check_layout(figure)
  assert all(text.count('$') % 2 == 0 for text in words(figure))
  assert len(words(figure)) > 3 + 9 + 2


def test_the_kit_shows_the_best_setting_of_every_method(workdir, tmp_path):
  paper_kit.write([workdir], tmp_path, ['mig_binned'], seeds=3)
  study = tables.load([workdir])
  column = list(study.scores.columns).index(('mig_binned', 'mean'))
  means = study.scores.iloc[:, column].groupby(study.runs['cell']).mean()
  for method, cells in study.cells.groupby('method'):
    best = study.cells['label'][means[cells.index].idxmax()]
    stem = best.replace(' ', '_').replace('=', '_')
    for kind in ('traversals', 'reconstructions'):
      found = {path.name for path in tmp_path.glob(f'{kind}_{method}*')}
      assert found == {f'{kind}_{stem}.{end}' for end in printed.ENDINGS}
  assert not list(tmp_path.glob('generated*'))  # no run drew any
  pdf = (tmp_path / f'traversals_{stem}.pdf').read_bytes()
  assert b'/FontFile2' in pdf and b'/Type3' not in pdf.replace(b' ', b'')
  svg = (tmp_path / f'traversals_{stem}.svg').read_text()
  assert 'seed 0' in svg and 'seed 2' in svg and 'seed 3' not in svg
  with PIL.Image.open(tmp_path / f'traversals_{stem}.png') as image:
    assert image.width == round(300 * printed.WIDTHS['column'])
    assert round(image.info['dpi'][0]) == 300


def test_which_settings_are_shown(workdir, tmp_path):
  paper_kit.write([workdir], tmp_path / 'none', shown='none')
  assert not list((tmp_path / 'none').glob('traversals*'))
  paper_kit.write([workdir], tmp_path / 'all', shown='all', width='text')
  assert len(list((tmp_path / 'all').glob('traversals*.pdf'))) == 6
  with pytest.raises(dj.ConfigError, match="--sheets: unknown 'some'"):
    paper_kit.write([workdir], tmp_path, shown='some')
  with pytest.raises(dj.ConfigError, match='--seeds'):
    paper_kit.write([workdir], tmp_path, seeds=0)


def test_titles_are_those_of_papers(workdir):
  study = tables.load([workdir])
  names = display.Names({'dsprites': 'Sprites'})
  titles = [seed_sheets.title_of(c, names) for c in study.cells.itertuples()]
  assert titles[0] == '$\\beta$-VAE, $\\beta$ = 1, Sprites'
