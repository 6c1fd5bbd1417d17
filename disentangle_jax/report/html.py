"""One self-contained page: its skeleton, headlines and methods paragraph.

The page opens from a file, makes no request (a content security policy in its
head forbids it any) and reads without its script; images, tables to download
and numbers are inside it.
"""

import datetime

import pandas as pd

from disentangle_jax import version
from disentangle_jax.report import (
  citations,
  payload,
  phases,
  sections,
  statistics,
  summaries,
  tables,
  templates,
)
from disentangle_jax.report import scores as scores_lib


def title(study: tables.Study) -> str:
  """The names of the studies, in the order of the workdirs."""
  names = [
    str(info.get('study') or workdir.name)
    for info, workdir in zip(study.infos, study.workdirs)
  ]
  return ' and '.join(dict.fromkeys(names)) or 'report'


def headlines(
  content: sections.Content, limit: int = 3
) -> list[tuple[str, str]]:
  """What came out, in plain words: what ranks the runs, then a few scores.

  Args:
    content: what the page shows.
    limit: at most so many scores.

  Returns:
    (the sentence, how sure it is) per score.
  """
  if content.first is None:
    return []
  # One representation says it: the others are a choice away.
  said, columns = [], scores_lib.beside(content.described, content.first)
  for i in columns[:limit]:
    lead, rest = summaries.headline(
      content.study, i, content.described[i], content.cell_tables[i]
    )
    if lead:
      explained = summaries.shares_sentence(content.shares[i])
      said.append((lead, f'{rest} {explained}'.strip()))
  return said


def methods_paragraph(content: sections.Content) -> str:
  """A paragraph to paste into a paper, with citation keys."""
  study = content.study
  methods = list(dict.fromkeys(study.cells['method']))
  cite = lambda method: (
    f'{method} \\cite{{{",".join(citations.of_method(method))}}}'
    if citations.of_method(method)
    else method
  )
  seeds = study.runs.groupby('cell')['seed'].nunique()
  config = next(
    (i['config'] for i in study.infos if isinstance(i.get('config'), dict)), {}
  )
  before = [
    f'{tables.count(len(part.runs), "run")} of the phase {phase} ('
    f'{", ".join(map(cite, dict.fromkeys(part.cells["method"])))})'
    for phase, part in study.earlier.items()
  ]
  settings = [
    f'{config[key]:,} {word}'
    for key, word in (('steps', 'training steps'),)
    if isinstance(config.get(key), int)
  ]
  if isinstance(config.get('batch_size'), int):
    settings.append(f'batches of {config["batch_size"]}')
  text = (
    f'We trained {len(study.runs):,} models on'
    f' {", ".join(dict.fromkeys(study.cells["dataset"]))}:'
    f' {", ".join(map(cite, methods))}, in {len(study.cells)} settings with'
    f' {int(seeds.max()) if len(seeds) else 0} seeds each'
    f'{" (" + ", ".join(settings) + ")" if settings else ""}'
    f'{", starting from " + ", ".join(before) if before else ""}, with'
    f' disentangle_jax {version.__version__}. Tables give the mean and the'
    ' interquartile mean \\cite{agarwal2021deep} over seeds with 95\\,\\%'
    f' percentile bootstrap intervals ({statistics.RESAMPLES:,} resamples,'
    ' stratified by method and strength).'
  )
  return text.replace('_', '\\_').replace(
    'disentangle\\_jax', 'disentangle_jax'
  )


CHARTS = """
<section id="charts" class="charts" hidden>
<div class="card wide"><h3>Scores over seeds
<label class="small">by <select id="choose-split">
<option value="cells">method and strength</option>
<option value="methods">method</option></select></label></h3>
<div id="violins" class="scroll"></div></div>
<div class="card wide"><h3>Score against strength</h3>
<div id="strength" class="panels"></div></div>
<div class="card wide" id="front-card">
<h3>Score against reconstruction error</h3><div id="front"></div></div>
</section>
<p class="soft small">Every mark is a run: point at it to see which, click it
for its config, scores and pictures. Violins are kernel densities of five runs
and more, thick bars the middle half of the runs, white dots medians; bands and
bars over a strength are 95 % bootstrap intervals of the mean (single runs are
left out there beyond 20). The line in the
last chart joins the runs that no other run beats in both.</p>
<section id="run" class="card" hidden><header><h3 id="run-title"></h3>
<button type="button" id="run-close">close</button></header>
<p id="run-status" class="soft"></p><p>Run it again:</p>
<pre id="run-command"></pre><div class="columns"><div id="run-pictures"></div>
<div><h3>Settings</h3><pre id="run-hparams"></pre><h3>Scores</h3>
<dl class="facts small" id="run-scores"></dl></div></div></section>
"""
TABLE_NOTE = """
<p class="soft small">IQM: interquartile mean, the mean of the middle half of
the seeds. 95 %: bootstrap interval over seeds, of the mean and of the IQM. The
shaded row has the best mean; it was picked as the best of many, which flatters
it. Click a row for its best run.</p>
"""
CONTROLS = """
<nav class="controls" id="controls" aria-label="what the page shows">
<label>Score <select id="choose-score"></select></label>
<label>Codes <select id="choose-representation"></select></label>
<label id="dataset-label">Data <select id="choose-dataset"></select></label>
<span class="chips" id="choose-methods"></span></nav>
<noscript><p class="card">The charts and choices need JavaScript; tables,
pictures and figures below do not.</p></noscript>
"""


def _notes(study: tables.Study) -> str:
  if not study.notes:
    return ''
  items = ''.join(f'<li>{sections.escape(note)}</li>' for note in study.notes)
  return f'<div class="card notes"><b>Read with care</b><ul>{items}</ul></div>'


def _headline(content: sections.Content) -> str:
  said = [
    f'<p><b>{sections.escape(lead)}</b>'
    f' <span class="soft">{sections.escape(rest)}</span></p>'
    for lead, rest in headlines(content)
  ]
  return ''.join(said) or '<p>There are no scores to compare yet.</p>'


def _figures(content: sections.Content) -> str:
  drawn = [
    f'<figure class="card"><h3>{sections.escape(head)}</h3>{svg}'
    f'<figcaption class="soft">{sections.escape(text)}</figcaption></figure>'
    for head, text, svg in content.figures
  ]
  return ''.join(drawn) or '<p>Nothing to draw yet.</p>'


def _files(content: sections.Content) -> str:
  if not content.figure_folder:
    return ''
  return (
    '<p class="soft small">As PNG and SVG, with violins and strengths of the'
    f' scores, in {sections.escape(content.figure_folder)}.</p>'
  )


def _extra(content: sections.Content) -> str:
  made = []
  for head, text, table in content.extra_tables:
    shown = ' open' if len(table) <= 12 else ''
    made.append(
      f'<h3>{sections.escape(head)}</h3>'
      f'<p class="soft small">{sections.escape(text)}</p>'
      f'<details{shown}><summary>{tables.count(len(table), "row")}</summary>'
      + sections.frame_table(table, head.lower().replace(' ', '_'))
      + '</details>'
    )
  return ''.join(made)


def _data(content: sections.Content) -> str:
  """The script's numbers, and the pictures that are not in the page anyway."""
  inside = set(sections.picked(content).values())
  drawn = lambda part, left=(): {
    run: sections.sheets(part.shown, run)
    for run in part.shown.sheets
    if run not in left
  }
  earlier = []
  for phase, part in content.earlier.items():
    runs = payload.of_runs(part.study, part.described, drawn(part))
    loss = payload.rounded(phases.final_loss(part.study))
    runs['scores'].append({'label': phases.LOSS, 'values': loss})
    earlier.append({'phase': phase, **runs})
  return payload.build(
    content.study,
    content.described,
    content.cell_tables,
    content.first,
    drawn(content, inside),
    earlier,
  )


def page(content: sections.Content) -> str:
  """The whole page.

  Args:
    content: what it shows.

  Returns:
    HTML text without references to anything outside itself.
  """
  study, escape = content.study, sections.escape
  name = escape(title(study))
  about = ' '.join(str(info.get('description') or '') for info in study.infos)
  scores = ''.join(
    sections.score_table(content, i) for i in range(len(content.described))
  )
  methods = [part.cells['method'] for part in (study, *study.earlier.values())]
  keys = citations.keys(
    pd.concat(methods), [score.name for score in content.described]
  )
  bibtex = citations.bibtex(keys)
  link = summaries.data_uri(bibtex, 'application/x-bibtex')
  script = templates.asset('charts.js') + templates.asset('page.js')
  made = datetime.datetime.now().astimezone().strftime('%Y-%m-%d %H:%M %Z')
  return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none';
img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<link rel="icon" href="data:,">
<title>{name}</title><style>{templates.asset('page.css')}</style></head><body>
<header><h1>{name}</h1><p>{escape(about)}</p></header>
<div class="card headline">{_headline(content)}</div>
{_notes(study)}
<section class="card">
{sections.facts(content)}{sections.commands(study)}</section>
<h2>Scores</h2>
{CONTROLS}{CHARTS}{scores}{TABLE_NOTE}
<h2>Traversals and reconstructions</h2>
{sections.pictures(content)}
{phases.section(content)}
<h2>Across scores and over training</h2>
{_files(content)}
<div class="figures">{_figures(content)}</div>{_extra(content)}
<h2>What the scores are</h2>
<dl class="facts small">{sections.definitions(content)}</dl>
<h2>For a paper</h2>
<pre class="wrap">{escape(methods_paragraph(content))}</pre>
<p class="downloads"><a download="references.bib" href="{link}">BibTeX</a></p>
<details><summary>BibTeX of what this study uses</summary>
<pre>{escape(bibtex)}</pre></details>
<p class="soft small">Made by disentangle_jax {version.__version__} on {made}
from the stored results alone.</p><div id="tip" role="status"></div>
<script type="application/json" id="data">{_data(content)}</script>
<script>{script}</script></body></html>
"""
