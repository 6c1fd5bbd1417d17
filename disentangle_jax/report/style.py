"""One look for every figure: colours, marks, sizes.

The colours are those of Okabe and Ito (2008, "Color universal design"), which
stay apart under the common colour deficiencies; methods also differ in mark
and dash, so that a page printed in grey can be read.
"""

from collections.abc import Iterator
import contextlib

import matplotlib as mpl

# Figures are drawn with these inks alone; the page swaps them for its own, so
# that one drawing serves light and dark.
INK = '#1b1b1f'
FAINT = '#d7d7de'
COLOURS = (
  '#0072b2',
  '#e69f00',
  '#009e73',
  '#cc79a7',
  '#d55e00',
  '#56b4e9',
  '#7a6fb0',
  '#8a8a52',
)
MARKS = ('o', 's', '^', 'D', 'v', 'P', 'X', '*')
DASHES = ('-', '--', '-.', ':', (0, (5, 1)), (0, (3, 1, 1, 1, 1, 1)))
SEQUENTIAL = 'cividis'
DIVERGING = 'RdBu_r'
WIDTH = 5.5  # inches: fits a column and a half, or the text width of a page

SETTINGS = {
  'figure.dpi': 100,
  'savefig.dpi': 160,
  'font.family': 'sans-serif',
  'font.size': 9,
  'axes.titlesize': 9,
  'axes.labelsize': 9,
  'xtick.labelsize': 8,
  'ytick.labelsize': 8,
  'legend.fontsize': 8,
  'legend.frameon': False,
  'axes.spines.top': False,
  'axes.spines.right': False,
  'axes.edgecolor': INK,
  'axes.labelcolor': INK,
  'text.color': INK,
  'xtick.color': INK,
  'ytick.color': INK,
  'axes.grid': True,
  'axes.axisbelow': True,
  'grid.color': FAINT,
  'grid.linewidth': 0.6,
  'lines.linewidth': 1.6,
  'lines.markersize': 4,
  'svg.fonttype': 'none',
  # Equal input gives equal files.
  'svg.hashsalt': 'disentangle_jax',
}


@contextlib.contextmanager
def use() -> Iterator[None]:
  """Within the context every figure has the report's look."""
  with mpl.rc_context(SETTINGS):
    yield


def colour(index: int) -> str:
  """Colour of the method with this index."""
  return COLOURS[index % len(COLOURS)]


def mark(index: int) -> str:
  """Mark of the method with this index."""
  return MARKS[index % len(MARKS)]


def dash(index: int):
  """Line style of the method with this index."""
  return DASHES[index % len(DASHES)]
