"""How much the score of a beta-VAE varies with beta, nets, noise and seeds.

Peychev, Velickovic & Lio, "Quantifying the Effects of Enforcing Disentanglement
on Variational Autoencoders", NIPS 2017 workshop on learning disentangled
representations, https://arxiv.org/abs/1711.09159. Figure 1:

  python -m experiments.sweep --workdir=runs/beta_variance \
      --config=beta_variance

520 runs: beta 0 to 5 by 0.2, {fully connected, convolutional} x {plain,
denoising with up to 20 % of salt and pepper}, 5 seeds, on the training part of
the paper's squares, ellipses and triangles at 64 x 64, scored by the older
beta-VAE metric (which factor was changed?). Nets, latents and training length
are not in the paper but in the code that its footnote links
(mpeychev/disentangled-autoencoders), and differ here: there FC 1200-1200 ReLU
and three of 1200, tanh (512 on MNIST, with 16 latents), 3 x 3 convolutions of
16 and 32 with FC 1024, batch norm, Adam at 1e-3 in batches of 1,000 with early
stopping, noise of 20 % in nine images of ten, scores on noisy images, an SVM on
a sample of the code. Here: nets of Higgins et al. and Locatello et al., 10
latents, 100,000 steps of Adam at 1e-4, a share of up to 20 % per image (10 % on
average), clean images for the scores. On a GPU not measured yet. Expected:
seeds of one beta far apart; scores that grow with beta, most steadily for the
convolutional denoising autoencoder.

Figure 2, codes of MNIST digits to a support-vector classifier:

  python -m experiments.sweep --workdir=runs/beta_variance_mnist \
      --config=beta_variance:mnist \
      --config.dataset.path=FOLDER_WITH_MNIST --config.dataset.test=split

2,460 runs: beta 0 to 4 by 0.1, the same four autoencoders, 5 seeds, autoencoder
and classifier on the same 10 %, 30 % or 100 % of the images. Expected: accuracy
jumps from beta 0 to 0.1 and then decays. Without the file:
--config.dataset.name=digits (drawn digits, not MNIST).

Variants:
  :mnist         as above; test images are one in seven, or the source's own
                 with --config.dataset.test=split.
  :laptop        2 CPU cores: 260 fully connected runs at 32 x 32 (all betas)
                 and 60 convolutional ones at 16 x 16 (beta 0 to 5 by 1), 3,000
                 steps each; 13 min on a busy machine. What came out:
                 README.md.
  :mnist_laptop  2 CPU cores: the plain MLP, six betas, 90 runs of 2,000 steps;
                 16 min 48 s on a busy machine.
  :smoke         a minute at most; :mnist_smoke too, on drawn digits.
"""

from disentangle_jax.studies import grid

VARIANTS = ('laptop', 'mnist', 'mnist_laptop', 'mnist_smoke', 'smoke')
# Variant -> (runs, programs).
EXPECTED = {
  '': (520, 4),
  'laptop': (320, 4),
  'mnist': (2460, 12),
  'mnist_laptop': (90, 3),
  'mnist_smoke': (8, 2),
  'smoke': (4, 2),
}
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
  config.representations = ('mean',)
  if variant.startswith('mnist'):
    _make_mnist(config, variant)
    return config
  config.dataset.name = 'dsprites_triangle'
  config.dataset.part = 'train'
  config.metrics = ('beta_vae_score_changed', 'kl', 'reconstruction')
  config.sweep = _autoencoders(['mlp', 'conv'], BETAS)
  if variant in ('laptop', 'smoke'):
    _make_small(config, variant)
  return config


def _autoencoders(nets, betas, **more):
  """Plain and denoising autoencoders; `more` are further swept names."""
  return grid.product(
    {
      **more,
      'net.name': nets,
      'static.salt_and_pepper': NOISE,
      'hparams.beta': betas,
    }
  )


def _make_small(config, variant):
  """A laptop's sizes; `:smoke` is the same with next to no steps."""
  config.net.mlp.encoder_hidden = (32, 64)
  config.net.mlp.decoder_hidden = (64, 32)
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
    # Compiling is what takes the time: two of the four, and a shallow one.
    config.net.conv.channels = (4, 4)
    config.net.conv.kernels = (4, 4)
    point = {size: 8, 'hparams.beta': 4.0}
    config.sweep = [
      {**point, 'net.name': 'mlp', 'static.salt_and_pepper': 0.0},
      {**point, 'net.name': 'conv', 'static.salt_and_pepper': 0.2},
    ]
    config.metrics = ('beta_vae_score_changed',)
    options = config.metric_options.beta_vae_score_changed
    options.num_train = 500
    options.num_test = 250
    config.engine.keep_samples = False


def _make_mnist(config, variant):
  """Digits to a classifier; smaller for `:mnist_laptop` and `:mnist_smoke`."""
  config.dataset.name = 'mnist'
  config.dataset.test = 'held_out'
  config.metrics = ('digit_svm', 'kl', 'reconstruction')
  # Images of 28 x 28 can be halved twice.
  config.net.conv.channels = (32, 64)
  config.net.conv.kernels = (4, 4)
  share = {'dataset.share': [0.1, 0.3, 1.0]}
  betas = [round(0.1 * i, 1) for i in range(41)]
  config.sweep = _autoencoders(['mlp', 'conv'], betas, **share)
  if variant == 'mnist':
    return
  config.net.name = 'mlp'
  config.net.mlp.encoder_hidden = (64, 64)
  config.net.mlp.decoder_hidden = (64, 64)
  config.hparams.learning_rate = 1e-3
  config.steps = 2000
  config.batch_size = 32
  config.engine.keep_samples = False
  config.sweep = grid.product({**share, 'hparams.beta': [0, 0.1, 0.5, 1, 2, 4]})
  if variant == 'mnist_smoke':
    config.dataset.name = 'digits'
    config.net.mlp.encoder_hidden = (16,)
    config.net.mlp.decoder_hidden = (16,)
    config.seeds = 2
    config.steps = 20
    config.metric_options.digit_svm.num_features = 20
    config.metric_options.digit_svm.num_steps = 10
    config.metrics = ('digit_svm',)
    config.sweep = grid.product(
      {'dataset.share': [0.3, 1.0], 'hparams.beta': [0, 4]}
    )
