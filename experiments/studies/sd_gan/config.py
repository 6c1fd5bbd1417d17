"""SD-GANs on digits of many hues: does z_I mean the identity?

Donahue et al., "Semantically Decomposing the Latent Spaces of Generative
Adversarial Networks", ICLR 2018, https://arxiv.org/abs/1705.07904, table 1: on
photographs of faces, the area under the ROC curve (and the accuracy) of telling
pairs of one identity from pairs of two was 0.913 (0.867) for real pairs, 0.823
(0.749) for those of SD-DCGAN and 0.928 (0.857) for those of SD-BEGAN.

  python -m experiments.sweep --config=sd_gan --workdir=runs/sd_gan
  python -m experiments.claims --workdir=runs/sd_gan --write

Full size: the photographs (MS-Celeb-1M) can no longer be had. 3D shapes, 64 x
64, an identity is object hue, shape and scale, and combinations of upper hues
and upper shapes are held out for the judge; the published nets, 50 + 50
latents, 16 pairs, 500,000 steps, each method with its control that sees single
images, 5 seeds; not run at this size.

Variants:
  :laptop  16 x 16 drawn digits, an identity is digit and hue: 120 of 30 images,
           30 of them held out; MLPs, 20 + 20 latents, 32 pairs, 8,000 steps.
  :smoke   a minute at most.
"""

from disentangle_jax.studies import grid

VARIANTS = ('laptop', 'smoke')
# Variant -> (runs, programs).
EXPECTED = {'': (20, 4), 'laptop': (20, 4), 'smoke': (8, 4)}
METHODS = ('sd_gan', 'sd_began')


def _points(began):
  """Both methods, each with its control; `began` is of the second one alone."""
  paired = {'static.paired': (True, False)}
  return grid.chain(
    grid.product({'methods': METHODS[:1], **paired}),
    grid.product({'methods': METHODS[1:], **paired, **began}),
  )


def get_config(variant: str = ''):
  """The config; `variant` is '' or one of VARIANTS."""
  grid.variant(variant, VARIANTS)
  config = grid.base_config()
  config.study = '_'.join(filter(None, ('sd_gan', variant)))
  config.description = 'A critic of pairs, and what its latents mean.'
  config.methods = METHODS
  config.dataset.name = 'shapes3d'
  config.dataset.distribution = 'held_out'
  config.dataset.pair = ('object_hue', 'shape')
  config.static.identity = ('object_hue', 'shape', 'scale')
  config.sweep = _points({})
  config.seeds = 5
  config.batch_size = 16
  config.steps = 500_000
  config.metrics = ('verification', 'sample_quality')
  config.metric_options.verification.identity = config.static.identity
  config.metric_options.verification.net = 'conv'
  # Whose classes must be among the draws: four shapes.
  config.metric_options.sample_quality.factor = 4
  config.metric_options.sample_quality.net = 'conv'
  if variant:
    _make_small(config)
  if variant == 'smoke':
    _make_tiny(config)
  return config


def _make_small(config):
  """A laptop's sizes."""
  config.dataset.name = 'digits'
  config.dataset.update(
    {
      'resolution': 16,
      'slants': 5,
      'thicknesses': 3,
      'sizes': 2,
      'hues': 12,
    }
  )
  config.dataset.pair = ('digit', 'hue')
  config.static.identity = ('digit', 'hue')
  config.static.architecture = 'net'
  # Without it draws collapse.
  config.static.sd_gan.architecture = 'net_bn_generator'
  config.static.identity_latents = 20
  config.static.observation_latents = 20
  config.net.name = 'mlp'
  config.net.mlp.encoder_hidden = (128, 64)
  config.net.mlp.decoder_hidden = (128, 128)
  config.net.mlp.encoder_activation = 'leaky_relu'
  config.net.mlp.decoder_activation = 'relu'
  config.hparams.learning_rate = 1e-3
  config.hparams.critic_learning_rate = 5e-4
  config.sweep = _points(
    {
      'net.mlp.encoder_hidden': ((128,),),
      'hparams.learning_rate': (3e-4,),
      'hparams.critic_learning_rate': (2e-3,),
      'hparams.gamma': (0.9,),
      'hparams.lambda_k': (0.01,),
    }
  )
  config.batch_size = 32
  config.steps = 8000
  config.metric_options.verification.identity = config.static.identity
  config.metric_options.verification.net = 'mlp'
  config.metric_options.verification.steps = 1000
  config.metric_options.sample_quality.factor = 0
  config.metric_options.sample_quality.net = 'mlp'


def _make_tiny(config):
  """Next to no steps."""
  config.steps = 20
  config.seeds = 2
  config.net.mlp.encoder_hidden = (32, 16)
  config.net.mlp.decoder_hidden = (32,)
  config.metric_options.verification.update(
    {'num_pairs': 100, 'steps': 20, 'hidden': (16,)}
  )
  config.metric_options.sample_quality.update(
    {'num_points': 100, 'steps': 20, 'hidden': (16,)}
  )
  config.engine.keep_samples = False
