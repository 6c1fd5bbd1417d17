"""Factors of films: a transition for each, or one for all of the state?

Whitney & Fergus, "Disentangling Video with Independent Prediction", 2019,
https://arxiv.org/abs/1901.05590, table 2. Published, of moving digits: a
factor's next state shares 4.61 nats with its own state and 0.75 with the other
one's at a bound of -2,902 nats a frame; where one network moves the whole state
4.66, 2.61 and -2,896 nats.

  python -m experiments.sweep --config=independent_prediction \
      --workdir=runs/independent_prediction
  python -m experiments.claims --workdir=runs/independent_prediction --write

Full size: moving digits of 64 x 64, 10 frames, the published nets, two factors
of 16, both transitions, five seeds, 200,000 steps of 32 films; not run at this
size. Factor size, frames, batch and steps are not stated.

Variants:
  :laptop       two blobs on planes of 12 x 12, 12 frames, MLPs, two factors of
                4; time and what came out: README.md.
  :correlation  the same with transitions of two linear layers, one seed: the
                paper's figure 2.
  :smoke        a minute at most.
"""

from disentangle_jax.studies import grid

VARIANTS = ('laptop', 'correlation', 'smoke')
# Variant -> (runs, programs).
EXPECTED = {
  '': (10, 2),
  'laptop': (10, 2),
  'correlation': (2, 2),
  'smoke': (4, 2),
}
CLAIM_SEEDS = (5, 6, 7, 8, 9)
TRANSITIONS = ('factored', 'entangled')


def get_config(variant: str = ''):
  """The config; `variant` is '' or one of VARIANTS."""
  grid.variant(variant, VARIANTS)
  config = grid.base_config()
  config.study = '_'.join(filter(None, ('independent_prediction', variant)))
  config.description = 'Factors of films that are predicted one by one.'
  config.methods = ('independent_prediction',)
  config.dataset.name = 'moving_digits'
  config.dataset.frames = 10
  config.sweep = grid.product({'static.transition': TRANSITIONS})
  config.seeds = 5
  config.batch_size = 32
  config.steps = 200_000
  config.hparams.learning_rate = 3e-4
  config.representations = ('mean',)
  config.metrics = ('independent_prediction',)
  if variant:
    _make_small(config)
  if variant == 'correlation':
    config.static.transition_hidden = (64,)
    config.metric_options.independent_prediction.correlations = True
    config.seeds = 1
  if variant == 'smoke':
    config.steps = 20
    config.seeds = 2
    config.metric_options.independent_prediction.update(
      {'num_points': 100, 'partitions': 3}
    )
  return config


def _make_small(config):
  """A laptop's sizes."""
  config.dataset.name = 'moving_blobs'
  config.dataset.frames = 12
  config.net.name = 'mlp'
  config.net.mlp.encoder_hidden = (128, 128)
  config.net.mlp.decoder_hidden = (128, 128)
  config.net.mlp.encoder_activation = 'leaky_relu'
  config.net.mlp.decoder_activation = 'relu'
  config.static.architecture = 'net'
  config.static.normalise = 'none'
  config.static.latents_per_factor = 4
  config.static.transition_hidden = (64, 64)
  config.static.posterior_hidden = 64
  config.static.variance = 0.02
  config.hparams.learning_rate = 2e-3
  config.steps = 4000
  # Seeds 0 to 4 were seen with a fault of the method (README).
  config.seeds = CLAIM_SEEDS
