"""Entities of scenes: the multi-entity VAE against one vector for all.

Nash et al. 2017, "The Multi-Entity Variational Autoencoder",
https://charlienash.github.io/assets/docs/mevae2017.pdf: a grid of posteriors
whose N cells of largest KL are decoded by one decoder of objects and joined by
their maximum. The KL of the slots counts the objects, a slot more than there
are objects changes nothing, and two scenes can exchange an object.

  python -m experiments.sweep --workdir=runs/mvae --config=mvae
  python -m experiments.claims --workdir=runs/mvae --write

20 runs at 64 x 64: MVAE and a VAE of as many latents, scenes of up to 3 sprites
(5 slots) and up to 8 (10 slots), five seeds, batches of 64, 3 million steps at
rates from 1e-3 to 1e-5. Not run at this size. Published: counts 74.4 % right on
training scenes and 72.6 % on new ones; the rest are pictures. The paper's
colours are random, those of `multi_sprites` saturated hues.

Variants:
  :three   of these the 10 runs with up to 3 sprites.
  :eight   the 10 runs with up to 8.
  :laptop  2 CPU cores: 16 x 16, up to 3 squares and discs, a grid of 4 x 4, 4
           slots of 8 latents; 10 runs; time and what came out: README.md.
  :smoke   a minute at most.
"""

from disentangle_jax.studies import grid

VARIANTS = ('three', 'eight', 'laptop', 'smoke')
# Variant -> (runs, programs).
EXPECTED = {
  '': (20, 4),
  'three': (10, 2),
  'eight': (10, 2),
  'laptop': (10, 2),
  'smoke': (2, 2),
}
METHODS = ('mvae', 'scene_vae')
# Sprites -> slots.
FULL = {3: 5, 8: 10}
SMALL = {
  'slots': 4,
  'latents_per_slot': 8,
  'channels': (16, 32),
  'downsampling': 'stride',
  'pools': 2,
  'head_channels': (64,),
  'head_kernel': 1,
  'hidden': (64,),
  'base': 4,
  'object_doublings': 1,
  'scene_channels': (16,),
}
STEPS = 6000


def small(config, steps: int):
  """Scenes, nets and lengths of the variants for two CPU cores.

  Args:
    config: is changed.
    steps: of training.
  """
  config.dataset.name = 'multi_shapes'
  config.static.update(SMALL)
  config.steps = steps
  config.batch_size = 32
  config.hparams.learning_rate = 3e-3
  config.hparams.learning_rate_end = 1.5e-4
  config.hparams.anneal_steps = float(steps)
  config.metric_options.reconstruction.num_points = 2000
  config.sweep = grid.product({'methods': list(METHODS)})


def get_config(variant: str = ''):
  """The config; `variant` is '' or one of VARIANTS."""
  grid.variant(variant, VARIANTS)
  config = grid.base_config()
  config.study = '_'.join(filter(None, ('mvae', variant)))
  config.description = 'A vector for each entity of a scene, or one for all.'
  config.methods = METHODS
  config.seeds = 5
  config.representations = ('mean',)
  config.metrics = ('scene_objects', 'reconstruction', 'kl')
  config.primary = 'slot_found'
  if variant in ('laptop', 'smoke'):
    small(config, STEPS if variant == 'laptop' else 20)
  else:
    config.dataset.name = 'multi_sprites'
    config.batch_size = 64
    config.steps = 3_000_000
    wanted = {'three': (3,), 'eight': (8,)}.get(variant, tuple(FULL))
    config.sweep = grid.chain(
      *(
        grid.product(
          {
            'methods': list(METHODS),
            'dataset.sprites': [sprites],
            'static.slots': [FULL[sprites]],
          }
        )
        for sprites in wanted
      )
    )
  if variant == 'smoke':
    config.seeds = 1
    options = config.metric_options.scene_objects
    options.num_train = options.num_test = options.num_scenes = 128
    options.num_pairs = 64
    config.metric_options.reconstruction.num_points = 128
  return config
