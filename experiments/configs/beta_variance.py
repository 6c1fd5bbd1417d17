"""How much the score of a beta-VAE varies with beta, nets, noise and seeds.

Peychev, Velickovic & Lio, "Quantifying the Effects of Enforcing Disentanglement
on Variational Autoencoders", NIPS 2017 workshop on learning disentangled
representations, https://arxiv.org/abs/1711.09159. Figure 1:

  python -m experiments.sweep --workdir=runs/beta_variance \
      --config=experiments/configs/beta_variance.py

520 runs: beta 0 to 5 by 0.2, {fully connected, convolutional} x {plain,
denoising with up to 20 % of salt and pepper}, 5 seeds, on the training part of
the paper's squares, ellipses and triangles at 64 x 64, scored by the older
beta-VAE metric (which factor was changed?). Nets, latents and training length
are not in the paper: the nets of Burgess et al. and Locatello et al., 10
latents, 100,000 steps of Adam at 1e-4. On a GPU not measured yet. Expected:
seeds of one beta far apart; scores that grow with beta, most steadily for the
convolutional denoising autoencoder.

Variants:
  :laptop        2 CPU cores: 260 fully connected runs at 32 x 32 (all betas)
                 and 60 convolutional ones at 16 x 16 (beta 0 to 5 by 1).
  :smoke         a minute at most.
"""

from experiments import grid

VARIANTS = ('laptop', 'smoke')
BETAS = [round(0.2 * i, 1) for i in range(26)]
NOISE = [0.0, 0.2]


def get_config(variant: str = ''):
  """The config; `variant` is '' or one of VARIANTS."""
  grid.variant(variant, VARIANTS)
  config = grid.base_config()
  config.study = '_'.join(filter(None, ('beta_variance', variant)))
  config.description = 'Spread of a score over seeds along beta.'
  config.methods = ('beta_vae',)
  config.seeds = 5
  config.steps = 100_000
  config.batch_size = 64
  config.hparams.learning_rate = 1e-4
  config.dataset.name = 'dsprites_triangle'
  config.dataset.part = 'train'
  config.representations = ('mean',)
  config.metrics = ('beta_vae_score_changed', 'kl', 'reconstruction')
  config.sweep = _autoencoders(['mlp', 'conv'], BETAS)
  if variant in ('laptop', 'smoke'):
    _make_small(config, variant)
  return config


def _autoencoders(nets, betas, **more):
  """Plain and denoising autoencoders; `more` are further swept names."""
  return grid.product(
    {
      'net.name': nets,
      **more,
      'static.salt_and_pepper': NOISE,
      'hparams.beta': betas,
    }
  )


def _make_small(config, variant):
  """A laptop's sizes; `:smoke` is the same with next to no steps."""
  config.net.mlp.encoder_hidden = (64, 64)
  config.net.mlp.decoder_hidden = (64, 64)
  config.net.conv.channels = (8, 8, 16, 16)
  config.net.conv.hidden = 64
  config.hparams.learning_rate = 2e-3
  config.steps = 3000
  config.batch_size = 16
  config.engine.keep_samples = False
  size = 'dataset.resolution'
  config.sweep = grid.chain(
    _autoencoders(['mlp'], BETAS, **{size: [32]}),
    _autoencoders(['conv'], [0, 1, 2, 3, 4, 5], **{size: [16]}),
  )
  if variant == 'smoke':
    config.dataset.orientations = 8
    config.dataset.positions = 4
    config.net.mlp.encoder_hidden = (16,)
    config.net.mlp.decoder_hidden = (16,)
    config.seeds = 2
    config.steps = 20
    config.sweep = grid.chain(
      _autoencoders(['mlp'], [0, 4], **{size: [16]}),
      _autoencoders(['conv'], [0, 4], **{size: [16]}),
    )
    config.metrics = ('beta_vae_score_changed',)
    options = config.metric_options.beta_vae_score_changed
    options.num_train = 500
    options.num_test = 250
    config.engine.keep_samples = False
