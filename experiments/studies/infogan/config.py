"""InfoGAN on digits: do its codes mean something, and a plain GAN's not?

Chen et al., "InfoGAN", NIPS 2016, https://arxiv.org/abs/1606.03657, section 7.1
and figures 1 and 2: with the information term the bound on the information of a
ten-valued code reaches its entropy, 2.30 nats, and without it stays near 0; the
code's values then are the digits, with 5 % errors once matched.

  python -m experiments.sweep --config=infogan --workdir=runs/infogan
  python -m experiments.claims --workdir=runs/infogan --write

Two arms, generator_information 1 and 0 (a GAN whose posterior is trained all
the same). Full size: the paper's nets, 62 noise, one code of 10 values and 2
continuous ones, 28 x 28 digits, batch 128, 60,000 updates, 10 seeds; not run at
this size yet. For MNIST, with its files in a folder (docs/data.md), add

  --config.dataset.name=mnist --config.dataset.path=PATH

Variants:
  :laptop  16 x 16 drawn digits whose slant varies most, MLPs with batch
           normalisation in the generator, 16 noise, batch 64, 5,000 updates, 8
           seeds: 16 runs.
  :smoke   a minute at most.
"""

from disentangle_jax.studies import grid

VARIANTS = ('laptop', 'smoke')
# Variant -> (runs, programs).
EXPECTED = {
  '': (20, 1),
  'laptop': (16, 1),
  'smoke': (4, 1),
}


def get_config(variant: str = ''):
  """The config; `variant` is '' or one of VARIANTS."""
  grid.variant(variant, VARIANTS)
  config = grid.base_config()
  config.study = '_'.join(filter(None, ('infogan', variant)))
  config.description = 'Codes of a GAN with and without their information.'
  config.methods = ('infogan',)
  config.dataset.name = 'digits'
  config.static.architecture = 'dcgan'
  config.steps = 60_000
  config.batch_size = 128
  config.seeds = 10
  config.hparams.learning_rate = 1e-3
  config.hparams.critic_learning_rate = 2e-4
  config.hparams.lambda_continuous = 0.1
  config.sweep = grid.product({'hparams.generator_information': (1.0, 0.0)})
  config.representations = ('mean',)
  config.metrics = ('clustering_accuracy', 'sample_quality')
  if variant:
    _make_small(config, variant)
  return config


def _make_small(config, variant):
  """A laptop's sizes; `:smoke` is the same with next to no steps."""
  config.dataset.update(
    {
      'resolution': 16,
      'slants': 7,
      'thicknesses': 3,
      'sizes': 1,
    }
  )
  config.static.architecture = 'net_bn_generator'
  config.static.num_noise = 16
  config.static.posterior_hidden = 64
  config.net.name = 'mlp'
  config.net.mlp.encoder_hidden = (128, 128)
  config.net.mlp.decoder_hidden = (128, 128)
  config.net.mlp.encoder_activation = 'leaky_relu'
  config.net.mlp.decoder_activation = 'relu'
  config.steps = 5000
  config.batch_size = 64
  config.seeds = 8
  if variant == 'smoke':
    config.steps = 20
    config.seeds = 2
    config.net.mlp.encoder_hidden = (32,)
    config.net.mlp.decoder_hidden = (32,)
    config.metric_options.sample_quality.update(
      {'num_points': 100, 'steps': 20, 'hidden': (16,)}
    )
    config.engine.keep_samples = False
