"""The whole page, from good and from bad stores, and the command line."""

import base64
import html.parser
import json
import pathlib
import re
import subprocess
import sys

from absl.testing import flagsaver
import made_up
import numpy as np
import pandas as pd
import PIL.Image
import pytest

from disentangle_jax import errors, report
from disentangle_jax.commands import cli
from disentangle_jax.commands import report as command_line
from disentangle_jax.report import figures, gallery, scores, style, tables

METRIC = ('mig_binned',)


class Reader(html.parser.HTMLParser):
  """Collects elements and checks that they nest."""

  VOID = {'meta', 'link', 'img', 'input', 'br'}

  def __init__(self, text):
    super().__init__(convert_charrefs=True)
    self.stack, self.found, self.text = [], [], []
    self.feed(text)
    self.close()

  def handle_starttag(self, tag, attributes):
    self.found.append((tag, dict(attributes)))
    if tag not in self.VOID:
      self.stack.append(tag)

  def handle_startendtag(self, tag, attributes):
    self.found.append((tag, dict(attributes)))

  def handle_endtag(self, tag):
    if tag in ('p', 'li') and self.stack[-1] != tag:
      return
    assert self.stack.pop() == tag

  def handle_data(self, data):
    if not self.stack or self.stack[-1] not in ('script', 'style'):
      self.text.append(data)

  def all(self, tag):
    return [attributes for name, attributes in self.found if name == tag]

  @property
  def words(self):
    return ' '.join(' '.join(self.text).split())


def read(path):
  text = path.read_text(encoding='utf-8')
  reader = Reader(text)
  assert reader.stack == []
  data = re.search(
    r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL
  )[1]
  return text, reader, json.loads(data)


@pytest.fixture(scope='module')
def page(store):
  path = report.write(store, figures='none')
  assert path == store / 'report' / 'index.html'
  return read(path)


def test_the_page_refers_to_nothing_outside_itself(page):
  text, reader, _ = page
  for tag, attributes in reader.found:
    for name in ('src', 'href', 'data', 'srcset', 'action'):
      value = attributes.get(name)
      if value and tag not in ('use',):
        assert value.startswith(('data:', '#')), (tag, name, value[:60])
  assert not re.search(r'@import|url\(\s*["\']?(?!#|data:)', text)
  policy = next(m for m in reader.all('meta') if 'http-equiv' in m)['content']
  assert "default-src 'none'" in policy


def test_the_page_says_what_was_run(page):
  words = page[1].words
  assert 'A made-up study.' in words
  assert 'python -m experiments.sweep --config=made_up.py' in words
  assert '30 finished, 0 of them diverged' in words
  assert 'jax 0.10.2' in words
  assert 'ceiling 0.87' in words
  assert '--config.only=' in words


def test_the_headline_names_the_winner_of_the_data(page):
  words = page[1].words
  rows = made_up.rows_of()
  mine = rows[
    (rows['name'] == 'mig_binned') & (rows['representation'] == 'mean')
  ]
  means = mine.groupby(['method', 'strength_name', 'strength'])['value'].mean()
  method, name, strength = means.idxmax()
  assert (
    f'{method} {name}={strength:g} reaches the highest average mig_binned'
    f' (mean codes): {means.max():.3f}' in words
  )


def test_tables_and_downloads_hold_the_numbers(page):
  _, reader, data = page
  links = {a['download']: a['href'] for a in reader.all('a') if 'download' in a}
  decode = lambda uri: base64.b64decode(uri.split(',', 1)[1]).decode()
  table = decode(links['mig_binned_(mean).csv']).splitlines()
  assert len(table) == 7
  mean = [float(row.split(',')[6]) for row in table[1:]]
  column = next(s for s in data['scores'] if s['label'] == 'mig_binned (mean)')
  np.testing.assert_allclose(column['mean'], mean, rtol=1e-3)
  assert r'\begin{tabular}' in decode(links['mig_binned_(mean).tex'])
  bibtex = decode(links['references.bib'])
  assert {'higgins2017beta', 'burgess2018understanding'} <= set(
    re.findall(r'@\w+\{(\w+),', bibtex)
  )


def test_the_script_gets_every_run_and_score(page):
  data = page[2]
  assert len(data['runs']['label']) == 30
  assert len(data['scores']) == 3 * 2 + 3
  for score in data['scores']:
    assert len(score['values']) == 30
    assert all(value is not None for value in score['values'])


def test_pictures_of_the_best_median_and_worst_run(page):
  _, reader, data = page
  images = [a for a in reader.all('img')]
  assert len(images) == 6
  values = np.array(data['scores'][data['first']]['values'])
  shown = {
    int(a['data-sheets']) for a in reader.all('div') if 'data-sheets' in a
  }
  assert {values.argmax(), values.argmin()} < shown and len(shown) == 3
  # Those of the six cells' best, median and worst that are not in the page.
  assert len(data['pictures']) >= 15
  assert not shown & set(map(int, data['pictures']))
  for sheet in data['pictures'].values():
    kl = re.findall(r'<span>(\d+\.\d+) nats</span>', sheet)
    assert len(kl) == made_up.LATENTS
    assert kl == sorted(kl, key=float, reverse=True)
    assert sheet.count('src="data:image/png;base64,') == 2


def test_figures_are_files_too(tmp_path):
  rows = made_up.rows_of(seeds=3, metrics=METRIC, representations=('mean',))
  others = rows['name'].str.startswith('reconstruction/squared')
  keep = rows['name'].isin(METRIC) | others
  keep |= rows['name'].str.startswith('train/')
  made_up.write_store(tmp_path, rows[keep])
  report.write(tmp_path)
  for name in (
    'violins_mig_binned_mean',
    'strength_mig_binned_mean',
    'variance_shares',
    'how_often_best',
    'rank_correlation',
    'training_loss',
    'latent_kl_best_run',
    'score_against_reconstruction',
    'best_traversals',
    'worst_reconstructions',
  ):
    image = PIL.Image.open(tmp_path / 'figures' / f'{name}.png')
    assert min(image.size) > 150
    assert np.asarray(image.convert('L')).std() > 5
    svg = (tmp_path / 'figures' / f'{name}.svg').read_text()
    assert svg.rstrip().endswith('</svg>')


def test_names_cannot_break_out_of_the_page(tmp_path):
  rows = made_up.rows_of(seeds=2, study='</script><script>alert(1)</script>')
  rows['run_id'] = rows['run_number'].astype(str)
  rows['method'] = rows['method'] + '<b>&"'
  made_up.write_store(tmp_path, rows, with_samples=False)
  text, reader, data = read(report.write(tmp_path, figures='none'))
  assert len(reader.all('script')) == 2
  assert data['methods'][0] == 'beta_vae<b>&"'
  assert '<script>alert' not in text


@pytest.mark.parametrize(
  'seeds, words', [(0, 'holds no results yet'), (1, 'One seed per setting')]
)
def test_little_data_still_gives_a_page(tmp_path, seeds, words):
  (tmp_path / 'results').mkdir()
  if seeds:
    made_up.write_store(
      tmp_path, made_up.rows_of(seeds=seeds), with_samples=False
    )
  _, reader, _ = read(report.write(tmp_path, figures='none'))
  assert words in reader.words
  assert 'Read with care' in reader.words


def test_a_store_of_nothing_but_diverged_runs_gives_a_page(tmp_path):
  rows = made_up.rows_of(seeds=2, training=())
  rows['status'], rows['value'] = 'not_finite', np.nan
  made_up.write_store(tmp_path, rows, with_samples=False)
  _, reader, _ = read(report.write(tmp_path, figures='none'))
  assert '12 finished, 12 of them diverged' in reader.words
  assert 'There are no scores to compare yet.' in reader.words


def test_unknown_scores_and_damaged_pictures_give_a_page(tmp_path):
  rows = made_up.rows_of(seeds=2, metrics=('my_own_score',))
  rows.loc[rows['run_number'] == 0, 'hparams'] = 'not JSON'
  rows['constants'] = 'not JSON'
  made_up.write_store(tmp_path, rows)
  for path in (tmp_path / 'samples').iterdir():
    path.write_bytes(b'PK torn')
  (tmp_path / 'study.json').write_text('{"config": 3, "wall_seconds": null}')
  _, reader, _ = read(report.write(tmp_path, figures='none'))
  assert 'no definition known to this version' in reader.words
  assert 'This run left no pictures.' in reader.words


def test_two_data_sets_get_tables_of_their_own(tmp_path):
  both = [
    made_up.rows_of(seeds=2, metrics=METRIC),
    made_up.rows_of(
      metrics=METRIC,
      seeds=2,
      dataset='shapes',
      study='more',
      first=12,
      noise=0.1,
    ),
  ]
  made_up.write_store(tmp_path, pd.concat(both), with_samples=False)
  _, _, data = read(report.write(tmp_path, figures='none'))
  assert data['datasets'] == ['dsprites', 'shapes']
  assert len(data['cells']) == 12


def test_compare_and_merge_leave_the_page_of_the_first_alone(tmp_path, store):
  first = made_up.write_store(
    tmp_path / 'a', made_up.rows_of(seeds=3), with_samples=False
  )
  other = made_up.rows_of(seeds=3, study='other')
  other.loc[other['name'] == 'sap', 'value'] += 0.25
  second = made_up.write_store(tmp_path / 'b', other, with_samples=False)
  path = report.write([first, second], compare=True, figures='none')
  assert path == first / 'report' / 'compare.html'
  _, reader, _ = read(path)
  assert 'Compared: sap (mean)' in reader.words
  assert '0.250' in reader.words
  assert not (first / 'report' / 'index.html').exists()
  with pytest.raises(errors.ConfigError, match='exactly two'):
    report.write([first], compare=True)
  with pytest.raises(errors.ConfigError, match='once'):
    report.write([first, first])


def test_one_run_can_be_drawn(tmp_path):
  made_up.write_store(tmp_path, made_up.rows_of(seeds=1))
  run_id = tables.load([tmp_path]).runs['run_id'][3]
  written = report.draw_run(tmp_path, 3)
  assert [path.name for path in written] == [
    f'run_3_{run_id[:6]}_traversals.png',
    f'run_3_{run_id[:6]}_reconstructions.png',
  ]
  assert report.draw_run(tmp_path, run_id) == written
  with pytest.raises(errors.ConfigError, match='0 to 5'):
    report.draw_run(tmp_path, 99)


def test_inline_figures_take_the_colours_of_the_page():
  with style.use():
    figure, axes = figures.new()
    axes.plot([0, 1], [0, 1], color=style.colour(0), label='a_b')
    text = gallery.inline(gallery.render(figure), 'title')
  assert 'var(--m0)' in text and 'var(--ink)' in text
  assert style.INK not in text and style.colour(0) not in text
  assert '<style' not in text and text.endswith('</svg>\n')


def test_every_metric_is_described(store):
  from disentangle_jax.report import tables

  study = tables.load([store])
  described = scores.describe(study)
  assert [s.label for s in described[:2]] == [
    'mig_binned (mean)',
    'mig_binned (sampled)',
  ]
  assert described[0].supervised and described[0].ceiling == 0.87
  lower = {s.name for s in described if s.direction == 'lower'}
  assert lower == {'reconstruction/nats', 'reconstruction/squared_error'}
  assert scores.primary(described) == 0


@pytest.mark.parametrize(
  'flags, words',
  [
    ([], '--workdir'),
    (['--workdir=/tmp', '--figures=some'], 'all, auto, none'),
    (['--workdir=/no/such/place'], 'no such directory'),
    (['--workdir=/tmp', '--compare'], 'exactly two'),
    (['--workdir=/tmp', 'more'], 'more'),
    (['--workdir=/tmp,/', '--run=3'], '--run'),
    ([f'--workdir={pathlib.Path(__file__).parent}'], 'holds no study.json'),
  ],
)
def test_bad_flags_are_one_clear_line(capsys, flags, words):
  with flagsaver.flagsaver(), pytest.raises(SystemExit, match='2'):
    command_line.define_flags()
    cli.guarded(command_line.main)(cli.parse(['report', *flags]))
  out, err = capsys.readouterr()
  assert out == ''
  assert len(err.splitlines()) == 1 and words in err


def test_an_unknown_flag_is_one_clear_line(capsys):
  with flagsaver.flagsaver(), pytest.raises(SystemExit, match='2'):
    cli.parse(['report', '--workdri=/tmp'])
  assert len(capsys.readouterr().err.splitlines()) == 1


def test_the_command_prints_the_path(tmp_path):
  made_up.write_store(
    tmp_path, made_up.rows_of(seeds=2, metrics=()), with_samples=False
  )
  done = subprocess.run(
    [sys.executable, '-m', 'experiments.report', f'--workdir={tmp_path}'],
    capture_output=True,
    text=True,
    timeout=240,
  )
  assert done.returncode == 0, done.stderr
  assert done.stdout.strip() == str(tmp_path / 'report' / 'index.html')
