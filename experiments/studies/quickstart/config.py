"""Quickstart: what beta and capacity do to small sprites, over eight seeds.

  python -m experiments.sweep --config=quickstart \
      --workdir=runs/quickstart

72 runs: beta_vae at six strengths and annealed_vae at three, eight seeds each,
MLPs on 16 x 16 sprites (3 shapes, 3 scales, 8 orientations, 8 x 8 positions).
Hardware, time and what came out: README.md. `:smoke` does the same with 8 tiny
runs in well under a minute.

After Higgins et al. 2017 and Burgess et al. 2018 (see the methods' docstrings);
sizes are a laptop's, not the papers'.
"""

from disentangle_jax.studies import grid

VARIANTS = ('smoke',)
# Variant -> (runs, programs).
EXPECTED = {
  '': (72, 2),
  'smoke': (8, 2),
}


def get_config(variant: str = ''):
  """The config; `variant` is '' or one of VARIANTS."""
  grid.variant(variant, VARIANTS)
  config = grid.base_config()
  config.study = 'quickstart'
  config.description = 'Effect of beta and capacity on small sprites.'
  config.methods = ('beta_vae', 'annealed_vae')
  config.dataset.update(grid.SMALL_SPRITES)
  config.net.name = 'mlp'
  config.net.mlp.encoder_hidden = (64, 64)
  config.net.mlp.decoder_hidden = (64, 64)
  config.static.num_latents = 6
  config.steps = 1500
  config.batch_size = 64
  config.seeds = 8
  config.hparams.learning_rate = 2e-3
  config.hparams.annealed_vae.gamma = 20.0
  config.hparams.annealed_vae.anneal_steps = 1000.0
  config.sweep = grid.chain(
    grid.product(
      {'methods': ['beta_vae'], 'hparams.beta': [0.1, 0.25, 0.5, 1, 2, 4]}
    ),
    grid.product({'methods': ['annealed_vae'], 'hparams.c_max': [5, 10, 20]}),
  )
  config.metrics = (
    'mig_binned',
    'factor_vae_score',
    'elbo',
    'reconstruction',
    'kl',
  )
  if variant == 'smoke':
    config.steps = 40
    config.seeds = 2
    config.sweep = grid.chain(
      grid.product({'methods': ['beta_vae'], 'hparams.beta': [1, 4]}),
      grid.product({'methods': ['annealed_vae'], 'hparams.c_max': [5, 20]}),
    )
    config.metric_options.factor_vae_score.num_train = 500
    config.metric_options.factor_vae_score.num_test = 250
    config.metrics = ('mig_binned', 'factor_vae_score', 'reconstruction', 'kl')
    config.metric_options.mig_binned.num_train = 2000
  return config
