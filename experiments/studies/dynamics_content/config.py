"""Dynamics and content: plans for pictures whose actions nobody recorded.

Banijamali, Khajenezhad, Ghodsi & Ghavamzadeh, "Disentangling Dynamics and
Content for Control and Planning", NIPS 2017 workshop,
https://arxiv.org/abs/1711.09165: a set X of moves in a plane with six
obstacles, and a set Y of pictures of the same plane in which the agent looks
otherwise. One encoder, one decoder and one network of locally linear dynamics
serve both; plans are made by iLQR among codes.

  python -m experiments.sweep --config=dynamics_content \
      --workdir=runs/dynamics_content
  python -m experiments.claims --workdir=runs/dynamics_content --write

Expected (table 1, 20 runs), X / Y: reconstruction 3.6 / 3.9, prediction
6.2 / 6.3, planning loss 21.4 / 22.0 (weights unstated), success 100 / 100 %.

Two arms: 'states', where the prior of a code of Y is that of an x of the same
state, and 'none', where it is N(0, I): without pairs nothing says that both
sets share one map.

Full size: 40 x 40 hard pictures, 8,000 moves, 2,000 pictures, 20 seeds, two
arms: 40 runs, 2 programs. Neither widths, rate nor length are stated: layers of
300 and 100, batch 128, Adam at 5e-4 with weight decay 1e-3 as in a public
implementation of a later method of this family, 200,000 steps, about as long.
Not run at this size.

Variants:
  :laptop  2 CPU cores: soft pictures at 20 x 20, smaller nets, 6,000 steps, 5
           seeds, both arms; times and what came out: README.md.
  :spare   the same with one latent more than the plane has dimensions, in which
           a folded map can unfold, on seeds that no other variant has seen.
  :hard    the laptop's on hard pictures of 40 x 40, pairs alone.
  :tune    the laptop's with pairs on the tuning seeds.
  :smoke   a minute at most.
"""

from disentangle_jax.studies import grid

VARIANTS = ('laptop', 'spare', 'hard', 'tune', 'smoke')
# Variant -> (runs, programs).
EXPECTED = {
  '': (40, 2),
  'laptop': (10, 2),
  'spare': (10, 2),
  'hard': (5, 1),
  'tune': (2, 1),
  'smoke': (4, 2),
}
PAIRINGS = ('states', 'none')
TUNING_SEEDS = (100, 101)
# What the laptop's run showed led to `:spare`: its seeds are spent.
FRESH_SEEDS = (5, 6, 7, 8, 9)


def get_config(variant: str = ''):
  """The config; `variant` is '' or one of VARIANTS."""
  grid.variant(variant, VARIANTS)
  config = grid.base_config()
  config.study = '_'.join(filter(None, ('dynamics_content', variant)))
  config.description = 'Plans for pictures whose actions nobody recorded.'
  config.methods = ('dynamics_content',)
  config.dataset.name = 'planar'
  config.net.name = 'mlp'
  config.net.mlp.encoder_hidden = (300, 300)
  config.net.mlp.decoder_hidden = (300, 300)
  config.net.mlp.decoder_activation = 'relu'
  config.steps = 200_000
  config.batch_size = 128
  config.seeds = 20
  config.hparams.learning_rate = 5e-4
  config.hparams.weight_decay = 1e-3
  config.representations = ('mean',)
  config.metrics = ('planning',)
  config.sweep = grid.product({'static.pairing': PAIRINGS})
  if variant:
    _make_small(config, variant)
  return config


def _make_small(config, variant):
  """A laptop's sizes; `:smoke` is the same with next to no steps."""
  if variant != 'hard':
    config.dataset.pictures = 'soft'
    config.dataset.resolution = 20
    config.dataset.brightness = 0.5
  config.net.mlp.encoder_hidden = (128, 128)
  config.net.mlp.decoder_hidden = (128, 128)
  config.static.content = 1
  config.static.content_hidden = (128,)
  config.static.transition_hidden = (64, 64)
  config.steps = 6000
  config.batch_size = 64
  config.seeds = 5
  config.hparams.learning_rate = 3e-3
  config.hparams.weight_decay = 0.0
  config.hparams.content_weight = 5.0
  config.hparams.warm_up_steps = 0.4 * config.steps
  config.hparams.decay_steps = float(config.steps)
  if variant in ('hard', 'tune'):
    config.sweep = grid.product({'static.pairing': ('states',)})
  if variant == 'tune':
    config.seeds = TUNING_SEEDS
  if variant == 'spare':
    config.seeds = FRESH_SEEDS
    config.static.num_latents = 3
    config.hparams.warm_up_start = 0.2
  if variant == 'smoke':
    config.net.mlp.encoder_hidden = (16,)
    config.net.mlp.decoder_hidden = (16,)
    config.static.backward_hidden = 16
    config.static.content_hidden = (16,)
    config.static.transition_hidden = (16,)
    config.steps = 20
    config.seeds = 2
    config.metric_options.planning.tasks = 3
    config.metric_options.planning.steps = 5
    config.metric_options.planning.num_points = 50
    config.engine.keep_samples = False
