"""Charts: page and print draw the same; the page's files are packed."""

from importlib import resources
import itertools
import json
import math
import os
import pathlib
import shutil
import subprocess
import sys
import warnings

import made_up
import matplotlib.collections
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from disentangle_jax.report import (
  charts,
  drawn,
  figures,
  payload,
  results,
  scores,
  style,
  tables,
  templates,
)

NODE = shutil.which('node')
HERE = pathlib.Path(__file__).parent
PAGE = resources.files('disentangle_jax.report') / 'page'


@pytest.mark.skipif(NODE is None, reason='needs node')
def test_the_pure_functions_of_the_charts():
  done = subprocess.run(
    [NODE, '--test', str(HERE / 'charts.test.mjs')],
    env=os.environ | {'CHARTS': str(PAGE / 'charts.js')},
    capture_output=True,
    text=True,
    timeout=120,
  )
  assert done.returncode == 0, done.stdout[-3000:]


def from_page(expression: str, values):
  """What charts.js gives for `expression`, with `values` as `x`."""
  script = (
    'const charts = require(process.env.CHARTS); const [x, rules] = JSON.parse('
    "require('fs').readFileSync(0)); process.stdout.write(JSON.stringify("
    f'{expression}))'
  )
  done = subprocess.run(
    [NODE, '-e', script],
    env=os.environ | {'CHARTS': str(PAGE / 'charts.js')},
    input=json.dumps([values, charts.RULES]),
    capture_output=True,
    check=True,
    text=True,
    timeout=60,
  )
  return json.loads(done.stdout)


@pytest.mark.skipif(NODE is None, reason='needs node')
def test_what_a_choice_changes_is_the_same_in_page_and_print():
  rng = np.random.default_rng(0)
  sets = [rng.normal(size=n) for n in (5, 8, 61)]
  sets += [rng.integers(0, 3, 40) / 7, np.zeros(6), np.array([2.0])]
  heights = [charts.density(values) for values in sets]
  rounded = [h if h is None else np.round(1000 * h) for h in heights]
  lists = [values.tolist() for values in sets]
  got = from_page('x.map((v) => charts.extent(v, rules))', [*lists, []])
  want = [charts.extent(values) for values in [*sets, np.zeros(0)]]
  np.testing.assert_allclose(got, want, rtol=1e-12)
  pairs = [[v, h if h is None else h.tolist()] for v, h in zip(lists, rounded)]
  got = from_page('x.map(([v, h]) => charts.shifts(v, h, rules))', pairs)
  for values, outline, shifts in zip(sets, rounded, got):
    outline = outline if outline is None else outline / 1000
    np.testing.assert_allclose(
      shifts, charts.shifts(values, outline), atol=1e-12
    )
  cost = rng.integers(0, 20, 80) / 3
  for sign in (1, -1):
    values = sign * (cost + rng.integers(0, 9, 80) / 3)
    pair = [cost.tolist(), values.tolist()]
    got = from_page(f'charts.front(x[0], x[1], {sign})', pair)
    assert got == charts.front(cost, values, sign).tolist() and len(got) > 3


@pytest.mark.skipif(NODE is None, reason='needs node')
def test_axes_over_decades_are_the_same_in_page_and_print():
  sets = [[1, 2, 4, 16], [0.1, 1, 10], [0, 0.1, 1, 10], [-1, 1, 100], [0, 0]]
  got = from_page('x.map((v) => charts.positions(v, rules))', sets)
  for strengths, positions in zip(sets, got):
    want = charts.positions(np.array(strengths, float))
    np.testing.assert_allclose(positions, want, rtol=1e-12)


def test_a_front_leaves_out_what_is_missing():
  cost = np.array([1.0, np.nan, 2.0, 2.0, 3.0, 4.0])
  values = np.array([0.5, 9.0, 0.4, 0.7, np.nan, 0.7])
  assert charts.front(cost, values, 1).tolist() == [0, 3]
  assert charts.front(cost, values, -1).tolist() == [0, 2]
  assert charts.front(cost[:0], values[:0], 1).size == 0


@pytest.mark.parametrize('n', [5, 12, 200])
def test_a_violin_is_a_kernel_density(n):
  values = np.random.default_rng(n).gamma(2.0, size=n)
  kernel = stats.gaussian_kde(values, bw_method=1.06 * n**-0.2)
  want = kernel(np.linspace(values.min(), values.max(), charts.POINTS))
  np.testing.assert_allclose(charts.density(values), want / want.max())


def test_few_runs_or_equal_ones_have_no_violin():
  assert charts.density(np.arange(4.0)) is None
  assert charts.density(np.ones(9)) is None
  assert charts.density(np.array([1.0, 1, 1, 1, 2])) is not None


@pytest.mark.parametrize(
  'strengths, want',
  [
    ([1, 2, 4, 16], [1, 2, 4, 16]),
    ([0.1, 1, 10], [-1, 0, 1]),
    ([0, 0.1, 1, 10], [-1 - 1 / 3, -1, 0, 1]),
    ([-1, 1, 100], [-1, 1, 100]),
    ([0, 100, 100], [0, 100, 100]),
    ([1, 30], [0, math.log10(30)]),
    ([5], [5]),
  ],
)
def test_strengths_over_decades_get_a_log_axis(strengths, want):
  strengths = np.array(strengths, float)
  np.testing.assert_allclose(charts.positions(strengths), want)
  _, axes = figures.new()
  places = figures.strength_axis(axes, strengths)
  assert [places[s] for s in strengths] == pytest.approx(want)
  assert axes.get_xticks().tolist() == pytest.approx(sorted(set(want)))
  labels = [label.get_text() for label in axes.get_xticklabels()]
  assert labels == [f'{s:g}' for s in sorted(set(strengths))]


@pytest.fixture(scope='module')
def study(tmp_path_factory):
  """Two methods with a zero among strengths over decades; one without any."""
  strengths = {
    'beta_vae': (1.0, 4.0, 16.0),
    'annealed_vae': (0.0, 0.5, 50.0),
    'pca': (float('nan'),),
  }
  rows = made_up.rows_of(
    methods={'beta_vae': 'beta', 'annealed_vae': 'c_max', 'pca': ''},
    strengths=strengths,
    seeds=6,
    metrics=('mig_binned',),
    training=(),
  )
  folder = tmp_path_factory.mktemp('charts')
  made_up.write_store(folder, rows, with_samples=False)
  return results.Results(tables.load([folder]))


@pytest.fixture(scope='module')
def data(study):
  return json.loads(payload.build(study))


def drawn_violins(study):
  values = study.study.scores.iloc[:, 0].to_numpy()
  _, axes = figures.new()
  figures.violins(
    axes, values, study.study.runs, study.described[0], study.methods
  )
  kind = matplotlib.collections.PolyCollection
  bodies = [body for body in axes.collections if isinstance(body, kind)]
  return axes, bodies


def test_violins_are_the_same_in_page_and_print(study, data):
  axes, bodies = drawn_violins(study)
  score = data['scores'][0]
  outlines = score['violins']['methods']
  assert len(bodies) == len(outlines) == 3
  runs = data['runs']
  for i, (body, outline) in enumerate(zip(bodies, outlines)):
    mine = [
      value
      for value, cell in zip(score['values'], runs['cell'])
      if data['cells'][cell]['method'] == i
    ]
    grid = np.linspace(min(mine), max(mine), len(outline))
    x, y = body.get_paths()[0].vertices.T
    order = np.argsort(y[x >= i], kind='stable')
    right = x[x >= i][order]
    widths = np.interp(grid, y[x >= i][order], right) - i
    np.testing.assert_allclose(
      widths / 0.4, np.array(outline) / 1000, atol=3e-3
    )
  # And the marks of single runs.
  marks = [line for line in axes.lines if len(line.get_xdata()) > 1]
  shifts = charts.shifts(np.array(mine), np.array(outlines[2]) / 1000)
  np.testing.assert_allclose(marks[2].get_xdata() - 2, 0.4 * shifts, atol=3e-3)
  low, high = charts.extent(np.array(score['values']))
  np.testing.assert_allclose(axes.get_ylim(), (low, high), atol=1e-3)


def test_strengths_stand_at_the_same_places_in_page_and_print(study, data):
  figure = figures.empty()
  table = study.cell_tables[0]
  figures.score_against_strength(
    figure, table, study.described[0], study.methods
  )
  for panel, name in zip(figure.axes, ('beta', 'c_max')):
    cells = [c for c in data['cells'] if c['strengthName'] == name]
    places = [c['at'] for c in cells]
    line = next(line for line in panel.lines if len(line.get_xdata()) == 3)
    np.testing.assert_allclose(line.get_xdata(), places, atol=1e-4)
    # The method without a strength is a line across.
    level = table.loc[table['method'] == 'pca', 'mean'].item()
    across = [line.get_ydata() for line in panel.lines]
    assert any(list(y) == [level, level] for y in across)
  assert places[0] == pytest.approx(math.log10(0.5) - 1 / 3, abs=1e-4)
  assert [c['at'] for c in data['cells'] if c['strengthName'] == ''] == [None]


def test_a_method_has_one_look(study, data):
  looks = data['looks']
  assert [look['colour'] for look in looks] == [0, 1, 2]
  many = [style.look(i) for i in range(64)]
  assert len({str((look['colour'], look['mark'])) for look in many}) == 64
  assert len({str((look['colour'], look['dash'])) for look in many[:24]}) == 24
  assert len({str(look['mark']) for look in many[:8]}) == 8
  for i, look in enumerate(many[:9]):
    _, axes = figures.new()
    (line,) = axes.plot([0, 1], ls=style.dash(i), **style.mark(i, 4), lw=1)
    marker = line.get_marker()
    if look['mark']:
      outline = np.array(look['mark'])
      np.testing.assert_allclose(marker.vertices[:-1], outline, atol=1e-3)
      # In radii of a circle of size 4: matplotlib gives a path's reach.
      reach = np.abs(outline).max()
      assert line.get_markersize() == pytest.approx(4 * reach, abs=1e-2)
    else:
      assert marker == 'o' and line.get_markersize() == 4
    dashes = style.dash(i)
    assert list(look['dash']) == list(dashes[1] if dashes != '-' else ())


def test_a_method_keeps_its_look_where_others_are_missing(study):
  values = study.study.scores.iloc[:, 0].to_numpy()
  _, axes = figures.new()
  later = study.study.runs[study.study.runs['method'] != 'beta_vae']
  figures.violins(
    axes, values[later.index], later, study.described[0], study.methods
  )
  faces = [line.get_color() for line in axes.lines if len(line.get_xdata()) > 1]
  assert faces == [style.colour(1), style.colour(2)]


def test_a_ceiling_is_drawn_where_the_axis_reaches(study):
  values = study.study.scores.iloc[:, 0].to_numpy()
  for ceiling, lines in ((0.5, 1), (0.95, 0), (math.nan, 0)):
    score = study.described[0]._replace(ceiling=ceiling)
    _, axes = figures.new()
    figures.violins(axes, values, study.study.runs, score, study.methods)
    limits = axes.get_ylim()
    np.testing.assert_allclose(limits, charts.extent(values))
    said = [text.get_text() for text in axes.texts]
    assert said.count(f'ceiling {ceiling:.2f}') == lines


def test_the_error_that_scores_are_set_against():
  names = ('sap', 'reconstruction/nats', 'reconstruction/squared_error')
  described = [
    scores.Score(name, '', 'lower', 0, 1, math.nan, '', '', {})
    for name in names
  ]
  assert scores.cost(described) == 2
  assert scores.cost(described[:2]) == 1
  assert scores.cost(described[:1]) is None


@pytest.mark.parametrize(
  'name',
  sorted(
    path.name for path in PAGE.iterdir() if path.suffix in ('.js', '.css')
  ),
)
def test_no_file_of_the_page_ends_its_element_or_asks_for_anything(name):
  text = templates.asset(name)
  asks = (
    'fetch(',
    'XMLHttp',
    'import(',
    '@import',
    'url(',
    'eval(',
    'Function(',
  )
  assert not [word for word in ('</', *asks) if word in text]


def test_the_files_of_the_page_are_packed(tmp_path):
  subprocess.run(
    [sys.executable, 'setup.py', '-q', 'build_py', '--build-lib', tmp_path],
    cwd=HERE.parents[1],
    check=True,
    capture_output=True,
    timeout=120,
  )
  packed = tmp_path / 'disentangle_jax' / 'report' / 'page'
  assert (packed.parent / 'references.bib').is_file()
  names = {path.name for path in PAGE.iterdir()}
  assert names == {path.name for path in packed.iterdir()} and len(names) > 2


LONG = tuple(
  f'dip_vae_i (lambda_od={i}.0, lambda_d_factor={i}.0, num_latents=10)'
  for i in range(4)
)


@pytest.mark.parametrize('draw', ['ticks', 'matrix', 'row'])
def test_long_names_leave_room_for_the_axes(draw):
  figure, axes = figures.new(height=1.2 if draw == 'row' else 2.8)
  if draw == 'ticks':
    figures.method_ticks(axes, LONG)
  else:
    index = LONG if draw == 'matrix' else ['reconstruction/nats (mean)']
    values = np.full((len(index), len(LONG)), 0.5)
    figures.heat_map(axes, pd.DataFrame(values, index, list(LONG)))
  with warnings.catch_warnings():
    warnings.simplefilter('error')
    figure.draw_without_rendering()
  width, height = axes.get_window_extent().size / figure.dpi
  assert width > 1.5 and height > (0.3 if draw == 'row' else 1.2)
  below = [label.get_window_extent() for label in axes.get_xticklabels()]
  beside = [label.get_window_extent() for label in axes.get_yticklabels()]
  for box in (*below, *beside):
    assert box.x0 >= figure.bbox.x0 - 1 and box.y0 >= figure.bbox.y0 - 1
  for first, second in itertools.pairwise(below):
    assert first.x1 <= second.x0
  if draw != 'ticks':
    assert set(drawn.table(figure)['x']) == set(LONG)  # one line in the CSV
