"""The page: one self-contained file, rendered from sections.

The page opens from a file, makes no request (a content security policy in its
head forbids it any) and reads without its script; images, tables to download
and numbers are inside it.
"""

from collections.abc import Mapping, Sequence
import datetime
import itertools

import markupsafe
import matplotlib.figure
import pandas as pd

from disentangle_jax import version
from disentangle_jax.report import (
  drawn,
  gallery,
  grids,
  payload,
  style,
  summaries,
  tables,
  templates,
)
from disentangle_jax.report.results import Results
from disentangle_jax.report.section import Markup, Section

# Each needs what stands before it.
_SCRIPTS = (
  'charts.js',
  'link.js',
  'files.js',
  'base.js',
  'saves.js',
  'plots.js',
  'axes.js',
  'shown.js',
  'curves.js',
  'drawer.js',
  'page.js',
)
_OPEN = 20  # rows of a table that need not be asked for
_DEEPEST = 4  # level of a heading


def render(
  sections: Sequence[Section], drawings: Mapping[str, str], level: int = 2
) -> markupsafe.Markup:
  """Sections as HTML, one after the other; figures side by side.

  Args:
    sections: as from `sections.of`.
    drawings: key of a section -> its figure as SVG, as from `gallery.save`.
    level: of their headings.

  Returns:
    HTML.
  """
  is_figure = lambda section: isinstance(section.body, matplotlib.figure.Figure)
  html = markupsafe.Markup()
  for figures, group in itertools.groupby(sections, is_figure):
    if figures:
      cards = [_figure(section, drawings[section.key]) for section in group]
      html += templates.render('figures.html.j2', cards=cards)
      continue
    for section in group:
      html += templates.render(
        'section.html.j2',
        section=section,
        level=min(level, _DEEPEST),
        body=_body(section, drawings, level),
      )
  return html


def _body(
  section: Section, drawings: Mapping[str, str], level: int
) -> markupsafe.Markup:
  body = section.body
  if body is None:
    return markupsafe.Markup()
  if isinstance(body, Markup):
    return body.html
  if isinstance(body, pd.DataFrame):
    return _table(section.key, body)
  return render(body, drawings, level + 1)


def _table(key: str, table: pd.DataFrame) -> markupsafe.Markup:
  """Any table, sortable, with its CSV to download."""
  return templates.render(
    'frame.html.j2',
    key=key,
    rows=tables.count(len(table), 'row'),
    open=len(table) <= _OPEN,
    grid=templates.render('grid.html.j2', grid=grids.of_frame(table)),
    csv=summaries.data_uri(summaries.csv(table), 'text/csv'),
  )


def _figure(section: Section, svg: str) -> markupsafe.Markup:
  title = markupsafe.escape(section.heading)
  inline = markupsafe.Markup(gallery.inline(svg, title))
  table = drawn.table(section.body)
  csv = summaries.data_uri(summaries.csv(table), 'text/csv')
  return templates.render(
    'figure.html.j2',
    section=section,
    svg=inline,
    csv=csv if len(table) else '',
  )


def title(study: tables.Study) -> str:
  """The names of the studies, in the order of the workdirs."""
  names = [
    str(info.get('study') or workdir.name)
    for info, workdir in zip(study.infos, study.workdirs)
  ]
  return ' and '.join(dict.fromkeys(names)) or 'report'


def about(study: tables.Study) -> str:
  """What the studies say of themselves."""
  texts = [str(info.get('description') or '') for info in study.infos]
  return ' '.join(filter(None, texts))


def page(
  results: Results,
  sections: Sequence[Section],
  drawings: Mapping[str, str],
  refresh: int = 0,
) -> str:
  """The whole page.

  Args:
    results: what the script shows.
    sections: what stands in the page.
    drawings: see `render`.
    refresh: seconds after which a browser reads the file again; 0 for never.

  Returns:
    HTML text without references to anything outside itself.
  """
  inks = templates.render(
    'inks.css.j2',
    ink=style.INK,
    faint=style.FAINT,
    light=style.COLOURS,
    dark=style.DARK,
    light_ramp=style.RAMP,
    dark_ramp=style.DARK_RAMP,
  )
  now = datetime.datetime.now().astimezone()
  return templates.render(
    'page.html.j2',
    title=title(results.study),
    refresh=refresh,
    about=about(results.study),
    css=inks + templates.asset('page.css'),
    body=render(sections, drawings),
    version=version.__version__,
    date=now.strftime('%Y-%m-%d %H:%M %Z'),
    data=markupsafe.Markup(payload.build(results)),
    script=markupsafe.Markup().join(map(templates.asset, _SCRIPTS)),
  )
