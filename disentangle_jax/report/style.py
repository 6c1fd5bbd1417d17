"""One look for every figure: colours, marks, sizes.

The colours are those of Okabe and Ito (2008, "Color universal design"), which
stay apart under the common colour deficiencies; methods also differ in mark
and dash, so that a page printed in grey can be read.
"""

from collections.abc import Iterator
import contextlib
import math
from typing import Any

import matplotlib as mpl
import matplotlib.path

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
# The same on dark paper, in the page alone.
DARK = (
  '#4aa8e0',
  '#f0b23a',
  '#35c49c',
  '#e59bc6',
  '#f08a48',
  '#94d3f7',
  '#aca2e6',
  '#bdbd82',
)
# Strengths of one method, the least first: viridis (van der Walt and Smith,
# 2015), light to dark on white and dark to light on dark paper.
RAMP = (
  '#7ad151',
  '#3fbc73',
  '#1fa287',
  '#23888e',
  '#2e6d8e',
  '#3c508b',
  '#472e7c',
  '#46085c',
)
DARK_RAMP = (
  '#32648e',
  '#287c8e',
  '#20938c',
  '#25ab82',
  '#48c16e',
  '#7fd34e',
  '#c0df25',
  '#fde725',
)


def _turned(points, degrees: float):
  angle = math.radians(degrees)
  cos, sin = math.cos(angle), math.sin(angle)
  return tuple((x * cos - y * sin, x * sin + y * cos) for x, y in points)


_PLUS = (
  *((-0.4, 1.2), (0.4, 1.2), (0.4, 0.4), (1.2, 0.4), (1.2, -0.4), (0.4, -0.4)),
  *((0.4, -1.2), (-0.4, -1.2), (-0.4, -0.4), (-1.2, -0.4), (-1.2, 0.4)),
  (-0.4, 0.4),
)
_STAR = tuple(
  _turned([(0, 0.6 if corner % 2 else 1.4)], 36 * corner)[0]
  for corner in range(10)
)
# Outlines around (0, 0), y upwards, in radii of the first; () is a circle.
MARKS = (
  (),
  ((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)),
  ((0, 1.2), (1.2, -1), (-1.2, -1)),
  ((0, 1.3), (1.3, 0), (0, -1.3), (-1.3, 0)),
  ((0, -1.2), (1.2, 1), (-1.2, 1)),
  _PLUS,
  _turned(_PLUS, 45),
  _STAR,
)
# Lengths on and off in widths of the line; () is solid.
DASHES = (
  (),
  (3.5, 1.8),
  (1, 1.6),
  (6, 1.6, 1, 1.6),
  (7, 2),
  (3, 1.2, 1, 1.2, 1, 1.2),
)
SEQUENTIAL = 'cividis'
DIVERGING = 'RdBu_r'
GREYS = 'gray'  # of pictures without colours: 0 is black
SHADES = 'Greys'  # of shares: 1 is black
SMALL, TINY = 7, 6  # points: of notes, of what stands close together
PRINT = 8  # points, of a paper's figures
WIDTH = 5.5  # inches: fits a column and a half, or the text width of a page


def dash(index: int) -> tuple[float, tuple[float, ...]] | str:
  """Line style of the method with this index."""
  lengths = DASHES[index % len(DASHES)]
  return (0, lengths) if lengths else '-'


# A level that others are compared with.
LEVEL = {'color': INK, 'lw': 0.8, 'ls': (0, (2, 2))}

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
  # What is drawn without a word on its colour differs in dash as well.
  'axes.prop_cycle': mpl.cycler(
    color=COLOURS, linestyle=[dash(i) for i in range(len(COLOURS))]
  ),
  'image.cmap': SEQUENTIAL,
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


def ramp(count: int) -> list[str]:
  """Colours of so many strengths, from the least to the greatest."""
  last = len(RAMP) - 1
  return [RAMP[round(i * last / max(count - 1, 1))] for i in range(count)]


def _outline(index: int) -> tuple[tuple[float, float], ...]:
  """No two of 64 methods share colour and mark."""
  return MARKS[(index + index // len(COLOURS)) % len(MARKS)]


def mark(index: int, size: float) -> dict[str, Any]:
  """Marker of the method with this index, for `axes.plot`.

  Args:
    index: of the method.
    size: diameter of a circle, in points.
  """
  outline = _outline(index)
  if not outline:
    return {'marker': 'o', 'ms': size}
  # matplotlib scales a path to what it reaches.
  reach = max(abs(x) for point in outline for x in point)
  path = matplotlib.path.Path([*outline, outline[0]], closed=True)
  return {'marker': path, 'ms': size * reach}


def look(index: int) -> dict[str, Any]:
  """The same for the page: index of the colour, outline and dashes."""
  return {
    'colour': index % len(COLOURS),
    'mark': [[round(x, 3) for x in p] for p in _outline(index)],
    'dash': DASHES[index % len(DASHES)],
  }
