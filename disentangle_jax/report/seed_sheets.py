"""Sheets of several seeds side by side, labelled for print.

A sheet is a grid of blocks; a block is a picture with a line above it and a
label beside each of its rows. Which seed, method, setting and latent a row
shows is written in the figure, under the names that papers print.
"""

from collections.abc import Sequence
from typing import NamedTuple

import matplotlib.font_manager
import matplotlib.textpath
import numpy as np

from disentangle_jax.report import (
  display,
  figures,
  style,
  tables,
  traversals,
)

LATENTS = 5  # of each run, those with the greatest KL
SEEDS = 4  # of a setting, in one sheet
KINDS = ('traversals', 'reconstructions', 'generated')
_LINE = 0.155  # inches, of a line of text
_GAP = 0.08  # between blocks
_ROOM = 0.05  # between a label and its picture
_FULL = 0.97  # of the width: screens space letters a little wider
_EDGE = 0.02  # at the left and right of the figure
_TALLEST = 9.0  # inches, of a figure
_POINT = 72  # of an inch
_DRAWS = 8  # observations of a row
_LEAST = 0.6  # inches, of a latent's three pictures


class Block(NamedTuple):
  """One picture of a sheet.

  Attributes:
    image: uint8 [height, width, 3].
    above: over it, as many lines as it has; ''.
    beside: labels of its rows, which are equally high, from above.
  """

  image: np.ndarray
  above: str = ''
  beside: tuple[str, ...] = ()


class Seed(NamedTuple):
  """One run of a sheet.

  Attributes:
    name: what sets it apart from the others, such as 'seed 3'.
    samples: what it shows; not of tokens.
    factors: of each latent the factor that it has most to do with; () where
      that is not known.
  """

  name: str
  samples: traversals.Samples
  factors: tuple[str, ...] = ()


def _width(text: str, size: float) -> float:
  """Of a label in inches, of its widest line; mathematics between dollars."""
  font = matplotlib.font_manager.FontProperties(size=size)
  paths = [
    matplotlib.textpath.TextPath((0, 0), line, prop=font)
    for line in text.splitlines()
    if line
  ]
  return max((p.get_extents().x1 / _POINT for p in paths), default=0.0)


def _lines(text: str) -> int:
  return text.count('\n') + 1 if text else 0


def draw(
  grid: Sequence[Sequence[Block | None]],
  width: float,
  title: str = '',
  note: str = '',
):
  """A figure of blocks; to be called within `printed.use()`.

  Args:
    grid: rows of blocks, of equal length; None leaves a place empty.
    width: of the figure, inches.
    title: above all.
    note: below all: how to read it.

  Returns:
    The figure: its height follows from the pictures, up to 9 inches, beyond
    which they become smaller.
  """
  size = style.SMALL
  labels = [
    max((_width(t, size) for b in column if b for t in b.beside), default=0.0)
    for column in zip(*grid)
  ]
  labels = [w + _ROOM if w else 0.0 for w in labels]
  across = len(labels)
  room = width - sum(labels) - _GAP * (across - 1) - 2 * _EDGE
  shape = [
    max(b.image.shape[0] / b.image.shape[1] for b in row if b) for row in grid
  ]
  over = [_LINE * max(_lines(b.above) for b in row if b) for row in grid]
  note_lines = _wrapped(note, width, size)
  title_lines = _wrapped(title, width, style.PRINT)
  fixed = sum(over) + _GAP * (len(grid) - 1)
  fixed += _LINE * (len(title_lines) + len(note_lines)) + 0.04
  each = min(room / across, (_TALLEST - fixed) / sum(shape))
  height = fixed + each * sum(shape)
  figure = figures.empty(width, height, layout='none')
  place = lambda x, y: (x / width, 1 - y / height)  # inches from the top left
  text = lambda x, y, words, points, **look: figure.text(
    *place(x, y), words, fontsize=points, **look
  )
  down = 0.0
  for line in title_lines:
    text(_EDGE, down + _LINE / 2, line, style.PRINT, va='center')
    down += _LINE
  for row, tall, above in zip(grid, shape, over):
    right = _EDGE
    for label, block in zip(labels, row):
      right += label
      if block:
        high, wide = block.image.shape[:2]
        own = each * high / wide
        left, low = place(right, down + above + own)
        axes = figure.add_axes((left, low, each / width, own / height))
        # Pixels as they are in vector files: readers enlarge them sharply.
        axes.imshow(block.image, interpolation='none', aspect='auto')
        axes.set_axis_off()
        if block.above:
          text(right, down + above - _ROOM, block.above, size, va='bottom')
        for i, words in enumerate(block.beside):
          middle = down + above + own * (i + 0.5) / len(block.beside)
          look = {'va': 'center', 'ha': 'right'}
          text(right - _ROOM, middle, words, size, **look)
      right += each + _GAP
    down += above + each * tall + _GAP
  down += 0.04 - _GAP
  for line in note_lines:
    text(_EDGE, down + _LINE / 2, line, size, va='center')
    down += _LINE
  return figure


def _wrapped(text: str, width: float, size: float) -> list[str]:
  """Lines that fit, broken at blanks outside mathematics."""
  lines: list[str] = []
  for word in text.split():
    longer = f'{lines[-1]} {word}' if lines else word
    # What stands between two dollars stays in one line.
    inside = bool(lines) and lines[-1].count('$') % 2 == 1
    whole = longer + '$' * (longer.count('$') % 2)
    if inside or (lines and _width(whole, size) <= _FULL * width):
      lines[-1] = longer
    else:
      lines.append(word)
  return lines


def _label(seed: Seed, number: int) -> str:
  """'$z_3$ 1.20', with the KL in nats; the factor below it, if known."""
  kl = seed.samples.kl[number]
  known = f' {kl:.2f}' if np.isfinite(kl) else ''
  factor = seed.factors[number] if len(seed.factors) > number else ''
  return f'$z_{{{number}}}${known}' + (f'\n{factor}' if factor else '')


def _span(seeds: Sequence[Seed], name: str) -> tuple[float, float]:
  """One scale of colours for the vectors of all seeds."""
  if seeds[0].samples.kind != 'vector':
    return 0.0, 1.0
  arrays = [getattr(seed.samples, name) for seed in seeds]
  if name == 'reconstructions':
    arrays += [seed.samples.observations for seed in seeds]
  return traversals.span_of(*arrays)


def _still(tiles: np.ndarray, kind: str, span, least: int = 48) -> np.ndarray:
  return traversals.still(traversals.lay_out(tiles, kind, least, span))


def _block(seed: Seed, name: str, span, latents: int) -> Block:
  """What one run has in a sheet."""
  drawn, kind = seed.samples, seed.samples.kind
  if name == 'traversals':
    order = traversals.by_kl(drawn)[:latents]
    image = _still(drawn.traversals[order], kind, span)
    return Block(image, seed.name, tuple(_label(seed, d) for d in order))
  if name == 'generated':
    tiles = drawn.generated[None, :_DRAWS]
    return Block(_still(tiles, kind, span), '', (seed.name,))
  both = np.stack([drawn.observations, drawn.reconstructions])[:, :_DRAWS]
  if kind == 'vector':  # each has its reconstruction below it
    both = both.swapaxes(0, 1)
    return Block(_still(both, kind, span), '', (seed.name,))
  return Block(_still(both, kind, span), seed.name, ('data', 'model'))


def _rows(blocks: Sequence[Block], across: int) -> list[list[Block | None]]:
  lines = [list(blocks[i : i + across]) for i in range(0, len(blocks), across)]
  lines[-1] += [None] * (len(lines[0]) - len(lines[-1]))
  return lines


def _note(seeds: Sequence[Seed], name: str, span, unit: str = '') -> str:
  """How to read a sheet; `unit` is that of the walks."""
  said = []
  drawn = seeds[0].samples
  if name == 'traversals':
    walked = drawn.values[np.isfinite(drawn.values)]
    if walked.size:
      down = drawn.kind == 'vector'
      ends = (' (above)', ' (below)') if down else (' (left)', ' (right)')
      low, high = (
        f'{v:g}'.replace('-', '\u2212') for v in (walked.min(), walked.max())
      )
      said.append(f'z from {low}{ends[0]} to {high}{unit}{ends[1]}')
    if any(np.isfinite(seed.samples.kl).any() for seed in seeds):
      said.append('with each latent its KL in nats')
    if any(seed.factors for seed in seeds):
      said.append('and the factor it tells most of')
  if drawn.kind == 'vector':
    said.append(f'colours from {span[0]:.3g} (dark) to {span[1]:.3g} (light)')
  elif drawn.kind == 'voxels':
    said.append(traversals.note_of(drawn, name))
  elif drawn.kind == 'video':
    said.append('the middle frame of each')
  return ', '.join(said)


def of_seeds(
  seeds: Sequence[Seed],
  name: str,
  title: str,
  width: float,
  latents: int = LATENTS,
):
  """A sheet of one kind; to be called within `printed.use()`.

  Args:
    seeds: runs of one setting that have such samples.
    name: of KINDS. 'traversals': a block per seed, a row per latent by KL;
      'reconstructions': data above, model below; 'generated': a row of draws
      per seed.
    title: method, setting and data set.
    width: inches.
    latents: at most so many rows of a block.

  Returns:
    The figure; None where no seed has such samples.
  """
  seeds = [seed for seed in seeds if _has(seed.samples, name)]
  if not seeds:
    return None
  span = _span(seeds, name)
  blocks = [_block(seed, name, span, latents) for seed in seeds]
  # A tile is to be seen: about so many stand beside each other in an inch.
  wide = max(1, round(width / 1.65)) if name == 'traversals' else 1
  if name != 'traversals' and width > 5:
    wide = 2
  grid = _rows(blocks, min(wide, len(blocks)))
  return draw(grid, width, title, _note(seeds, name, span))


def _has(samples: traversals.Samples, name: str) -> bool:
  if samples.kind == 'tokens':
    return False
  whole = getattr(samples, name).size > 0
  return whole and (name != 'reconstructions' or samples.observations.size > 0)


def of_runs(seeds: Sequence[Seed], title: str, width: float):
  """A row per run, a block per latent; to be called within `printed.use()`.

  Args:
    seeds: runs with traversals, on one data set.
    title: what they have in common.
    width: inches.

  Returns:
    The figure, with as many latents of each as fit under their labels, those
    with the greatest KL.
  """
  span = _span(seeds, 'traversals')
  orders = [traversals.by_kl(seed.samples) for seed in seeds]
  beside = max(_width(seed.name, style.SMALL) for seed in seeds) + _ROOM
  label = max(
    _width(_label(seed, d), style.SMALL)
    for seed, order in zip(seeds, orders)
    for d in order
  )
  most = max(map(len, orders))
  fit = int((width - beside - 2 * _EDGE) / (max(label, _LEAST) + _GAP))
  most = max(1, min(most, fit))
  grid = []
  for seed, order in zip(seeds, orders):
    tiles, kind = seed.samples.traversals, seed.samples.kind
    row: list[Block | None] = [
      Block(_still(tiles[[d]], kind, span), _label(seed, d))
      for d in order[:most]
    ]
    row[0] = row[0]._replace(beside=(seed.name,))
    grid.append(row + [None] * (most - len(row)))
  note = _note(seeds, 'traversals', span, ' deviations')
  return draw(grid, width, title, note)


def of_setting(
  study: tables.Study, cell: int, count: int = SEEDS
) -> list[Seed]:
  """The first seeds of a setting that left something to be looked at.

  Args:
    study: as loaded.
    cell: index into `study.cells`.
    count: of seeds, at most.

  Returns:
    By seed; none where nothing can be read, or all is sentences.
  """
  found: list[Seed] = []
  runs = study.runs[study.runs['cell'] == cell].sort_values('seed')
  for row in runs.itertuples():
    if len(found) == count:
      break
    workdir = study.workdirs[row.workdir]
    samples = traversals.load(workdir, row.run_id)
    if samples is not None and samples.kind != 'tokens':
      found.append(Seed(f'seed {row.seed}', samples))
  return found


def title_of(cell, names: display.Names) -> str:
  """'$\\beta$-VAE, $\\beta$ = 4, dSprites'.

  Args:
    cell: a row of `study.cells`.
    names: of papers.
  """
  parts = [names.method(str(cell.method))]
  if cell.strength_name:
    name = names.hparam(str(cell.strength_name))
    parts.append(f'{name} = {cell.strength:g}')
  return ', '.join([*parts, names.dataset(str(cell.dataset))])
