"""JADE: a second data set with the same labels, where labels are few.

Karimi, Banijamali, Wong & Ghodsi, "JADE: Joint Autoencoders for
Dis-Entanglement", NIPS 2017 workshop, https://arxiv.org/abs/1711.09163: a
classifier of 1,000 labelled SVHN images (100 per class), helped by MNIST.
'single' is that classifier alone; 'paired' shares its last layers with one of
MNIST; 'jade' also reconstructs both sets, from a content that the classifier
reads and a style that it does not, and matches the contents of a pair.

  python -m experiments.sweep --workdir=runs/jade \
      --config=jade:svhn \
      --config.dataset.first="('svhn', {'path': 'train_32x32.mat', \
'labelled': 100, 'test': 'held_out'})" \
      --config.dataset.second="('mnist', {'path': 'mnist', \
'test': 'held_out'})"
  python -m experiments.claims --workdir=runs/jade --write

Three forms, 20 seeds: 60 runs, 3 programs. The paper's nets; it gives neither
optimiser, rate, length nor batch: Adam at 1e-3, batch 64, 20,000 steps. A
folder with both SVHN files and 'test': 'split' has the paper's test images.
Published error on SVHN (3 runs): single 32.31 +- 1.56, paired 30.17 +- 2.77,
JADE 29.08 +- 0.92 %; on MNIST 0.82 and 0.72 %. Not run at this size yet.

Variants:
  (none)   the same on drawn digits, 32 x 32 in colour and 28 x 28 in white,
           where SVHN and MNIST are not at hand.
  :svhn    the paper's data; needs the two paths as above.
  :laptop  2 CPU cores: MLPs, digits at 12 x 12 with noise, 10 labelled images
           per class, 4,000 steps; time and what came out: README.md.
  :ceiling the single classifier with all images of the first set labelled, on
           the tuning seeds.
  :tune    the laptop's on the tuning seeds, JADE at three label weights.
  :smoke   a minute at most.
"""

from disentangle_jax.studies import grid

VARIANTS = ('svhn', 'laptop', 'ceiling', 'tune', 'smoke')
# Variant -> (runs, programs).
EXPECTED = {
  '': (60, 3),
  'laptop': (60, 3),
  'ceiling': (3, 1),
  'tune': (15, 3),
  'smoke': (6, 3),
}
FORMS = ('single', 'paired', 'jade')
TUNING_SEEDS = (100, 101, 102)
FIRST = {
  'resolution': 32,
  'slants': 5,
  'thicknesses': 3,
  'sizes': 3,
  'hues': 5,
  'background_hues': 5,
  'noise': 0.05,
  'labelled': 100,
  'test': 'held_out',
}
SECOND = {'resolution': 28, 'test': 'held_out'}
SMALL_FIRST = {
  'resolution': 12,
  'slants': 5,
  'thicknesses': 2,
  'sizes': 3,
  'hues': 6,
  'background_hues': 6,
  'noise': 0.05,
  'labelled': 10,
  'test': 'held_out',
}
SMALL_SECOND = {'resolution': 12, 'test': 'held_out'}


def get_config(variant: str = ''):
  """The config; `variant` is '' or one of VARIANTS."""
  grid.variant(variant, VARIANTS)
  config = grid.base_config()
  config.study = '_'.join(filter(None, ('jade', variant)))
  config.description = 'Few labels, and a second data set with many.'
  config.methods = ('jade',)
  config.dataset.name = 'joined'
  config.dataset.by = 'label'
  config.dataset.first = ('digits', FIRST)
  config.dataset.second = ('digits', SECOND)
  if variant == 'svhn':
    config.dataset.first = ('svhn', {'labelled': 100, 'test': 'held_out'})
    config.dataset.second = ('mnist', {'test': 'held_out'})
  config.net.name = 'pooled_conv'
  config.sweep = grid.product({'static.form': FORMS})
  config.seeds = 20
  config.steps = 20_000
  config.batch_size = 64
  config.hparams.learning_rate = 1e-3
  config.representations = ('mean',)
  config.metrics = ('label_error', 'class_variance')
  if variant not in ('', 'svhn'):
    _make_small(config, variant)
  return config


def _make_small(config, variant):
  """A laptop's sizes; `:smoke` is the same with next to no steps."""
  first = (
    {**SMALL_FIRST, 'labelled': 0} if variant == 'ceiling' else SMALL_FIRST
  )
  config.dataset.first = ('digits', first)
  config.dataset.second = ('digits', SMALL_SECOND)
  config.net.name = 'mlp'
  config.net.mlp.encoder_hidden = (128,)
  config.net.mlp.decoder_hidden = (128,)
  config.net.mlp.decoder_activation = 'relu'
  config.static.content = 8
  config.static.style = 8
  config.static.classifier_hidden = (64, 64)
  config.steps = 4000
  config.batch_size = 32
  if variant in ('ceiling', 'tune'):
    config.sweep = grid.product({'static.form': ('single',)})
    config.seeds = TUNING_SEEDS
  if variant in ('laptop', 'smoke'):
    config.hparams.label_weight = 1000.0  # chosen on the tuning seeds
  if variant == 'tune':
    # Adam does not see the weight of a loss that is one term.
    config.sweep = grid.zipped(
      {
        'static.form': (*FORMS[:2], 'jade', 'jade', 'jade'),
        'hparams.label_weight': (100.0, 100.0, 10.0, 100.0, 1000.0),
      }
    )
  if variant == 'smoke':
    config.net.mlp.encoder_hidden = (16,)
    config.net.mlp.decoder_hidden = (16,)
    config.steps = 20
    config.seeds = 2
    config.engine.keep_samples = False
