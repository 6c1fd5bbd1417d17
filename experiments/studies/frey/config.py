"""beta-VAE on Frey faces: losses, covariances and prior against beta.

Hassan 2022, "Understanding Variational Autoencoders and Disentanglement
Metrics", chapters 4 to 6: beta from 1e-6 to 1e3 by tens, 2, 3 and 5 latents,
ten epochs of the network of tables 4.1 and 4.2 (`net.name = keras_conv`).

  curl -LO https://cs.nyu.edu/~roweis/data/frey_rawface.mat
  python -m experiments.sweep --workdir=runs/frey \
      --config=frey --config.dataset.name=frey_faces \
      --config.dataset.path=frey_rawface.mat

Without the two overrides it runs on rendered faces of the same size.

150 runs of 614 steps: ten epochs of 1,965 images in batches of 32, Adam 1e-3
(the source names no optimiser, batch size or rate; these are Keras' defaults).

The source does not say whether its losses sum or average. Its network, epochs
and thresholds fit code that averages the cross entropy over the 560 pixels, and
this config does so: `hparams.beta` here is 560 times the source's beta, for
this package sums over pixels. (If its KL is averaged over latents as well,
another factor of 1 / D lies between.) Expected in the source's units: training
losses that hardly fall from beta = 0.01 on, a Frobenius degree that falls with
beta, an aggregate posterior that nears the prior.

Time: 0.13 s of CPU per step and run, so 150 runs take about 3.5 hours of one
core; on a GPU not measured. Expected numbers and what came out of the laptop
variant: README.md.

Variants:
  :laptop  2 CPU cores: an eighth of the channels, all strengths at 2 latents
           and two at 3 and 5, 70 runs, 22 min on a shared machine; the same
           overrides.
  :smoke   a minute at most, on few rendered faces.
"""

from disentangle_jax.studies import grid

VARIANTS = ('laptop', 'smoke')
# Variant -> (runs, programs).
EXPECTED = {
  '': (150, 3),
  'laptop': (70, 3),
  'smoke': (4, 1),
}
PIXELS = 28 * 20
# The source's beta; times PIXELS in this package's sums.
BETAS = tuple(10.0**k for k in range(-6, 4))
LATENTS = (2, 3, 5)


def _points(latents, betas):
  return grid.product(
    {
      'static.num_latents': latents,
      'hparams.beta': [round(PIXELS * beta, 10) for beta in betas],
    }
  )


def get_config(variant: str = ''):
  """The config; `variant` is '' or one of VARIANTS."""
  grid.variant(variant, VARIANTS)
  config = grid.base_config()
  config.study = '_'.join(filter(None, ('frey', variant)))
  config.description = 'Frey faces: loss, covariances and prior against beta.'
  config.methods = ('beta_vae',)
  config.dataset.name = 'faces'
  config.net.name = 'keras_conv'
  config.sweep = _points(LATENTS, BETAS)
  config.seeds = 5
  config.batch_size = 32
  config.steps = 614
  config.hparams.learning_rate = 1e-3
  config.metrics = (
    'frobenius_degree',
    'aggregate_posterior',
    'active_units',
    'kl',
    'reconstruction',
  )
  for name in ('frobenius_degree', 'aggregate_posterior', 'active_units'):
    config.metric_options[name].num_train = 2000
  for name in ('kl', 'reconstruction'):
    config.metric_options[name].num_points = 2000
  if variant:
    config.net.keras_conv.channels = (4, 8, 8, 8)
    config.net.keras_conv.decoder_channels = 4
    config.sweep = grid.chain(
      _points((2,), BETAS), _points((3, 5), (1e-3, 1e-1))
    )
  if variant == 'smoke':
    config.dataset.levels = 3  # of the rendered faces
    config.sweep = _points((2,), (1e-4, 1e-1))
    config.seeds = 2
    config.steps = 12
    for name in ('frobenius_degree', 'aggregate_posterior', 'active_units'):
      config.metric_options[name].num_train = 64
    for name in ('kl', 'reconstruction'):
      config.metric_options[name].num_points = 64
  return config
