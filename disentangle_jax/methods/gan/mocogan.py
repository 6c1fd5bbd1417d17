"""MoCoGAN: content drawn once per clip, motion as a path of a recurrent net.

Tulyakov et al., "MoCoGAN: Decomposing Motion and Content for Video Generation",
CVPR 2018, https://arxiv.org/abs/1707.04993, section 3, without categories.
z_C ~ N(0, I) once per clip; e_k, h_0 ~ N(0, I); z_M^k = h_k =
GRU(e_k, h_{k-1}); frame k is G([z_C, z_M^k]). D_I judges single frames, D_V
whole clips. With l their logits and sp the softplus, in nats per example (mean
over a critic's patches), a step minimises

  D_I:     E sp(-l_I(x)) + E sp(l_I(G)),  x a uniformly drawn frame of a clip
  D_V:     the same with l_V of clips
  G, GRU:  E sp(-l_I(G)) + E sp(-l_V(G))

in this order, each with draws of its own, by an Adam each (b1 0.5) whose L2 is
in the gradient. 'loss' is that of both critics, 4 log 2 with blind ones. The
generator's form is the published code's (non-saturating).

D_I's frames are those of further clips, `images_per_clip` for each clip that
D_V sees. Defaults are the code's: 50 + 10 latents, rates 2e-4, L2 1e-5, 100,000
steps; its batches are 10 images and 3 clips. Deviations: noise is on the
critics' inputs alone (the code's option, off by default, has it above every
layer); the GRU starts as this package's do; the running averages that draws are
normalised by are those of clips. Options of ours for small networks: an MLP,
rates and noise that fall, and a gradient penalty on data (`gradient_penalty` x
E |grad_x l(x)|^2, Mescheder et al. 2018, their R1 with gamma / 2).
"""

from collections.abc import Callable
import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp

from disentangle_jax import checks, requests, types
from disentangle_jax.methods import training
from disentangle_jax.methods.gan import clips
from disentangle_jax.nn import recurrent, video_players
from disentangle_jax.ops import adversarial, per_example

CITATION = (
  'Tulyakov et al. 2018, arXiv:1707.04993, section 3; the penalty: Mescheder '
  'et al. 2018, eq. 9'
)
DISPLAY = 'MoCoGAN'
HPARAMS = clips.HPARAMS
BOUNDS = clips.BOUNDS
MAY_BE_ZERO = clips.MAY_BE_ZERO
# Moments of one image are no moments.
MIN_BATCH = 2
# It is a game: the critics' loss rises again as the generator learns.
PROGRESS = None
TEST = {
  'dataset': ('shape_motion', {'resolution': 8, 'frames': 4}),
  'static': {
    'architecture': 'mlp',
    'normalise': 'none',
    'frames': 3,
    'content': 3,
    'motion': 2,
    'generator_hidden': (8,),
    'image_hidden': (8,),
    'frame_hidden': 4,
    'clip_hidden': (8,),
    'penalty_every': 2,
  },
}
State = clips.State
# Rows of the pictures.
_CLIPS, _LONG, _SWAPS = 6, 3, 4


@dataclasses.dataclass(frozen=True)
class Config(clips.Config):
  """Static choices, those of `clips.Config` and

  Attributes:
    content: dC, length of z_C.
    motion: dM, length of z_M and of the noise that drives it.
    images_per_clip: images that D_I sees for each clip that D_V sees.
    patch: of 'dcgan' and 'light', whether D_I judges patches.
    image_hidden: of 'mlp', widths of D_I.
  """

  content: int = 50
  motion: int = 10
  images_per_clip: int = 1
  patch: bool = True
  image_hidden: tuple[int, ...] = (128, 64)


def batch(config: Config) -> tuple[requests.Request, ...]:
  """Clips for D_V, and others whose frames D_I sees."""
  return (
    requests.Observation(),
    requests.MoreObservations(config.images_per_clip),
  )


class Networks(NamedTuple):
  """The players as pure functions of their parameters.

  Attributes:
    init: `(key) -> (params, critics)`.
    latents: `(generator, key, index [N], frames) -> (content float [N, dC],
      motion float [N, T, dM])`.
    render: `(generator, statistics, content, motion, train) -> (clips float
      [N, T, H, W, C] in [0, 1], statistics)`.
    image: `(generator, statistics, content, motion [N, dM], train) -> (images
      [N, H, W, C], statistics)`.
    image_critic: D_I.
    clip_critic: D_V.
  """

  init: Callable[..., tuple[types.PyTree, types.PyTree]]
  latents: Callable[..., tuple[jax.Array, jax.Array]]
  render: Callable[..., tuple[jax.Array, types.PyTree]]
  image: Callable[..., tuple[jax.Array, types.PyTree]]
  image_critic: clips.Player
  clip_critic: clips.Player


def build(config: Config, data: types.Dataset) -> Networks:
  """The players for a data set's clips.

  Args:
    config: static choices.
    data: gives the observation shape.

  Returns:
    The functions.

  Raises:
    ConfigError: see `clips.check`.
  """
  clips.check(config, data, ('content', 'motion', 'images_per_clip'), False)
  for width in config.image_hidden:
    checks.integer('config.static.image_hidden', width, 1)
  shape = data.observation_shape[1:]
  normalise = config.normalise != 'none'
  if config.architecture != 'mlp':
    frame = video_players.ConvFrames(
      shape, config.width, normalise, config.conv_form
    )
    of_images = video_players.ConvImages(
      shape,
      config.width,
      config.patch,
      config.normalise == 'both',
      config.conv_form,
    )
  else:
    frame = video_players.DenseGenerator(
      shape, tuple(config.generator_hidden), normalise
    )
    of_images = video_players.DenseImages(
      tuple(config.image_hidden), config.normalise == 'both'
    )
  frame = clips.player(frame, config.precision)
  of_images = clips.player(of_images, config.precision)
  of_clips = clips.clip_critic(config, (config.frames, *shape))
  path = recurrent.RNN(config.motion)
  width = config.content + config.motion

  def init(key):
    keys = jax.random.split(key, 4)
    own, statistics = frame.init(keys[0], jnp.zeros((1, width)))
    motion = path.init(keys[1], jnp.zeros((1, 1, config.motion)))['params']
    image, _ = of_images.init(keys[2], jnp.zeros((1, *shape)))
    clip, _ = of_clips.init(keys[3], jnp.zeros((1, config.frames, *shape)))
    params = {
      'generator': {'frame': own, 'motion': motion},
      'statistics': statistics,
    }
    return params, {'image': image, 'clip': clip}

  def latents(generator, key, index, frames):
    keys = jax.random.split(key, 3)
    normal = lambda key, *shape: per_example.normal(key, index, shape)
    content = normal(keys[0], config.content)
    noise = normal(keys[1], frames, config.motion)
    first = normal(keys[2], config.motion)
    motion, _ = path.apply({'params': generator['motion']}, noise, carry=first)
    return content, motion

  def image(generator, statistics, content, motion, train):
    z = jnp.concatenate([content, motion], axis=-1)
    raw, after = frame.run(generator['frame'], z, statistics, train)
    return clips.image_of(raw), after

  def render(generator, statistics, content, motion, train):
    count, frames, _ = motion.shape
    each = jnp.repeat(content, frames, axis=0)
    flat = motion.reshape(count * frames, -1)
    images, after = image(generator, statistics, each, flat, train)
    return images.reshape(count, frames, *images.shape[1:]), after

  return Networks(init, latents, render, image, of_images, of_clips)


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: the data set, for its observation shape.

  Returns:
    The method, without an encoder or a decoder. Its further extras: 'latents',
    `(key, state, count, frames=None) -> (content [N, dC], motion [N, T, dM])`,
    and 'render_latents', `(state, content, motion) -> clips [N, T, H, W, C]`.
    It also reports 'image_loss' and 'clip_loss' of the critics and
    'generator_loss', nats.

  Raises:
    ConfigError: see `build`.
  """
  networks = build(config, data)

  def init(key, batch, hparams):
    del batch
    params, critics = networks.init(key)
    return clips.start(params, critics, hparams)

  def some_frames(key, index, videos):
    """One uniformly drawn frame of each of [N, T, ...]."""
    number = per_example.integers(key, index, (), 0, videos.shape[1])
    return jax.vmap(lambda video, n: video[n])(videos, number)

  def fake_images(generator, statistics, key, index):
    latent_key, frame_key = jax.random.split(key)
    content, motion = networks.latents(
      generator, latent_key, index, config.frames
    )
    at = some_frames(frame_key, index, motion)
    return networks.image(generator, statistics, content, at, True)[0]

  def fake_clips(generator, statistics, key, index):
    latents = networks.latents(generator, key, index, config.frames)
    return networks.render(generator, statistics, *latents, True)

  def update(key, state, batch, hparams):
    keys = jax.random.split(key, 10)
    generator = state.params['generator']
    statistics = state.params['statistics']
    index = batch['index']
    more = batch['more_observations']
    images = more.shape[1]
    wide = images * jnp.repeat(index, images) + jnp.tile(
      jnp.arange(images, dtype=index.dtype), len(index)
    )
    look = clips.look_of(hparams, state.step)
    adams = clips.optimisers(hparams, state.step, ('image', 'clip'))
    more = more.reshape(len(wide), *more.shape[2:])
    real_image = look(keys[0], wide, some_frames(keys[1], wide, more))
    fake_image = look(
      keys[2], wide, fake_images(generator, statistics, keys[3], wide)
    )
    video = clips.window(keys[4], index, batch['observation'], config.frames)
    real_clip = look(keys[5], index, video)
    fake_video, _ = fake_clips(generator, statistics, keys[6], index)
    fake_clip = look(keys[7], index, fake_video)

    def critic_turn(name, critic, real, fake):
      given = (hparams, batch['step'], real, fake)
      return clips.critic_turn(config, name, critic, adams[name], *given)

    def generator_loss(players, told):
      del told
      own = players['generator']
      image_keys = jax.random.split(keys[8])
      clip_keys = jax.random.split(keys[9])
      image = fake_images(own, statistics, image_keys[0], wide)
      video, after = fake_clips(own, statistics, clip_keys[0], index)
      of_images = clips.judge(
        networks.image_critic,
        players['image'],
        look(image_keys[1], wide, image),
      )
      of_clips = clips.judge(
        networks.clip_critic,
        players['clip'],
        look(clip_keys[1], index, video),
      )
      loss = adversarial.non_saturating_generator_loss(of_images)
      loss += adversarial.non_saturating_generator_loss(of_clips)
      return loss, (loss, after)

    turns = [
      critic_turn('image', networks.image_critic, real_image, fake_image),
      critic_turn('clip', networks.clip_critic, real_clip, fake_clip),
      training.Turn('generator', adams['generator'], generator_loss),
    ]
    state, (image_loss, clip_loss, (own, _)) = clips.advance(state, turns)
    scalars = {
      'loss': image_loss + clip_loss,
      'image_loss': image_loss,
      'clip_loss': clip_loss,
      'generator_loss': own,
    }
    return state, scalars

  def latents(key, state, count, frames=None):
    index = clips.index_of(count)
    frames = config.frames if frames is None else frames
    return networks.latents(state.params['generator'], key, index, frames)

  def render_latents(state, content, motion):
    params = state.params
    generator, statistics = params['generator'], params['statistics']
    return networks.render(generator, statistics, content, motion, False)[0]

  def generate(key, state, count, frames=None):
    content, motion = latents(key, state, count, frames)
    codes = types.Codes(content, {'sequence_mean': motion})
    return render_latents(state, content, motion), codes

  def pictures(key, state, observation):
    del observation
    content, motion = latents(key, state, _CLIPS)
    render = lambda *z: render_latents(state, *z)
    longer = latents(key, state, _LONG, 2 * config.frames)
    several = lambda x: x[:_SWAPS]
    alike = lambda x: jnp.broadcast_to(x[:1], several(x).shape)
    return {
      'clips_by_rows': render(content, motion),
      'clips_twice_as_long': render(*longer),
      'contents_in_one_motion': render(several(content), alike(motion)),
      'motions_of_one_content': render(alike(content), several(motion)),
    }

  extras = {
    'generate': generate,
    'latents': latents,
    'render_latents': render_latents,
    'pictures': pictures,
  }
  return types.Method(init, update, None, None, extras)
