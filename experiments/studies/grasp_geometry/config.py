"""Does a guessed solid help to tell which grasps hold?

Yan et al., "Learning 6-DOF Grasping Interaction via Deep Geometry-aware 3D
Representations", ICRA 2018, https://arxiv.org/abs/1708.07303, tables II and
III: the share of grasps of novel objects whose outcome is told rightly rises
from the plain CNN to the net that guesses the solid (elevation 15: 71.42 to
76.55 %; 45: 71.32 to 77.25; new elevations 30: 69.50 to 75.27; 60: 70.18 to
75.76), and so does the share of bad grasps that a search by the net mends
(55.85 to 61.46 %).

  python -m experiments.sweep --config=grasp_geometry \
      --workdir=runs/grasp_geometry
  python -m experiments.claims --workdir=runs/grasp_geometry --write

Four arms: 'grasp_geometry'; its ceiling, which looks at the true solid;
'grasp_cnn'; and that one without the view, a guard. Full size: the paper's
count of objects (98) and the widths of Yan et al. 2016, 64 x 64, grids of 32,
100,000 steps (the paper gives no length), 5 seeds; its 150,000 grasps by hand
are not public. Not run at this size.

Variants:
  :laptop  16 x 16, grids of 12, 350 and 105 objects, residual convolutions,
           4,000 steps, seeds 5 to 9 (0 to 4 went to an earlier size: README).
  :tune    its ceiling and its baselines, on seeds 100 and 101.
  :smoke   a minute at most.
"""

from disentangle_jax.studies import grid

VARIANTS = ('laptop', 'tune', 'smoke')
# Variant -> (runs, programs).
EXPECTED = {'': (20, 4), 'laptop': (20, 4), 'tune': (6, 3), 'smoke': (8, 4)}
TUNING_SEEDS = (100, 101)
# Seeds 0 to 4 were run with dense views, whose CNN saw next to nothing.
LAPTOP_SEEDS = (5, 6, 7, 8, 9)

GEOMETRY = {'methods': ['grasp_geometry'], 'static.occupancy': ['learnt']}
CEILING = {'methods': ['grasp_geometry'], 'static.occupancy': ['true']}
BASELINES = {'methods': ['grasp_cnn'], 'static.sees': ['view', 'pose']}


def get_config(variant: str = ''):
  """The config; `variant` is '' or one of VARIANTS."""
  grid.variant(variant, VARIANTS)
  config = grid.base_config()
  config.study = '_'.join(filter(None, ('grasp_geometry', variant)))
  config.description = 'Outcomes of grasps, with and without a guessed solid.'
  config.methods = ('grasp_geometry', 'grasp_cnn')
  config.dataset.name = 'graspable'
  arms = (CEILING, BASELINES)
  if variant != 'tune':
    arms = (GEOMETRY, *arms)
  config.sweep = grid.chain(*(grid.product(arm) for arm in arms))
  config.seeds = 5
  config.batch_size = 32
  config.steps = 100_000
  config.metrics = ('grasp_accuracy', 'grasp_shape', 'grasp_plan')
  if variant:
    _make_small(config, variant)
  return config


def _make_small(config, variant):
  """A laptop's sizes; `:smoke` is the same with next to nothing of all."""
  config.dataset.resolution = 16
  config.dataset.grid = 12
  config.dataset.instances = 50
  config.dataset.novel_instances = 15
  config.static.channels = (16, 32)
  config.static.state_hidden = (128,)
  config.static.outcome_hidden = (128, 64)
  config.static.encoder_hidden = (512, 256)
  config.static.code = 128
  config.static.decoder_hidden = (256,)
  config.static.decoder_channels = ()
  config.static.rays = 48
  config.static.depth_samples = 16
  config.static.local_side = 8
  config.static.local_samples = 8
  config.hparams.learning_rate = 1e-3
  config.batch_size = 16
  config.steps = 4000
  config.seeds = LAPTOP_SEEDS
  if variant == 'tune':
    config.seeds = TUNING_SEEDS
    config.metrics = ('grasp_accuracy',)
  if variant == 'smoke':
    config.dataset.resolution = 8
    config.dataset.grid = 6
    config.dataset.instances = 2
    config.dataset.novel_instances = 1
    config.dataset.grasps = 16
    config.static.channels = (4,)
    config.static.state_hidden = (32, 16)
    config.static.encoder_hidden = (32,)
    config.static.code = 16
    config.static.decoder_hidden = (32,)
    config.static.rays = 16
    config.static.depth_samples = 8
    config.static.local_side = 4
    config.seeds = 2
    config.steps = 20
