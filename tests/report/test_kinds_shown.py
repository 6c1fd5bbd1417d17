"""The page with runs of every kind, with all or with some of their samples."""

import base64
import html
import io
import json
import re

import made_up
import numpy as np
import pandas as pd
import PIL.Image
import pytest
from test_report import read

from disentangle_jax import errors, report
from disentangle_jax.report import pictures, tables, traversals


def write(folder, samples, seeds=1):
  """A workdir with a method of its own for each of the samples."""
  rows, runs = [], {}
  for number, (name, arrays) in enumerate(samples.items()):
    rows.append(
      made_up.rows_of(
        methods={name: ''},
        strengths={name: (float('nan'),)},
        seeds=seeds,
        metrics=(),
        first=number * seeds,
      )
    )
    for run_id in rows[-1]['run_id'].unique():
      runs[run_id] = arrays
  made_up.write_store(folder, pd.concat(rows), with_samples=False)
  (folder / 'samples').mkdir()
  for run_id, arrays in runs.items():
    np.savez_compressed(folder / 'samples' / f'{run_id}.npz', **arrays)
  return folder


def shown(folder):
  """Method -> HTML of the sheets of its run, in or behind the page."""
  text, reader, data = read(report.write(folder, figures='none'))
  sheets = dict(
    re.findall(r'<div data-sheets="(\d+)">(.*?)<details', text, re.DOTALL)
  )
  sheets |= data['pictures']
  labels = [data['cells'][cell]['label'] for cell in data['runs']['cell']]
  return {labels[int(run)]: sheet for run, sheet in sheets.items()}, reader


@pytest.fixture(scope='module')
def page(tmp_path_factory):
  swap = np.zeros((2, 3, 8, 8, 3), np.uint8)
  more = {
    'image': {'pictures/swap_<parts>': swap},
    'tokens': {'texts/moved': made_up.sample('tokens')['generated']},
  }
  samples = {
    kind: made_up.sample(kind, **more.get(kind, {})) for kind in made_up.SHAPES
  }
  return shown(write(tmp_path_factory.mktemp('kinds'), samples))


def images(sheet):
  """The pictures and films in a piece of HTML, opened."""
  links = re.findall(r'src="data:image/(\w+);base64,([^"]*)"', sheet)
  return [PIL.Image.open(io.BytesIO(base64.b64decode(x))) for _, x in links]


def test_every_kind_has_its_sheets(page):
  sheets, reader = page
  assert set(sheets) == set(made_up.SHAPES)
  assert 'drawn from the model' in reader.words
  assert len(images(sheets['image'])) == 4
  assert len(images(sheets['vector'])) == len(images(sheets['voxels'])) == 3
  assert images(sheets['tokens']) == []
  assert 'swap &lt;parts&gt;' in sheets['image']
  assert '6 of 16 layers of each solid' in sheets['voxels']
  assert 'colours from -3 (dark) to 2.99 (light)' in sheets['vector']
  assert 'z from -2 to 2' in sheets['video']


def test_a_video_moves_in_the_page(page):
  films = images(page[0]['video'])
  assert [film.n_frames for film in films] == [6, 6, 6]
  held = made_up.sample('video')
  want = traversals.lay_out(held['traversals'][[1, 0, 2]], 'video')
  for t in (0, 3, 5):
    films[0].seek(t)
    np.testing.assert_array_equal(films[0].convert('RGB'), want[t])
  assert all(image.n_frames == 1 for image in images(page[0]['image']))


def test_sentences_stand_in_the_page_with_changed_words_marked(page):
  sheet = page[0]['tokens']
  assert '&lt;ball&gt;' in sheet and '<ball>' not in sheet
  assert '<mark>&#34;cube&#34;</mark>' in sheet
  assert '<mark>blue</mark>' in sheet
  text = html.unescape(re.sub(r'<[^>]*>', ' ', sheet))
  text = ' '.join(text.split())
  assert 'z1 (2.00 nats) -2 to 0 the red <ball> rolls 1 to 2' in text
  assert 'z2 -2 to 2 the red <ball> rolls' in text
  assert 'rebuilt the red "cube" rolls' in text
  assert 'moved the red <ball> rolls' in text


def test_runs_show_what_they_have(tmp_path):
  kept = lambda kind, *names, **more: made_up.sample(
    kind,
    [k for k in made_up.sample(kind) if k not in ('kind', *names)],
    **more,
  )
  swap = {'pictures/swap': np.zeros((1, 2, 8, 8, 1), np.uint8)}
  sheets, _ = shown(
    write(
      tmp_path,
      {
        'gan': kept('image', 'traversals', 'generated'),
        'only_pictures': kept('image', **swap),
        'numbers': made_up.sample('tokens', ['vocabulary']),
        'sampler': kept('video', 'generated'),
      },
    )
  )
  assert len(images(sheets['gan'])) == 2
  assert len(images(sheets['only_pictures'])) == 1
  assert len(images(sheets['sampler'])) == 1
  assert '1 3 5 8' in sheets['numbers']


def test_films_count_in_the_size_of_the_page(tmp_path):
  rng = np.random.default_rng(0)
  noise = rng.integers(0, 256, (2, 2, 16, 64, 64, 3), np.uint8)
  films = made_up.sample('video', ['generated', 'reconstructions'])
  films |= {'traversals': noise, 'kl': np.ones(2, np.float32)}
  folder = write(tmp_path, {'loud': films}, seeds=3)
  study = tables.load([folder])
  column = list(study.scores.columns).index(('kl', ''))
  whole = pictures.choose(study, column, 1.0)
  assert whole.size < pictures.BUDGET and not whole.left_out
  small = pictures.choose(study, column, 1.0, budget=whole.size // 3)
  assert small.size <= whole.size // 3
  notes = [picture.note for run in small.sheets.values() for picture in run]
  assert notes and all('one frame in' in note for note in notes)
  least = pictures.choose(study, column, 1.0, budget=3000)
  assert least.size == 0 and len(least.left_out) == 3


def test_files_of_every_kind(tmp_path):
  folder = write(tmp_path, {k: made_up.sample(k) for k in made_up.SHAPES})
  ids = tables.load([folder]).runs['run_id']
  for number, kind in enumerate(made_up.SHAPES):
    run_id = ids[number]
    written = [path.name for path in report.draw_run(folder, number)]
    ending = 'txt' if kind == 'tokens' else 'png'
    assert written == [
      f'run_{number}_{run_id[:6]}_{sheet}.{ending}'
      for sheet in ('traversals', 'reconstructions', 'generated')
    ]
  name = f'run_3_{ids[3][:6]}_traversals.txt'
  text = (folder / 'figures' / name).read_text()
  assert text.splitlines()[0] == 'run 3: tokens, seed 0'
  assert '*blue*' in text
  with pytest.raises(errors.ConfigError, match='0 to 4'):
    report.draw_run(folder, 9)


def test_pictures_of_a_method_that_the_ranking_leaves_out(tmp_path):
  samples = {'vae': made_up.sample('image'), 'gan': made_up.sample('image')}
  folder = write(tmp_path, samples)
  path = folder / 'study.json'
  info = json.loads(path.read_text())
  rows = pd.concat(map(pd.read_parquet, (folder / 'results').iterdir()))
  one = rows[rows['method'] == 'vae'].iloc[:1]
  scored = one.assign(name='mig_binned', representation='mean', value=0.4)
  part = folder / 'results' / '9.parquet'
  scored.assign(step=300, metric_seed=0).to_parquet(part, index=False)
  path.write_text(json.dumps(info | {'primary': 'mig_binned'}))
  text, reader, _ = read(report.write(folder, figures='none'))
  assert 'Best run 0: vae, seed 0, 0.400' in reader.words
  assert 'First of gan run 1' in reader.words
  assert 'not scored' in reader.words  # in the row of the other method
  assert text.count('<div data-sheets=') == 2
