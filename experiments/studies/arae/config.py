"""Sentences under the other label: what do adversaries of the code add?

Zhao et al. 2018, "Adversarially Regularized Autoencoders",
https://arxiv.org/abs/1706.04223: an autoencoder with a
decoder for each of two labels, with a critic of its codes and a classifier that
the encoder fools, against the autoencoder alone and against the cross-aligned
one of Shen et al. 2017, https://arxiv.org/abs/1705.09655.

  python -m experiments.sweep --config=arae --workdir=runs/arae
  python -m experiments.claims --workdir=runs/arae --write

Published (Yelp, table 1 of the workshop text; transfer by a classifier, BLEU
against the source, perplexity, reverse perplexity): cross-aligned autoencoder
77.1 %, 17.75, 65.9, 124.2; autoencoder 59.3, 37.28, 31.9, 68.9; ARAE with two
strengths 73.4, 31.15, 29.7, 70.1 and 81.8, 20.18, 27.7, 77.0.

Full size: the sizes of both authors' public code (LSTMs and codes of 128, SGD
at 1, 5 critic steps; states of 700, content of 500), six arms, 5 seeds,
175,000 steps of 64 sentences (25 epochs of Yelp); not run at this size. It runs
on the grammar; on files with the overrides of :yelp.

Variants:
  :laptop  GRUs of 64, codes of 32, labels that are right in 80 of 100
           sentences, lambda_c 0, 0.1, 0.3, 1 and both baselines, 5 seeds.
  :tune    the laptop's on tuning seeds 100 and 101, lambda_c 1 and both
           baselines.
  :yelp    laptop's sizes on files, 2,000 words, one seed, lambda_c 1 and the
           autoencoder:

    python -m experiments.sweep --config=arae:yelp \
        --config.dataset.path=TRAIN.0 --config.dataset.second=TRAIN.1 \
        --config.dataset.test=TEST.0 --config.dataset.second_test=TEST.1 \
        --workdir=runs/arae_yelp

  :smoke   a minute at most.

What was run, with times, stands in README.md.
"""

from disentangle_jax.studies import grid

VARIANTS = ('laptop', 'tune', 'yelp', 'smoke')
# Variant -> (runs, programs); :yelp needs files.
EXPECTED = {
  '': (30, 3),
  'laptop': (30, 3),
  'tune': (6, 3),
  'smoke': (6, 3),
}
STRENGTHS = (0.0, 0.1, 0.3, 1.0)
BASELINES = ('text_autoencoder', 'cross_aligned')
METHODS = ('arae', *BASELINES)
# Those whose nets are `two_decoders`.
TWO_DECODERS = ('arae', 'text_autoencoder')


def get_config(variant: str = ''):
  """The config; `variant` is '' or one of VARIANTS."""
  grid.variant(variant, VARIANTS)
  config = grid.base_config()
  config.study = '_'.join(filter(None, ('arae', variant)))
  config.description = 'Sentences rewritten under the other label.'
  config.methods = METHODS
  config.dataset.name = 'template_sentences'
  config.dataset.purity = 0.8
  config.dataset.negation = 0.25
  config.seeds = 5
  config.steps = 175_000
  config.batch_size = 64
  config.representations = ('mean',)
  config.metrics = ('text_transfer', 'text_samples', 'code_probe')
  config.primary = 'transfer_both' if variant != 'yelp' else 'transfer'
  for name in TWO_DECODERS:
    config.static[name].optimiser = 'sgd'
    config.hparams[name].learning_rate = 1.0
  config.sweep = arms(STRENGTHS)
  if variant:
    _make_laptop(config)
  if variant == 'tune':
    config.seeds = (100, 101)
    config.sweep = arms((1.0,))
  if variant == 'yelp':
    _make_yelp(config)
  if variant == 'smoke':
    _make_smoke(config)
  return config


def arms(strengths, baselines=BASELINES):
  """Points of the sweep: ARAE by lambda_c, and the baselines."""
  return grid.chain(
    grid.product({'methods': ['arae'], 'hparams.lambda_c': list(strengths)}),
    grid.product({'methods': list(baselines)}),
  )


def _make_laptop(config):
  for name in TWO_DECODERS:
    config.static[name].update(
      {
        'code': 32,
        'hidden': 64,
        'embedding': 32,
        'cell': 'gru',
        'optimiser': 'adam',
      }
    )
    config.hparams[name].learning_rate = 5e-3
    config.hparams[name].noise = 0.1
    config.hparams[name].noise_half_life = 2000.0
  config.static.arae.critic_steps = 3
  config.static.arae.adversary_hidden = (64, 64)
  config.hparams.arae.learning_rate_adversary = 1e-3
  config.hparams.arae.learning_rate_classifier = 5e-3
  config.hparams.arae.penalty = 1.0
  config.static.cross_aligned.update(
    {
      'style': 32,
      'content': 32,
      'embedding': 32,
      'heights': (1, 2, 3),
      'filters': 32,
    }
  )
  config.hparams.cross_aligned.learning_rate = 6e-3
  config.steps = 2000
  config.sweep = arms(STRENGTHS)
  model = {'model_hidden': 64, 'model_embedding': 32}
  config.metric_options.text_transfer.update(
    {**model, 'per_class': 500, 'model_steps': 1000}
  )
  config.metric_options.text_samples.update(
    {
      **model,
      'num_samples': 2000,
      'model_steps': 300,
      'model_learning_rate': 1e-2,
    }
  )
  config.metric_options.code_probe.update(
    {'num_train': 2000, 'per_class': 500, 'steps': 200}
  )


def _make_yelp(config):
  # Another set has other options.
  config.dataset = grid.base_config().dataset
  config.dataset.name = 'sentences_file'
  config.dataset.length = 16
  config.dataset.drop_longer = True
  config.dataset.most_words = 2000
  config.steps = 1500
  config.seeds = 1
  config.sweep = arms((1.0,), BASELINES[:1])


def _make_smoke(config):
  for name in TWO_DECODERS:
    config.static[name].update({'code': 6, 'hidden': 8, 'embedding': 4})
  config.static.arae.critic_steps = 2
  config.static.cross_aligned.update(
    {
      'style': 4,
      'content': 4,
      'embedding': 4,
      'heights': (1, 2),
      'filters': 4,
    }
  )
  config.seeds = 2
  config.steps = 20
  config.sweep = arms((1.0,))
  small = {'block': 50, 'model_hidden': 8, 'model_embedding': 4}
  small['model_steps'] = 20
  config.metric_options.text_transfer.update(
    {**small, 'per_class': 50, 'classifier_steps': 20}
  )
  config.metric_options.text_samples.update({**small, 'num_samples': 100})
  config.metric_options.code_probe.update(
    {'num_train': 100, 'per_class': 50, 'steps': 20}
  )
