"""What came out, in plain words: what ranks the runs, then a few scores."""

from collections.abc import Iterator

from disentangle_jax.report import markdown, scores, summaries, templates
from disentangle_jax.report.results import Results
from disentangle_jax.report.section import Markup, Section


def sentences(results: Results, limit: int = 3) -> list[tuple[str, str]]:
  """Who wins by the first scores, and how sure that is.

  Args:
    results: of the study.
    limit: at most so many scores.

  Returns:
    (the sentence, how sure it is) per score.
  """
  if results.first is None:
    return []
  # One representation says it: the others are a choice away.
  columns = scores.beside(results.described, results.first)
  pairs = []
  for i in columns[:limit]:
    lead, rest = summaries.headline(
      results.study, i, results.described[i], results.cell_tables[i]
    )
    if lead:
      explained = summaries.shares_sentence(results.shares[i])
      pairs.append((lead, f'{rest} {explained}'.strip()))
  return pairs


def sections(results: Results) -> Iterator[Section]:
  """One section; with a heading where it speaks of two workdirs as one."""
  pairs = sentences(results)
  html = templates.render('headline.html.j2', sentences=pairs)
  plain = [[markdown.plain(part) for part in pair] for pair in pairs]
  text = '\n\n'.join(f'**{lead}** {rest}'.strip() for lead, rest in plain)
  text = text or 'There are no scores to compare yet.'
  heading = 'Both workdirs put together' if results.compare else ''
  yield Section('headline', heading, '', Markup(html, text))
