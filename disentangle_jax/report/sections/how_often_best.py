"""How often each method gives the best run."""

from collections.abc import Iterator

from disentangle_jax.report import figures, selection
from disentangle_jax.report.results import Results
from disentangle_jax.report.section import Section


def sections(results: Results) -> Iterator[Section]:
  """One figure, none with one method alone."""
  judged = results.focus
  judged = [i for i in judged if i in results.supervised or i == results.first]
  if len(results.methods) < 2 or not judged:
    return
  values = results.study.scores.iloc[:, judged]
  values.columns = [results.described[i].label for i in judged]
  lower = [
    results.described[i].label for i in judged if results.described[i].sign < 0
  ]
  methods = results.study.runs['method'].tolist()
  best = selection.best_matrix(values, methods, lower)
  figure, axes = figures.new(height=0.9 + 0.3 * len(judged))
  figures.heat_map(axes, best.T, diverging=False)
  yield Section(
    'how_often_best',
    'How often is it best',
    'One run is drawn from every method, over its strengths and seeds: the '
    'probability that this method has the best of them.',
    figure,
  )
