"""Covariance of codes as a penalty, against L1: how many codes stay in use.

Kågebäck & Mogren, "Disentanglement by penalizing correlation", NIPS 2017
workshop, https://arxiv.org/abs/1802.05591, section 3.2: a linear autoencoder of
p = 10 codes on a random projection of d = 4 independent Gaussians; lambda 0 and
eight values between 0.001 and 1; ten projections; L_Sigma and L1.

  python -m experiments.sweep --workdir=runs/covariance_penalty \
      --config=covariance_penalty

180 runs. The paper trains 10,000 epochs of 10,000 rows and names no batch size;
here 100,000 steps of 100 rows, Adam 1e-3. Expected (figures 1 and 2): at equal
squared error L_Sigma has the lower correlation (CVR towards 1); TdV near 1 and
UD90 = 4, the number of features, at small cost.

Variants:
  :laptop  2 CPU cores: five projections, 12,000 steps, 90 runs in 43 s.
  :xor     section 3.3: two hidden layers of four logistic units on exclusive
           or, lambda 0 and 0.2, ten seeds; 2 units in the first and 1 in the
           second layer are expected to stay. 20 runs, 14 s.
  :images  section 3.4: convolutional autoencoder with 84 codes, two
           convolutions and two dense layers each way, 507,331 parameters;
           lambda 0 and 0.01 doubling to 10.24, five seeds, both penalties: 120
           runs, for an accelerator. As it stands on rendered images; the
           paper's CIFAR-10: --config.dataset.name=cifar10
           --config.dataset.path=FOLDER.
  :images_laptop
           the same on 16 x 16 images: 32 codes, a quarter of the channels,
           lambda 0, 0.001, 0.01, 0.04, 0.16, 0.64 and 2.56, 2,000 steps: 70
           runs, about 10 min.
  :smoke   a minute at most: the linear autoencoder.

Times, numbers and what came out: README.md.
"""

from disentangle_jax.studies import grid

VARIANTS = ('laptop', 'xor', 'images', 'images_laptop', 'smoke')
# Variant -> (runs, programs).
EXPECTED = {
  '': (180, 20),
  'laptop': (90, 10),
  'xor': (20, 1),
  'images': (120, 2),
  'images_laptop': (70, 2),
  'smoke': (8, 2),
}
PENALTIES = ('covariance', 'l1')
LAMBDAS = (0.0, *(round(10 ** (3 * k / 7 - 3), 6) for k in range(8)))


def _linear(config, projections, lambdas):
  """Section 3.2."""
  config.methods = ('covariance_autoencoder',)
  config.dataset.name = 'random_projection'
  config.net.name = 'mlp'
  config.net.mlp.encoder_hidden = ()
  config.net.mlp.decoder_hidden = ()
  config.static.output = 'linear'
  config.static.num_latents = 10
  config.sweep = grid.product(
    {
      'static.penalty': PENALTIES,
      'dataset.projection': range(projections),
      'hparams.lambda_code': lambdas,
    }
  )
  config.seeds = 1
  config.steps = 100_000
  config.batch_size = 100
  config.hparams.learning_rate = 1e-3
  config.metrics = ('linear_correlation', 'reconstruction')
  config.metric_options.linear_correlation.num_top = 4


def _xor(config):
  """Section 3.3."""
  config.methods = ('covariance_classifier',)
  config.dataset.name = 'xor'
  config.sweep = grid.product({'hparams.lambda_code': [0.0, 0.2]})
  config.seeds = 10
  config.steps = 20_000
  config.batch_size = 16
  config.metrics = ('layer_correlation',)


def _images(config, small):
  """Section 3.4."""
  config.methods = ('covariance_autoencoder',)
  config.dataset.name = 'shapes3d'
  config.dataset.resolution = 16 if small else 32
  config.net.name = 'conv'
  config.net.conv.channels = (8, 8) if small else (32, 32)
  config.net.conv.kernels = (4, 4)
  config.net.conv.hidden = 64 if small else 110
  config.static.num_latents = 32 if small else 84
  lambdas = [0.01 * 2**k for k in range(11)]
  if small:
    lambdas = [0.001, 0.01, 0.04, 0.16, 0.64, 2.56]
  config.sweep = grid.product(
    {'static.penalty': PENALTIES, 'hparams.lambda_code': [0.0, *lambdas]}
  )
  config.seeds = 5
  config.steps = 2000 if small else 45_000
  config.batch_size = 64 if small else 100
  config.hparams.learning_rate = 2e-3 if small else 1e-3
  config.metrics = ('linear_correlation', 'reconstruction')
  config.metric_options.linear_correlation.num_top = 10


def get_config(variant: str = ''):
  """The config; `variant` is '' or one of VARIANTS."""
  grid.variant(variant, VARIANTS)
  config = grid.base_config()
  config.study = '_'.join(filter(None, ('covariance_penalty', variant)))
  config.description = 'Penalised covariance of codes against L1.'
  config.representations = ('mean',)
  if variant == 'xor':
    _xor(config)
  elif variant.startswith('images'):
    _images(config, small=variant == 'images_laptop')
  else:
    _linear(config, 5 if variant else 10, LAMBDAS)
  if variant == 'laptop':
    config.steps = 12_000
  if variant == 'smoke':
    _linear(config, 1, (0.0, 0.1))
    config.seeds = 2
    config.steps = 50
    config.metric_options.linear_correlation.num_train = 500
    config.metric_options.reconstruction.num_points = 500
  return config
