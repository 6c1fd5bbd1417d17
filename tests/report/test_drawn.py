"""What a figure draws, read back from it as a table."""

import numpy as np
import pandas as pd
import pytest

from disentangle_jax.report import drawn, figures, scores, style


@pytest.fixture(autouse=True)
def look():
  with style.use():
    yield


def rows(table, **wanted):
  for name, value in wanted.items():
    table = table[table[name] == value]
  return table


def test_lines_bands_and_levels():
  figure, axes = figures.new()
  x, low, high = np.arange(4.0), np.zeros(4), np.array([1.0, 2, 3, 4])
  axes.plot(x, high / 2, label='ours')
  axes.fill_between(x, low, high, label='ours')
  axes.axhline(0.25, **style.LEVEL)
  axes.vlines([1.0], 0.5, 0.75)
  table = drawn.table(figure)
  line = rows(table, kind='point')
  assert line['y'].tolist() == (high / 2).tolist()
  assert set(line['series']) == {'ours'} and 'panel' not in table
  band = rows(table, kind='band')
  assert band['x'].tolist() == x.tolist()
  assert band['high'].tolist() == high.tolist() and not band['low'].any()
  assert rows(table, kind='level')['y'].tolist() == [0.25]
  bar = rows(table, kind='interval').iloc[0]
  assert (bar['x'], bar['low'], bar['high']) == (1.0, 0.5, 0.75)


def test_panels_and_places_have_names():
  figure, axes = figures.new(ncols=2)
  axes[0].set_title('first\npanel')
  axes[0].plot([0, 1], [5, 6])
  axes[0].set_xticks([0, 1], ['a', 'b'])
  axes[1].barh([0, 1], [0.2, 0.3], label='share')
  axes[1].set_yticks([0, 1], ['MIG', 'SAP'])
  table = drawn.table(figure)
  assert rows(table, panel='first panel')['x'].tolist() == ['a', 'b']
  bars = rows(table, panel='2')
  assert bars['y'].tolist() == ['MIG', 'SAP']
  assert bars['high'].tolist() == [0.2, 0.3]
  assert set(bars['series']) == {'share'}


def test_a_heat_map_gives_its_cells():
  matrix = pd.DataFrame(
    [[0.1, np.nan], [0.3, 0.4]], index=['MIG', 'SAP'], columns=['a', 'b']
  )
  figure, axes = figures.new()
  figures.heat_map(axes, matrix)
  table = drawn.table(figure)
  back = table.pivot(index='y', columns='x', values='value')
  pd.testing.assert_frame_equal(
    back.loc[matrix.index, matrix.columns].astype(float),
    matrix,
    check_names=False,
  )


def test_violins_give_every_run():
  values = np.random.default_rng(0).normal(size=20)
  runs = pd.DataFrame({'method': ['a'] * 10 + ['b'] * 10})
  score = scores.Score('mig', '', 'higher', 0, 1, np.nan, '', '', {})
  figure, axes = figures.new()
  figures.violins(axes, values, runs, score, ['a', 'b'])
  points = rows(drawn.table(figure), kind='point')
  assert set(np.round(values, 4)) <= set(np.round(points['y'], 4))


def test_pictures_and_empty_figures_have_no_table():
  figure, axes = figures.new(ncols=2)
  axes[0].imshow(np.zeros((4, 4, 3), np.uint8))
  axes[1].imshow(np.zeros((4, 4)), cmap=style.GREYS)
  assert drawn.table(figure).empty
  assert drawn.table(figures.empty()).empty


def test_what_is_too_large_for_a_page_is_left_out():
  figure, axes = figures.new()
  axes.plot(np.arange(drawn.MOST + 1))
  assert drawn.table(figure).empty


def test_cells_between_numbers_that_stand_for_names():
  figure, axes = figures.new()
  frame = pd.DataFrame([[0.1, 0.2], [0.3, 0.4]], [0, 1], [0, 1])
  figures.heat_map(axes, frame)
  axes.set_xticks([0.5, 1.5], [0, 1])
  assert len(drawn.table(figure)) == 4
