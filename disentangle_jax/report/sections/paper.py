"""A paragraph on what was done and the BibTeX of what it cites."""

from collections.abc import Iterator

import pandas as pd

from disentangle_jax import version
from disentangle_jax.report import (
  citations,
  markdown,
  statistics,
  summaries,
  tables,
  templates,
)
from disentangle_jax.report.results import Results
from disentangle_jax.report.section import Markup, Section


def _cite(method: str) -> str:
  keys = ','.join(citations.of_method(method))
  return f'{method} \\cite{{{keys}}}' if keys else method


def paragraph(study: tables.Study) -> str:
  """A paragraph to paste into a paper, with citation keys."""
  cited = lambda part: ', '.join(
    map(_cite, dict.fromkeys(part.cells['method']))
  )
  seeds = study.runs.groupby('cell')['seed'].nunique()
  config = next(
    (i['config'] for i in study.infos if isinstance(i.get('config'), dict)), {}
  )
  before = ', '.join(
    f'{tables.count(len(part.runs), "run")} of the phase {phase}'
    f' ({cited(part)})'
    for phase, part in study.earlier.items()
  )
  settings = []
  if isinstance(config.get('steps'), int):
    settings.append(f'{config["steps"]:,} training steps')
  if isinstance(config.get('batch_size'), int):
    settings.append(f'batches of {config["batch_size"]}')
  text = (
    f'We trained {len(study.runs):,} models on'
    f' {", ".join(dict.fromkeys(study.cells["dataset"]))}:'
    f' {cited(study)}, in {len(study.cells)} settings with'
    f' {int(seeds.max()) if len(seeds) else 0} seeds each'
    f'{" (" + ", ".join(settings) + ")" if settings else ""}'
    f'{", starting from " + before if before else ""}, with'
    f' disentangle_jax {version.__version__}. Tables give the mean and the'
    ' interquartile mean \\cite{agarwal2021deep} over seeds with 95\\,\\%'
    f' percentile bootstrap intervals ({statistics.RESAMPLES:,} resamples,'
    ' stratified by method and strength).'
  )
  return text.replace('_', '\\_').replace(
    'disentangle\\_jax', 'disentangle_jax'
  )


def sections(results: Results) -> Iterator[Section]:
  """One section, the BibTeX to download."""
  study = results.study
  parts = (study, *study.earlier.values())
  methods = pd.concat([part.cells['method'] for part in parts])
  names = [score.name for score in results.described]
  bibtex = citations.bibtex(citations.keys(methods, names))
  text = paragraph(study)
  html = templates.render(
    'paper.html.j2',
    paragraph=text,
    bibtex=bibtex,
    link=summaries.data_uri(bibtex, 'application/x-bibtex'),
  )
  both = f'{markdown.code(text)}\n\n{markdown.code(bibtex)}'
  yield Section('paper', 'For a paper', '', Markup(html, both))
