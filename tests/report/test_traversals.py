"""Sheets: which pixel goes where, and that the files keep it."""

import io

import made_up
import numpy as np
import PIL.Image
import pytest

from disentangle_jax.report import traversals


def samples(latents=3, steps=2, size=4, channels=1, kl=(0.1, 2.0, 0.5)):
  rng = np.random.default_rng(0)
  image = lambda *shape: rng.integers(
    0, 256, (*shape, size, size, channels), np.uint8
  )
  return traversals.Samples(
    traversals=image(latents, steps),
    values=np.linspace(-1, 1, steps).astype(np.float32),
    observations=image(5),
    reconstructions=image(5),
    kl=np.array(kl, np.float32),
  )


def test_rows_are_sorted_by_kl_and_unknown_ones_come_last():
  assert traversals.by_kl(samples()).tolist() == [1, 2, 0]
  unknown = samples(kl=(np.nan, 0.5, 2.0))
  assert traversals.by_kl(unknown).tolist() == [2, 1, 0]


@pytest.mark.parametrize('channels', [1, 3])
def test_every_tile_is_its_image_enlarged(channels):
  shown = samples(channels=channels)
  sheet = traversals.traversal_sheet(shown, least=9)  # factor 3
  gap = traversals.GAP
  assert sheet.shape == (3 * 12 + 2 * gap, 2 * 12 + gap, 3)
  for row, latent in enumerate([1, 2, 0]):
    for column in range(2):
      top, left = row * (12 + gap), column * (12 + gap)
      tile = sheet[top : top + 12, left : left + 12]
      want = shown.traversals[latent, column].repeat(3, 0).repeat(3, 1)
      np.testing.assert_array_equal(tile, np.broadcast_to(want, tile.shape))
  assert (sheet[12] == traversals.GROUND).all()


def test_large_images_are_not_enlarged():
  images = np.zeros((2, 64, 64, 3), np.uint8)
  assert traversals.enlarge(images, 48).shape == images.shape


def test_reconstructions_lie_below_their_observations():
  shown = samples()
  sheet = traversals.reconstruction_sheet(shown, least=4)
  np.testing.assert_array_equal(sheet[:4, :4, 0], shown.observations[0, ..., 0])
  np.testing.assert_array_equal(
    sheet[-4:, -4:, 0], shown.reconstructions[-1, ..., 0]
  )


@pytest.mark.parametrize('colours', [2, 256, 5000])
def test_png_is_exact(colours):
  rng = np.random.default_rng(1)
  palette = rng.integers(0, 256, (colours, 3), np.uint8)
  sheet = palette[rng.integers(0, colours, (90, 80))]
  content, kind = traversals.encode(sheet)
  assert kind == 'image/png'
  back = np.asarray(PIL.Image.open(io.BytesIO(content)).convert('RGB'))
  np.testing.assert_array_equal(back, sheet)


def test_sheets_beyond_the_budget_become_smaller():
  sheet = np.random.default_rng(2).integers(0, 256, (200, 200, 3), np.uint8)
  exact, _ = traversals.encode(sheet)
  content, kind = traversals.encode(sheet, budget=len(exact) // 2)
  assert kind == 'image/webp'
  assert len(content) < len(exact)


def test_missing_and_damaged_files_give_none(tmp_path):
  made_up.samples(['good'], tmp_path / 'samples')
  assert traversals.load(tmp_path, 'good').traversals.shape == (4, 7, 16, 16, 1)
  assert traversals.load(tmp_path, 'missing') is None
  whole = (tmp_path / 'samples' / 'good.npz').read_bytes()
  (tmp_path / 'samples' / 'torn.npz').write_bytes(whole[: len(whole) // 2])
  (tmp_path / 'samples' / 'empty.npz').write_bytes(b'')
  assert traversals.load(tmp_path, 'torn') is None
  assert traversals.load(tmp_path, 'empty') is None
