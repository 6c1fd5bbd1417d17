"""Distances of colours in clips that are made by hand."""

import dataclasses
import types as python_types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import data as data_lib
from disentangle_jax import errors
from disentangle_jax.metrics.models import content_distance

CONFIG = content_distance.Config(num_clips=8, block=4)
DATA = data_lib.load(
  'shape_motion', resolution=16, frames=4, colours='rgb', levels=3
)


def clip_of(colours, centres=None, size=3, side=12):
  """A square of some colours, [T, side, side, 3]."""
  clip = np.zeros((len(colours), side, side, 3), np.float32)
  centres = [(4, 4)] * len(colours) if centres is None else centres
  for frame, colour, (row, column) in zip(clip, colours, centres):
    first, left = row - size // 2, column - size // 2
    frame[first : first + size, left : left + size] = colour
  return clip


def shapes(*clips):
  return content_distance.shapes_of(CONFIG, jnp.asarray(np.stack(clips)))


def test_two_colours_half_the_time_each():
  """d T / (2 (T - 1)): (T / 2)^2 pairs of T (T - 1) / 2 differ."""
  one, other = (1.0, 0.4, 0.2), (0.6, 0.4, 0.5)
  d = 255 * np.hypot(0.4, 0.3)
  frames = 6
  clip = clip_of([one, other] * (frames // 2))
  distances, counted = content_distance.content_distances(shapes(clip))
  np.testing.assert_allclose(
    distances, d * frames / (2 * (frames - 1)), rtol=1e-5
  )
  assert counted.all()
  order = np.random.default_rng(0).permutation(frames)
  permuted, _ = content_distance.content_distances(shapes(clip[order]))
  np.testing.assert_allclose(permuted, distances, rtol=1e-6)


def test_all_pairs_by_loops():
  rng = np.random.default_rng(0)
  colours = rng.uniform(0.3, 1, (2, 5, 3))
  distances, _ = content_distance.content_distances(
    shapes(*[clip_of(own) for own in colours])
  )
  for own, got in zip(255 * colours, distances):
    pairs = [
      np.linalg.norm(own[t] - own[s]) for t in range(5) for s in range(t)
    ]
    np.testing.assert_allclose(got, np.mean(pairs), rtol=1e-5)
  between = content_distance.between_clips(
    shapes(*[clip_of(own) for own in colours])
  )
  means = 255 * colours.mean(1)
  np.testing.assert_allclose(
    between, np.linalg.norm(means[0] - means[1]), rtol=1e-5
  )


def test_frames_without_a_shape_are_left_out():
  bright, dark, red = (1.0, 1.0, 1.0), (0.2, 0.2, 0.2), (1.0, 0.0, 0.0)
  seen = shapes(
    clip_of([bright, dark, bright, red]),
    clip_of([dark, bright, dark, dark]),
    clip_of([bright, red, bright, bright], size=1),  # 1 pixel of the 4 needed
  )
  distances, counted = content_distance.content_distances(seen)
  np.testing.assert_array_equal(counted, [True, False, False])
  apart = 255 * np.sqrt(2)
  np.testing.assert_allclose(distances[0], apart * 2 / 3, rtol=1e-5)
  scores = content_distance.scores_of(seen, shapes(clip_of([red] * 4)))
  np.testing.assert_allclose(scores['acd'], distances[0])
  np.testing.assert_allclose(scores['acd_empty'], 2 / 3)


def test_ways_and_areas_against_the_data():
  white = [(1.0, 1.0, 1.0)] * 3
  slow = clip_of(white, [(3, 3), (3, 4), (4, 4)])
  fast = clip_of(white, [(2, 2), (2, 6), (6, 6)], size=2)
  np.testing.assert_allclose(content_distance.motion(shapes(slow)), 1)
  scores = content_distance.scores_of(shapes(fast), shapes(slow))
  np.testing.assert_allclose(scores['acd_motion'], 4, rtol=1e-5)
  np.testing.assert_allclose(scores['acd_area'], 4 / 9, rtol=1e-5)
  # A step over a frame without a shape is none.
  gap = clip_of([white[0], (0.0,) * 3, white[0]], [(2, 2), (4, 4), (8, 8)])
  assert np.isnan(content_distance.motion(shapes(gap)))


def test_clips_of_one_frame_have_no_distance():
  one = shapes(clip_of([(1.0, 0.5, 0.5)]), clip_of([(0.5, 1.0, 0.5)]))
  scores = content_distance.scores_of(one, one)
  for name in ('acd', 'acd_relative', 'acd_motion', 'acd_real'):
    assert np.isnan(scores[name]), name
  assert scores['acd_empty'] == 1
  np.testing.assert_allclose(scores['acd_diversity'], 1)
  np.testing.assert_allclose(scores['acd_area'], 1)


def score(clips):
  """Of a generator that draws rows of clips."""
  probe = content_distance.make(CONFIG, DATA)

  def generate(key, state, count):
    return state[jax.random.randint(key, (count,), 0, len(state))], None

  method = python_types.SimpleNamespace(extras={'generate': generate})
  return jax.jit(
    lambda clips: probe.score(
      jax.random.key(0), (), method, clips, DATA.arrays, None
    )
  )(jnp.asarray(clips))


def test_the_data_themselves():
  index = jnp.arange(400, dtype=jnp.int32)
  rows = DATA.sample(jax.random.key(9), DATA.arrays, index)['observation']
  scores = score(rows)
  assert sorted(scores) == sorted(content_distance.SCORES)
  np.testing.assert_allclose(scores['acd_real'], 0, atol=1e-3)
  np.testing.assert_allclose(scores['acd'], 0, atol=1e-3)
  for name in ('acd_motion', 'acd_diversity', 'acd_area'):
    np.testing.assert_allclose(scores[name], 1, atol=0.5)
  assert scores['acd_empty'] == 0
  # A frozen clip has as good an acd; the way tells.
  frozen = score(jnp.broadcast_to(rows[:, :1], rows.shape))
  np.testing.assert_allclose(frozen['acd'], 0, atol=1e-3)
  assert frozen['acd_motion'] == 0
  nothing = score(jnp.zeros_like(rows))
  assert nothing['acd_empty'] == 1 and np.isnan(nothing['acd'])
  broken = score(jnp.full_like(rows, jnp.nan))
  for name in ('acd', 'acd_relative', 'acd_area', 'acd_diversity'):
    assert np.isnan(broken[name]), name


@pytest.mark.parametrize(
  ('changes', 'options', 'said'),
  [
    ({}, {'threshold': 1.5}, 'threshold = 1.5'),
    ({}, {'num_clips': 9}, 'multiple of block = 4'),
    ({}, {'least_pixels': 0}, 'least_pixels'),
    ({'observation_shape': (4, 16, 16, 1)}, {}, 'reads colours'),
  ],
)
def test_what_cannot_be_is_said_in_one_line(changes, options, said):
  config = dataclasses.replace(CONFIG, **options)
  with pytest.raises(errors.ConfigError) as caught:
    content_distance.make(config, DATA._replace(**changes))
  assert said in str(caught.value) and '\n' not in str(caught.value)


def test_a_light_ground_has_no_mask():
  def sample(key, arrays, index):
    batch = DATA.sample(key, arrays, index)
    return {**batch, 'observation': 1 - 0.5 * batch['observation']}

  light = DATA._replace(name='light', sample=sample)
  with pytest.raises(errors.ConfigError, match='half of the pixels of light'):
    content_distance.make(CONFIG, light)
