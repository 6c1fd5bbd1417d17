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


@pytest.mark.parametrize('channels', [1, 2, 3])
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
      if channels == 2:  # red and green
        want = np.concatenate([want, 0 * want[..., :1]], axis=-1)
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


def write(folder, kind, without=(), more=()):
  """One run's file in the engine's format, read back."""
  (folder / 'samples').mkdir(exist_ok=True)
  arrays = {**made_up.sample(kind, without), **dict(more)}
  np.savez_compressed(folder / 'samples' / f'{kind}.npz', **arrays)
  return traversals.load(folder, kind)


@pytest.mark.parametrize('kind', made_up.SHAPES)
def test_every_kind_is_read(tmp_path, kind):
  held, want = write(tmp_path, kind), made_up.sample(kind)
  assert held.kind == kind
  for name in ('traversals', 'observations', 'reconstructions', 'generated'):
    np.testing.assert_array_equal(getattr(held, name), want[name])
  np.testing.assert_array_equal(held.kl, want['kl'])
  assert held.vocabulary == (made_up.WORDS if kind == 'tokens' else ())


def test_a_file_that_does_not_say_its_kind_is_of_images(tmp_path):
  held = write(tmp_path, 'image', ['kind', 'generated'])
  assert held.kind == 'image' and not held.generated.size
  assert held.pictures == {} and held.texts == {}


def test_what_a_method_cannot_give_is_left_out(tmp_path):
  all_but = lambda *kept: [k for k in made_up.sample('image') if k not in kept]
  held = write(tmp_path, 'image', all_but('kind', 'generated'))
  assert len(held.generated) == 4
  assert not held.traversals.size and not held.kl.size
  swap = np.zeros((2, 3, 8, 8, 3), np.uint8)
  texts = {'texts/moved': np.ones((2, 4), np.int32), 'pictures/swap': swap}
  held = write(tmp_path, 'image', all_but('kind'), texts)
  assert list(held.pictures) == ['swap'] and list(held.texts) == ['moved']
  assert write(tmp_path, 'image', all_but('kind', 'traversal_values')) is None


def test_files_that_do_not_fit_their_kind_are_not_shown(tmp_path):
  assert write(tmp_path, 'image', more={'kind': 'video'}) is None
  assert write(tmp_path, 'image', more={'kind': 'smell'}) is None
  whole = (tmp_path / 'samples' / 'image.npz').read_bytes()
  middle = len(whole) // 2
  damaged = whole[:middle] + bytes(200) + whole[middle + 200 :]
  (tmp_path / 'samples' / 'image.npz').write_bytes(damaged)
  assert traversals.load(tmp_path, 'image') is None


def test_vectors_of_any_shape_are_flat(tmp_path):
  flat = made_up.sample('vector')
  names = ('traversals', 'observations', 'reconstructions', 'generated')
  folded = {k: flat[k].reshape(*flat[k].shape[:-1], 4, 5) for k in names}
  held = write(tmp_path, 'vector', more=folded)
  np.testing.assert_array_equal(held.traversals, flat['traversals'])
  np.testing.assert_array_equal(held.generated, flat['generated'])


def test_a_film_shows_every_frame_of_every_tile(tmp_path):
  held = write(tmp_path, 'video')
  frames = traversals.frames_of(held, 'traversals', least=16)
  assert frames.shape == (6, 3 * 18 - 2, 5 * 18 - 2, 3)
  for t in range(6):
    np.testing.assert_array_equal(
      frames[t], traversals.grid(held.traversals[[1, 0, 2], :, t], 16)
    )
  middle = traversals.traversal_sheet(held, 16)
  np.testing.assert_array_equal(middle, frames[3])
  pairs = traversals.frames_of(held, 'reconstructions', 16)
  np.testing.assert_array_equal(
    pairs[2, -16:, :16, 0], held.reconstructions[0, 2, ..., 0]
  )


def test_solids_are_shown_as_layers_at_even_distances():
  solids = np.random.default_rng(0).integers(0, 255, (2, 1, 16, 4, 4, 1))
  sheet = traversals.lay_out(solids.astype(np.uint8), 'voxels', least=8)
  # Two rows of three layers of 4 x 4 pixels with a line between.
  assert sheet.shape == (1, 2 * 9 + 2, 14, 3)
  for i, layer in enumerate((1, 4, 6, 9, 12, 14)):
    top, left = 5 * (i // 3), 5 * (i % 3)
    np.testing.assert_array_equal(
      sheet[0, top : top + 4, left : left + 4, 0], solids[0, 0, layer, ..., 0]
    )
  assert np.all(sheet[0, 4] == traversals.GROUND)
  thin = traversals.lay_out(solids[:, :, :2].astype(np.uint8), 'voxels', 8)
  assert thin.shape == (1, 4 * 2 + 2, 9, 3)


def test_vectors_are_lines_of_colours_on_one_scale():
  rng = np.random.default_rng(0)
  kl = np.array([0.0, 1.0], np.float32)
  held = traversals.Samples(
    traversals=rng.normal(size=(2, 3, 40)),
    values=np.linspace(-1, 1, 3),
    observations=rng.normal(size=(5, 40)),
    reconstructions=10 + rng.normal(size=(5, 40)),
    kl=kl,
    kind='vector',
  )
  sheet = traversals.frames_of(held, 'traversals')[0]
  assert sheet.shape == (2 * 3 * 8 + 2, 40 * 8, 3)
  vectors = held.traversals[[1, 0]].reshape(6, 40)
  lines = [4 + 8 * i + 2 * (i > 2) for i in range(6)]
  # Brightness rises with the value, over all lines alike.
  shown = sheet[lines, 4::8].astype(float) @ [0.3, 0.6, 0.1]
  order = np.argsort(vectors, axis=None)
  assert np.all(np.diff(shown.ravel()[order]) >= -1)
  low, high = vectors.min(), vectors.max()
  said = f'colours from {low:.3g} (dark) to {high:.3g} (light)'
  assert traversals.note_of(held, 'traversals') == said
  both = traversals.frames_of(held, 'reconstructions')[0]
  assert both.shape[0] == 5 * 16 + 4 * 2
  # Each observation (dark) has its reconstruction (light) below it.
  assert both[4].mean() < both[12].mean()


def test_gaps_in_vectors_are_grey_and_long_ones_are_cut():
  vectors = np.linspace(0, 1, 600, dtype=np.float32)[None, None].copy()
  vectors[..., 0] = np.nan
  sheet = traversals.lay_out(vectors, 'vector')[0]
  assert sheet.shape == (8, traversals.CELLS, 3)
  assert np.all(sheet[:, 0] == traversals.GROUND)
  none = np.zeros((0, 600))
  held = traversals.Samples(none, none, none, none, none, 'vector', vectors[0])
  note = traversals.note_of(held, 'generated')
  assert note.endswith('the first 512 of 600 numbers')
