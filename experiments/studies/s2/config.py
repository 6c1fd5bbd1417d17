"""A hundred labels beside four unsupervised losses, against none.

Locatello et al., "Disentangling Factors of Variation Using Few Labels", ICLR
2020, https://arxiv.org/abs/1905.01258: a term for a few labelled images, added
to an unsupervised loss, improves what is learned, at 100 labels already.

  python -m experiments.sweep --workdir=runs/s2 --config=s2
  python -m experiments.claims --workdir=runs/s2 --write

48 runs: s2_beta_vae, s2_factor_vae, s2_beta_tcvae and s2_dip_vae_i with 100
labels (90 of them train) and their bases, six seeds each. Nets and training of
the paper: the convolutional net of the 2019 study, 10 latents, batches of 64,
Adam at 1e-4, 300,000 steps, on dSprites at 64 x 64. Its grids of strengths were
not at hand: one strength of each here. Not run at this size.

Variants:
  :laptop  2 CPU cores: 16 x 16, no orientations, MLPs, 6 latents, 3,000 steps,
           strengths 1 (dip_vae_i: 5, factor_vae: 5, beta_tcvae: 3),
           gamma_supervised 8. 48 runs in 2 min; outcome: README.md.
  :smoke   a minute at most.
"""

from disentangle_jax.studies import grid

VARIANTS = ('laptop', 'smoke')
# Variant -> (runs, programs).
EXPECTED = {
  '': (48, 8),
  'laptop': (48, 8),
  'smoke': (2, 2),
}
BASES = ('beta_vae', 'factor_vae', 'beta_tcvae', 'dip_vae_i')


def get_config(variant: str = ''):
  """The config; `variant` is '' or one of VARIANTS."""
  grid.variant(variant, VARIANTS)
  config = grid.base_config()
  config.study = '_'.join(filter(None, ('s2', variant)))
  config.description = 'A hundred labels against none.'
  config.methods = (*BASES, *(f's2_{name}' for name in BASES))
  config.dataset.name = 'dsprites'
  config.net.name = 'conv'
  config.static.num_latents = 10
  config.static.num_labels = 100
  config.seeds = 6
  config.steps = 300_000
  config.batch_size = 64
  config.hparams.learning_rate = 1e-4
  config.hparams.gamma_supervised = 8.0
  config.representations = ('mean',)
  config.metrics = (
    'mig_binned',
    'factor_vae_score',
    'assigned_codes',
    'kl',
    'reconstruction',
  )
  if variant:
    _make_small(config)
  if variant == 'smoke':
    config.methods = ('beta_vae', 's2_beta_vae')
    config.steps = 20
    config.seeds = 1
    config.net.mlp.encoder_hidden = (16,)
    config.net.mlp.decoder_hidden = (16,)
    config.metrics = ('assigned_codes', 'kl')
    config.metric_options.assigned_codes.num_train = 200
    config.metric_options.kl.num_points = 200
    config.engine.keep_samples = False
    config.hparams.beta = 1.0
  return config


def strengths(config):
  """A laptop's strengths, the same with labels and without."""
  for prefix in ('', 's2_'):
    config.hparams[f'{prefix}beta_vae'].beta = 1.0
    config.hparams[f'{prefix}factor_vae'].gamma = 5.0
    config.hparams[f'{prefix}factor_vae'].discriminator_learning_rate = 1e-3
    config.hparams[f'{prefix}beta_tcvae'].beta = 3.0
    config.hparams[f'{prefix}dip_vae_i'].lambda_od = 5.0
    config.static[f'{prefix}factor_vae'].discriminator_width = 64
    config.static[f'{prefix}factor_vae'].discriminator_depth = 3


def small_sprites(config):
  """Data, nets and steps of a laptop."""
  config.dataset.resolution = 16
  config.dataset.scales = 5
  config.dataset.orientations = 1
  config.dataset.positions = 8
  config.net.name = 'mlp'
  config.net.mlp.encoder_hidden = (96, 96)
  config.net.mlp.decoder_hidden = (96, 96)
  config.net.mlp.decoder_activation = 'relu'
  config.static.num_latents = 6
  config.batch_size = 32
  config.hparams.learning_rate = 1e-3
  config.steps = 3000
  options = config.metric_options
  options.mig_binned.num_train = 2000
  options.assigned_codes.num_train = 2000
  options.factor_vae_score.num_variance = 2000
  options.factor_vae_score.num_train = 1000
  options.factor_vae_score.num_test = 1000
  options.kl.num_points = options.reconstruction.num_points = 1000


def _make_small(config):
  small_sprites(config)
  strengths(config)
