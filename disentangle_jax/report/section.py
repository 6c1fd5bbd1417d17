"""What a report is made of: sections, which the page and Markdown both show."""

from collections.abc import Iterable, Iterator, Sequence
import re
from typing import NamedTuple

import markupsafe
import matplotlib.figure
import pandas as pd

from disentangle_jax import errors

MAIN, ALL = 'main', 'all'  # views

_KEY = re.compile(r'[A-Za-z0-9_.-]+')


class Markup(NamedTuple):
  """A body that is no table and no figure.

  Attributes:
    html: for the page; what is not trusted in it has been escaped
      (`templates.render` does).
    markdown: the same for Markdown; '' leaves the section out there.
  """

  html: markupsafe.Markup
  markdown: str = ''


class Section(NamedTuple):
  """One part of a report.

  Attributes:
    key: letters, digits, '_', '-', '.'; no two sections of a report share one.
      It names the files of the body: `figures/<key>.png`, `<key>.csv`.
    heading: above it; '' for none.
    text: a paragraph of plain text on how to read the body; ''.
    body: a table with one column per heading; a figure, drawn within
      `style.use()`; markup; further sections; or None, where the text says all.
    view: ALL: the page shows it where all scores are asked for; MAIN: where
      they are not; '': always. A page without its script shows both.
  """

  key: str
  heading: str
  text: str
  body: 'Body' = None
  view: str = ''


Body = (
  pd.DataFrame | matplotlib.figure.Figure | Markup | Sequence[Section] | None
)


def walk(sections: Iterable[Section]) -> Iterator[Section]:
  """Every section, and before those inside it the one that holds them."""
  for section in sections:
    yield section
    if isinstance(section.body, Sequence) and not isinstance(
      section.body, Markup
    ):
      yield from walk(section.body)


def check(sections: Sequence[Section]) -> None:
  """Refuses sections that cannot be shown.

  Raises:
    ConfigError: two sections share a key, a key cannot be a file's name, or a
      body is of no known type.
  """
  keys = set()
  for section in walk(sections):
    if not isinstance(section, Section):
      rule = 'must be a report.Section'
      raise errors.value('section', repr(section)[:60], rule)
    if not _KEY.fullmatch(section.key):
      rule = "must be letters, digits, '_', '-' and '.'"
      raise errors.value('section.key', section.key, rule)
    if section.key in keys:
      rule = 'two sections of a report have this key'
      raise errors.value('section.key', section.key, rule)
    keys.add(section.key)
    kinds = (pd.DataFrame, matplotlib.figure.Figure, Markup, tuple, list)
    if section.body is not None and not isinstance(section.body, kinds):
      raise errors.value(
        f'section {section.key}: body',
        type(section.body).__name__,
        'must be a DataFrame, a matplotlib Figure, report.Markup, Sections in a'
        ' tuple or list, or None',
      )
