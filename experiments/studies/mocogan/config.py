"""MoCoGAN on moving shapes: does a shape keep its colour?

Tulyakov et al., "MoCoGAN: Decomposing Motion and Content for Video Generation",
CVPR 2018, https://arxiv.org/abs/1707.04993, section 4.1: on clips of moving
shapes the average content distance (ACD) was 0 of the data, 5.02 of VGAN and
1.79 of MoCoGAN.

  python -m experiments.sweep --config=mocogan --workdir=runs/mocogan
  python -m experiments.claims --workdir=runs/mocogan --write

Two arms: MoCoGAN, and a GAN of whole clips with the same critic of clips. Full
size: the published code's networks and settings (batch normalisation in both
players, 3 clips and 9 images a step, 100,000 steps), 64 x 64, 16 frames, 5
seeds; clips are drawn anew in place of 4,000; not run at this size.

Variants:
  :laptop  16 x 16, 8 frames, 6 saturated hues (grey, the mean of all RGB
           colours, is one of them: small generators stay there), generators and
           the critic of images convolutional, that of clips dense, batch
           normalisation in the generators, 8 clips and 16 images a step.
  :smoke   a minute at most.
"""

from disentangle_jax.studies import grid

VARIANTS = ('laptop', 'smoke')
# Variant -> (runs, programs).
EXPECTED = {'': (10, 2), 'laptop': (10, 2), 'smoke': (4, 2)}
METHODS = ('mocogan', 'video_gan')


def get_config(variant: str = ''):
  """The config; `variant` is '' or one of VARIANTS."""
  grid.variant(variant, VARIANTS)
  config = grid.base_config()
  config.study = '_'.join(filter(None, ('mocogan', variant)))
  config.description = 'Content drawn once per clip, and clips drawn at once.'
  config.methods = METHODS
  config.dataset.name = 'shape_motion'
  config.dataset.colours = 'rgb'
  config.static.images_per_clip = 3
  config.steps = 100_000
  config.batch_size = 3
  config.seeds = 5
  config.metrics = ('content_distance',)
  if variant:
    _make_small(config)
  if variant == 'smoke':
    _make_tiny(config)
  return config


def _make_small(config):
  """A laptop's sizes."""
  config.dataset.resolution = 16
  config.dataset.frames = 8
  config.dataset.colours = 'hue'
  config.dataset.hues = 6
  config.dataset.sizes = 2
  config.static.architecture = 'light'
  config.static.width = 16
  config.static.patch = False
  config.static.normalise = 'generator'
  config.static.frames = 8
  config.static.content = 8
  config.static.motion = 6
  config.static.latents = 14
  config.static.images_per_clip = 2
  config.static.penalty_every = 4
  config.hparams.learning_rate = 1e-3
  config.hparams.critic_learning_rate = 1e-3
  config.hparams.noise = 0.1
  config.hparams.noise_left = 0.1
  config.hparams.rate_left = 0.0
  config.hparams.gradient_penalty = 0.5
  config.steps = 5000
  config.hparams.anneal_steps = 5000.0
  config.batch_size = 8


def _make_tiny(config):
  """Next to no steps."""
  config.steps = 20
  config.seeds = 2
  config.static.width = 4
  config.static.frame_hidden = 16
  config.static.clip_hidden = (16,)
  config.metric_options.content_distance.num_clips = 64
  config.engine.keep_samples = False
