"""Sentiment by moving codes: does a sentence cross and keep its topic?

Larsson, Nilsson & Kågebäck, "Disentangled Representations for Manipulation of
Sentiment in Text", NIPS 2017 workshop, https://arxiv.org/abs/1712.10066: codes
of an autoencoder of sentences, trained on with a linear head for sentiment, are
moved to the other sentiment by the witness of an MMD. It prints a picture of
codes and four sentences, no number.

  python -m experiments.sweep --config=sentiment_mmd:laptop \
      --workdir=runs/sentiment_mmd_laptop
  python -m experiments.claims --workdir=runs/sentiment_mmd_laptop --write

Three arms: 'joint' on labels that are right four times in five, the claim's;
the plain autoencoder on the same sentences (lambda_class 0: the second phase
goes on without the labels); 'joint' on clean labels. One traversal for every
budget, of each trained run: a budget needs no training.

Full size: vectors of 300, 4 x 75 filters, a state of 300, batches of 64, 90
examples of each label; 100,000 and 20,000 steps on the grammar (the source
states no length; its reviews are not shipped). Not run at this size.

Variants:
  :laptop  vectors of 24, 4 x 12 filters, a state of 48, 5 seeds.
  :tune    the laptop's on seeds 100 and 101.
  :yelp    a user's own sentences of up to 15 words, the 2,000 most frequent
           words, twice the laptop's widths, one seed:
             --config.dataset.path=NEGATIVE.txt.gz
             --config.dataset.second=POSITIVE.txt.gz
           and, for test sentences, .test and .second_test; topics are food and
           service, by the words in TOPICS.
  :smoke   a minute at most.
"""

from disentangle_jax.studies import grid

VARIANTS = ('laptop', 'tune', 'yelp', 'smoke')
# Variant -> (runs, programs), those of the first phase too.
EXPECTED = {'': (25, 4), 'laptop': (25, 4), 'tune': (10, 4), 'smoke': (10, 4)}
TUNING_SEEDS = (100, 101)
# In units of 1 / s; that of the claims was chosen on the tuning seeds.
BUDGETS = (1e-4, 1e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0)
BUDGET = 1e-1
TOPICS = (
  (
    'food',
    'meal',
    'pizza',
    'chicken',
    'burger',
    'sandwich',
    'salad',
    'sushi',
    'lunch',
    'dinner',
    'breakfast',
    'menu',
    'taste',
    'delicious',
  ),
  (
    'service',
    'staff',
    'customer',
    'waitress',
    'waiter',
    'server',
    'manager',
    'employees',
    'owner',
    'friendly',
    'helpful',
  ),
)


def get_config(variant: str = ''):
  """The config; `variant` is '' or one of VARIANTS."""
  grid.variant(variant, VARIANTS)
  config = grid.base_config()
  config.study = '_'.join(filter(None, ('sentiment_mmd', variant)))
  config.description = 'Codes of sentences moved to the other sentiment.'
  config.methods = ('sentiment_mmd',)
  config.dataset.name = 'template_sentences'
  config.sweep = grid.chain(
    grid.product(
      {'dataset.purity': [0.8], 'hparams.sentiment_mmd.lambda_class': [1, 0]}
    ),
    grid.product(
      {'dataset.purity': [1.0], 'hparams.sentiment_mmd.lambda_class': [1]}
    ),
  )
  # The autoencoder does not read it: both arms start from the same runs.
  config.hparams.autoencode.lambda_class = 1.0
  config.seeds = 5
  config.batch_size = 64
  config.steps = 20_000
  config.phases.autoencode.steps = 100_000
  config.metrics = ('code_traversal',)
  config.metric_options.code_traversal.budgets = BUDGETS
  config.metric_options.code_traversal.budget = BUDGET
  config.hparams.sentiment_mmd.budget = BUDGET
  config.primary = 'traversal_crossed_within_topic'
  if variant:
    _make_small(config, variant)
  return config


def _make_small(config, variant):
  """A laptop's sizes; `:smoke` is the same with next to no steps."""
  config.static.vectors = 24
  config.static.filters = 12
  config.static.hidden = 48
  config.hparams.learning_rate = 3e-3
  config.steps = 1500
  config.phases.autoencode.steps = 2000
  if variant == 'tune':
    config.seeds = TUNING_SEEDS
  if variant == 'yelp':
    _read_files(config)
  if variant == 'smoke':
    config.static.hidden = 16
    config.static.examples = 8
    config.seeds = 2
    config.steps = 20
    config.phases.autoencode.steps = 20
    options = config.metric_options.code_traversal
    options.examples = 8
    options.num_test = 8
    options.num_pool = 200
    options.num_test_pool = 200
    options.budgets = (1e-2,)
    options.num_steps = 20


def _read_files(config):
  """Sentences of a user's files in place of the grammar's."""
  config.dataset = grid.base_config().dataset
  config.dataset.name = 'sentences_file'
  config.dataset.length = 16
  config.dataset.drop_longer = True
  config.dataset.most_words = 2000
  config.static.vectors = 48
  config.static.filters = 24
  config.static.hidden = 96
  config.steps = 800
  config.static.topics = TOPICS
  config.sweep = grid.product({'hparams.sentiment_mmd.lambda_class': [1, 0]})
  config.seeds = 1
  options = config.metric_options.code_traversal
  options.topics = TOPICS
  options.num_pool = 4000
  options.num_test_pool = 4000
