"""What the scores are: definition, range, direction, constants, source."""

from collections.abc import Iterator
import math

from disentangle_jax.report import markdown, scores, templates
from disentangle_jax.report.results import Results
from disentangle_jax.report.section import ALL, Markup, Section

_BETTER = {'higher': 'higher is better', 'lower': 'lower is better'}


def text_of(score: scores.Score) -> str:
  """All that is known of a score, between semicolons."""
  parts = [score.definition or 'no definition known to this version']
  if math.isfinite(score.low) and math.isfinite(score.high):
    parts.append(f'range {score.low:g} to {score.high:g}')
  parts.append(_BETTER.get(score.direction, 'neither end is better'))
  constants = ', '.join(
    f'{k} = {v:.4g}' if isinstance(v, float) else f'{k} = {v}'
    for k, v in score.constants.items()
  )
  return '; '.join(filter(None, [*parts, constants, score.source]))


def sections(results: Results) -> Iterator[Section]:
  """One section, a line per name of a score."""
  texts = {}
  for score in results.described:
    texts.setdefault(score.name, text_of(score))
  main_names = {
    score.name
    for i, score in enumerate(results.described)
    if i not in results.doubles
  }
  definitions = [
    (name, text, '' if name in main_names else ALL)
    for name, text in texts.items()
  ]
  html = templates.render('definitions.html.j2', definitions=definitions)
  lines = (f'`{name}`: {markdown.plain(text)}.' for name, text in texts.items())
  text = markdown.items(lines)
  yield Section('definitions', 'What the scores are', '', Markup(html, text))
