"""Sections: one definition, shown by the page and by Markdown."""

import pathlib
import re

import made_up
import markupsafe
import numpy as np
import pandas as pd
import pytest
from test_report import read

from disentangle_jax import errors, report
from disentangle_jax.report import figures, html, markdown, sections, tables
from disentangle_jax.report import section as section_lib

Section = report.Section


def table():
  return pd.DataFrame(
    {'arm': ['a|b', '<i>c</i>'], 'count': [3, 12000], 'gain': [0.5, np.nan]}
  )


def figure():
  canvas, axes = figures.new(2, 2)
  axes.plot([0, 1], [0, 1])
  return canvas


def own(study):
  """A study's own sections, one body of every kind."""
  assert isinstance(study, tables.Study)
  note = report.Markup(
    markupsafe.Markup('<p><b>bold</b> claim</p>'), '**claim**'
  )
  yield Section(
    'own',
    'Own <results>',
    'Read *this* first.',
    [
      Section('own_table', 'A table', 'Of two arms.', table()),
      Section('own_figure', 'A figure', 'A line.', figure()),
      Section('own_note', 'A note', '', note),
    ],
  )
  yield Section('own_words', '', f'{len(study.runs)} runs were seen.')


@pytest.fixture(scope='module')
def written(tmp_path_factory):
  folder = tmp_path_factory.mktemp('own')
  rows = made_up.rows_of(seeds=2, metrics=('mig_binned',), training=())
  made_up.write_store(folder, rows, with_samples=False)
  path = report.write(folder, extra=own)
  return path, *read(path), path.with_suffix('.md').read_text()


def test_own_sections_stand_on_the_page(written):
  _, text, reader, _, _ = written
  words = reader.words
  assert 'Own <results> Read *this* first. A table Of two arms.' in words
  assert '12 runs were seen.' in words and 'bold claim' in words
  assert words.index('12 runs were seen.') < words.index('Higher is better.')
  assert 'a|b 3 0.500' in words and '<i>c</i> 12,000 \u2013' in words
  assert '<i>' not in text and text.count('<b>bold</b>') == 1
  levels = dict(re.findall(r'<h(\d) id="section-(\w+)"', text))
  assert levels == {'2': levels['2'], '3': levels['3']}
  assert re.search(r'<h2 id="section-own">', text)
  assert re.search(r'<h3 id="section-own_table">', text)
  assert 'own_table.csv' in {a.get('download') for a in reader.all('a')}
  assert 'aria-label="A figure"' in text


def test_own_sections_stand_in_the_markdown(written):
  path, _, _, _, text = written
  for line in (
    '## Own \\<results>',
    'Read \\*this\\* first.',
    '### A table',
    '| arm | count | gain |',
    '| a\\|b | 3 | 0.500 |',
    '| \\<i>c\\</i> | 12,000 | \u2013 |',
    '### A note',
    '**claim**',
    '12 runs were seen.',
  ):
    assert line in text.splitlines(), line
  links = re.findall(r'!\[[^\]]*\]\(([^)]*)\)', text)
  assert '../figures/own_figure.png' in links and len(links) > 2
  assert all((path.parent / link).is_file() for link in links)


def test_page_and_markdown_hold_the_same_tables(written):
  _, text, _, _, lines = written
  page = []
  for row in re.findall(r'<tr[^>]*>(.*?)</tr>', text):
    cells = re.findall(r'<td[^>]*>(.*?)</td>', row)
    page.append([markupsafe.Markup(cell).unescape() for cell in cells])
  rows = [
    [cell.strip().replace('\\', '') for cell in re.split(r'(?<!\\)\|', line)]
    for line in lines.splitlines()
    if line.startswith('| ')
  ]
  rows = [row[1:-1] for row in rows]
  wanted = [row for row in page if row]
  assert len(wanted) > 30 and all(row in rows for row in wanted)


def test_a_new_section_is_a_file_and_a_line(tmp_path, monkeypatch):
  def seen(results):
    best = results.cell_tables[results.first]['mean'].max()
    frame = pd.DataFrame({'best mean': [float(best)]})
    yield Section('seen', 'A new section', 'Of the first score.', frame)

  monkeypatch.setattr(sections, 'SECTIONS', (*sections.SECTIONS, seen))
  rows = made_up.rows_of(seeds=2, metrics=('mig_binned',), training=())
  made_up.write_store(tmp_path, rows, with_samples=False)
  path = report.write(tmp_path, figures='none')
  mean = rows[
    (rows['name'] == 'mig_binned') & (rows['representation'] == 'mean')
  ]
  best = mean.groupby(['method', 'strength'])['value'].mean().max()
  reader = read(path)[1]
  said = 'A new section Of the first score. 1 row best mean'
  assert f'{said} {best:.3f} CSV' in reader.words
  lines = path.with_suffix('.md').read_text()
  assert '## A new section\n\nOf the first score.\n\n| best mean |' in lines
  assert f'| {best:.3f} |' in lines


def test_every_file_of_a_section_has_its_line():
  folder = pathlib.Path(sections.__file__).parent
  listed = (folder / '__init__.py').read_text().partition('SECTIONS: ')[2]
  names = [path.stem for path in folder.glob('*.py') if path.stem[0] != '_']
  assert len(names) > 15
  assert [n for n in names if listed.count(f'  {n}.sections,\n') != 1] == []


@pytest.mark.parametrize(
  'parts, words',
  [
    ([Section('a', '', ''), Section('a', '', '')], 'two sections'),
    ([Section('a', '', '', [Section('a', '', '')])], 'two sections'),
    ([Section('a/b', '', '')], 'letters, digits'),
    ([Section('a', '', '', 'text')], 'DataFrame'),
    (['text'], 'report.Section'),
  ],
)
def test_what_cannot_be_shown_is_refused_in_one_line(tmp_path, parts, words):
  with pytest.raises(errors.ConfigError, match=words) as error:
    section_lib.check(parts)
  assert len(str(error.value).splitlines()) == 1
  made_up.write_store(
    tmp_path, made_up.rows_of(seeds=1, metrics=()), with_samples=False
  )
  with pytest.raises(errors.ConfigError, match=words):
    report.write(tmp_path, figures='none', extra=lambda study: iter(parts))


def test_figures_stand_side_by_side_and_tables_apart():
  parts = [
    Section('one', 'One', '', figure()),
    Section('two', 'Two', '', figure()),
    Section('three', 'Three', '', table()),
    Section('four', 'Four', '', figure()),
  ]
  svg = '<svg viewBox="0 0 72 72"></svg>'
  text = html.render(parts, dict.fromkeys(('one', 'two', 'four'), svg))
  groups = text.split('<div class="figures">')
  assert [group.count('<figure') for group in groups] == [0, 2, 1]
  assert 'max-width:96px' in text
  assert markdown.render(parts, {'two': 'two.png'}).count('![') == 1
