"""Baselines under the beta-VAE score: pixels, PCA, ICA and an untrained VAE.

Higgins et al., "beta-VAE: Learning Basic Visual Concepts with a Constrained
Variational Framework", ICLR 2017, https://openreview.net/forum?id=Sy2fzU9gl,
table "2D shapes".

  python -m experiments.sweep --workdir=runs/baselines \
      --config=baselines

30 runs on dSprites at 64 x 64, 5 seeds: the baselines, a VAE and a beta-VAE
(beta 4) of 300,000 steps. On a GPU not measured yet. Codes of raw pixels are
long: 3,000 features over 16 pairs each, not the 15,000 over 64 that are the
score's default. Expected, in per cent: raw pixels 45.75, PCA 84.9, ICA 42.03,
untrained VAE 44.14, VAE 61.58, beta-VAE 99.23.

Variants:
  :laptop  2 CPU cores: 16 x 16, MLPs, 3,000 steps. 30 runs, about a
           minute; what came out: README.md.
  :smoke   a minute at most.
"""

from disentangle_jax.studies import grid

VARIANTS = ('laptop', 'smoke')
# Variant -> (runs, programs).
EXPECTED = {
  '': (30, 6),
  'laptop': (30, 6),
  'smoke': (5, 5),
}


def get_config(variant: str = ''):
  """The config; `variant` is '' or one of VARIANTS."""
  grid.variant(variant, VARIANTS)
  config = grid.base_config()
  config.study = '_'.join(filter(None, ('baselines', variant)))
  config.description = 'The beta-VAE score of what does not disentangle.'
  config.methods = (
    'raw_pixels',
    'pca',
    'ica',
    'untrained_vae',
    'vae',
    'beta_vae',
  )
  config.dataset.name = 'dsprites'
  config.net.name = 'conv'
  config.static.num_latents = 10
  config.seeds = 5
  config.steps = 300_000
  config.batch_size = 64
  config.hparams.learning_rate = 1e-4
  config.hparams.ica.learning_rate = 0.1
  config.hparams.beta = 4.0
  config.representations = ('mean',)
  config.metrics = ('beta_vae_score',)
  score = config.metric_options.beta_vae_score
  score.num_train, score.num_test, score.batch_size = 2000, 1000, 16
  config.metric_seeds = 3
  steps, linear_steps = config.steps, 10_000
  if variant:
    config.dataset.update(grid.SMALL_SPRITES)
    config.net.name = 'mlp'
    config.net.mlp.encoder_hidden = (64, 64)
    config.net.mlp.decoder_hidden = (64, 64)
    config.hparams.learning_rate = 2e-3
    steps = linear_steps = 3000
    # Traversals of 256 pixels would fill the report.
    config.engine.keep_samples = False
    # One run of 256 codes at a time: with three, XLA's thread pool on a CPU
    # waited for itself in the eigendecomposition of the classifier.
    config.engine.eval_memory_mib = 256
  if variant == 'smoke':
    config.net.mlp.encoder_hidden = (16,)
    config.net.mlp.decoder_hidden = (16,)
    config.seeds = 1
    config.metric_seeds = 1
    score.num_train, score.num_test, score.batch_size = 100, 50, 4
    steps = linear_steps = 20
    # One program less to compile.
    config.methods = config.methods[:-1]
    config.hparams.beta = None
  config.steps = steps
  # What does not learn needs no steps, what is linear fewer.
  point = lambda methods, count: {'methods': methods, 'steps': count}
  config.sweep = [
    point(('raw_pixels', 'untrained_vae'), 1),
    point(('pca', 'ica'), linear_steps),
    {'methods': config.methods[4:]},
  ]
  return config
