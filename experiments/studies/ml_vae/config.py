"""Content and style of grouped digits, and what evidence adds to content.

Bouchacourt et al., "Multi-level variational autoencoder", AAAI 2018,
https://arxiv.org/abs/1705.08841: images come in groups of one digit; a group
has one content, every image a style of its own.

  python -m experiments.sweep --workdir=runs/ml_vae \
      --config=ml_vae

10 runs: the product of the evidence (the paper) and the average of it (Hosoya
2019), five seeds, 100,000 steps of 16 groups of 8 images on MNIST, which needs
config.dataset.path; the paper gives neither widths nor steps that we could
check. On a GPU not measured yet. Expected: with the style redrawn the digit
stays, with the content redrawn it is lost; the digit can be read from the
content better than from the style, and better with more images of a group.

Variants:
  :laptop  2 CPU cores: drawn digits at 16 x 16, MLPs, 8 groups of 4 images,
           beta 1, 5,000 steps, 15 runs: the two averages, and groups of equal
           strokes instead of equal digits; time and what came out: README.md.
  :smoke   a minute at most.
"""

from disentangle_jax.studies import grid

VARIANTS = ('laptop', 'smoke')
# Variant -> (runs, programs).
EXPECTED = {
  '': (10, 2),
  'laptop': (15, 3),
  'smoke': (3, 3),
}
DIGITS = {
  'name': 'digits',
  'resolution': 16,
  'slants': 5,
  'thicknesses': 3,
  'sizes': 3,
}
# The control: groups that share their stroke, whatever the digit.
STROKE = ('slant', 'thickness')


def get_config(variant: str = ''):
  """The config; `variant` is '' or one of VARIANTS."""
  grid.variant(variant, VARIANTS)
  config = grid.base_config()
  config.study = '_'.join(filter(None, ('ml_vae', variant)))
  config.description = 'Content shared by a group, style of every image.'
  config.methods = ('ml_vae',)
  config.net.name = 'mlp'
  config.static.identity = ('digit',)
  config.seeds = 5
  config.representations = ('mean',)
  averages = {'static.average': ['product', 'gvae']}
  if not variant:
    config.dataset.name = 'mnist'
    config.net.mlp.encoder_hidden = (500,)
    config.net.mlp.decoder_hidden = (500,)
    config.static.num_content = 10
    config.static.num_style = 10
    config.static.identities = 8
    config.static.per_identity = 8
    config.batch_size = 64
    config.steps = 100_000
    config.hparams.learning_rate = 1e-3
    config.metrics = ('swap', 'label_by_group', 'reconstruction', 'kl')
    config.sweep = grid.product(averages)
    return config
  small = variant == 'smoke'
  config.dataset.update(DIGITS)
  width = 16 if small else 128
  config.net.mlp.encoder_hidden = (width, width)
  config.net.mlp.decoder_hidden = (width, width)
  config.net.mlp.decoder_activation = 'relu'
  config.steps = 20 if small else 5000
  config.batch_size = 32
  config.hparams.learning_rate = 1e-3
  config.metrics = ('swap', 'label_by_group', 'reconstruction', 'kl')
  config.metric_options.swap.hidden = (128,)
  config.metric_options.swap.steps = 800
  config.static.identity = None
  config.sweep = grid.chain(
    grid.product({'static.identity': [('digit',)], **averages}),
    grid.product(
      {'static.identity': [STROKE], 'static.average': ['product']},
    ),
  )
  if small:
    config.seeds = 1
    config.metric_options.swap.num_points = 100
    config.metric_options.swap.steps = 20
    config.engine.keep_samples = False
  return config
