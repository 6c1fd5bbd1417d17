"""Pairs of images against single ones: Ada-GVAE, Group-VAE and a VAE.

Locatello et al., "Weakly-supervised disentanglement without compromises", ICML
2020, https://arxiv.org/abs/2002.02886: two images that differ in a few factors
say which latents they share.

  python -m experiments.sweep --workdir=runs/ada_gvae \
      --config=ada_gvae

155 runs on dSprites at 64 x 64, 300,000 steps of 64 pairs (a VAE: of 64
images), beta 1, 2, 4, 8 and 16, five seeds: pairs that differ in one factor and
in a number drawn for each, averages 'gvae' and 'mlvae', labelled pairs
(Group-VAE), beta-VAE and VAE; on a GPU not measured yet. Expected: pairs
disentangle reliably, without labels and at any k.

Variants:
  :laptop  2 CPU cores: 16 x 16 sprites (5 scales, one orientation, 8 x 8
           positions), MLPs, beta 1, 5,000 steps of 32 pairs, 20 runs; time and
           what came out: README.md.
  :smoke   a minute at most.
"""

from disentangle_jax.studies import grid

VARIANTS = ('laptop', 'smoke')
# Variant -> (runs, programs).
EXPECTED = {
  '': (155, 7),
  'laptop': (20, 4),
  'smoke': (4, 4),
}
BETAS = (1.0, 2.0, 4.0, 8.0, 16.0)
# The sprites of the laptop forms: 3 x 5 x 1 x 8 x 8 images.
SPRITES = {
  'name': 'dsprites',
  'resolution': 16,
  'scales': 5,
  'orientations': 1,
  'positions': 8,
}


def laptop(config, small: bool):
  """Nets, data and lengths that the small studies of pairs share.

  Args:
    config: is changed.
    small: whether for a minute at most.
  """
  config.dataset.update(SPRITES)
  width = 16 if small else 96
  config.net.name = 'mlp'
  config.net.mlp.encoder_hidden = (width, width)
  config.net.mlp.decoder_hidden = (width, width)
  config.net.mlp.decoder_activation = 'relu'
  config.static.num_latents = 6
  config.steps = 20 if small else 5000
  config.batch_size = 32
  config.hparams.learning_rate = 1e-3
  if small:
    config.seeds = 1
    config.engine.keep_samples = False
    config.metrics = ('mig_binned', 'mcc')


def get_config(variant: str = ''):
  """The config; `variant` is '' or one of VARIANTS."""
  grid.variant(variant, VARIANTS)
  config = grid.base_config()
  config.study = '_'.join(filter(None, ('ada_gvae', variant)))
  config.description = 'Pairs that share all but a few factors.'
  config.methods = ('ada_gvae', 'group_vae', 'vae')
  config.dataset.name = 'dsprites'
  config.net.name = 'conv'
  config.static.num_latents = 10
  config.seeds = 5
  config.steps = 300_000
  config.batch_size = 64
  config.hparams.learning_rate = 1e-4
  config.representations = ('mean',)
  config.metrics = (
    'mig_binned',
    'factor_vae_score',
    'mcc',
    'dci_gbt',
    'reconstruction',
    'kl',
  )
  changes = {'static.random_changes': [False, True]}
  if variant:
    laptop(config, variant == 'smoke')
    config.sweep = grid.chain(
      grid.product({'methods': ['ada_gvae'], **changes}),
      grid.product({'methods': ['group_vae', 'vae']}),
    )
    return config
  config.methods = (*config.methods, 'beta_vae')
  betas = {'hparams.beta': BETAS}
  averages = {'static.average': ['gvae', 'mlvae']}
  config.sweep = grid.chain(
    grid.product({'methods': ['ada_gvae'], **changes, **averages, **betas}),
    grid.product({'methods': ['group_vae', 'beta_vae'], **betas}),
    grid.product({'methods': ['vae']}),
  )
  return config
