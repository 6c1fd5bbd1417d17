"""Where an auxiliary task puts local and global information: the swap table.

"Explicit information placement on latent variables using auxiliary generative
modelling task" (anonymous, 2018), sections 2 and 3.1: a second decoder has to
model the image with its patches shuffled from z_l alone; then a classifier
names the digit in reconstructions, with z_l redrawn and with z_g redrawn.

  python -m experiments.sweep --workdir=runs/aux_vae \
      --config=aux_vae:svhn \
      --config.dataset.path=train_32x32.mat

20 runs: beta 1 (the paper's table) and 20 (its pictures), with and without the
task, five seeds, 200,000 steps on SVHN at 32 x 32 with the convolutional nets
of this package (the paper names neither its nets, nor patch side, latents or
training length); on a GPU not measured yet. Expected: classifier 0.95,
reconstructed 0.86, z_l redrawn 0.80, z_g redrawn 0.11.

Variants:
  (none)   the same on drawn digits in colour, where SVHN is not at hand.
  :svhn    the paper's data; needs config.dataset.path.
  :laptop  2 CPU cores: MLPs, digits at 12 x 12, beta 2, 4,000 steps, 10 runs;
           time and what came out: README.md.
  :smoke   a minute at most.
"""

from disentangle_jax.studies import grid

VARIANTS = ('svhn', 'laptop', 'smoke')
# Variant -> (runs, programs).
EXPECTED = {
  '': (20, 2),
  'laptop': (10, 2),
  'smoke': (4, 2),
}
_METRICS = ('swap', 'reconstruction')
DIGITS = {'name': 'digits', 'hues': 8, 'background_hues': 8}
SMALL_DIGITS = {
  'name': 'digits',
  'resolution': 12,
  'slants': 3,
  'thicknesses': 2,
  'sizes': 2,
  'hues': 4,
  'background_hues': 4,
}


def start(study: str, method: str, variant: str):
  """What this study and that of `aux_gmvae` share.

  Args:
    study: its name.
    method: its method.
    variant: '' or one of VARIANTS.

  Returns:
    The config, without metrics and sweep.
  """
  grid.variant(variant, VARIANTS)
  config = grid.base_config()
  config.study = '_'.join(filter(None, (study, variant)))
  config.methods = (method,)
  config.seeds = 5
  if variant in ('', 'svhn'):
    config.dataset.update({**DIGITS, 'resolution': 32})
    if variant == 'svhn':
      config.dataset.update(dict.fromkeys(DIGITS) | {'resolution': None})
      config.dataset.name = 'svhn'
    config.net.name = 'conv'
    config.steps = 200_000
    config.batch_size = 64
    config.static.patch = 8
    config.static.num_global = 32
    config.static.num_local = 16
    config.metric_options.swap.net = 'conv'
    config.metric_options.swap.steps = 20_000
    config.metric_options.swap.learning_rate = 1e-3
    return config
  config.dataset.update(SMALL_DIGITS)
  config.net.name = 'mlp'
  config.net.mlp.encoder_hidden = (160,)
  config.net.mlp.decoder_hidden = (160,)
  config.net.mlp.decoder_activation = 'relu'
  config.steps = 4000
  config.batch_size = 32
  config.static.patch = 2
  config.static.num_global = 8
  config.static.num_local = 6
  config.hparams.learning_rate = 5e-3
  config.metric_options.swap.hidden = (128,)
  config.metric_options.swap.steps = 800
  if variant == 'smoke':
    config.net.mlp.encoder_hidden = (16,)
    config.net.mlp.decoder_hidden = (16,)
    config.steps = 20
    config.seeds = 2
    config.metric_options.swap.num_points = 100
    config.metric_options.swap.steps = 20
    config.engine.keep_samples = False
  return config


def get_config(variant: str = ''):
  """The config; `variant` is '' or one of VARIANTS."""
  config = start('aux_vae', 'aux_vae', variant)
  config.description = 'Local and global information, placed by a task.'
  config.metrics = ('swap',) if variant == 'smoke' else _METRICS
  betas = [1, 20] if variant in ('', 'svhn') else [2]
  config.sweep = grid.product(
    {'static.auxiliary': [True, False], 'hparams.beta': betas}
  )
  return config
