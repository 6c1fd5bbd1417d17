"""Figures as a paper takes them: widths, fonts, files.

Every figure as PDF with embedded fonts, SVG, and PNG at 300 dpi, as wide as a
column or the text.
"""

from collections.abc import Iterator
import contextlib
import pathlib

import matplotlib as mpl

from disentangle_jax import errors
from disentangle_jax.report import style

# Inches: of a two-column page's column, and of its text.
WIDTHS = {'column': 3.25, 'text': 6.75}
RESOLUTION = 300
ENDINGS = ('pdf', 'svg', 'png')
# Type 42: fonts are embedded whole, as journals ask.
_SETTINGS = {
  'pdf.fonttype': 42,
  'ps.fonttype': 42,
  'font.size': 8,
  'axes.titlesize': 8,
  'axes.labelsize': 8,
  'xtick.labelsize': 7,
  'ytick.labelsize': 7,
  'legend.fontsize': 7,
}


def inches(width: str, flag: str = '--width') -> float:
  """How wide a figure is.

  Args:
    width: a key of WIDTHS.
    flag: that an error names.

  Raises:
    ConfigError: another width.
  """
  if width not in WIDTHS:
    raise errors.choices(flag, width, WIDTHS)
  return WIDTHS[width]


@contextlib.contextmanager
def use() -> Iterator[None]:
  """Within the context figures have the report's look in the sizes of print."""
  with style.use(), mpl.rc_context(_SETTINGS):
    yield


def save(figure, folder: pathlib.Path, name: str) -> list[pathlib.Path]:
  """Writes `<name>.pdf`, `<name>.svg` and `<name>.png`, on white.

  Args:
    figure: drawn within `use()`, and saved there.
    folder: made if it is not there.
    name: of the files, without an ending.

  Returns:
    The files. Equal figures give equal files.
  """
  folder.mkdir(parents=True, exist_ok=True)
  paths = []
  for ending in ENDINGS:
    path = folder / f'{name}.{ending}'
    about = {} if ending == 'png' else {'Date': None}
    if ending == 'pdf':
      about = {'CreationDate': None}
    figure.savefig(path, dpi=RESOLUTION, metadata=about, facecolor='white')
    paths.append(path)
  return paths
