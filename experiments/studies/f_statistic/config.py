"""Embeddings by the F statistic: single codes for attributes.

Ridgeway & Mozer 2018, "Learning deep disentangled embeddings with the
F-statistic loss", NeurIPS, https://arxiv.org/abs/1802.05312: on
game characters, trained on identities alone, the single codes of an F-statistic
embedding tell attributes better (figure 3: areas under the ROC curve above
those of triplet and histogram loss; no numbers printed), and identities that
training did not see are found again about as well (Recall@1 on CUHK03 90.5
against 86.3; Market-1501 65.75 against 66.51 of the histogram and 65.87 of the
triplet loss).

  python -m experiments.sweep --workdir=runs/f_statistic --config=f_statistic

Drawn characters, 60 x 60, 1,152 identities of which a fifth is held out (fold
0; another one: --config.dataset.fold=3 --config.metric_options.retrieval.fold=3
together), convolutions 5 x 5 of stride 2 with 64 and 32 channels, 2,048 units,
22 codes; F statistic with d of 2, 4, 8 and 16, triplet, histogram and
binomial-deviance loss; classes are identities (the paper's form) or the values
of attributes; 12 identities x 5 images, Adam 2e-4, 10,000 steps, five seeds: 70
runs, for an accelerator.

Variants:
  :laptop  2 CPU cores: 12 x 12 images, two layers of 128 units, d 2 and 8,
           5,000 steps at Adam 3e-3, 50 runs, 14 min on a shared machine.
  :smoke   a minute at most.

Times, numbers and what came out: README.md.
"""

from disentangle_jax.studies import grid

VARIANTS = ('laptop', 'smoke')
# Variant -> (runs, programs).
EXPECTED = {'': (70, 14), 'laptop': (50, 10), 'smoke': (8, 4)}
METHODS = ('f_statistic', 'triplet', 'histogram_loss', 'binomial_deviance')
CLASSES = ('identity', 'attribute')
ATTRIBUTES = (
  'body',
  'arms',
  'hair',
  'gender',
  'armour',
  'greaves',
  'weapon',
)


def _points(classes, dimensions):
  """The F statistic for every d, and the baselines."""
  return grid.chain(
    grid.product(
      {
        'methods': METHODS[:1],
        'static.classes': classes,
        'static.top_dimensions': dimensions,
      }
    ),
    grid.product({'methods': METHODS[1:], 'static.classes': classes}),
  )


def get_config(variant: str = ''):
  """The config; `variant` is '' or one of VARIANTS."""
  grid.variant(variant, VARIANTS)
  config = grid.base_config()
  config.study = '_'.join(filter(None, ('f_statistic', variant)))
  config.description = 'Single codes for attributes, from classes of images.'
  config.methods = METHODS
  config.dataset.name = 'characters'
  config.dataset.part = 'train'
  config.dataset.fold = 0
  config.net.name = 'conv'
  config.net.conv.channels = (64, 32)
  config.net.conv.kernels = (5, 5)
  config.net.conv.hidden = 2048
  config.static.embedding = 22
  config.static.identity = ATTRIBUTES
  config.static.identities = 12
  config.static.per_identity = 5
  config.sweep = _points(CLASSES, (2, 4, 8, 16))
  config.seeds = 5
  config.batch_size = 60
  config.steps = 10_000
  config.hparams.learning_rate = 2e-4
  config.metrics = ('single_code_auc', 'retrieval')
  # Over all identities; retrieval on those that training did not see, by
  # standardised codes, as the scale of an F-statistic embedding is free.
  config.metric_options.single_code_auc.factors = ATTRIBUTES
  config.metric_options.retrieval.identity = ATTRIBUTES
  config.metric_options.retrieval.fold = 0
  config.metric_options.retrieval.num_train = 3000
  config.metric_options.retrieval.per_identity = 12
  config.metric_options.retrieval.standardize = True
  if variant:
    config.dataset.resolution = 12
    config.net.name = 'mlp'
    config.net.mlp.encoder_hidden = (128, 128)
    config.sweep = _points(CLASSES, (2, 8))
    config.steps = 5000
    config.hparams.learning_rate = 3e-3
  if variant == 'smoke':
    config.net.mlp.encoder_hidden = (16,)
    config.static.embedding = 6
    config.sweep = _points(('identity',), (2,))
    config.seeds = 2
    config.steps = 30
    config.metric_options.single_code_auc.num_train = 500
    config.metric_options.retrieval.num_train = 240
    config.metric_options.retrieval.per_identity = 4
  return config
