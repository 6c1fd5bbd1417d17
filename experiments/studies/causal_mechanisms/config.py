"""Experts that compete for mechanisms: does each find one of its own?

Parascandolo et al., "Learning Independent Causal Mechanisms", ICML 2018,
https://arxiv.org/abs/1712.00961, section 4: MNIST under eight translations by 4
pixels, inversion and noise of variance 0.25; ten experts, pre-trained to copy,
compete under one critic.

  python -m experiments.sweep --config=causal_mechanisms \
      --workdir=runs/causal_mechanisms
  python -m experiments.claims --workdir=runs/causal_mechanisms --write

Expected (section 4, figures 3 to 6): 7 of 10 runs one to one; a classifier
names 40 % of changed digits right and about 99 % of mended ones; without
pre-training 1 run of 10 is arguably good; with 16 experts the further ones stay
idle, with 6 the classifier reaches 72 %; one wide net learns one mechanism.

Full size: the paper's nets and mechanisms, 28 x 28 drawn digits, batch 32, 200
steps of pre-training and 2,000 of the game, 10 seeds, five arms: 10 experts,
no pre-training, 6 and 16 experts, one net of 128 channels; not run at this size
yet. For MNIST, with its files in a folder (docs/data.md), add

  --config.dataset.name=mnist --config.dataset.path=PATH

Variants:
  :laptop  2 CPU cores: 10 x 10 digits, four translations by 2 pixels, inversion
           and noise, 6 experts of two layers of 8 channels, higher rates, 800
           steps, 10 seeds; arms: 6 experts, no pre-training, one net of 16
           channels. Times and what came out: README.md.
  :experts the laptop's sizes with all ten mechanisms and 10, 6 and 16 experts,
           5 seeds; about 14 minutes on a loaded machine.
  :smoke   a minute at most.
"""

from disentangle_jax.studies import grid

VARIANTS = ('laptop', 'experts', 'smoke')
# Variant -> (runs, programs): the copiers of an arm are runs, too.
EXPECTED = {
  '': (90, 9),
  'laptop': (50, 5),
  'experts': (30, 6),
  'smoke': (6, 3),
}
SHIFTS = ('n', 'ne', 'e', 'se', 's', 'sw', 'w', 'nw')


def mechanisms(directions: tuple[str, ...]) -> tuple[str, ...]:
  """Inversion, noise, and translations."""
  return ('invert', 'noise', *(f'shift_{name}' for name in directions))


def arm(experts: int, channels: tuple[int, ...], pretraining: bool = True):
  """One point of the sweep."""
  return {
    'static.experts': [experts],
    'static.channels': [channels],
    'static.pretraining': [pretraining],
  }


def get_config(variant: str = ''):
  """The config; `variant` is '' or one of VARIANTS."""
  grid.variant(variant, VARIANTS)
  config = grid.base_config()
  config.study = '_'.join(filter(None, ('causal_mechanisms', variant)))
  config.description = 'Experts that compete, each to undo one mechanism.'
  config.methods = ('causal_mechanisms',)
  config.dataset.name = 'digits'
  config.dataset.sizes = 1  # 0.65 of the image: translations lose nothing
  config.static.mechanisms = mechanisms(SHIFTS)
  config.static.shift = 4
  config.batch_size = 32
  config.steps = 2000
  config.phases.identity_pretraining.steps = 200
  config.seeds = 10
  config.metrics = ('specialisation',)
  config.metric_options.specialisation.factor = 0
  wide = (32, 32, 32, 32)
  arms = [
    arm(10, wide),
    arm(10, wide, pretraining=False),
    arm(6, wide),
    arm(16, wide),
    arm(1, (128,) * 4),
  ]
  if variant:
    arms = _make_small(config, variant)
  config.sweep = grid.chain(*map(grid.product, arms))
  return config


def _make_small(config, variant):
  """A laptop's sizes; `:experts` has other arms, `:smoke` next to no steps."""
  config.dataset.resolution = 10
  config.dataset.slants = 7
  config.dataset.thicknesses = 3
  config.static.mechanisms = mechanisms(('n', 'e', 's', 'w'))
  config.static.shift = 2
  config.static.critic_channels = (8, 16)
  config.static.critic_hidden = 64
  config.steps = 800
  config.hparams.learning_rate = 3e-3
  config.hparams.critic_learning_rate = 1e-3
  config.hparams.identity_pretraining.learning_rate = 1e-2
  channels = (8, 8)
  arms = [
    arm(6, channels),
    arm(6, channels, pretraining=False),
    arm(1, (16, 16)),
  ]
  if variant == 'experts':
    config.static.mechanisms = mechanisms(SHIFTS)
    config.seeds = 5
    arms = [arm(10, channels), arm(6, channels), arm(16, channels)]
  if variant == 'smoke':
    config.steps = 10
    config.phases.identity_pretraining.steps = 5
    config.seeds = 2
    config.metric_options.specialisation.num_points = 50
    config.metric_options.specialisation.steps = 20
    config.metric_options.specialisation.hidden = (16,)
    config.engine.keep_samples = False
    arms = [arm(6, (4,)), arm(6, (4,), pretraining=False)]
  return arms
