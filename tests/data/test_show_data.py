"""Contact sheets and the command that writes them."""

import jax
import jax.numpy as jnp
import numpy as np
import PIL.Image
import pytest

from disentangle_jax import data, errors
from disentangle_jax.data import contact
from disentangle_jax.data import stream as stream_module
from experiments import show_data


def test_tile_puts_images_in_reading_order():
  images = np.arange(5, dtype=np.uint8)[:, None, None, None] + np.zeros(
    (1, 3, 4, 1), np.uint8
  )
  page = contact.tile(images, 3)
  assert page.shape == (2 * 5 + 2, 3 * 6 + 2, 3)
  for number in range(5):
    top, left = 2 + 5 * (number // 3), 2 + 6 * (number % 3)
    assert (page[top : top + 3, left : left + 4] == number).all()
  grey = np.ones(page.shape[:2], bool)
  for number in range(5):
    top, left = 2 + 5 * (number // 3), 2 + 6 * (number % 3)
    grey[top : top + 3, left : left + 4] = False
  assert (page[grey] == 128).all()


def test_rows_change_one_factor_each():
  dataset = data.load('blobs', resolution=16, positions=4)
  rows = contact.traversals(dataset, columns=6)
  assert [label.split(':')[0] for label, _ in rows] == list(
    dataset.factor_names
  )
  for k, (_, strip) in enumerate(rows):
    # Four values: two places of six stay empty.
    cells = [strip[2:18, 2 + 18 * n : 18 + 18 * n, 0] for n in range(6)]
    assert all((c == 128).all() for c in cells[4:])
    brightest = [np.unravel_index(c.argmax(), c.shape) for c in cells[:4]]
    moved = np.ptp(np.asarray(brightest), axis=0)
    # Images are indexed (y, x), factors are x and y.
    assert moved[1 - k] >= 6 and moved[k] <= 1


def test_streams_have_a_sheet_and_no_rows():
  images = np.full((6, 8, 8), 200, np.uint8)
  picture = contact.describe(stream_module.stream(images), columns=3, rows=2)
  assert picture.size == (3 * 10 + 2, 2 * 10 + 2 + 14)


def test_command_writes_the_sheet(tmp_path, capsys):
  argv = ['--config.dataset=blobs', '--config.dataset.resolution=16']
  own = [f'--out={tmp_path}', '--columns=4', '--rows=1', '--batch=2']
  show_data.run(['show_data', *argv, *own])
  with PIL.Image.open(tmp_path / 'data_blobs.png') as picture:
    assert picture.size == (4 * 18 + 2, 3 * (18 + 2 + 14))
  said = capsys.readouterr().out
  assert 'position_x 32' in said and 'observations/s' in said


@pytest.mark.parametrize(
  'argv, said',
  [
    ([], 'must be one of'),
    (['--config.dataset=blob'], "did you mean 'blobs'"),
    (['--config.dataset=xor'], 'nothing to show'),
    (['--config.dataset=blobs', '--config.dataset.size=3'], 'unknown'),
    (['--config.dataset=blobs', '--outt=x'], "did you mean 'out'"),
    (['--config.dataset=blobs', 'x'], 'must read --flag=value'),
    (['--config.dataset=blobs', '--rows=0'], 'at least 1'),
  ],
)
def test_mistakes_are_one_line(argv, said, capsys):
  with pytest.raises(SystemExit) as caught:
    show_data.run(['show_data', *argv])
  assert caught.value.code == 2
  printed = capsys.readouterr().err
  assert said in printed and printed.count('\n') == 1


def test_options_are_read_as_literals_or_names():
  name, options, own = show_data.parse(
    [
      '--config.dataset.name=dsprites',
      '--config.dataset.resolution=32',
      '--config.dataset.drop_duplicate=True',
      '--config.dataset.pair=scale,position_x',
      '--config.dataset.path=a/b.npz',
      '--seed=0',
    ]
  )
  assert name == 'dsprites' and own['seed'] == 0
  assert options == {
    'resolution': 32,
    'drop_duplicate': True,
    'pair': ('scale', 'position_x'),
    'path': 'a/b.npz',
  }


def test_load_passes_options_and_keeps_defaults_for_none():
  dataset = data.load('dsprites', resolution=16, scales=None)
  assert dataset.observation_shape == (16, 16, 1)
  assert dataset.factor_sizes[1] == 6
  with pytest.raises(errors.ConfigError, match='distribution'):
    data.load('dsprites', resolution=16, distributoin='joint')


def test_sheets_show_the_drawn_images():
  dataset = data.load('blobs', resolution=16)
  page = contact.samples(dataset, columns=2, rows=1, seed=5)
  batch = dataset.sample(jax.random.key(5), (), jnp.arange(2))
  want = contact.to_uint8(batch['observation'])[..., 0]
  got = np.stack([page[2:18, 2:18, 0], page[2:18, 20:36, 0]])
  assert np.abs(got.astype(int) - want.astype(int)).max() <= 1
