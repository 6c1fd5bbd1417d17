"""Clusters of the global latents with and without the auxiliary task.

"Explicit information placement on latent variables using auxiliary generative
modelling task" (anonymous, 2018), section 3.2 and table 1: a mixture prior on
z_g with k = 30 classes, scored by the clustering accuracy of the classes
against the digits.

  python -m experiments.sweep --workdir=runs/aux_gmvae \
      --config=aux_gmvae:svhn \
      --config.dataset.path=train_32x32.mat

70 runs: the paper's grid of beta (1, 10, ..., 60), with and without the task,
five seeds (the paper: four), 200,000 steps on SVHN at 32 x 32; nets as in
aux_vae.py. On a GPU not measured yet. Expected: accuracy 0.58 with the task at
beta 40; without it there is no published number.

Variants:
  (none)   the same on drawn digits in colour, where SVHN is not at hand.
  :svhn    the paper's data; needs config.dataset.path.
  :laptop  2 CPU cores: MLPs, digits at 12 x 12, beta 2, 4,000 steps, 10 runs;
           time and what came out: README.md.
  :smoke   a minute at most.
"""

from disentangle_jax.studies import grid
from disentangle_jax.studies.aux_vae import config as aux_vae

VARIANTS = aux_vae.VARIANTS
# Variant -> (runs, programs).
EXPECTED = {
  '': (70, 2),
  'laptop': (10, 2),
  'smoke': (2, 1),
}


def get_config(variant: str = ''):
  """The config; `variant` is '' or one of VARIANTS."""
  config = aux_vae.start('aux_gmvae', 'aux_gmvae', variant)
  config.description = 'Clusters of the global latents, placed by a task.'
  config.metrics = ('clustering_accuracy', 'swap', 'reconstruction')
  full = variant in ('', 'svhn')
  betas = [1, 10, 20, 30, 40, 50, 60] if full else [2]
  config.sweep = grid.product(
    {'static.auxiliary': [True, False], 'hparams.beta': betas}
  )
  config.static.num_classes = 30
  if variant == 'smoke':
    # Compiling is what takes the time: one program.
    config.sweep = grid.product({'hparams.beta': betas})
    config.metrics = config.metrics[:2]
    config.metric_options.clustering_accuracy.num_train = 200
  return config
