"""Films: that they move, stay within a size, and say what they left out."""

import io

import numpy as np
import PIL.Image
import pytest

from disentangle_jax.report import films, traversals


def noise(frames, size=96):
  rng = np.random.default_rng(0)
  return rng.integers(0, 256, (frames, size, size, 3), np.uint8)


def test_one_frame_is_the_still_picture_as_before():
  sheet = noise(1)
  assert films.encode(sheet, 900) == (*traversals.encode(sheet[0], 900), '')


def test_films_of_few_colours_are_exact():
  frames = np.zeros((5, 40, 60, 3), np.uint8)
  for t in range(5):
    frames[t, 8 * t : 8 * t + 8, :20] = (255, 128, 0)
  content, kind, left = films.encode(frames, 50_000)
  assert (kind, left) == ('image/webp', '')
  with PIL.Image.open(io.BytesIO(content)) as image:
    assert image.n_frames == 5 and image.info['loop'] == 0
    for t in range(5):
      image.seek(t)
      np.testing.assert_array_equal(image.convert('RGB'), frames[t])
      assert image.info['duration'] == 120


def test_films_beyond_the_size_lose_quality_then_frames():
  frames = noise(16)
  whole, _, left = films.encode(frames)
  assert left == ''
  coarse, _, left = films.encode(frames, int(0.8 * len(whole)))
  assert len(coarse) < len(whole) and left == ''
  fewer, _, left = films.encode(frames, len(coarse) - 1)
  assert len(fewer) < len(coarse) and left == 'one frame in 2 of 16'
  least, _, left = films.encode(frames, 10)
  assert left == 'one frame in 4 of 16'
  with PIL.Image.open(io.BytesIO(least)) as image:
    assert image.n_frames == 4
    image.seek(1)
    image.load()
    assert image.info['duration'] == 480  # as fast as before


def test_long_films_are_thinned_for_a_page():
  content, _, left = films.encode(noise(80, 16))
  assert left == 'one frame in 3 of 80'
  with PIL.Image.open(io.BytesIO(content)) as image:
    assert image.n_frames == 27


@pytest.mark.parametrize('kind', ['gif', 'webp'])
def test_files_hold_all_frames(tmp_path, kind):
  path = tmp_path / f'film.{kind}'
  films.save(noise(7, 24), path)
  with PIL.Image.open(path) as image:
    assert image.n_frames == 7
