"""What is missing or odd in the store, before anything is read off it."""

from collections.abc import Iterator

from disentangle_jax.report import markdown, templates
from disentangle_jax.report.results import Results
from disentangle_jax.report.section import Markup, Section


def sections(results: Results) -> Iterator[Section]:
  """One section without a heading, none where there is nothing to say."""
  notes = results.study.notes
  if notes:
    html = templates.render('notes.html.j2', notes=notes)
    text = f'Read with care:\n\n{markdown.items(map(markdown.plain, notes))}'
    yield Section('notes', '', '', Markup(html, text))
