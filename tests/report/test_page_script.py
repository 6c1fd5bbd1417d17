"""The page in a real browser: no error, no request, the controls work."""

import json
import re
import shutil
import subprocess

import made_up
import pytest

from disentangle_jax import report

BROWSER = shutil.which('chromium') or shutil.which('google-chrome')
pytestmark = [
  pytest.mark.slow,
  pytest.mark.skipif(BROWSER is None, reason='needs the browser chromium'),
]
FLAGS = (
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--virtual-time-budget=5000',
  '--enable-logging=stderr',
)
# Runs after the page's own script and leaves what it saw in an element.
DRIVER = r"""
<script>
window.addEventListener('load', () => {
  const seen = {};
  const $ = (q) => document.querySelector(q);
  const all = (q) => [...document.querySelectorAll(q)];
  const pick = (id, value) => {
    const select = document.getElementById(id);
    select.value = value;
    select.dispatchEvent(new Event('change'));
  };
  const title = () => $('.score.shown h3').textContent;
  const column = (n) => all('.score.shown tbody tr').filter((r) => !r.hidden)
      .map((r) => r.cells[n].dataset.value ?? r.cells[n].textContent);
  seen.start = title();
  seen.dots = all('#violins .dot').length;
  pick('choose-score', 'factor_vae_score');
  seen.metric = title();
  const codes = document.getElementById('choose-representation');
  pick('choose-representation', codes.options[1].value);
  seen.representation = title();
  pick('choose-split', 'methods');
  seen.violins = all('#violins polygon').length;
  pick('choose-split', 'cells');
  const box = $('#choose-methods input');
  box.click();
  seen.rowsOfOne = column(0);
  seen.dotsOfOne = all('#violins .dot').length;
  box.click();
  const heads = all('.score.shown th button');
  heads[3].click();
  seen.up = column(3).map(Number);
  heads[3].click();
  seen.down = column(3).map(Number);
  heads[0].click();
  seen.names = column(0);
  $('#violins .dot[data-run="7"]').dispatchEvent(
      new MouseEvent('click', {bubbles: true}));
  seen.run = $('#run-title').textContent;
  seen.command = $('#run-command').textContent;
  seen.settings = $('#run-hparams').textContent;
  seen.chosen = all('#violins .dot.chosen').length;
  $('#violins .dot[data-run="9"]').dispatchEvent(
      new MouseEvent('pointermove', {bubbles: true}));
  seen.tip = $('#tip').textContent;
  $('[data-show-run]').click();
  seen.picture = $('#run-pictures img').src.slice(0, 15);
  $('#run-close').click();
  seen.closed = $('#run').hidden;
  seen.wide = document.documentElement.scrollWidth - window.innerWidth;
  seen.requests = performance.getEntriesByType('resource')
      .map((entry) => entry.name).filter((name) => !name.startsWith('data:'));
  const out = document.createElement('pre');
  out.id = 'seen';
  out.textContent = JSON.stringify(seen);
  document.body.append(out);
});
</script></body>"""


def browse(tmp_path, width=1100, rows=None, driver=DRIVER):
  """Opens a made-up page with a driver; what it saw, and the log."""
  made_up.write_store(tmp_path, made_up.rows_of() if rows is None else rows)
  path = report.write(tmp_path, figures='none')
  driven = tmp_path / 'driven.html'
  text = path.read_text(encoding='utf-8')
  driven.write_text(text.replace('</body>', driver), encoding='utf-8')
  done = subprocess.run(
    [
      BROWSER,
      *FLAGS,
      f'--user-data-dir={tmp_path / "profile"}',
      f'--window-size={width},900',
      '--dump-dom',
      f'file://{driven}',
    ],
    capture_output=True,
    text=True,
    timeout=120,
  )
  found = re.search(r'<pre id="seen">(.*?)</pre>', done.stdout, re.DOTALL)
  assert found, done.stderr[-2000:]
  text = found[1].replace('&lt;', '<').replace('&amp;', '&')
  return json.loads(text), done.stderr


def test_the_controls_work_without_an_error_or_a_request(tmp_path):
  seen, log = browse(tmp_path)
  assert 'CONSOLE' not in log
  assert seen['start'].startswith('mig_binned (mean)')
  assert seen['dots'] == 30
  assert seen['metric'].startswith('factor_vae_score (mean)')
  assert seen['representation'].startswith('factor_vae_score (sampled)')
  assert seen['violins'] == 2
  assert seen['rowsOfOne'] == ['annealed_vae'] * 3
  assert seen['dotsOfOne'] == 15
  assert seen['up'] == sorted(seen['up']) and len(seen['up']) == 6
  assert seen['down'] == seen['up'][::-1]
  assert seen['names'] == ['annealed_vae'] * 3 + ['beta_vae'] * 3
  assert seen['run'] == 'run 7: beta_vae beta=4, seed 2'
  assert seen['command'].endswith('--config.only=7')
  assert json.loads(seen['settings'])['beta'] == 4
  assert seen['chosen'] == 1
  assert seen['tip'].startswith('run 9: beta_vae beta=4, seed 4: 0.')
  assert seen['picture'] == 'data:image/png;'
  assert seen['closed'] is True
  assert seen['requests'] == []


def test_runs_of_earlier_phases_are_a_click_away(tmp_path):
  driver = re.sub(
    r'  seen.start = title.*?  seen.wide =',
    r"""
  seen.open = $('details').open;
  seen.rows = all('.score.shown tbody tr').length;
  const button = $('button[data-phase][data-show-run="4"]');
  seen.number = button.textContent;
  button.click();
  seen.run = $('#run-title').textContent;
  seen.command = $('#run-command').textContent;
  seen.settings = $('#run-hparams').textContent;
  seen.pictures = all('#run-pictures img').length;
  seen.scores = all('#run-scores dt').map((x) => x.textContent);
  seen.chosen = all('.dot.chosen').length;
  $('#violins .dot[data-run="4"]').dispatchEvent(
      new MouseEvent('click', {bubbles: true}));
  seen.last = $('#run-title').textContent;
  seen.wide =""",
    DRIVER,
    flags=re.DOTALL,
  )
  seen, log = browse(tmp_path, rows=made_up.phased(seeds=3), driver=driver)
  assert 'CONSOLE' not in log and seen['requests'] == []
  assert seen['open'] is False and seen['rows'] == 2
  assert seen['number'] == '10'
  assert seen['run'] == 'phase dae, run 10: denoising noise=0.5, seed 1'
  assert seen['command'].endswith('--config.only=10')
  assert json.loads(seen['settings'])['noise'] == 0.5
  assert seen['pictures'] == 2 and seen['chosen'] == 0
  assert 'kl' in seen['scores'] and 'sap (mean)' not in seen['scores']
  assert seen['last'] == 'run 4: scan dae.noise=0.5, seed 1'


def test_a_phone_needs_no_sideways_scrolling(tmp_path):
  seen, _ = browse(tmp_path, width=500)
  assert seen['wide'] <= 0
