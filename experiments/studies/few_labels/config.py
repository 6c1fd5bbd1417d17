"""A few labels: to train with them, or to select among unsupervised models.

Locatello et al., "Disentangling Factors of Variation Using Few Labels", ICLR
2020, https://arxiv.org/abs/1905.01258: with 100 or 1,000 labels, perfect or
noisy, models that were trained with them are better than unsupervised ones that
were selected by them.

  python -m experiments.sweep --workdir=runs/few_labels --config=few_labels
  python -m experiments.claims --workdir=runs/few_labels --write

450 runs. Both sides have the same number of models, methods x strengths x
seeds: beta_vae and beta_tcvae and dip_vae_i at three strengths, ten seeds,
without labels; and each again with 100 and 1,000 labels, perfect and noisy (one
label in ten drawn anew). The best of a seed is chosen by `label_mig` on all
labels where none trained, by `few_labels_error` on the tenth that did not train
otherwise. Nets and training of the paper: convolutional net, 10 latents,
batches of 64, Adam at 1e-4, 300,000 steps, dSprites at 64 x 64; it has four
data sets, more methods, labellers and strengths. Not run at this size.

Variants:
  :laptop  2 CPU cores: two methods, three strengths, five seeds, sprites, nets
           and gamma_supervised of `s2:laptop`, 3,000 steps. 150 runs; time and
           outcome: README.md.
  :smoke   a minute at most.
"""

from disentangle_jax.studies import grid
from disentangle_jax.studies.s2 import config as s2_config

VARIANTS = ('laptop', 'smoke')
# Variant -> (runs, programs).
EXPECTED = {
  '': (450, 15),
  'laptop': (150, 10),
  'smoke': (4, 2),
}
LABELS = {
  'static.num_labels': (100, 1000),
  'static.labeller': ('perfect', 'noisy'),
}
# Method -> its strength, and the values of it.
STRENGTHS = {
  'beta_vae': ('beta', (1.0, 2.0, 4.0)),
  'beta_tcvae': ('beta', (2.0, 4.0, 6.0)),
  'dip_vae_i': ('lambda_od', (1.0, 5.0, 10.0)),
}


def sweep(methods, labels):
  """Every method at its strengths, without labels and with every kind."""
  parts = []
  for method in methods:
    name, values = STRENGTHS[method]
    points = {f'hparams.{name}': values}
    parts.append(grid.product({'methods': [(method,)], **points}))
    told = {'methods': [(f's2_{method}',)], **labels, **points}
    parts.append(grid.product(told))
  return grid.chain(*parts)


def get_config(variant: str = ''):
  """The config; `variant` is '' or one of VARIANTS."""
  grid.variant(variant, VARIANTS)
  config = grid.base_config()
  config.study = '_'.join(filter(None, ('few_labels', variant)))
  config.description = 'Labels to train with against labels to select by.'
  config.dataset.name = 'dsprites'
  config.net.name = 'conv'
  config.static.num_latents = 10
  config.seeds = 10
  config.steps = 300_000
  config.batch_size = 64
  config.hparams.learning_rate = 1e-4
  config.hparams.gamma_supervised = 8.0
  config.representations = ('mean',)
  config.metrics = (
    'mig_binned',
    'factor_vae_score',
    'assigned_codes',
    'few_labels',
    'kl',
  )
  methods, labels = tuple(STRENGTHS), LABELS
  if variant:
    methods = methods[:2]
    s2_config.small_sprites(config)
    config.seeds = 5
    # 150 runs' traversals would fill the report.
    config.engine.keep_samples = False
  if variant == 'smoke':
    methods, labels = methods[:1], {'static.num_labels': (20,)}
    config.steps = 20
    config.seeds = 2
    config.net.mlp.encoder_hidden = (16,)
    config.net.mlp.decoder_hidden = (16,)
    config.metrics = ('few_labels', 'kl')
    config.metric_options.few_labels.counts = (20,)
    config.metric_options.kl.num_points = 200
  config.methods = (*methods, *(f's2_{name}' for name in methods))
  config.sweep = sweep(methods, labels)
  if variant == 'smoke':
    config.sweep = [p for p in config.sweep if p['hparams.beta'] == 1.0]
  return config
