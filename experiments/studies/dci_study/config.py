"""PCA against InfoGAN under DCI, on seen and on left-out combinations.

Eastwood & Williams, "A Framework for the Quantitative Evaluation of
Disentangled Representations", ICLR 2018,
https://openreview.net/forum?id=By-7dz-AZ, tables 1 to 4: a lit teapot of five
factors, of which red pots from above are never seen.

  python -m experiments.sweep --config=dci_study --workdir=runs/dci_study
  python -m experiments.claims --workdir=runs/dci_study --write

Full size: 64 x 64 images of the grid of 40, 16, 12, 12, 12 values without the
gap, PCA of standardised pixels with 6 and 10 components, InfoWGAN-GP with 6
codes and 128 noise (ResNets, weight 8, Adam 1e-4, batch 64, 5 updates of the
critic per step), 10 seeds; 100,000 steps (the paper names none). Not run at
this size yet.

Variants:
  :laptop  16 x 16 images of 16, 8, 5, 5, 5 values, MLPs of 256, 16 noise, 3
           updates of the critic, rate 3e-4, weights 1 and 8, 8,000 steps, 5
           seeds: 15 runs.
  :smoke   a minute at most.
"""

from disentangle_jax.studies import grid

VARIANTS = ('laptop', 'smoke')
# Variant -> (runs, programs).
EXPECTED = {
  '': (20, 2),
  'laptop': (15, 2),
  'smoke': (3, 2),
}


def get_config(variant: str = ''):
  """The config; `variant` is '' or one of VARIANTS."""
  grid.variant(variant, VARIANTS)
  config = grid.base_config()
  config.study = '_'.join(filter(None, ('dci_study', variant)))
  config.description = 'PCA against InfoGAN by DCI, seen and zero-shot.'
  config.methods = ('pca', 'infogan_wgan')
  config.dataset.name = 'lit_solid'
  config.dataset.part = 'seen'
  config.static.pca.num_latents = 6
  config.static.pca.standardise = True
  config.static.num_continuous = 6
  config.static.num_noise = 128
  config.batch_size = 64
  config.seeds = 10
  config.steps = 100_000
  config.representations = ('mean',)
  config.metrics = ('dci_gap', 'sample_quality')
  # Elevation: the pot's look, and a class that is not a colour.
  config.metric_options.sample_quality.factor = 1
  weights, linear_steps = (8.0,), 10_000
  if variant:
    config.dataset.update(
      {'resolution': 16, 'azimuths': 16, 'elevations': 8, 'levels': 5}
    )
    config.static.architecture = 'net'
    config.static.num_noise = 16
    config.static.posterior_hidden = 0
    config.static.critic_updates = 3
    config.net.name = 'mlp'
    config.net.mlp.encoder_hidden = (256, 256)
    config.net.mlp.decoder_hidden = (256, 256)
    config.net.mlp.encoder_activation = 'leaky_relu'
    config.net.mlp.decoder_activation = 'relu'
    config.hparams.learning_rate = 3e-4
    config.hparams.critic_learning_rate = 3e-4
    config.steps = 8000
    config.seeds = 5
    weights, linear_steps = (1.0, 8.0), 1000
  if variant == 'smoke':
    config.net.mlp.encoder_hidden = (32,)
    config.net.mlp.decoder_hidden = (32,)
    config.steps = linear_steps = 10
    config.seeds = 1
    config.metric_options.dci_gap.update(
      {
        'num_train': 200,
        'num_test': 100,
        'num_gap': 100,
        'num_alphas': 5,
        'num_trees': 2,
        'max_depth': 3,
      }
    )
    config.metric_options.sample_quality.update(
      {'num_points': 100, 'steps': 20, 'hidden': (16,)}
    )
    config.engine.keep_samples = False
  config.sweep = grid.chain(
    [{'methods': ('pca',), 'steps': linear_steps}],
    grid.product(
      {'methods': [('infogan_wgan',)], 'hparams.lambda_continuous': weights}
    ),
  )
  return config
