"""Sparse change in time: SlowVAE against a beta-VAE.

Klindt et al., "Towards nonlinear disentanglement in natural data with temporal
sparse coding", ICLR 2021, https://arxiv.org/abs/2007.10930: factors of
successive images change sparsely, and so should latents.

  python -m experiments.sweep --workdir=runs/slow_vae \
      --config=slow_vae

25 runs on dSprites at 64 x 64, 300,000 steps of 32 pairs (a beta-VAE: of 32
images), gamma 10, rate 6; two kinds of pairs: a Laplace walk of all factors but
the shape, and a random number of factors with other values; the closed form and
the authors' weighting of the entropy; beta-VAE at beta 8, as there. On a GPU
not measured yet. Expected: a higher mean correlation coefficient (mcc) than the
beta-VAE's under both.

Variants:
  :laptop  2 CPU cores: 16 x 16 sprites, MLPs, gamma 0.5, beta-VAE at beta 1 and
           4 (how they were chosen: README.md), 5,000 steps of 32 pairs, 20
           runs; time and what came out: README.md.
  :smoke   a minute at most.
"""

from disentangle_jax.studies import grid
from disentangle_jax.studies.ada_gvae import config as pairs

VARIANTS = ('laptop', 'smoke')
# Variant -> (runs, programs).
EXPECTED = {
  '': (25, 5),
  'laptop': (20, 3),
  'smoke': (3, 3),
}


def get_config(variant: str = ''):
  """The config; `variant` is '' or one of VARIANTS."""
  grid.variant(variant, VARIANTS)
  config = grid.base_config()
  config.study = '_'.join(filter(None, ('slow_vae', variant)))
  config.description = 'Sparse change of factors between two images.'
  config.methods = ('slow_vae', 'beta_vae')
  config.dataset.name = 'dsprites'
  config.net.name = 'conv'
  config.static.num_latents = 10
  # Walks keep the shape, whose values have no order.
  config.static.pair_fixed = ('shape',)
  config.seeds = 5
  config.steps = 300_000
  config.batch_size = 32
  config.hparams.learning_rate = 1e-4
  config.representations = ('mean',)
  config.metrics = (
    'mcc',
    'mig_binned',
    'factor_vae_score',
    'active_units',
    'reconstruction',
    'kl',
  )
  pairs_of = {'static.pair_transition': ['laplace', 'uniform']}
  forms = {'static.entropy': ['exact', 'reference']}
  singles = [8.0]
  if variant:
    forms = {}
    pairs.laptop(config, variant == 'smoke')
    config.hparams.gamma = 0.5
    singles = [1.0, 4.0]
    if variant == 'smoke':
      singles = [4.0]
  config.sweep = grid.chain(
    grid.product({'methods': ['slow_vae'], **pairs_of, **forms}),
    grid.product({'methods': ['beta_vae'], 'hparams.beta': singles}),
  )
  return config
