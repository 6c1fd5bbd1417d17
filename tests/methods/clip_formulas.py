"""Losses of the GANs of clips, clip by clip.

Each takes a `test_losses.Step` and gives the addends of the loss: the critics'
of the step, at the parameters before it.
"""

from formulas import dense, sigmoid
import jax
import numpy as np
from pair_formulas import leaky, relu

from disentangle_jax.ops import per_example


def normal(key, index, *shape):
  return np.asarray(per_example.normal(key, index, shape), np.float64)


def seen(s, key, index, images):
  """2 x - 1 with the noise of the step."""
  h = s.hparams
  fallen = min(1, s.step / h['anneal_steps'])
  noise = h['noise'] * (1 - (1 - h['noise_left']) * fallen)
  return 2 * images - 1 + noise * normal(key, index, *images.shape[1:])


def integers(key, index, high):
  return np.asarray(per_example.integers(key, index, (), 0, high))


def windows(s, key):
  """Three of four frames of each clip."""
  frames = s.made.config.frames
  starts = integers(key, s.index, s.x.shape[1] - frames + 1)
  return np.stack([x[n : n + frames] for x, n in zip(s.x, starts)])


def clip_logit(critic, clip):
  """Frame by frame through the shared layer, then all of them."""
  frames = [leaky(dense(critic['Dense_0'], x.ravel())) for x in clip]
  hidden = leaky(dense(critic['Dense_1'], np.concatenate(frames)))
  return dense(critic['Dense_2'], hidden)[0]


def generate(params, z, shape):
  raw = dense(params['Dense_1'], relu(dense(params['Dense_0'], z)))
  return sigmoid(2 * raw).reshape(shape)


def both(real, fake):
  """Cross entropies of real and generated examples."""
  return [
    np.logaddexp(0, -np.array(real)).mean(),
    np.logaddexp(0, np.array(fake)).mean(),
  ]


def paths(s, key, index):
  """z_C [N, dC] and z_M [N, T, dM]: a GRU driven by noise, step by step."""
  config = s.made.config
  keys = jax.random.split(key, 3)
  size = config.motion
  content = normal(keys[0], index, config.content)
  noise = normal(keys[1], index, config.frames, size)
  state = normal(keys[2], index, size)
  cell = s.params['generator']['motion']['cell']
  motion = []
  for t in range(config.frames):
    x = noise[:, t] @ cell['input'] + cell['bias']
    h = state @ cell['state']
    reset = sigmoid(x[:, :size] + h[:, :size])
    update = sigmoid(x[:, size : 2 * size] + h[:, size : 2 * size])
    inner = h[:, 2 * size :] + cell['candidate_bias']
    new = np.tanh(x[:, 2 * size :] + reset * inner)
    state = (1 - update) * new + update * state
    motion.append(state)
  return content, np.stack(motion, 1)


def mocogan(s):
  config, critics = s.made.config, s.state.critics
  keys = jax.random.split(s.key, 10)
  frame = s.params['generator']['frame']
  shape = s.x.shape[2:]
  image = lambda *z: generate(frame, np.concatenate(z), shape)

  # D_I, on one frame of each of the other clips.
  more = np.asarray(s.batch['more_observations'], np.float64)[:, 0]
  at = integers(keys[1], s.index, more.shape[1])
  real = np.stack([clip[n] for clip, n in zip(more, at)])
  latent_key, frame_key = jax.random.split(keys[3])
  content, motion = paths(s, latent_key, s.index)
  at = integers(frame_key, s.index, config.frames)
  fake = np.stack([image(c, m[n]) for c, m, n in zip(content, motion, at)])
  of_image = lambda x: [
    dense(
      critics['image']['Dense_1'],
      leaky(dense(critics['image']['Dense_0'], row.ravel())),
    )[0]
    for row in x
  ]
  addends = both(
    of_image(seen(s, keys[0], s.index, real)),
    of_image(seen(s, keys[2], s.index, fake)),
  )

  # D_V, on whole clips.
  content, motion = paths(s, keys[6], s.index)
  fake = np.stack(
    [[image(c, m) for m in path] for c, path in zip(content, motion)]
  )
  of_clip = lambda x: [clip_logit(critics['clip'], clip) for clip in x]
  return addends + both(
    of_clip(seen(s, keys[5], s.index, windows(s, keys[4]))),
    of_clip(seen(s, keys[7], s.index, fake)),
  )


def video_gan(s):
  config, critic = s.made.config, s.state.critics['clip']
  keys = jax.random.split(s.key, 6)
  z = normal(keys[1], s.index, config.latents)
  shape = (config.frames, *s.x.shape[2:])
  fake = np.stack([generate(s.params['generator'], row, shape) for row in z])
  of_clip = lambda x: [clip_logit(critic, clip) for clip in x]
  return both(
    of_clip(seen(s, keys[2], s.index, windows(s, keys[0]))),
    of_clip(seen(s, keys[3], s.index, fake)),
  )


REFERENCES = {f.__name__: f for f in (mocogan, video_gan)}
