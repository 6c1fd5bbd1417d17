"""How often each method gives the best run."""

from collections.abc import Iterator

from disentangle_jax.report import figures, selection
from disentangle_jax.report.results import Results
from disentangle_jax.report.section import Section


def sections(results: Results) -> Iterator[Section]:
  """One figure, or two; none with one method alone."""
  if len(results.methods) < 2:
    return
  for view, ending, more, columns in results.views:
    supervised = results.supervised(columns)
    judged = [i for i in columns if i in supervised or i == results.first]
    if judged:
      yield Section(
        f'how_often_best{ending}',
        f'How often is it best{more}',
        'One run is drawn from every method, over its strengths and seeds: the '
        'probability that this method has the best of them.',
        _figure(results, judged),
        view,
      )


def _figure(results: Results, judged: list[int]):
  values = results.study.scores.iloc[:, judged]
  values.columns = [results.described[i].label for i in judged]
  lower = [
    results.described[i].label for i in judged if results.described[i].sign < 0
  ]
  methods = results.study.runs['method'].tolist()
  best = selection.best_matrix(values, methods, lower)
  figure, axes = figures.new(height=0.9 + 0.3 * len(judged))
  figures.heat_map(axes, best.T, diverging=False)
  return figure
