"""A GAN of whole clips: one code, one generator, one critic.

The baseline of MoCoGAN (Tulyakov et al. 2018, https://arxiv.org/abs/1707.04993,
section 4), after the one-stream form of VGAN (Vondrick et al. 2016,
https://arxiv.org/abs/1609.02612, section 2): z ~ N(0, I) becomes a clip by 3-D
transposed convolutions ('dcgan') or an MLP ('mlp'), and D_V alone judges it.
With l the logit and sp the softplus, in nats per clip, a step minimises

  D_V:  E sp(-l(x)) + E sp(l(G)),  then  G:  E sp(-l(G))

each with draws of its own. Critic, optimisers and options are those of
`mocogan`, so that the generator and the critic of images are what differs. The
kernel of the output starts from N(0, 0.02): a colour of all frames would
otherwise not have to be learnt. 'loss' is the critic's, 2 log 2 with a blind
one. The length of a clip is fixed.
"""

import dataclasses

import jax
import jax.numpy as jnp

from disentangle_jax import errors, types
from disentangle_jax.methods import training
from disentangle_jax.methods.gan import clips
from disentangle_jax.nn import video_players
from disentangle_jax.ops import adversarial, per_example

CITATION = (
  'Tulyakov et al. 2018, arXiv:1707.04993, section 4; Vondrick et al. 2016'
)
DISPLAY = 'GAN of clips'
HPARAMS = clips.HPARAMS
BOUNDS = clips.BOUNDS
MAY_BE_ZERO = clips.MAY_BE_ZERO
# Moments of one clip are no moments.
MIN_BATCH = 2
PROGRESS = None
TEST = {
  'dataset': ('shape_motion', {'resolution': 8, 'frames': 4}),
  'static': {
    'architecture': 'mlp',
    'normalise': 'none',
    'frames': 3,
    'latents': 3,
    'generator_hidden': (8,),
    'frame_hidden': 4,
    'clip_hidden': (8,),
    'penalty_every': 2,
  },
}
State = clips.State
# Rows of the picture.
_CLIPS = 6


@dataclasses.dataclass(frozen=True)
class Config(clips.Config):
  """Static choices, those of `clips.Config` and

  Attributes:
    latents: length of z.
  """

  latents: int = 100


def build(
  config: Config, data: types.Dataset
) -> tuple[clips.Player, clips.Player]:
  """Generator and D_V for a data set's clips.

  Args:
    config: static choices.
    data: gives the observation shape.

  Returns:
    Both.

  Raises:
    ConfigError: see `clips.check`.
  """
  clips.check(config, data, ('latents',), True)
  shape = (config.frames, *data.observation_shape[1:])
  normalise = config.normalise != 'none'
  if config.architecture != 'mlp':
    whole = video_players.ConvWhole(
      shape, config.width, normalise, config.conv_form
    )
  else:
    whole = video_players.DenseGenerator(
      shape, tuple(config.generator_hidden), normalise, small=True
    )
  whole = clips.player(whole, config.precision)
  return whole, clips.clip_critic(config, shape)


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: the data set, for its observation shape.

  Returns:
    The method, without an encoder or a decoder; it also reports
    'generator_loss', nats.

  Raises:
    ConfigError: see `build`.
  """
  whole, critic = build(config, data)

  def init(key, batch, hparams):
    del batch
    keys = jax.random.split(key)
    own, statistics = whole.init(keys[0], jnp.zeros((1, config.latents)))
    shape = (1, config.frames, *data.observation_shape[1:])
    judging, _ = critic.init(keys[1], jnp.zeros(shape))
    params = {'generator': own, 'statistics': statistics}
    return clips.start(params, {'clip': judging}, hparams)

  def draw(generator, statistics, key, index, train):
    z = per_example.normal(key, index, (config.latents,))
    raw, after = whole.run(generator, z, statistics, train)
    return clips.image_of(raw), after, z

  def update(key, state, batch, hparams):
    keys = jax.random.split(key, 6)
    generator = state.params['generator']
    statistics = state.params['statistics']
    index = batch['index']
    look = clips.look_of(hparams, state.step)
    adams = clips.optimisers(hparams, state.step, ('clip',))
    video = clips.window(keys[0], index, batch['observation'], config.frames)
    fake_video, *_ = draw(generator, statistics, keys[1], index, True)

    def generator_loss(players, told):
      del told
      video, after, _ = draw(
        players['generator'], statistics, keys[4], index, True
      )
      logits = clips.judge(critic, players['clip'], look(keys[5], index, video))
      loss = adversarial.non_saturating_generator_loss(logits)
      return loss, (loss, after)

    turns = [
      clips.critic_turn(
        config,
        'clip',
        critic,
        adams['clip'],
        hparams,
        batch['step'],
        look(keys[2], index, video),
        look(keys[3], index, fake_video),
      ),
      training.Turn('generator', adams['generator'], generator_loss),
    ]
    state, (loss, (own, _)) = clips.advance(state, turns)
    return state, {'loss': loss, 'generator_loss': own}

  def generate(key, state, count, frames=None):
    if frames not in (None, config.frames):
      raise errors.value('frames', frames, f'is always {config.frames} here')
    params, index = state.params, clips.index_of(count)
    generator, statistics = params['generator'], params['statistics']
    videos, _, z = draw(generator, statistics, key, index, False)
    return videos, types.Codes(z, {})

  def pictures(key, state, observation):
    del observation
    return {'clips_by_rows': generate(key, state, _CLIPS)[0]}

  extras = {'generate': generate, 'pictures': pictures}
  return types.Method(init, update, None, None, extras)
