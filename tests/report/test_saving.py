"""Charts of the page saved as files, by mouse and by keys."""

import re
from xml.etree import ElementTree

import browser
from browser import ALL, TEXT, luminance, pick
import numpy as np
import pandas as pd
import PIL.Image
import pytest

from disentangle_jax.report import style

pytestmark = [
  pytest.mark.slow,
  pytest.mark.skipif(
    browser.PROGRAM is None, reason='needs the browser chromium'
  ),
]
SVG = '{http://www.w3.org/2000/svg}'


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
