"""Factors that an agent controls on their own: does acting find them?

Thomas et al. 2018, "Disentangling the independently controllable factors of
variation by interacting with the world", https://arxiv.org/abs/1802.09484: an
autoencoder and policies that are paid for changes which say who made them.

  python -m experiments.sweep --config=icf --workdir=runs/icf
  python -m experiments.claims --workdir=runs/icf --write

Expected (the paper prints pictures): changes of the code in four modes, a code
that is a grid (figure 2), each coordinate of two digits "almost linearly" on
one feature (figure 4), three-step policies whose ends are predicted (figure 3).

Full size: section 4.1: 64 x 64 pixels, 8 x 8 cells, one block, a redundant
action up and down+left, two latents, 256 embeddings of which one acts,
convolutions, 100,000 steps, with and without selectivity (w_sel 20, 0), 10
seeds; not run at this size. The paper gives neither rates nor steps; weights
are those of its authors' public code.

Variants:
  :laptop       2 CPU cores: 5 x 5 cells, one block, 10 x 10 pixels, dense nets,
                16 embeddings that all act, 10,000 steps, with and without
                selectivity, 10 seeds.
  :fixed        one policy for each of six features, 10 x 10 cells on 11 x 11
                pixels, 8,000 steps, with and without selectivity, 10 seeds.
  :digits       the same with 16 features, two digits on 6 x 6 places, with
                and without the autoencoder's loss, 10 seeds.
  :three_steps  the laptop's world, policies of three actions, 10,000 steps, 10
                seeds.
  :smoke        both forms, a minute at most.

What was run, with times, stands in README.md.
"""

from disentangle_jax.studies import grid

VARIANTS = ('laptop', 'fixed', 'digits', 'three_steps', 'smoke')
# Variant -> (runs, programs).
EXPECTED = {
  '': (20, 1),
  'laptop': (20, 1),
  'fixed': (20, 1),
  'digits': (20, 1),
  'three_steps': (10, 1),
  'smoke': (8, 2),
}
BLOCK = ((2, 2),)
SCORES = ('action_effects', 'policy_information', 'reconstruction')


def get_config(variant: str = ''):
  """The config; `variant` is '' or one of VARIANTS."""
  grid.variant(variant, VARIANTS)
  config = grid.base_config()
  config.study = '_'.join(filter(None, ('icf', variant)))
  config.description = 'Codes and policies that each control one factor.'
  config.methods = ('icf_fixed' if variant in ('fixed', 'digits') else 'icf',)
  config.dataset.name = 'gridworld'
  config.seeds = 10
  config.representations = ('mean',)
  config.metrics = SCORES
  # Sets of these sizes have few observations: more would be the same again.
  config.metric_options.reconstruction.num_points = 1000
  make = {
    '': _make_full,
    'laptop': _make_laptop,
    'three_steps': _make_three_steps,
    'fixed': _make_fixed,
    'digits': _make_digits,
    'smoke': _make_smoke,
  }
  make[variant](config)
  return config


def _make_full(config):
  config.dataset.blocks = ((3, 3),)
  config.dataset.more_actions = ('up_again', 'down_left')
  config.net.name = 'conv'
  config.static.acting = 'one'
  config.static.embeddings = 256
  config.batch_size = 16
  config.steps = 100_000
  config.hparams.learning_rate = 1e-4
  config.hparams.sigma = 2**0.5
  config.hparams.w_ae = 0.81
  config.hparams.w_ent = 1e-4
  config.hparams.w_ent_end = 1e-4
  config.sweep = grid.product({'hparams.w_sel': [20.0, 0.0]})


def _make_nets(config, encoder, activation):
  config.net.name = 'mlp'
  config.net.mlp.encoder_hidden = encoder
  config.net.mlp.decoder_hidden = encoder[::-1]
  config.net.mlp.encoder_activation = activation
  config.net.mlp.decoder_activation = activation
  config.static.output = 'linear'


def _make_laptop(config):
  config.dataset.cells = 5
  config.dataset.blocks = BLOCK
  config.dataset.pixels = 2
  config.dataset.side = 2
  config.dataset.spread = 1.5
  _make_nets(config, (64, 32), 'tanh')
  config.static.embeddings = 16
  config.batch_size = 8
  config.steps = 10_000
  config.hparams.learning_rate = 3e-3
  config.hparams.epsilon = 0.0
  # At 2 policies may settle on two actions before the code unfolds.
  config.sweep = grid.product({'hparams.w_sel': [1.0, 0.0]})


def _make_three_steps(config):
  _make_laptop(config)
  config.static.policy_steps = 3
  config.static.transition = True
  # Three steps of the code are longer than one.
  config.hparams.w_mb = 1.0
  config.metrics = (*SCORES, 'policy_prediction')
  config.sweep = grid.product({'hparams.w_sel': [1.0]})


def _make_fixed(config):
  config.dataset.cells = 10
  config.dataset.pixels = 1
  config.dataset.side = 2
  config.dataset.agent = 'square'
  # With tanh neighbouring cells take codes at opposite ends.
  _make_nets(config, (64, 32), 'relu')
  config.static.num_latents = 6
  config.batch_size = 64
  config.steps = 8000
  config.hparams.learning_rate = 2e-3
  config.sweep = grid.product({'hparams.w_sel': [1.0, 0.0]})


def _make_digits(config):
  _make_fixed(config)
  config.dataset = grid.base_config().dataset
  config.dataset.name = 'two_digits'
  config.dataset.places = 6
  config.dataset.step = 1
  config.dataset.side = 9
  # Twice as many as actions, for some die; and every action is tried.
  config.static.num_latents = 16
  config.static.acting = 'all'
  config.sweep = grid.product({'hparams.w_ae': [0.0, 0.1]})


def _make_smoke(config):
  _make_laptop(config)
  config.methods = ('icf', 'icf_fixed')
  _make_nets(config, (16,), 'tanh')
  config.static.policy_steps = 2
  config.static.transition = True
  config.static.icf_fixed.num_latents = 4
  config.metrics = (*SCORES, 'policy_prediction')
  config.metric_options.policy_information.num_embeddings = 8
  config.metric_options.reconstruction.num_points = 100
  config.steps = 20
  config.seeds = 2
  config.sweep = grid.product({'hparams.w_sel': [1.0, 0.0]})
