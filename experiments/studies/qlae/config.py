"""Quantised latents and weight decay against neither: QLAE.

Hsu et al., "Disentanglement via Latent Quantization", NeurIPS 2023,
https://arxiv.org/abs/2305.18378: an autoencoder whose latents take one of ten
values each, with strong decay of the weights, is modular (InfoM); either half
alone does less.

  python -m experiments.sweep --workdir=runs/qlae --config=qlae
  python -m experiments.claims --workdir=runs/qlae --write

20 runs on dSprites at 64 x 64: codes quantised or not, decay or not, five
seeds, the convolutional net of the 2019 study (the paper's own is not here),
10 latents (twice the number of factors), batches of 128, AdamW at 1e-3 with
decay 0.1, 200,000 steps. Not run at this size. Published: InfoM above all
baselines on four sets.

Variants:
  :laptop  2 CPU cores: 16 x 16, no orientations, MLPs of 96, 8 latents,
           8,000 steps of 32 images; 20 runs; time and what came out:
           README.md.
  :smoke   a minute at most.
"""

from disentangle_jax.studies import grid
from disentangle_jax.studies.ada_gvae import config as pairs

VARIANTS = ('laptop', 'smoke')
# Variant -> (runs, programs).
EXPECTED = {
  '': (20, 2),
  'laptop': (20, 2),
  'smoke': (4, 2),
}


def get_config(variant: str = ''):
  """The config; `variant` is '' or one of VARIANTS."""
  grid.variant(variant, VARIANTS)
  config = grid.base_config()
  config.study = '_'.join(filter(None, ('qlae', variant)))
  config.description = 'Latents of ten values each, and decay.'
  config.methods = ('qlae',)
  config.dataset.name = 'dsprites'
  config.net.name = 'conv'
  config.static.num_latents = 10
  config.seeds = 5
  config.steps = 200_000
  config.batch_size = 128
  config.hparams.learning_rate = 1e-3
  config.representations = ('mean',)
  config.metrics = ('infomec', 'mig_binned', 'modularity', 'reconstruction')
  if variant:
    pairs.laptop(config, variant == 'smoke')
    config.static.num_latents = 8
    options = config.metric_options
    options.infomec.num_train = options.mig_binned.num_train = 2000
    options.modularity.num_train = 2000
    options.reconstruction.num_points = 1000
  if variant == 'laptop':
    config.steps = 8000
    config.metrics = ('infomec', 'mig_binned', 'modularity', 'reconstruction')
    config.engine.keep_samples = False
  config.sweep = grid.product(
    {
      'methods': ['qlae'],
      'static.quantised': [True, False],
      'hparams.weight_decay': [0.1, 0.0],
    }
  )
  return config
