"""Losses and other scalars over training."""

from collections.abc import Iterator

from disentangle_jax.report import figures, stored
from disentangle_jax.report.results import Results
from disentangle_jax.report.section import Section

_FIRST = tuple(
  f'{stored.TRAINING}{n}' for n in ('loss', 'reconstruction', 'kl')
)
_PANELS = 9  # at most


def sections(results: Results) -> Iterator[Section]:
  """One figure with a panel per scalar, none where nothing was recorded."""
  curves = results.study.training
  names = {str(name) for name in curves['name'].unique()}
  names = {n for n in names if not n.startswith(f'{stored.TRAINING}kl/')}
  order = [n for n in _FIRST if n in names] + sorted(names - set(_FIRST))
  if not order or curves['step'].nunique() < 2:
    return
  columns = min(3, len(order))
  rows = -(-min(len(order), _PANELS) // columns)
  figure, axes = figures.new(
    height=0.4 + 2.0 * rows, nrows=rows, ncols=columns, squeeze=False
  )
  for panel, name in zip(axes.flat, order):
    part = curves[curves['name'] == name]
    figures.bands(panel, part, results.study.runs, results.methods)
    panel.set_title(name.removeprefix(stored.TRAINING))
  for panel in axes.flat[len(order) :]:
    panel.set_visible(False)
  handles = axes.flat[0].get_legend_handles_labels()
  figure.legend(*handles, loc='outside upper center', ncols=4)
  yield Section(
    'training',
    'Training',
    'Median and quartiles over the runs of each method, strengths and '
    'seeds together; losses per observation.',
    figure,
  )
