"""InfoGAN-CR: does a contrast of pairs that share a code disentangle?

Lin et al., "InfoGAN-CR and ModelCentrality: Self-supervised Model Training and
Selection for Disentangling GANs", ICML 2020, https://arxiv.org/abs/1906.06034,
section 3 and table 1: on dSprites the FactorVAE score is 0.88 with the
contrastive term, switched on late, and 0.82 without.

  python -m experiments.sweep --config=infogan_cr --workdir=runs/infogan_cr
  python -m experiments.claims --workdir=runs/infogan_cr --write

Two arms, lambda_contrast 2 and 0, equal until `contrast_start`. Full size: the
released code's nets, 64 x 64 sprites, 5 codes and 5 noise, batch 64, 322,560
steps (28 epochs), the term from step 288,000, 10 seeds; not run at this size
yet.

Variants:
  :laptop  16 x 16 sprites, MLPs with batch normalisation in the generator,
           4,500 steps, the term from step 2,500, 10 seeds: 20 runs.
  :smoke   a minute at most.
"""

from disentangle_jax.studies import grid

VARIANTS = ('laptop', 'smoke')
# Variant -> (runs, programs).
EXPECTED = {
  '': (20, 1),
  'laptop': (20, 1),
  'smoke': (4, 1),
}


def get_config(variant: str = ''):
  """The config; `variant` is '' or one of VARIANTS."""
  grid.variant(variant, VARIANTS)
  config = grid.base_config()
  config.study = '_'.join(filter(None, ('infogan_cr', variant)))
  config.description = 'A GAN of codes with and without contrasts of pairs.'
  config.methods = ('infogan_cr',)
  config.dataset.name = 'dsprites'
  config.static.architecture = 'sprites'
  config.steps = 322_560
  config.batch_size = 64
  config.seeds = 10
  config.hparams.contrast_start = 288_000.0
  config.sweep = grid.product({'hparams.lambda_contrast': (2.0, 0.0)})
  config.metrics = ('factor_vae_score', 'sample_quality')
  if variant:
    _make_small(config, variant)
  return config


def _make_small(config, variant):
  """A laptop's sizes; `:smoke` is the same with next to no steps."""
  config.dataset.update(grid.SMALL_SPRITES)
  config.static.architecture = 'net_bn_generator'
  config.net.name = 'mlp'
  config.net.mlp.encoder_hidden = (128, 128)
  config.net.mlp.decoder_hidden = (128, 128)
  config.net.mlp.encoder_activation = 'leaky_relu'
  config.net.mlp.decoder_activation = 'relu'
  config.steps = 4500
  config.hparams.contrast_start = 2500.0
  if variant == 'smoke':
    config.steps = 20
    config.hparams.contrast_start = 10.0
    config.seeds = 2
    config.net.mlp.encoder_hidden = (32,)
    config.net.mlp.decoder_hidden = (32,)
    config.metric_options.sample_quality.update(
      {'num_points': 100, 'steps': 20, 'hidden': (16,)}
    )
    config.engine.keep_samples = False
