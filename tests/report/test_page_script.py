"""The page in a real browser: it is worked in by mouse, keys and links."""

import json
import re
from xml.etree import ElementTree

import browser
import made_up
import numpy as np
import pandas as pd
import PIL.Image
import pytest

from disentangle_jax import report
from disentangle_jax.report import style

pytestmark = [
  pytest.mark.slow,
  pytest.mark.skipif(
    browser.PROGRAM is None, reason='needs the browser chromium'
  ),
]
# All that a reader has chosen, as the page shows it.
STATE = """(() => {
  const all = (q) => [...document.querySelectorAll(q)];
  const value = (id) => document.getElementById(id).value;
  return {
    score: value('choose-score'),
    codes: document.getElementById('choose-representation')
        .selectedOptions[0].textContent,
    by: value('choose-split'),
    table: document.querySelector('.score.shown h3').textContent.trim(),
    ticks: all('#choose-methods input').map((box) => box.checked),
    all: document.getElementById('choose-all').checked,
    open: !document.getElementById('drawer').hidden,
    title: document.getElementById('drawer-title').textContent,
    pinned: all('[data-pin][aria-pressed=true]').map((b) => b.dataset.pin),
    chosen: all('#violins .chosen').map((m) => m.dataset.run),
    dim: all('#violins .dim').map((m) => m.dataset.run).sort(),
    ranges: all('#axes-inputs [data-end]').map((f) => f.value),
    said: document.getElementById('axes-said').textContent,
    rows: all('.score.shown tbody tr').filter((r) => !r.hidden).length,
  };
})()"""
BOX = """(() => {
  const box = document.getElementById('drawer').getBoundingClientRect();
  return [box.left, box.top, box.right, box.bottom,
      window.innerWidth, window.innerHeight];
})()"""
SVG = '{http://www.w3.org/2000/svg}'
BUTTON = 'button[data-phase][data-show-run="4"]'
ALL = 'document.querySelectorAll({!r}).length'
TEXT = 'document.querySelector({!r}).textContent'


def pick(tab, name, value):
  """Chooses in a list, or types into a field, as a reader does."""
  tab(
    f'(() => {{ const field = document.querySelector({json.dumps(name)});'
    f' field.value = {json.dumps(value)};'
    " field.dispatchEvent(new Event('change', {bubbles: true})); })()"
  )


@pytest.fixture(scope='module')
def program(tmp_path_factory):
  tab = browser.Browser(tmp_path_factory.mktemp('profile'))
  tab.allow_clipboard()
  yield tab
  tab.close()


@pytest.fixture
def tab(program):
  """The browser; whatever a test did, nothing was asked for or complained."""
  program.size(1280, 900)
  program.dark(False)
  program.messages.clear()
  yield program
  assert program.messages == []
  assert program.requests == []
  names = program(
    "performance.getEntriesByType('resource').map((e) => e.name)"
    '.filter((name) => !/^(data|blob):/.test(name))'
  )
  assert names == []


@pytest.fixture(scope='module')
def address(tmp_path_factory):
  """30 runs: beta_vae of beta 1, 4, 16 and annealed_vae of c_max 0, 5, 25."""
  folder = tmp_path_factory.mktemp('page')
  made_up.write_store(folder, made_up.rows_of())
  return f'file://{report.write(folder, figures="none")}'


def test_the_controls(tab, address):
  tab.open(address)
  assert tab(TEXT.format('.score.shown h3')).startswith('mig_binned (mean)')
  assert tab(ALL.format('#violins .dot')) == 30
  pick(tab, '#choose-score', 'factor_vae_score')
  assert tab(STATE)['table'].startswith('factor_vae_score (mean)')
  pick(tab, '#choose-split', 'methods')
  assert tab(ALL.format('#violins polygon')) == 2
  pick(tab, '#choose-split', 'cells')
  tab.click('#choose-methods input')
  assert tab(STATE)['rows'] == 3 and tab(ALL.format('#violins .dot')) == 15
  tab.click('#choose-methods input')
  column = """[...document.querySelectorAll('.score.shown tbody tr')].map((r) =>
      r.cells[{0}].dataset.value ?? r.cells[{0}].textContent)"""
  tab.click('.score.shown th:nth-child(4) button')
  rising = [float(value) for value in tab(column.format(3))]
  assert rising == sorted(rising) and len(rising) == 6
  tab.click('.score.shown th:nth-child(4) button')
  assert [float(v) for v in tab(column.format(3))] == rising[::-1]
  tab.click('.score.shown th button')
  names = tab(column.format(0))
  assert names == ['annealed_vae'] * 3 + ['beta_vae'] * 3


def test_doubles_are_hidden_until_asked_for(tab, address):
  tab.open(address)
  hidden = """[...document.querySelectorAll('[data-view=all]')].every(
      (n) => n.offsetParent === null)"""
  assert tab(ALL.format('[data-view=all]')) > 2
  assert tab(hidden) and tab(ALL.format('#choose-representation option')) == 1
  tab.click('#choose-all')
  assert not tab(hidden)
  assert tab(ALL.format('#choose-representation option')) == 2
  pick(tab, '#choose-representation', '1')
  state = tab(STATE)
  assert state['table'].startswith('mig_binned (sampled)')
  tab.open(tab('location.href'))
  assert tab(STATE) == state
  tab.click('#choose-all')
  assert tab(STATE)['table'].startswith('mig_binned (mean)')


def test_a_click_opens_a_drawer_in_view(tab, address):
  tab.open(address)
  tab.click('#violins .dot[data-run="7"]')
  left, top, right, bottom, width, height = tab(BOX)
  assert width / 2 < left and right <= width
  assert top == 0 and bottom == height
  assert tab(TEXT.format('#drawer-title')) == 'run 7: beta_vae beta=4, seed 2'
  assert tab(ALL.format('#drawer .curve')) == 2  # loss and KL
  assert tab(ALL.format('#drawer .curve .own')) == 2
  assert tab(ALL.format('#drawer .curve .other')) == 8  # four other seeds
  said = tab("document.querySelector('.curve svg').getAttribute('aria-label')")
  assert 'at step 100' in said and 'at step 300' in said
  assert 'nothing but the seed' in tab(TEXT.format('#drawer-differs'))
  scores = tab(TEXT.format('#drawer .scores-of'))
  assert "setting's mean" in scores and 'sap (mean)' in scores
  assert 'sampled' not in scores
  commands = tab(TEXT.format('#drawer .commands'))
  for words in (
    '--config.only=7',
    'experiments.traverse --workdir=',
    'experiments.report --workdir=',
    '--run=made_up0007',
    "'made_up0007')",
  ):
    assert words in commands
  assert tab(ALL.format('#drawer .drawn img')) == 2
  assert tab(ALL.format('#violins .chosen')) == 1
  tab.key('Escape')
  assert tab("document.getElementById('drawer').hidden")
  assert tab('document.activeElement.dataset.run') == '7'
  assert tab("document.activeElement.closest('#violins') !== null")


def test_a_run_that_differs_from_its_setting_is_told_so(tab, tmp_path):
  rows = made_up.rows_of(seeds=3, metrics=('mig_binned',))
  odd = rows['run_number'] == 1
  rows.loc[odd, 'step'] += 50
  made_up.write_store(tmp_path, rows, with_samples=False)
  tab.open(f'file://{report.write(tmp_path, figures="none")}')
  tab.click('#violins .dot[data-run="1"]')
  assert tab(TEXT.format('#drawer-differs')) == (
    "Differs from the setting's 2 other runs in scored at step."
  )
  assert tab(TEXT.format('#drawer .settings tr.differs th')).startswith(
    'scored at step'
  )
  drawn = tab(TEXT.format('#drawer .drawn'))
  assert 'experiments.traverse --workdir=' in drawn
  assert drawn.endswith('--run=made_up0001copy')


def test_pictures_stand_in_the_drawer(tab, address):
  tab.open(address)
  tab.click('[data-show-run]')
  source = tab("document.querySelector('#drawer .drawn img').src.slice(0, 15)")
  assert source == 'data:image/png;'
  tab.key('Escape')
  assert tab('document.activeElement.dataset.showRun') is not None


def test_two_runs_are_pinned_side_by_side(tab, address):
  tab.open(address)
  for run in (7, 12):
    tab.click(f'#violins .dot[data-run="{run}"]')
    tab.click(f'#drawer [data-pin="made_up{run:04x}"]')
    tab.key('Escape')
  tab.click('#violins .dot[data-run="12"]')
  assert tab(TEXT.format('#drawer-title')) == '2 runs side by side'
  assert tab(ALL.format('#drawer .of-run')) == 2
  different = tab(
    "[...document.querySelectorAll('#drawer .settings tr.differs')]"
    '.map((r) => [...r.cells].map((c) => c.textContent))'
  )
  assert [row[0].split()[0] for row in different] == ['setting', 'beta']
  assert different[1][1:] == ['4', '16']
  assert tab(ALL.format('#drawer .curve .own')) == 4
  assert '\u25b2' in tab(TEXT.format('#drawer .scores-of'))
  # A third stands beside both; pinned, it takes the place of the first.
  tab.key('Escape')
  tab.click('#violins .dot[data-run="2"]')
  assert tab(ALL.format('#drawer .of-run')) == 3
  tab.click('#drawer [data-pin="made_up0002"]')
  assert tab(STATE)['pinned'] == ['made_up000c', 'made_up0002']
  tab.click('#drawer [data-pin="made_up000c"]')
  assert tab(STATE)['pinned'] == ['made_up0002']


def test_what_is_copied(tab, address):
  tab.open(address)
  tab.click('#violins .dot[data-run="7"]')
  tab.click('#drawer .of-run .copy')
  assert tab('navigator.clipboard.readText()') == 'made_up0007'
  assert tab(TEXT.format('#drawer-said')) == 'run_id copied'
  command = tab(TEXT.format('#drawer .commands pre'))
  tab.click('#drawer .commands .copy')
  assert tab('navigator.clipboard.readText()') == command
  # Where a browser has no such interface, the older one is used.
  tab("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
  tab(
    'window.copied = ""; document.addEventListener("copy", () => {'
    ' window.copied = String(document.activeElement.value); });'
  )
  tab.click('#drawer .of-run .copy')
  assert tab('window.copied') == 'made_up0007'


def test_ranges_pick_runs_in_all_charts(tab, address):
  tab.open(address)
  axis = '.brush[data-axis="beta"]'
  tab.place(axis)
  x, low, high = tab(
    f"(() => {{ const box = document.querySelector('{axis}')"
    '.getBoundingClientRect(); return [box.left + box.width / 2, box.bottom,'
    ' box.top]; })()'
  )
  # The lower half of the axis: beta 1 and 4 of 1, 4, 16.
  tab.drag([x, low - 8], [x, (low + high) / 2])
  seen = tab(STATE)
  bright = {str(run) for run in range(10)}
  assert set(seen['dim']) == {str(run) for run in range(10, 30)}
  assert seen['said'] == '10 of 30 runs are in the ranges.'
  for chart in ('#strength', '#front', '#axes'):
    left = tab(
      f"[...document.querySelectorAll('{chart} [data-run]:not(.dim)')]"
      '.map((m) => m.dataset.run)'
    )
    assert set(left) == bright, chart
  tab.click('#axes-clear')
  assert tab(STATE)['dim'] == [] and '#' not in tab('location.href')
  # Without a mouse: the same by fields.
  pick(tab, '[data-axis="method"][data-end="0"]', 'annealed_vae')
  pick(tab, '[data-axis="c_max"][data-end="1"]', '5')
  seen = tab(STATE)
  assert set(seen['dim']) == {str(run) for run in (*range(15), *range(25, 30))}
  assert 'range=method~annealed_vae~,c_max~~5' in tab('location.hash')


def test_a_link_shows_the_same(tab, address):
  tab.open(address)
  plain = tab(STATE)
  assert tab('location.hash') == ''
  tab.click('#choose-all')
  pick(tab, '#choose-score', 'sap')
  pick(tab, '#choose-split', 'methods')
  tab.click('#choose-methods label:nth-child(2) input')
  pick(tab, '[data-axis="beta"][data-end="0"]', '2')
  tab.click('#violins .dot[data-run="12"]')
  tab.click('#drawer [data-pin]')
  tab.key('Escape')
  tab.click('#violins .dot[data-run="3"]')
  tab.click('#drawer [data-pin="made_up0003"]')
  state, link = tab(STATE), tab('location.href')
  assert state['score'] == 'sap' and state['ticks'] == [True, False]
  assert state['pinned'] == ['made_up000c', 'made_up0003']
  assert state['open'] and state['dim'] == [str(run) for run in range(5)]
  tab.open(address)
  assert tab(STATE) == plain
  tab.open(link)
  assert tab(STATE) == state and tab('location.href') == link
  # And a link that is opened from the page itself.
  tab('void (location.hash = "#score=factor_vae_score&codes=mean&run=none")')
  tab('new Promise((done) => setTimeout(done, 300))')
  seen = tab(STATE)
  assert seen['score'] == 'factor_vae_score' and not seen['open']
  tab.open(f'{address}#run=%E0%A4%A&off=~&range=x&pin=')
  assert tab(STATE) == plain


def test_a_page_that_reads_itself_again_keeps_what_is_chosen(tab, tmp_path):
  rows = made_up.rows_of(seeds=3, metrics=('mig_binned', 'sap'))
  made_up.write_store(tmp_path, rows, with_samples=False)
  path = report.write(tmp_path, figures='none', refresh=3)
  tab.open(f'file://{path}')
  pick(tab, '#choose-score', 'sap')
  tab.click('#violins .dot[data-run="4"]')
  state = tab(STATE)
  tab('window.before = true')
  tab.reloaded()
  assert tab('window.before') is None
  assert tab(STATE) == state


def test_keys_reach_every_mark(tab, address):
  tab.open(address)
  tab('document.getElementById("choose-methods").scrollIntoView()')
  tab('document.querySelector("#choose-all").focus()')
  where = """(() => { const at = document.activeElement;
      const host = at.closest('#violins, #strength, #front, #axes, tbody');
      return [host && (host.id || host.tagName), at.dataset.run,
          at.getAttribute('aria-label'), at.dataset.cell]; })()"""
  stops = []
  for _ in range(45):
    tab.key('Tab')
    stops.append(tab(where))
  # One stop per chart: the violins, two panels of strengths, the error, axes.
  hosts = [host for host, run, *_ in stops if run is not None]
  assert hosts == ['violins', 'strength', 'strength', 'front', 'axes']
  assert any(cell is not None for *_, cell in stops)
  # Arrows go through every run of the violins, and each says what it is.
  tab('document.querySelector("#violins [tabindex=\'0\']").focus()')
  seen = {}
  for _ in range(30):
    _, run, label, _ = tab(where)
    seen[run] = label
    tab.key('ArrowDown')
  assert set(seen) == {str(run) for run in range(30)}
  score = tab('JSON.parse(document.getElementById("data").textContent)')
  value = score['scores'][0]['values'][7]
  assert seen['7'] == f'run 7: beta_vae beta=4, seed 2: {value:.3f}'
  tab.key('Home')
  group = tab('document.activeElement.dataset.group')
  tab.key('ArrowRight')
  assert tab('document.activeElement.dataset.group') != group
  # The focus is seen; Enter opens, Esc leads back.
  look = tab(
    '(() => { const look = getComputedStyle(document.activeElement);'
    ' return [look.outlineStyle, look.strokeWidth]; })()'
  )
  assert look[0] != 'none' and float(look[1].removesuffix('px')) >= 2
  run = tab(where)[1]
  tab.key('Enter')
  assert tab('document.activeElement.id') == 'drawer'
  tab.key('Tab')
  assert tab('document.activeElement.closest("#drawer") !== null')
  tab.key('Escape')
  assert tab(where)[:2] == ['violins', run]
  # A row of the table: Enter shows the best run of its setting.
  tab('document.querySelector(".score.shown tr[tabindex=\'0\']").focus()')
  tab.key('ArrowDown')
  assert tab('document.activeElement.dataset.cell') == '1'
  tab.key('Enter')
  assert 'beta=4' in tab(TEXT.format('#drawer-title'))
  tab.key('Escape')
  assert tab('document.activeElement.dataset.cell') == '1'


def saved(tab, folder, selector, name):
  """The file that a button saves, once it is there."""
  tab.click(selector)
  path = folder / name
  for _ in range(100):
    if path.exists() and path.stat().st_size:
      return path
    tab('new Promise((done) => setTimeout(done, 100))')
  raise AssertionError(f'{selector}: {sorted(folder.iterdir())}')


def in_chart(chart, kind):
  return f'#{chart} + .saves [data-save={kind}]'


def colours(text):
  """Colours of a file, as '#rrggbb'."""
  return set(re.findall(r'#[0-9a-f]{6}', text))


@pytest.mark.parametrize('dark', [False, True])
def test_a_chart_is_saved_as_it_is_shown(tab, address, tmp_path, dark):
  tab.save_to(tmp_path)
  tab.dark(dark)
  tab.open(address)
  pick(tab, '#choose-score', 'sap')
  tab.click('#choose-methods label:nth-child(2) input')
  pick(tab, '[data-axis="beta"][data-end="0"]', '2')
  stem = 'Scores_over_seeds_sap_mean'
  path = saved(tab, tmp_path, in_chart('violins', 'CSV'), f'{stem}.csv')
  table = pd.read_csv(path)
  data = tab('JSON.parse(document.getElementById("data").textContent)')
  score = next(s for s in data['scores'] if s['label'] == 'sap (mean)')
  assert table['run'].tolist() == list(range(15))
  assert table['sap (mean)'].tolist() == score['values'][:15]
  assert set(table['method']) == {'beta_vae'}
  assert table['in ranges'].tolist() == [0] * 5 + [1] * 10
  assert tab(TEXT.format('#saved')) == f'{stem}.csv saved'

  path = saved(tab, tmp_path, in_chart('violins', 'SVG'), f'{stem}.svg')
  text = path.read_text()
  root = ElementTree.fromstring(text.encode())
  # Its looks are written into it, those of a light page.
  for word in ('var(', 'class=', 'data-run', 'rgba', 'tabindex', 'aria-'):
    assert word not in text
  assert {style.COLOURS[0], style.INK, style.FAINT} <= colours(text)
  assert not set(style.DARK) & colours(text)
  dots = [
    e for e in root.iter(f'{SVG}path') if e.get('fill') == style.COLOURS[0]
  ]
  assert len(dots) == 15
  faint = [e for e in dots if float(e.get('fill-opacity')) < 0.2]
  assert len(faint) == 5
  assert 'sap (mean)' in [e.text for e in root.iter(f'{SVG}text')]

  path = saved(tab, tmp_path, in_chart('violins', 'PNG'), f'{stem}.png')
  with PIL.Image.open(path) as image:
    width, height = float(root.get('width')), float(root.get('height'))
    assert image.size == (round(3 * width), round(3 * height))
    pixels = np.asarray(image.convert('RGB'))
  assert (pixels[0] == 255).all() and (pixels[-1] == 255).all()
  ink = np.array([0, 114, 178])
  assert (np.abs(pixels.astype(int) - ink).max(axis=2) < 30).any()
  seen = tab('getComputedStyle(document.body).backgroundColor')
  assert (luminance(seen) < 0.2) == dark
  assert 'light' not in tab('document.documentElement.className')


def test_every_chart_has_buttons_that_say_what_they_save(
  tab, address, tmp_path
):
  tab.save_to(tmp_path)
  tab.open(address)
  tab.click('#violins .dot[data-run="7"]')
  labels = tab("""[...document.querySelectorAll('.saves')].map((group) =>
      [...group.children].map((b) => b.getAttribute('aria-label')))""")
  for group in labels:
    assert [one.rpartition(' as ')[2] for one in group] == ['SVG', 'PNG', 'CSV']
  # A chart of two panels is one file.
  drawn = tab(ALL.format('.plot, svg.figure'))
  assert len(labels) == drawn - tab(ALL.format('#strength svg')) + 1
  flat = [label for group in labels for label in group]
  assert 'save Score against strength as PNG' in flat
  assert 'save loss over training as CSV' in flat
  curves = pd.read_csv(
    saved(tab, tmp_path, '#drawer .curve [data-save=CSV]', 'loss_run_7.csv')
  )
  assert set(curves['step']) == {100, 200, 300}
  assert sorted(curves['run'].unique()) == [5, 6, 7, 8, 9]
  tab.key('Escape')

  stem = 'Score_against_strength_mig_binned_mean'
  path = saved(tab, tmp_path, in_chart('strength', 'SVG'), f'{stem}.svg')
  texts = {e.text for e in ElementTree.parse(path).iter(f'{SVG}text')}
  assert {'beta_vae', 'annealed_vae', 'beta', 'c_max'} <= texts
  path = saved(tab, tmp_path, in_chart('strength', 'CSV'), f'{stem}.csv')
  what = pd.read_csv(path)['what']
  assert (what == 'mean').sum() == 6 and (what == 'run').sum() == 30
  name = 'Hyper-parameters_and_score_mig_binned_mean.csv'
  table = pd.read_csv(saved(tab, tmp_path, in_chart('axes', 'CSV'), name))
  assert table['beta'].tolist()[:15:5] == [1, 4, 16]
  assert table['beta'].isna().sum() == table['c_max'].notna().sum() == 15


def test_a_figure_of_the_page_is_saved_in_light_colours(tab, address, tmp_path):
  tab.save_to(tmp_path)
  tab.dark(True)
  tab.open(address)
  group, stem = '#section-variance_shares .saves', 'variance_shares'
  path = saved(tab, tmp_path, f'{group} [data-save=SVG]', f'{stem}.svg')
  text = path.read_text()
  assert 'var(' not in text and style.COLOURS[0] in text
  assert not set(style.DARK) & colours(text)
  ElementTree.fromstring(text.encode())
  path = saved(tab, tmp_path, f'{group} [data-save=PNG]', f'{stem}.png')
  with PIL.Image.open(path) as image:
    assert image.convert('RGB').getpixel((0, 0)) == (255, 255, 255)
  table = pd.read_csv(saved(tab, tmp_path, f'{group} a', f'{stem}.csv'))
  assert set(table['series']) == {'method', 'strength', 'seed'}
  assert 'mig_binned (mean)' in set(table['y'])


def test_buttons_are_reached_by_keys_and_go_with_what_they_save(
  tab, address, tmp_path
):
  tab.save_to(tmp_path)
  tab.open(address)
  tab('document.querySelector("#violins [tabindex=\'0\']").focus()')
  kinds = []
  for _ in range(3):
    tab.key('Tab')
    kinds.append(tab('document.activeElement.dataset.save'))
  assert kinds == ['SVG', 'PNG', 'CSV']
  outline = 'getComputedStyle(document.activeElement).outlineStyle'
  assert tab(outline) != 'none'
  tab.key('Enter')
  tab('new Promise((done) => setTimeout(done, 500))')
  assert (tmp_path / 'Scores_over_seeds_mig_binned_mean.csv').exists()
  # Nothing to show, nothing to save; and no button on paper.
  tab.click('#choose-methods label:nth-child(1) input')
  tab.click('#choose-methods label:nth-child(2) input')
  hidden = 'document.querySelector("#violins + .saves").hidden'
  assert tab(hidden)
  tab.click('#choose-methods label:nth-child(2) input')
  assert not tab(hidden)
  tab.print_look(True)
  display = 'getComputedStyle(document.querySelector("#violins + .saves"))'
  assert tab(f'{display}.display') == 'none'
  tab.print_look(False)


def luminance(colour):
  """Relative luminance of 'rgb(r, g, b)' (WCAG 2.1)."""
  channels = [float(x) / 255 for x in colour[4:-1].split(',')]
  linear = [
    c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4
    for c in channels
  ]
  return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear))


@pytest.mark.parametrize('dark', [False, True])
def test_words_stand_out_in_light_and_dark(tab, address, dark):
  tab.dark(dark)
  tab.open(address)
  for run in (7, 12):
    tab.click(f'#violins .dot[data-run="{run}"]')
    tab.click(f'#drawer [data-pin="made_up{run:04x}"]')
    tab.key('Escape')
  tab.click('#violins .dot[data-run="12"]')
  pairs = tab("""[['#drawer h4', '#drawer'], ['body', 'body'],
      ['#drawer tr.differs td', '#drawer tr.differs td'],
      ['#drawer .soft', '#drawer']].map(([ink, paper]) => [
      getComputedStyle(document.querySelector(ink)).color,
      getComputedStyle(document.querySelector(paper)).backgroundColor])""")
  for ink, paper in pairs:
    light, deep = sorted(map(luminance, (ink, paper)), reverse=True)
    assert (light + 0.05) / (deep + 0.05) > 4.5, (ink, paper)
    assert (luminance(paper) < 0.2) == dark


def test_a_phone_needs_no_sideways_scrolling(tab, address):
  tab.size(390, 844, phone=True)
  tab.open(address)
  wide = 'document.documentElement.scrollWidth'
  assert tab(wide) <= 390
  for run in (7, 12):
    tab.click(f'#violins .dot[data-run="{run}"]')
    left, top, right, bottom, width, height = tab(BOX)
    assert width == 390 and (left, right) == (0, 390)
    assert height / 5 < top < height / 2 and bottom == height
    assert tab(wide) <= 390
    assert tab('document.getElementById("drawer").scrollWidth') <= 390
    tab.click(f'#drawer [data-pin="made_up{run:04x}"]')
    tab.click('#drawer-close')
  assert tab(wide) <= 390


def test_runs_of_earlier_phases_are_a_click_away(tab, tmp_path):
  made_up.write_store(tmp_path, made_up.phased(seeds=3))
  tab.open(f'file://{report.write(tmp_path, figures="none")}')
  assert not tab(f'document.querySelector({BUTTON!r}).closest("details").open')
  tab('document.querySelectorAll("details").forEach((d) => { d.open = true; })')
  assert tab(TEXT.format(BUTTON)) == '10'
  tab.click(BUTTON)
  title = 'phase dae, run 10: denoising noise=0.5, seed 1'
  assert tab(TEXT.format('#drawer-title')) == title
  assert '--config.only=10' in tab(TEXT.format('#drawer .commands'))
  assert 'noise0.5' in tab(TEXT.format('#drawer .settings'))
  assert tab(ALL.format('#drawer .drawn img')) == 2
  assert tab(ALL.format('#drawer .curve .own')) == 2
  scores = tab(TEXT.format('#drawer .scores-of'))
  assert 'kl' in scores and 'sap' not in scores
  assert tab(ALL.format('.dot.chosen')) == 0
  link = tab('location.href')
  tab.open(link)
  assert tab(TEXT.format('#drawer-title')) == title
  tab.key('Escape')
  tab.click('#violins .dot[data-run="4"]')
  title = tab(TEXT.format('#drawer-title'))
  assert title == 'run 4: scan dae.noise=0.5, seed 1'
