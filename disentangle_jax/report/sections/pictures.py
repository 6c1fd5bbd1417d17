"""Traversals, reconstructions and draws of the best and the worst runs."""

from collections.abc import Iterator
import math

import markupsafe

from disentangle_jax.report import pictures, repeat, tables, templates, words
from disentangle_jax.report.results import Results
from disentangle_jax.report.section import Markup, Section

_ALT = {
  'traversals': 'latent traversals, one row per latent, sorted by KL',
  'reconstructions': 'observations and their reconstructions',
  'generated': 'draws from the model',
}
_HOW_TO_READ = {
  'traversals': (
    'In traversals each row walks through one latent while the others stay;'
    ' rows are sorted by KL where there is one: latents without information'
    ' come last.'
  ),
  'reconstructions': 'Reconstructions stand below their observations.',
}


def sheets(shown: pictures.Shown, run: int) -> markupsafe.Markup:
  """All sheets of a run that is among those shown."""
  return templates.render(
    'sheets.html.j2',
    pictures=shown.sheets[run],
    latents=shown.latents[run],
    alts=_ALT,
    empty=words.EMPTY,
  )


def _figure(results: Results, rank: str, run: int) -> dict[str, object]:
  """What the template shows of one run."""
  study, shown = results.study, results.shown
  value = math.nan
  if results.first is not None:
    value = float(study.scores.iloc[run, results.first])
  absent = 'This run left no pictures.'
  if run in shown.left_out:
    absent = 'The pictures of this run are left out to keep the page small.'
  return {
    'rank': rank[:1].upper() + rank[1:],
    'caption': pictures.describe_run(study, run, value),
    'run': run,
    'sheets': sheets(shown, run) if run in shown.sheets else '',
    'absent': absent,
    'command': repeat.run_command(study, run),
  }


def _text(results: Results) -> str:
  """Which runs these are and how to read their sheets."""
  which, others = (
    'One run of some settings, with no score to rank the runs by',
    'The first run of every other setting shows when its row is clicked in a'
    ' table above.',
  )
  if results.first is not None:
    label = results.described[results.first].label
    which, others = (
      f'Best, median and worst run by {label}',
      'The best, median and worst run of every other setting show when clicked'
      ' in the charts and tables above.',
    )
  names = {
    picture.name
    for run in results.picked.values()
    for picture in results.shown.sheets.get(run, ())
  }
  how = [text for name, text in _HOW_TO_READ.items() if name in names]
  return ' '.join([f'{which}.', *how, others])


def absent(shown: pictures.Shown) -> list[str]:
  """Which pictures the page does not hold, in a sentence each."""
  notes = []
  if shown.missing:
    notes.append(
      f'{tables.count(len(shown.missing), "run")} that would be shown left no'
      ' pictures.'
    )
  if shown.left_out:
    notes.append(
      f'The pictures of {tables.count(len(shown.left_out), "run")} are left out'
      ' to keep the page small.'
    )
  return notes


def sections(results: Results) -> Iterator[Section]:
  """One section, of the page alone."""
  html = templates.render(
    'pictures.html.j2',
    text=_text(results),
    figures=[
      _figure(results, rank, run) for rank, run in results.picked.items()
    ],
    notes=' '.join(absent(results.shown)),
  )
  heading = 'Traversals and reconstructions'
  yield Section('pictures', heading, '', Markup(html))
