"""Chunks that are training, or were when their process ended."""

from collections.abc import Iterator
import math

import numpy as np
import pandas as pd

from disentangle_jax import stored_rows
from disentangle_jax.report import figures, style
from disentangle_jax.report.results import Results
from disentangle_jax.report.section import Section

_LOSS = 'loss'


def sections(results: Results) -> Iterator[Section]:
  """A table of the chunks and their losses; none where nothing trains."""
  chunks = [
    chunk
    for workdir in results.study.workdirs
    for chunk in stored_rows.training(workdir)
    if chunk.windows
  ]
  if not chunks:
    return
  yield Section(
    'running',
    'In training',
    'Chunks of which no run has finished. Loss: median over the runs that are '
    'alive, at the last window that was logged.',
    [
      Section('running_chunks', 'Chunks', '', _table(chunks)),
      Section(
        'running_loss',
        'Loss so far',
        'Median over the runs of each chunk, and the range from the tenth to '
        'the ninetieth of a hundred.',
        _figure(chunks),
      ),
    ],
  )


def _finite(window: dict) -> np.ndarray:
  """Losses of a window's runs that are alive, as JSON keeps them."""
  values = np.array(window.get(_LOSS, []), float)
  return values[np.isfinite(values)]


def _table(chunks: list[stored_rows.Training]) -> pd.DataFrame:
  rows = []
  for chunk in chunks:
    last = chunk.windows[-1]
    losses = _finite(last)
    rate = chunk.rate() * len(chunk.about['runs'])
    rows.append(
      {
        'chunk': chunk.part,
        'group': chunk.about.get('group', ''),
        'step': f'{chunk.step:,} of {chunk.about["steps"]:,}',
        'alive': f'{last["alive"]} of {len(chunk.about["runs"])}',
        'loss': f'{np.median(losses):.4g}' if losses.size else '',
        'run-steps/s': '' if math.isnan(rate) else f'{rate:,.0f}',
      }
    )
  return pd.DataFrame(rows)


def _figure(chunks: list[stored_rows.Training]):
  figure, axis = figures.new(height=2.6)
  for place, chunk in enumerate(chunks[-len(style.COLOURS) :]):
    windows = [window for window in chunk.windows if _finite(window).size]
    if not windows:
      continue
    steps = [window['step'] for window in windows]
    low, middle, high = np.array(
      [np.quantile(_finite(window), (0.1, 0.5, 0.9)) for window in windows]
    ).T
    colour = style.COLOURS[place]
    axis.plot(steps, middle, color=colour, label=chunk.about.get('group', ''))
    axis.fill_between(steps, low, high, color=colour, alpha=0.2, linewidth=0)
  axis.set_xlabel('step')
  axis.set_ylabel('loss')
  axis.legend(loc='best')
  return figure
