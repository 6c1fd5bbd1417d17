"""Contact sheets and the command that writes them."""

import jax
import jax.numpy as jnp
import numpy as np
import PIL.Image
import PIL.ImageFont
import pytest

from disentangle_jax import data, errors
from disentangle_jax.commands import show_data
from disentangle_jax.data import contact, factorial
from disentangle_jax.data import stream as stream_module


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
  assert picture.height == 2 * 10 + 2 + 14
  assert picture.width >= 3 * 10 + 2


def test_command_writes_the_sheet(tmp_path, capsys):
  argv = ['--config.dataset=blobs', '--config.dataset.resolution=16']
  own = [f'--out={tmp_path}', '--columns=4', '--rows=1', '--batch=2']
  show_data.run(['show_data', *argv, *own])
  with PIL.Image.open(tmp_path / 'data_blobs.png') as picture:
    assert picture.height == 3 * (18 + 2 + 14)
    assert picture.width >= 4 * 18 + 2
  said = capsys.readouterr().out
  assert 'position_x 32' in said and 'observations/s' in said


def test_vectors_are_shown_as_colours(tmp_path, capsys):
  own = [f'--out={tmp_path}', '--columns=3', '--rows=2', '--batch=2']
  show_data.run(['show_data', '--config.dataset=xor', *own])
  with PIL.Image.open(tmp_path / 'data_xor.png') as picture:
    pixels = np.asarray(picture.convert('RGB'))
  # Six rows of two cells of 12 x 12, the rest is white.
  assert pixels.shape == (14 + 6 * 12, 240, 3)
  cells = pixels[14 + 6 :: 12, 6:24:12]
  xor = data.load('xor')
  batch = contact.draw(xor, 6)
  red = batch['observation'] == 1
  np.testing.assert_array_equal(cells[red], [[255, 0, 0]] * red.sum())
  np.testing.assert_array_equal(cells[~red], [[255] * 3] * (~red).sum())
  assert 'observation (2,): vector, float32' in capsys.readouterr().out


def test_heat_is_blue_below_zero_and_as_wide_as_it_can_be():
  strip = contact.heat(np.array([[-2.0, 1.0, 0.0]]))
  assert strip.shape == (12, 240, 3)
  half = [255, 128, 128]
  expected = [[0, 0, 255], half, [255] * 3, [255] * 3]
  np.testing.assert_array_equal(strip[5, 6:48:12], expected)
  assert contact.heat(np.zeros((2, 600))).shape == (2, 600, 3)


def hens():
  tokens = np.array([[1, 2, 0], [1, 3, 4]])
  words = ('<pad>', 'a', 'hen', 'red', 'fox☃')
  return stream_module.sentences(tokens, words)


def test_sentences_are_shown_as_text(tmp_path, capsys, monkeypatch):
  monkeypatch.setattr(data, 'load', lambda name, **options: hens())
  own = [f'--out={tmp_path}', '--columns=2', '--rows=3', '--batch=2']
  show_data.run(['show_data', '--config.dataset=hens', *own])
  lines = capsys.readouterr().out.splitlines()
  said = [line.removeprefix('  | ') for line in lines if '  | ' in line]
  assert len(said) == 3 and set(said) <= {'a hen', 'a red fox☃'}
  with PIL.Image.open(tmp_path / 'data_hens.png') as picture:
    assert picture.size == (240, 14 + 6 * 14)
  pages = [contact.text([line]) for line in ('a hen', 'a hen', 'a red')]
  np.testing.assert_array_equal(pages[0], pages[1])
  assert (pages[0] != pages[2]).any()


def test_kind_decides_and_not_the_number_of_axes():
  """Voxels by layers, videos by frames; both have four axes."""
  grey = np.arange(5, dtype=np.uint8)[None, :, None, None] * 10
  solids = np.broadcast_to(grey, (4, 5, 6, 7))
  for kind in ('voxels', 'video'):
    dataset = stream_module.stream(solids, kind=kind)
    page = contact.samples(dataset, columns=9, rows=2)
    # Five layers and no more, one solid per row.
    assert page.shape == (2 * 8 + 2, 5 * 9 + 2, 3)
    np.testing.assert_array_equal(page[3, 3::9, 0], [0, 10, 20, 30, 40])


def test_factors_of_solids_sentences_and_vectors():
  names = {
    'voxels': ((2, 3, 3, 1), lambda f: jnp.zeros((2, 3, 3, 1)).at[f, f].set(1)),
    'vector': ((3,), lambda f: jnp.arange(3.0) == f),
    'tokens': ((3,), lambda f: jnp.int32([1, f, 0])),
  }
  shapes = {
    'voxels': (5 + 2, 3 * 5 + 2),
    'vector': (24, 240),
    'tokens': (28, 240),
  }
  for kind, (shape, show) in names.items():
    dtype = 'int32' if kind == 'tokens' else 'float32'
    dataset = factorial.make(
      name=kind,
      factor_names=('x',),
      factor_values=(np.arange(2.0),),
      observation_shape=shape,
      render=lambda a, f, key, show=show, dtype=dtype: show(f[0]).astype(dtype),
      kind=kind,
      dtype=dtype,
    )
    ((label, strip),) = contact.traversals(dataset, columns=3)
    assert label == 'x: 2 values, 0 to 1'
    assert strip.shape[:2] == shapes[kind]
    assert contact.describe(dataset, 2, 1).size[0] >= strip.shape[1] - 5


def test_joined_sets_show_both():
  pair = [stream_module.stream(np.full((3, 4, 4), n, 'u1')) for n in (9, 99)]
  joined = data.joined.join(*pair)
  pixels = np.asarray(contact.describe(joined, columns=2, rows=1))
  assert len(pixels) == 2 * (14 + 8) and pixels.shape[1] >= 14
  assert (pixels[16:20, 2:6] == 9).all() and (pixels[38:42, 8:12] == 99).all()


def test_images_of_any_number_of_channels():
  for channels in (1, 2, 3, 5):
    images = np.full((1, 2, 2, channels), 0.2)
    dataset = data.load('blobs')._replace(observation_shape=(2, 2, channels))
    cell = contact.picture(dataset, images, 1)[3, 3]
    np.testing.assert_array_equal(cell, [51, 51, 0 if channels == 2 else 51])


@pytest.mark.parametrize(
  'argv, said',
  [
    ([], '--config.dataset is missing'),
    (['--config.dataset=blob'], "did you mean 'blobs'"),
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


@pytest.mark.parametrize('width', [9, 600])
def test_labels_fit_where_images_are_tiny(width):
  strip = np.zeros((12, width, 3), np.uint8)
  label = 'moving_blobs: video 8 x 12 x 12 x 3'
  sheet = contact.page([(label, strip)])
  longest = PIL.ImageFont.load_default().getlength(label)
  assert sheet.width == max(width, int(longest) + 6)
  black = np.asarray(sheet)[14:, :width]
  assert sheet.height == 26 and not black.any()
