"""What a code keeps of an image where only the mixture is held: InfoVAE.

Zhao, Song & Ermon, "InfoVAE: Balancing Learning and Inference in Variational
Autoencoders", AAAI 2019, https://arxiv.org/abs/1706.02262: a maximum mean
discrepancy on the mixture of all posteriors holds it to the prior without
pulling single posteriors there, so that codes keep more of the image than those
of a beta-VAE.

  python -m experiments.sweep --workdir=runs/info_vae --config=info_vae
  python -m experiments.claims --workdir=runs/info_vae --write

35 runs on dSprites at 64 x 64, 300,000 steps, batches of 64, Adam at 1e-4, 10
latents, five seeds: InfoVAE at alpha 1 with lambda 1 (next to nothing), 100 and
1,000, beta-VAE at beta 1, 2, 4 and 8. Not run at this size. Published: better
matched aggregate posteriors and better reconstructions than a VAE's (figures).

Variants:
  :laptop  2 CPU cores: 16 x 16, no orientations, MLPs of 96, 6 latents, 4,000
           steps of 32 images, 35 runs; time and what came out: README.md.
  :smoke   a minute at most.
"""

from disentangle_jax.studies import grid
from disentangle_jax.studies.ada_gvae import config as pairs

VARIANTS = ('laptop', 'smoke')
# Variant -> (runs, programs).
EXPECTED = {
  '': (35, 2),
  'laptop': (35, 2),
  'smoke': (2, 2),
}
LAMBDAS = (1.0, 100.0, 1000.0)
BETAS = (1.0, 2.0, 4.0, 8.0)


def get_config(variant: str = ''):
  """The config; `variant` is '' or one of VARIANTS."""
  grid.variant(variant, VARIANTS)
  config = grid.base_config()
  config.study = '_'.join(filter(None, ('info_vae', variant)))
  config.description = 'Only the mixture of posteriors is held to the prior.'
  config.methods = ('info_vae', 'beta_vae')
  config.dataset.name = 'dsprites'
  config.net.name = 'conv'
  config.static.num_latents = 10
  config.seeds = 5
  config.steps = 300_000
  config.batch_size = 64
  config.hparams.learning_rate = 1e-4
  config.hparams.alpha = 1.0
  config.representations = ('mean',)
  config.metrics = (
    'aggregate_posterior',
    'elbo',
    'frobenius_degree',
    'mig_binned',
    'reconstruction',
    'kl',
  )
  lambdas, betas = LAMBDAS, BETAS
  if variant:
    pairs.laptop(config, variant == 'smoke')
    config.steps = min(config.steps, 4000)
    config.engine.keep_samples = False
  if variant == 'smoke':
    config.metrics = ('aggregate_posterior', 'elbo', 'kl')
    lambdas, betas = lambdas[-1:], betas[:1]
  config.sweep = grid.chain(
    grid.product({'methods': ['info_vae'], 'hparams.lambda_mmd': lambdas}),
    grid.product({'methods': ['beta_vae'], 'hparams.beta': betas}),
  )
  return config
