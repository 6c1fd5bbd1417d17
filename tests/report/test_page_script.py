"""The page in a real browser: it is worked in by mouse, keys and links."""

import browser
from browser import ALL, TEXT, luminance, pick
import made_up
import pytest

from disentangle_jax import report

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
BUTTON = 'button[data-phase][data-show-run="4"]'


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
