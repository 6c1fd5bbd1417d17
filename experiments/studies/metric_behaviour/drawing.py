"""The page of the study: a matrix of verdicts, and a figure per transform."""

from collections.abc import Mapping
import io
import math
import pathlib
from typing import Any

import matplotlib.figure
import matplotlib.ticker
import numpy as np
import pandas as pd
from PIL import Image

from disentangle_jax.report import display, figures, markdown, style
from disentangle_jax.report.section import Markup, Section
from disentangle_jax.studies.metric_behaviour import (
  behaviour,
  predicted,
  transforms,
)

_SIGNS = {
  'invariant': '=',
  'falls': 'falls',
  'rises': 'rises',
  'unclear': '?',
  'undefined': 'n/a',
  '-': '-',
}
_COLUMNS = 5


def differs(claim: str, found: str) -> bool:
  """Whether a measured verdict is against what was predicted."""
  return claim not in ('-', '') and claim != found


def cell(claim: str, found: str) -> str:
  """'predicted: measured'; the word alone where both agree."""
  if claim in ('-', ''):
    return f'({_SIGNS[found]})'
  if differs(claim, found):
    return f'{_SIGNS[claim]} -> **{_SIGNS[found]}**'
  return _SIGNS[found]


def matrix(results: Mapping[str, Any]) -> str:
  """Markdown: a row per score, a column per transform."""
  claims = predicted.table()
  names = list(transforms.TRANSFORMS)
  lines = [f'| score | {" | ".join(names)} |', '|---' * (1 + len(names)) + '|']
  for score, own in behaviour.all_scores(results).items():
    cells = [
      cell(claims[score][name], own[name]['verdict']) if name in own else ''
      for name in names
    ]
    lines.append(f'| `{score}` | {" | ".join(cells)} |')
  return '\n'.join(lines)


def differences(results: Mapping[str, Any]) -> pd.DataFrame:
  """A row per score and transform where measurement and prediction differ."""
  claims = predicted.table()
  rows = []
  for score, own in behaviour.all_scores(results).items():
    for name, summary in own.items():
      claim = claims[score][name]
      if not differs(claim, summary['verdict']):
        continue
      number = lambda x: 'n/a' if x is None else f'{x:.3g}'
      change, low, high = map(number, summary['change'])
      rows.append(
        {
          'score': score,
          'transform': name,
          'predicted': claim,
          'measured': summary['verdict'],
          'first': number(summary['mean'][0]),
          'last': number(summary['mean'][-1]),
          'change [95 %]': f'{change} [{low}, {high}]',
          'the prediction said': predicted.REASONS.get((score, name), ''),
        }
      )
  return pd.DataFrame(rows)


def figure(results: Mapping[str, Any], name: str) -> matplotlib.figure.Figure:
  """Every score against the strength of one transform, 95 % intervals."""
  transform = transforms.TRANSFORMS[name]
  panels = {
    score: own[name]
    for score, own in behaviour.all_scores(results).items()
    if name in own
  }
  claims = predicted.table()
  num_lines = math.ceil(len(panels) / _COLUMNS)
  fig, grid = figures.new(
    10,
    0.5 + 1.25 * num_lines,
    nrows=num_lines,
    ncols=_COLUMNS,
    squeeze=False,
  )
  names = display.Names()
  for axes in grid.flat[len(panels) :]:
    axes.set_visible(False)
  for axes, (score, summary) in zip(grid.flat, panels.items()):
    x = np.array(summary['strengths'], float)
    low, mean, high = (
      np.array(summary[key], float) for key in ('low', 'mean', 'high')
    )
    off = differs(claims[score][name], summary['verdict'])
    colour = style.COLOURS[4 if off else 0]
    axes.plot(x, mean, color=colour, marker='o', markersize=3)
    axes.fill_between(x, low, high, color=colour, alpha=0.25, linewidth=0)
    axes.set_title(names.score(score), fontsize=style.TINY)
    axes.tick_params(labelsize=style.TINY)
    if transform.log:
      axes.set_xscale('log')
      # Numbers of less than a decade would lie upon each other.
      axes.xaxis.set_minor_formatter(matplotlib.ticker.NullFormatter())
    if x[0] > x[-1]:
      axes.invert_xaxis()
    # A flat score must look flat.
    bottom, top = axes.get_ylim()
    if top - bottom < 0.1:
      middle = (top + bottom) / 2
      axes.set_ylim(middle - 0.05, middle + 0.05)
  fig.supxlabel(transform.meaning, fontsize=style.PRINT)
  return fig


def sections(results: Mapping[str, Any]) -> list[Section]:
  """The page: matrix, differences, a figure per transform."""
  runs = results['metrics']
  costs = pd.DataFrame(
    {
      'metric': list(runs),
      'draws': [run['draws'] for run in runs.values()],
      'seconds': [run['seconds'] for run in runs.values()],
      'of the processor': [run['cpu_seconds'] for run in runs.values()],
    }
  )
  table = matrix(results)
  parts = [
    Section(
      'matrix',
      'What each transform does to each score',
      'One word where prediction and measurement agree; in brackets what was'
      ' measured where nothing was predicted; otherwise prediction -> what was'
      ' measured. "=" is invariant.',
      Markup('', table),
    ),
    Section(
      'differences',
      'Where the two differ',
      'Means at the first and last strength, and the paired change.',
      differences(results),
    ),
    Section('costs', 'Rows, draws and time', '', costs),
  ]
  with style.use():
    parts += [
      Section(
        f'metric_behaviour_{name}',
        name,
        f'Axis: {transform.meaning}. Bands: 95 % bootstrap intervals over'
        ' draws. Orange-red: not as predicted.',
        figure(results, name),
      )
      for name, transform in transforms.TRANSFORMS.items()
      if any(name in own for own in behaviour.all_scores(results).values())
    ]
  return parts


def _save(figure, path):
  """A PNG of 256 colours, half the size of one of all."""
  picture = io.BytesIO()
  figure.savefig(picture, format='png', dpi=90)
  with Image.open(picture) as image:
    image.convert('RGB').quantize(256).save(path, optimize=True)


def write(results: Mapping[str, Any], folder: pathlib.Path) -> list[str]:
  """Figures and the page of a result.

  Args:
    results: as in `metric_behaviour.json`.
    folder: where `metric_behaviour.md` and the PNG files go.

  Returns:
    Paths of the files.
  """
  parts = sections(results)
  links = {}
  with style.use():
    for part in parts:
      if isinstance(part.body, matplotlib.figure.Figure):
        links[part.key] = f'{part.key}.png'
        _save(part.body, folder / links[part.key])
  page = folder / 'metric_behaviour.md'
  text = markdown.render(parts, links)
  page.write_text(f'{text}\n', encoding='utf-8')
  return [str(page), *(str(folder / link) for link in links.values())]
