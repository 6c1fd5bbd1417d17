"""Sizes, receptive fields and order in time of the players of clips."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax.nn import video_players

CLIP = (16, 16, 16, 3)


def shape_of(module, *shape):
  """Output of a network on zeros, and its parameters, as shapes."""
  make = lambda key: module.init_with_output(key, jnp.zeros(shape))
  (output, _), variables = jax.eval_shape(make, jax.random.key(0))
  return output.shape, variables['params']


def count(params):
  return sum(int(np.prod(x.shape)) for x in jax.tree.leaves(params))


def test_published_networks():
  frames = video_players.ConvFrames((64, 64, 3), 64, True)
  output, params = shape_of(frames, 2, 60)
  assert output == (2, 64, 64, 3)
  channels = (512, 256, 128, 64)
  layers = 60 * 512 + 512 * 256 + 256 * 128 + 128 * 64 + 64 * 3
  assert count(params) == 16 * layers + 2 * sum(channels)

  patches = video_players.ConvImages((64, 64, 3), 64, True, True)
  output, params = shape_of(patches, 2, 64, 64, 3)
  assert output == (2, 4, 4)
  layers = 3 * 64 + 64 * 128 + 128 * 256 + 256
  assert count(params) == 16 * layers + 2 * (128 + 256)
  whole = video_players.ConvImages((64, 64, 3), 64, False, True)
  output, params = shape_of(whole, 2, 64, 64, 3)
  assert output == (2, 1, 1)
  layers = 3 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 512
  assert count(params) == 16 * layers + 2 * (128 + 256 + 512)

  clips = video_players.ConvClips((16, 64, 64, 3), 64, True)
  output, params = shape_of(clips, 2, 16, 64, 64, 3)
  assert output == (2, 1, 1, 1)
  assert count(params) == 64 * layers + 2 * (128 + 256 + 512)

  generator = video_players.ConvWhole((16, 64, 64, 3), 64, True)
  output, params = shape_of(generator, 2, 100)
  assert output == (2, 16, 64, 64, 3)
  layers = 512 * 256 + 256 * 128 + 128 * 64 + 64 * 3
  assert count(params) == 100 * 8192 + 64 * layers + 2 * sum(channels)


@pytest.mark.parametrize(
  ('frames', 'kernels', 'logits'),
  [
    (16, [4, 4, 4, 4, 4], 1),
    (20, [4, 4, 4, 4, 4], 5),
    (8, [4, 4, 2, 1, 1], 1),
    (1, [1, 1, 1, 1, 1], 1),
  ],
)
def test_the_critic_of_clips_takes_any_length(frames, kernels, logits):
  assert video_players.time_kernels(frames, 5) == kernels
  module = video_players.ConvClips((frames, 64, 64, 3), 2, False)
  output, _ = shape_of(module, 2, frames, 64, 64, 3)
  assert output == (2, logits, 1, 1)


def test_sides_that_halve_to_four():
  sides = (4, 8, 16, 24, 32, 64, 128)
  got = [video_players.halvings((n, n, 3)) for n in sides]
  assert got == [0, 0, 2, 0, 3, 4, 5]
  assert video_players.halvings((16, 32, 3)) == 0


@pytest.mark.parametrize('form', ['blocks', 'lax'])
def test_receptive_field_of_the_critic_of_clips(form):
  """3 layers on 16 x 16: 10 frames to a logit, so 7 logits of 16 frames.

  With kernels of 4, one more layer sees 3 frames more: 4, 7, 10. In places the
  last kernel is over all that is left.
  """
  module = video_players.ConvClips(CLIP, 2, False, form)
  clip = jax.random.normal(jax.random.key(1), (1, *CLIP))
  params = jax.jit(module.init)(jax.random.key(0), clip)

  @jax.jit
  def influence(clip):
    """|d logit / d value|, [T', T, H, W]."""
    logits = lambda x: module.apply(params, x)[0][0, :, 0, 0]
    return jnp.sum(jnp.abs(jax.jacobian(logits)(clip)), axis=(1, -1))

  reads = np.asarray(influence(clip)) > 0
  assert reads.shape == (7, *CLIP[:3])
  for number, frames in enumerate(reads.any(axis=(2, 3))):
    expected = np.arange(16)
    expected = (expected >= number) & (expected < number + 10)
    np.testing.assert_array_equal(frames, expected)
  assert reads.any(axis=(0, 1)).all(), 'all places are seen'


def test_the_critic_of_frames_sees_patches():
  """One layer of stride 2 and a last one: 4 + 2 x 3 = 10 pixels to a logit."""
  module = video_players.ConvImages((16, 16, 3), 2, True, False)
  image = jax.random.normal(jax.random.key(1), (1, 16, 16, 3))
  params = jax.jit(module.init)(jax.random.key(0), image)
  logits = lambda x: module.apply(params, x)[0][0]
  slope = jax.jit(jax.jacobian(logits))(image)
  reads = np.asarray(jnp.sum(jnp.abs(slope), axis=(2, -1))) > 0
  assert reads.shape == (4, 4, 16, 16)
  rows = np.flatnonzero(reads[1, 2].any(axis=1))
  columns = np.flatnonzero(reads[1, 2].any(axis=0))
  # Patch n begins at 4 n - 3.
  np.testing.assert_array_equal(rows, np.arange(1, 11))
  np.testing.assert_array_equal(columns, np.arange(5, 15))


@pytest.mark.parametrize(
  'module',
  [
    video_players.ConvClips(CLIP, 2, False),
    video_players.DenseClips(4, (8,), False),
    video_players.DenseClips(4, (8, 8), True),
  ],
)
def test_the_order_of_frames_matters(module):
  clips = jax.random.normal(jax.random.key(1), (3, *CLIP))

  @jax.jit
  def apart(clips):
    (logits, statistics), params = module.init_with_output(
      jax.random.key(0), clips
    )
    shuffled = clips[:, jnp.array([3, 0, 1, 2, *range(4, 16)])]
    other, _ = module.apply(params, shuffled, statistics)
    return video_players.logits_of(other - logits)

  assert (np.abs(apart(clips)) > 1e-4).all()


def test_logits_of_an_example_are_averaged():
  logits = jnp.arange(12.0).reshape(2, 2, 3)
  np.testing.assert_allclose(video_players.logits_of(logits), [2.5, 8.5])


@pytest.mark.parametrize('small', [True, False])
def test_a_whole_clip_starts_from_small_output_weights(small):
  module = video_players.DenseGenerator((400, 16, 16, 3), (8,), False, small)
  params = jax.jit(module.init)(jax.random.key(0), jnp.zeros((1, 5)))['params']
  kernel = np.asarray(params['Dense_1']['kernel'])
  deviation = 0.02 if small else np.sqrt(2 / (8 + 400 * 768))
  np.testing.assert_allclose(kernel.std(), deviation, rtol=0.02)
