"""The numbers that a figure draws, read from its artists, as a table."""

from collections.abc import Iterator
from typing import Any

from matplotlib import ticker
import matplotlib.collections
import matplotlib.container
import matplotlib.image
import matplotlib.patches
import numpy as np
import pandas as pd

from disentangle_jax.report import style

# Rows beyond which a table would make its page heavy.
MOST = 20_000
_COLUMNS = ('panel', 'kind', 'series', 'x', 'y', 'low', 'high', 'value')
_DIGITS = 6


def table(figure) -> pd.DataFrame:
  """What a figure shows.

  Args:
    figure: of matplotlib.

  Returns:
    A row per point, in the order they were drawn. 'panel': title of the axes,
    or their number, where there are several; 'kind': 'point' of a line or a
    scatter, 'band' and 'interval' with 'low' and 'high' across x (or y), 'bar'
    from low to high, 'cell' of a heat map with its 'value', 'outline' of a
    violin, 'mark' of squares with their area as 'value'; 'series': as in the
    legend. Places that have names on their axis are named. Empty without
    numbers, as of pictures, and for more than MOST rows.
  """
  rows: list[dict[str, Any]] = []
  panels = [axes for axes in figure.axes if axes.get_visible()]
  for number, axes in enumerate(panels, 1):
    own = list(_of_axes(axes))
    if own and len(panels) > 1:
      panel = _plain(axes.get_title()) or str(number)
      own = [{'panel': panel, **row} for row in own]
    rows += own
    if len(rows) > MOST:
      return pd.DataFrame()
  frame = pd.DataFrame(rows, columns=list(_COLUMNS))
  return frame.dropna(axis='columns', how='all')


def _plain(text: str) -> str:
  return ' '.join(str(text).split())


def _series(artist) -> str | None:
  label = str(artist.get_label() or '')
  return None if not label or label.startswith('_') else _plain(label)


def _named(axis, values) -> list[Any]:
  """Names of places where the axis has words at them, else the numbers."""
  names, format_of = {}, axis.get_major_formatter()
  if isinstance(axis.get_major_locator(), ticker.FixedLocator) and isinstance(
    format_of, ticker.FixedFormatter | ticker.FuncFormatter
  ):
    places = axis.get_majorticklocs()
    for place, word in zip(places, format_of.format_ticks(places)):
      names[round(float(place), _DIGITS)] = _plain(word)
  numbers = [_number(value) for value in values]
  return [
    names.get(round(v, _DIGITS)) or v if v is not None else None
    for v in numbers
  ]


def _number(value) -> float | None:
  value = float(value)
  return float(f'{value:.{_DIGITS}g}') if np.isfinite(value) else None


def _of_axes(axes) -> Iterator[dict[str, Any]]:
  across = lambda values: _named(axes.xaxis, values)
  up = lambda values: _named(axes.yaxis, values)
  bars = {id(bar) for box in axes.containers for bar in box}
  for line in axes.lines:
    x, y = line.get_data(orig=False)
    whose = line.get_transform().contains_branch_seperately(axes.transData)
    if all(whose):
      for at, value in zip(across(x), up(y)):
        yield {'kind': 'point', 'series': _series(line), 'x': at, 'y': value}
    elif any(whose) and len(x):  # a level across the whole panel
      name, at = ('x', x[0]) if whose[0] else ('y', y[0])
      yield {'kind': 'level', 'series': _series(line), name: _number(at)}
  for box in axes.containers:
    if isinstance(box, matplotlib.container.BarContainer):
      yield from _bars(box, across, up)
  for artist in axes.collections:
    yield from _collection(artist, across, up)
  for patch in axes.patches:
    if id(patch) not in bars and isinstance(
      patch, matplotlib.patches.Rectangle
    ):
      width, height = patch.get_width(), patch.get_height()
      (x,), (y,) = (
        across([round(patch.get_x() + width / 2, 9)]),
        up([round(patch.get_y() + height / 2, 9)]),
      )
      area = _number(width * height)
      yield {'kind': 'mark', 'x': x, 'y': y, 'value': area}
  for image in axes.images:
    values = np.asarray(image.get_array())
    if values.ndim == 2 and not _is_picture(image):
      yield from _cells(values, across, up)


def _is_picture(image) -> bool:
  """Pixels of an image without colours are no table."""
  return image.get_cmap().name == style.GREYS


def _cells(values, across, up, offset: float = 0.0) -> Iterator[dict[str, Any]]:
  rows, columns = values.shape
  xs = across(np.arange(columns) + offset)
  ys = up(np.arange(rows) + offset)
  for row, column in np.ndindex(rows, columns):
    value = values[row, column]
    yield {
      'kind': 'cell',
      'x': xs[column],
      'y': ys[row],
      'value': None if np.ma.is_masked(value) else _number(value),
    }


def _bars(box, across, up) -> Iterator[dict[str, Any]]:
  lying = box.orientation == 'horizontal'
  for bar in box:
    if lying:
      middle = round(bar.get_y() + bar.get_height() / 2, 9)
      low, high = bar.get_x(), bar.get_x() + bar.get_width()
      place = {'y': up([middle])[0]}
    else:
      middle = round(bar.get_x() + bar.get_width() / 2, 9)
      low, high = bar.get_y(), bar.get_y() + bar.get_height()
      place = {'x': across([middle])[0]}
    yield {
      'kind': 'bar',
      'series': _series(box),
      **place,
      'low': _number(low),
      'high': _number(high),
    }


def _collection(artist, across, up) -> Iterator[dict[str, Any]]:
  series = _series(artist)
  if isinstance(artist, matplotlib.collections.QuadMesh):
    values = np.ma.asarray(artist.get_array())
    if values.ndim == 1:
      shape = tuple(n - 1 for n in artist.get_coordinates().shape[:2])
      values = values.reshape(shape)
    yield from _cells(values, across, up, 0.5)
  elif isinstance(artist, matplotlib.collections.LineCollection):
    for x, y in (np.asarray(s).T for s in artist.get_segments() if len(s)):
      if x[0] == x[-1]:
        place, ends = {'x': across(x[:1])[0]}, y
      elif y[0] == y[-1]:
        place, ends = {'y': up(y[:1])[0]}, x
      else:
        continue
      low, high = _number(min(ends)), _number(max(ends))
      yield {
        'kind': 'interval',
        'series': series,
        **place,
        'low': low,
        'high': high,
      }
  elif isinstance(artist, matplotlib.collections.PathCollection):
    x, y = np.ma.getdata(artist.get_offsets()).T
    for at, value in zip(across(x), up(y)):
      yield {'kind': 'point', 'series': series, 'x': at, 'y': value}
  elif isinstance(artist, matplotlib.collections.PolyCollection):
    for path in artist.get_paths():
      yield from _area(path.vertices, series, across, up)


def _area(vertices, series, across, up) -> Iterator[dict[str, Any]]:
  """A band where the area has two ends at every x, else its outline."""
  x, y = vertices.T
  places = np.unique(x)
  if len(places) <= len(x) / 2 + 1:
    ends = [(y[x == at].min(), y[x == at].max()) for at in places]
    for at, (low, high) in zip(across(places), ends):
      low, high = _number(low), _number(high)
      yield {
        'kind': 'band',
        'series': series,
        'x': at,
        'low': low,
        'high': high,
      }
    return
  for at, value in zip(across(x), up(y)):
    yield {'kind': 'outline', 'series': series, 'x': at, 'y': value}
