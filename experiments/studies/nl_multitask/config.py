"""Sentence codes that several tasks share: natural language multitasking.

Brunner et al. 2018, "Natural Language Multitasking: Analyzing and Improving
Syntactic Saliency of Hidden Representations",
https://arxiv.org/abs/1801.06024: an autoencoder of sentences whose code also
has to be translated and tagged clusters sentences by their syntax.

  python -m experiments.sweep --workdir=runs/nl_multitask \\
    --config=nl_multitask --config.dataset.path=en.txt \\
    --config.dataset.translation_g=de.txt \\
    --config.dataset.translation_f=fr.txt \\
    --config.dataset.tags=en.tags --config.dataset.prototypes=forms.tsv
  python -m experiments.claims --workdir=runs/nl_multitask --write

Published (tables 1 and 2; best of 100 clustering errors of 1,400 sentences):

  decoders, width of the code   error   perplexity of each decoder
  REP 1024                        149   1.05
  REP DE 1024                      22   1.04 2.02
  REP DE FR 1024                   24   1.04 2.02 1.86
  REP DE 256                       29   1.07 2.02
  REP DE POS 256                    3   1.14 2.05 1.10

Full size: the paper's nets (LSTMs of 512, codes of 1024 and, with tags, 256),
letters, and the user's own aligned files in the place of 1.7 million sentences
of the European Parliament; steps, batch and rate are not in the paper. Not run
at this size.

Variants:
  :laptop  2 CPU cores: three rule-made languages, a token per word, LSTMs of
           48, codes of 24, four sets of decoders, each after two numbers of
           steps, so that they also meet at equal perplexity; 5 seeds. Letters
           instead of words are three times as many tokens.
  :tune    after the most steps alone, on seeds 100 and 101.
  :smoke   a minute at most.

What was run, with times, stands in README.md.
"""

from disentangle_jax.studies import grid

VARIANTS = ('laptop', 'tune', 'smoke')
DECODERS = ('rep', 'rep+g', 'rep+g+f', 'rep+g+pos')
STEPS = (2500, 5000)
# Variant -> (runs, programs).
EXPECTED = {
  '': (25, 5),
  'laptop': (40, 8),
  'tune': (8, 4),
  'smoke': (8, 4),
}


def get_config(variant: str = ''):
  """The config; `variant` is '' or one of VARIANTS."""
  grid.variant(variant, VARIANTS)
  config = grid.base_config()
  config.study = '_'.join(filter(None, ('nl_multitask', variant)))
  config.description = 'Codes of sentences that are also translated and tagged.'
  config.methods = ('nl_multitask',)
  config.seeds = 5
  config.representations = ('mean',)
  config.metrics = ('prototype_clustering', 'decoder_perplexity')
  if not variant:
    config.dataset.name = 'aligned_files'
    config.dataset.unit = 'character'
    config.batch_size = 64
    config.steps = 300_000
    config.hparams.learning_rate = 1e-3
    wide = {'static.representation': [1024]}
    config.sweep = grid.chain(
      grid.product({'static.decoders': DECODERS[:3], **wide}),
      grid.product(
        {
          'static.decoders': ('rep+g', 'rep+g+pos'),
          'static.representation': [256],
        }
      ),
    )
    return config
  config.dataset.name = 'parallel_sentences'
  config.dataset.unit = 'word'
  config.metrics = (*config.metrics, 'sentence_arithmetic')
  config.batch_size = 32
  config.static.hidden = 48
  config.static.embedding = 24
  config.static.representation = 24
  config.hparams.learning_rate = 4e-3
  steps = STEPS
  if variant == 'tune':
    config.seeds = (100, 101)
    steps = STEPS[-1:]
  if variant == 'smoke':
    steps = (20,)
    config.seeds = 2
    config.static.hidden = config.static.representation = 8
    config.static.embedding = 4
    config.batch_size = 8
    config.metric_options.prototype_clustering.sentences = 10
    config.metric_options.prototype_clustering.restarts = 10
    config.metric_options.decoder_perplexity.sentences = 100
    config.metric_options.decoder_perplexity.block = 100
    config.metric_options.sentence_arithmetic.analogies = 10
    config.metric_options.sentence_arithmetic.pairs = 5
  config.sweep = grid.product({'static.decoders': DECODERS, 'steps': steps})
  return config
