"""Losses and other scalars over training."""

from collections.abc import Iterator
import textwrap

import pandas as pd

from disentangle_jax.report import figures, gallery, over_training, stored
from disentangle_jax.report.results import Results
from disentangle_jax.report.section import Section

_FIRST = tuple(
  f'{stored.TRAINING}{n}' for n in ('loss', 'reconstruction', 'kl')
)
_PANELS = 24  # at most, but for one scalar
_METHODS = 12  # at most
_ACROSS = 3  # panels side by side


def sections(results: Results) -> Iterator[Section]:
  """A figure per scalar, with a panel per method and a line per strength.

  None where nothing was recorded.
  """
  curves = results.study.training
  names = {str(name) for name in curves['name'].unique()}
  names = {n for n in names if not n.startswith(f'{stored.TRAINING}kl/')}
  order = [n for n in _FIRST if n in names] + sorted(names - set(_FIRST))
  if not order or curves['step'].nunique() < 2:
    return
  method = results.study.runs['method'].to_numpy(object)
  curves = curves.assign(method=method[curves['run'].to_numpy()])
  recorded = set(curves['method'])
  methods = [name for name in results.methods if name in recorded][:_METHODS]
  most = max(1, _PANELS // len(methods))
  text = (
    'A line per strength, the median over its seeds, and its quartiles; per '
    'observation. Every panel has an axis of its own.'
  )
  if len(recorded) > len(methods):
    text += f' The first {len(methods)} of {len(recorded)} methods.'
  # Others are recorded by methods alone that have no panel.
  own = set(curves.loc[curves['method'].isin(methods), 'name'])
  shown = [name for name in order if name in own][:most]
  rest = [n.removeprefix(stored.TRAINING) for n in order if n not in shown]
  if rest:
    text += f' Recorded too: {", ".join(rest)}.'
  for name in shown:
    label = name.removeprefix(stored.TRAINING)
    yield Section(
      gallery.stem(f'training_{label}'),
      f'Training: {label}',
      text,
      _figure(curves[curves['name'] == name], results.study.runs, methods),
    )


def _figure(curves: pd.DataFrame, runs: pd.DataFrame, methods: list[str]):
  """One scalar, a panel per method that recorded it."""
  methods = [name for name in methods if (curves['method'] == name).any()]
  figure, _, drawn = figures.panels(len(methods), 0.4, _ACROSS)
  for panel, name in zip(drawn, methods):
    over_training.bands_by_strength(
      panel, curves[curves['method'] == name], runs
    )
    panel.set_title('\n'.join(textwrap.wrap(name, 30)))
  return figure
