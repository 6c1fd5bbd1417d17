"""Do models reconstruct combinations of factors that they never saw?

After Montero et al., "The role of Disentanglement in Generalisation", ICLR
2021, https://openreview.net/forum?id=qbH974jKUVy: models are trained where one
combination of all factors, a range of two factors, or a range of one is left
out, and asked to reconstruct it. Methods x nets x exclusions.

  python -m experiments.sweep --workdir=runs/combinatorial_generalisation \
      --config=combinatorial_generalisation

315 runs on dSprites at 64 x 64, 300,000 steps, five seeds: beta-VAE at beta 1
(the VAE), 8 and 12, FactorVAE at gamma 20, 50 and 100 as published, and
Ada-GVAE on pairs, each with three nets (Burgess et al. 2018, the larger one of
the paper, the spatial broadcast decoder) under three exclusions. On a GPU not
measured yet. Expected: combinations come back under recombination to element
and fail under recombination to range and under extrapolation, whatever the
degree of disentanglement.

Variants:
  :shapes3d  the same on the rendered room, with the paper's exclusions of 3D
             Shapes: 315 runs.
  :laptop    2 CPU cores: 16 x 16 sprites, narrow nets, beta-VAE at beta 1 and
             2 with all three nets, Ada-GVAE with the first; time and what came
             out: README.md.
  :smoke     a minute at most.
"""

from disentangle_jax.data import exclusions
from disentangle_jax.studies import grid

VARIANTS = ('shapes3d', 'laptop', 'smoke')
# Variant -> (runs, programs).
EXPECTED = {
  '': (315, 27),
  'shapes3d': (315, 27),
  'laptop': (105, 12),
  'smoke': (4, 4),
}
# Of `dci_gap`, without the errors in the deviation of left-out factors: it is 0
# where an exclusion holds a factor.
READINGS = (
  'dci_gap_disentanglement_lasso',
  'dci_gap_disentanglement_forest',
  'dci_gap_nrmse_seen_forest',
  'dci_gap_nrmse_zero_shot_forest',
  'dci_gap_constant',
)
NETS = ('burgess', 'montero', 'spatial_broadcast')
# Where the sets lack what is published: ellipses that are large, turned by 120
# to 240 degrees and at the upper right; squares in the right half; the right
# half.
SPRITES = {
  'recombination_to_element': (
    ('shape', 2),
    ('scale', 0.61, 1.0),
    ('orientation', 2.1, 4.18),
    ('position_x', 0.66, 1.0),
    ('position_y', 0.66, 1.0),
  ),
  'recombination_to_range': (('shape', 1), ('position_x', 0.5, 1.0)),
  'extrapolation': ('position_x', 0.5, 1.0),
}
# Cylinders of the last hues, large, turned by more than 20 degrees; pills in
# the second half of the object's hues; the second half of the floor's hues.
ROOMS = {
  'recombination_to_element': (
    ('floor_hue', 0.79, 0.9),
    ('wall_hue', 0.79, 0.9),
    ('object_hue', 0.79, 0.9),
    ('scale', 1.1, 1.25),
    ('shape', 1),
    ('orientation', 20.5, 30),
  ),
  'recombination_to_range': (('shape', 3), ('object_hue', 0.5, 0.9)),
  'extrapolation': ('floor_hue', 0.5, 0.9),
}


def _narrow(config, small: bool):
  """The three nets for 16 x 16 pixels: two halvings, few channels."""
  width = 4 if small else 16
  config.net.burgess.channels = (width, width)
  config.net.montero.channels = (width, 2 * width)
  for name in ('burgess', 'montero'):
    config.net[name].hidden = (4 * width, 4 * width)
  config.net.spatial_broadcast.update(
    {
      'channels': (width, width),
      'hidden': 4 * width,
      'decoder_channels': (width // 2, width // 2),
    }
  )


def _scores(config, points: int):
  """Fewer points, for small grids."""
  config.metric_options.reconstruction_by_part.num_points = points
  config.metric_options.dci_gap.update(
    {
      'num_train': points,
      'num_test': points // 2,
      'num_gap': points // 2,
      'num_alphas': 20,
      'num_trees': 5,
      'max_depth': 6,
    }
  )


def _sweep(betas, gammas, weak_nets):
  """Every net under every exclusion."""
  where = {'net.name': NETS, 'dataset.distribution': exclusions.NAMES}
  parts = [
    grid.product({'methods': ['beta_vae'], **where, 'hparams.beta': betas})
  ]
  if gammas:
    parts.append(
      grid.product(
        {'methods': ['factor_vae'], **where, 'hparams.gamma': gammas}
      )
    )
  weak = {**where, 'net.name': weak_nets}
  parts.append(grid.product({'methods': ['ada_gvae'], **weak}))
  return grid.chain(*parts)


def get_config(variant: str = ''):
  """The config; `variant` is '' or one of VARIANTS."""
  grid.variant(variant, VARIANTS)
  config = grid.base_config()
  config.study = '_'.join(
    filter(None, ('combinatorial_generalisation', variant))
  )
  config.description = 'Combinations of factors that training never saw.'
  config.methods = ('beta_vae', 'factor_vae', 'ada_gvae')
  rooms = variant == 'shapes3d'
  config.dataset.name = 'shapes3d' if rooms else 'dsprites'
  config.dataset.update(ROOMS if rooms else SPRITES)
  config.static.num_latents = 10
  config.hparams.ada_gvae.beta = 1.0
  config.seeds = 5
  config.steps = 300_000
  config.batch_size = 64
  config.hparams.learning_rate = 1e-4
  config.representations = ('mean',)
  config.metrics = ('reconstruction_by_part', *READINGS, 'mig_binned')
  config.primary = 'reconstruction_by_part/explained_left_out'
  config.sweep = _sweep((1.0, 8.0, 12.0), (20.0, 50.0, 100.0), NETS)
  if variant in ('', 'shapes3d'):
    return config
  small = variant == 'smoke'
  config.methods = ('beta_vae', 'ada_gvae')
  config.dataset.update(
    {
      'resolution': 16,
      'scales': 4,
      'orientations': 8,
      'drop_duplicate': True,
      'positions': 10,
    }
  )
  _narrow(config, small)
  _scores(config, 100 if small else 1000)
  config.static.num_latents = 8
  config.steps = 20 if small else 2000
  config.batch_size = 32
  config.hparams.learning_rate = 2e-3
  config.engine.keep_samples = False
  config.sweep = _sweep((1.0, 2.0), (), ('burgess',))
  if small:
    config.seeds = 1
    config.metrics = ('reconstruction_by_part',)
    tiny = lambda method, nets, name: grid.product(
      {'methods': [method], 'net.name': nets, 'dataset.distribution': [name]}
    )
    config.sweep = grid.chain(
      tiny('beta_vae', NETS[::2], 'recombination_to_range'),
      tiny('beta_vae', NETS[1:2], 'extrapolation'),
      tiny('ada_gvae', NETS[:1], 'recombination_to_range'),
    )
    config.hparams.beta_vae.beta = 1.0
  return config
