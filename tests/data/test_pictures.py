"""Folders of pictures: each as a viewer shows it, or one line."""

import struct
import zlib

import numpy as np
import PIL.Image
import pytest

from disentangle_jax import data, errors

RNG = np.random.default_rng(0)
COLOUR = RNG.integers(0, 256, (6, 8, 3)).astype(np.uint8)
GREY = COLOUR[..., 0]
ORIENTATION = 0x0112


def save(array, path, **options):
  PIL.Image.fromarray(array).save(path, **options)


def loaded(folder, **options):
  """Images of a folder and the line about them."""
  dataset = data.load('images', path=folder, **options)
  return np.asarray(dataset.arrays['images']), dataset.extras['summary']


def refused(folder, *said, **options):
  with pytest.raises(errors.ConfigError) as caught:
    data.load('images', path=folder, **options)
  assert all(text in str(caught.value) for text in said), str(caught.value)
  assert '\n' not in str(caught.value)


def test_transparent_pixels_are_white(tmp_path):
  alpha = np.zeros((6, 8), np.uint8)
  alpha[1:3, 2:5], alpha[4] = 255, 100
  save(np.dstack([COLOUR, alpha]), tmp_path / 'a.png')
  save(np.dstack([GREY, alpha]), tmp_path / 'b.png')
  # Of a palette, one index is transparent; of colours, one colour.
  palette = PIL.Image.fromarray((alpha == 255).astype(np.uint8))
  palette.putpalette([9, 9, 9, 50, 60, 70])
  palette.save(tmp_path / 'c.png', transparency=0)
  save(COLOUR, tmp_path / 'd.png', transparency=tuple(COLOUR[0, 0].tolist()))
  images, line = loaded(tmp_path)
  share = alpha[..., None] / 255
  for image, given in zip(images, (COLOUR, GREY[..., None])):
    blend = share * given + (1 - share) * 255
    assert np.abs(image - blend).max() <= 1
  inside = alpha == 255
  assert (images[2][inside] == [50, 60, 70]).all()
  assert (images[2][~inside] == 255).all()
  assert (images[3][0, 0] == 255).all()
  np.testing.assert_array_equal(images[3][1:], COLOUR[1:])
  assert 'transparent, put on white: 4' in line
  opaque = np.full_like(alpha, 255)
  for file in tmp_path.iterdir():
    save(np.dstack([COLOUR, opaque]), file)
  images, line = loaded(tmp_path)
  assert (images == COLOUR).all() and 'put on white' not in line


def test_hidden_files_folders_and_other_files_are_left_out(tmp_path):
  save(COLOUR, tmp_path / 'a.png')
  for hidden in ('.ipynb_checkpoints', '.cache/deep', 'sub/.hidden', 'x.png'):
    (tmp_path / hidden).mkdir(parents=True)
  for copy in ('.ipynb_checkpoints/a-checkpoint', '.cache/deep/b', '.c'):
    save(COLOUR, tmp_path / f'{copy}.png')
  (tmp_path / '._a.png').write_bytes(b'no picture')
  (tmp_path / 'notes.txt').write_text('x')
  save(GREY, tmp_path / 'sub' / 'z.PNG')
  images, line = loaded(tmp_path)
  np.testing.assert_array_equal(images[0], COLOUR)
  assert len(images) == 2
  assert 'hidden files left out: 4' in line
  assert 'other files left out: 1 (.txt)' in line
  # A hidden folder that the user names is read.
  assert len(loaded(tmp_path / '.cache')[0]) == 1
  assert data.load('celeba', path=tmp_path, resolution=8).num_examples == 2
  (tmp_path / 'a.png').unlink()
  (tmp_path / 'sub' / 'z.PNG').unlink()
  refused(tmp_path, 'no pictures in it', 'hidden files left out: 4')


@pytest.mark.parametrize('ending', ['tif', 'gif', 'png', 'webp'])
def test_every_page_is_a_picture(tmp_path, ending):
  frames = [np.full((16, 16), 20 * i, np.uint8) for i in range(8)]
  first, *rest = map(PIL.Image.fromarray, frames)
  more = {'lossless': True} if ending == 'webp' else {}
  path = tmp_path / f's.{ending}'
  first.save(path, save_all=True, append_images=rest, **more)
  save(frames[1], tmp_path / 't.png')
  images, line = loaded(tmp_path)
  assert images[:, 3, 3, 0].tolist() == [*range(0, 160, 20), 20]
  assert 'files of several pages, each a picture: 1' in line


def test_pages_that_repeat_others_are_left_out(tmp_path):
  first, small = PIL.Image.fromarray(COLOUR), PIL.Image.fromarray(GREY[:2, :2])
  # NewSubfileType 1: a smaller copy of another page.
  small.encoderinfo = {'tiffinfo': {254: 1}}
  first.save(tmp_path / 'p.tif', save_all=True, append_images=[small])
  images, line = loaded(tmp_path)
  np.testing.assert_array_equal(images, COLOUR[None])
  assert 'pages left out as copies of others: 1' in line
  # A camera's JPEG with a preview behind it.
  first.save(
    tmp_path / 'p.tif', format='MPO', save_all=True, append_images=[small]
  )
  images, line = loaded(tmp_path)
  assert len(images) == 1 and 'JPEGs of several pictures' in line


@pytest.mark.parametrize('ending', ['jpg', 'png', 'tif', 'webp'])
@pytest.mark.parametrize(
  'tag, upright',
  [
    (3, lambda x: x[::-1, ::-1]),
    (4, lambda x: x[::-1]),
    (6, lambda x: np.rot90(x, -1)),
    (5, lambda x: x.T),
    (8, np.rot90),
  ],
)
def test_pictures_are_turned_as_their_tag_says(tmp_path, ending, tag, upright):
  blocks = np.zeros((16, 32), np.uint8)
  blocks[:8, :16], blocks[8:, :16] = 250, 120
  exif = PIL.Image.Exif()
  exif[ORIENTATION] = tag
  save(blocks, tmp_path / f'a.{ending}', exif=exif)
  images, line = loaded(tmp_path)
  assert images.shape[1:3] == upright(blocks).shape
  assert np.abs(images[0, ..., 0].astype(int) - upright(blocks)).max() < 9
  assert 'turned as their EXIF tag says: 1' in line


def test_grey_of_16_bits_is_white_at_65535(tmp_path):
  deep = np.linspace(0, 65535, 48).reshape(6, 8).astype(np.uint16)
  save(deep, tmp_path / 'a.png')
  save(deep, tmp_path / 'b.tif')
  save(GREY, tmp_path / 'c.png')
  images, line = loaded(tmp_path)
  for image in images[:2]:
    np.testing.assert_array_equal(image[..., 1], np.round(deep / 257))
  np.testing.assert_array_equal(images[2, ..., 1], GREY)
  assert '16 or 32 bits, kept as 8: 2' in line
  # 12 bits in 16: nothing says what is white.
  save(deep // 16, tmp_path / 'a.png')
  save(deep // 16, tmp_path / 'b.tif')
  refused(tmp_path, 'reach 4095 of 65535', '.tif', 'floats in 0 to 1')


def test_floats_and_integers_of_32_bits_follow_the_rules_of_arrays(tmp_path):
  unit = RNG.random((6, 8)).astype(np.float32)
  paths = [tmp_path / 'a.tif', tmp_path / 'b.tif']
  of = lambda *arrays: [save(x, p) for x, p in zip(arrays, paths)]
  of(unit, unit / 2)
  images, _ = loaded(tmp_path)
  np.testing.assert_array_equal(images[0, ..., 0], np.round(255 * unit))
  np.testing.assert_array_equal(images[1, ..., 2], np.round(255 * unit / 2))
  # All pictures decide: whole numbers above 1 in one make bytes of all.
  of(GREY.astype(np.float32), (GREY > 9).astype(np.float32))
  images, _ = loaded(tmp_path)
  np.testing.assert_array_equal(images[0, ..., 0], GREY)
  np.testing.assert_array_equal(images[1, ..., 0], GREY > 9)
  of(GREY.astype(np.int32), GREY.astype(np.int32) // 2)
  images, _ = loaded(tmp_path)
  np.testing.assert_array_equal(images[1, ..., 0], GREY // 2)
  of(unit, 1.5 * unit)
  refused(tmp_path, 'range of images', 'b.tif', 'divide by the greatest')
  of(unit, np.where(GREY > 99, np.nan, unit).astype(np.float32))
  refused(tmp_path, 'nan', 'must be finite')
  of(GREY.astype(np.int32), GREY.astype(np.int32) * 9)
  refused(tmp_path, 'b.tif', 'must lie in 0 to 255')


def _deep_colour(path, array):
  """A PNG of 16-bit colours, which PIL cannot write."""

  def chunk(kind, content):
    check = struct.pack('>I', zlib.crc32(kind + content))
    return struct.pack('>I', len(content)) + kind + content + check

  height, width = array.shape[:2]
  rows = b''.join(b'\0' + row.astype('>u2').tobytes() for row in array)
  layout = {2: 4, 3: 2, 4: 6}[array.shape[2]]
  head = struct.pack('>IIBBBBB', width, height, 16, layout, 0, 0, 0)
  path.write_bytes(
    b'\x89PNG\r\n\x1a\n'
    + chunk(b'IHDR', head)
    + chunk(b'IDAT', zlib.compress(rows))
    + chunk(b'IEND', b'')
  )


def test_colours_of_16_bits_keep_the_upper_8(tmp_path):
  deep = COLOUR.astype(np.uint16) * 257
  _deep_colour(tmp_path / 'a.png', deep)
  images, line = loaded(tmp_path)
  np.testing.assert_array_equal(images[0], COLOUR)
  assert 'kept as 8: 1' in line
  _deep_colour(tmp_path / 'a.png', deep // 16)
  refused(tmp_path, 'colour pictures of 16 bits', 'a.png', 'of 65535')
  # Opacity is no brightness.
  opaque = np.full_like(deep[..., :1], 65535)
  for channels in (deep // 16, deep[..., :1] // 16):
    _deep_colour(tmp_path / 'a.png', np.dstack([channels, opaque]))
    refused(tmp_path, 'colour pictures of 16 bits', 'of 65535')


def test_palettes_bits_and_printing_colours(tmp_path):
  palette = PIL.Image.fromarray(GREY % 4)
  palette.putpalette([n for k in range(4) for n in (60 * k, 9, 200 - 50 * k)])
  palette.save(tmp_path / 'a.gif')
  PIL.Image.fromarray(GREY > 99).save(tmp_path / 'b.png')
  PIL.Image.new('CMYK', (8, 6), (0, 255, 255, 0)).save(tmp_path / 'c.tif')
  images, line = loaded(tmp_path)
  np.testing.assert_array_equal(images[0, ..., 0], 60 * (GREY % 4))
  np.testing.assert_array_equal(images[1, ..., 2], 255 * (GREY > 99))
  np.testing.assert_array_equal(images[2, 0, 0], [255, 0, 0])
  assert 'CMYK as RGB: 1' in line


def test_masks_of_0_and_1_are_black_and_white(tmp_path):
  mask = (GREY > 99).astype(np.uint8)
  save(mask, tmp_path / 'a.png')
  save(1 - mask, tmp_path / 'b.bmp')
  images, line = loaded(tmp_path)
  np.testing.assert_array_equal(
    images[..., 0], 255 * np.stack([mask, 1 - mask])
  )
  assert '0/1 as black/white' in line
  # One picture with more than two greys decides for all.
  save(GREY, tmp_path / 'c.png')
  assert loaded(tmp_path)[0][0].max() == 1


def test_sizes_that_differ_and_broken_files_name_the_file(tmp_path):
  save(COLOUR, tmp_path / 'a.png')
  save(COLOUR[:5], tmp_path / 'b.png')
  refused(tmp_path, 'a.png 8 x 6', 'b.png 8 x 5', 'config.dataset.resolution')
  images, _ = loaded(tmp_path, resolution=5)
  assert images.shape == (2, 5, 5, 3)
  whole = (tmp_path / 'a.png').read_bytes()
  for part in (whole[:60], whole[:-30], b''):
    (tmp_path / 'b.png').write_bytes(part)
    refused(tmp_path, 'b.png', 'cannot be read as a picture')


def test_only_folders_have_a_resolution(tmp_path):
  path = tmp_path / 'a.npz'
  np.savez(path, images=COLOUR[None])
  refused(path, 'config.dataset.resolution', 'for folders', resolution=4)


def test_a_background_is_read_as_every_picture(tmp_path):
  alpha = np.zeros((90, 80), np.uint8)
  picture = np.dstack([np.zeros((90, 80, 3), np.uint8), alpha])
  exif = PIL.Image.Exif()
  exif[ORIENTATION] = 6
  save(picture, tmp_path / 'a.png', exif=exif)
  dataset = data.load('dsprites_scream', background=tmp_path / 'a.png')
  np.testing.assert_array_equal(dataset.arrays, np.full((80, 90, 3), 255))
