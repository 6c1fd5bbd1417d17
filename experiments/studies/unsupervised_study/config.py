"""The large study: six objectives, six strengths, fifty seeds on dSprites.

Locatello et al., "Challenging Common Assumptions in the Unsupervised Learning
of Disentangled Representations", ICML 2019, https://arxiv.org/abs/1811.12359.

  python -m experiments.sweep --workdir=runs/unsupervised_study \
      --config=unsupervised_study

1,800 runs of 300,000 steps, batch 64, Adam at 1e-4, 10 latents, the study's
convolutional nets; run numbers are its model numbers on dSprites. Published
cost: 131 P100-days. Expected (read off the paper's violins, ranges over seeds):
binned MIG beta-VAE .05 to .39, FactorVAE .03 to .47, DIP-VAE-I .01 to .07,
DIP-VAE-II .01 to .23; FactorVAE score beta-VAE .41 to .73, FactorVAE .58 to
.94.

Variants:
  :reference  the choices of the study's code where they differ from the papers:
              FactorVAE shuffles the same batch, and does 150,000 updates.
  :all        the seven data sets of the study: 12,600 runs. Files are looked
              for in the folder $DISENTANGLE_JAX_DATA ('data' by default):
              smallnorb/ and cars3d.tgz (docs/data.md says where to get them),
              3dshapes.h5, scream.jpg. Places that share it give --slice=1/7 to
              --slice=7/7 and make one report of their workdirs. Not run.
  :gpu        the full grid cut to about 10 minutes of one GPU at 0.16 ms per
              run-step: 5 seeds, 20,000 steps, capacity rising over the first
              third as in the full size. Not measured yet.
  :laptop     2 CPU cores: MLPs on 16 x 16 sprites, 6 latents, 3 strengths, 5
              seeds, 4,000 steps at 1e-3, FactorVAE's discriminator 3 x 256.
              90 runs, 11 minutes, 2.4 GiB; what came out and which published
              directions it shows: README.md.
  :smoke      every method once, a minute at most.
"""

import os

from disentangle_jax.studies import grid

VARIANTS = ('all', 'gpu', 'laptop', 'reference', 'smoke')
# Variant -> (runs, programs).
EXPECTED = {
  '': (1800, 6),
  'reference': (1800, 6),
  'all': (12600, 42),
  'gpu': (180, 6),
  'laptop': (90, 6),
  'smoke': (6, 6),
}

# In the order of the study's model numbers.
GRID = {
  'beta_vae': ('beta', (1, 2, 4, 6, 8, 16)),
  'factor_vae': ('gamma', (10, 20, 30, 40, 50, 100)),
  'dip_vae_i': ('lambda_od', (1, 2, 5, 10, 20, 50)),
  'dip_vae_ii': ('lambda_od', (1, 2, 5, 10, 20, 50)),
  'beta_tcvae': ('beta', (1, 2, 4, 6, 8, 10)),
  'annealed_vae': ('c_max', (5, 10, 25, 50, 75, 100)),
}

# Small images hold fewer nats: capacities and penalties of a laptop's size.
LAPTOP_GRID = {
  'beta_vae': ('beta', (1, 4, 8)),
  'factor_vae': ('gamma', (3, 10, 30)),
  'dip_vae_i': ('lambda_od', (1, 5, 20)),
  'dip_vae_ii': ('lambda_od', (1, 5, 20)),
  'beta_tcvae': ('beta', (1, 4, 8)),
  'annealed_vae': ('c_max', (5, 10, 20)),
}


def _sweep(methods_to_values, **more):
  """One product per method; `more` adds dotted names for one method."""
  return grid.chain(
    *(
      grid.product(
        {
          'methods': [method],
          f'hparams.{name}': values,
          **more.get(method, {}),
        }
      )
      for method, (name, values) in methods_to_values.items()
    )
  )


def datasets():
  """Points for the seven data sets, in the study's order."""
  folder = os.environ.get('DISENTANGLE_JAX_DATA', 'data')
  files = {
    'dsprites': {},
    'dsprites_color': {},
    'dsprites_noisy': {},
    'dsprites_scream': {'background': 'scream.jpg'},
    'smallnorb': {'path': 'smallnorb'},
    'cars3d': {'path': 'cars3d.tgz'},
    'shapes3d_file': {'path': '3dshapes.h5'},
  }
  return [
    {
      'dataset.name': name,
      **{f'dataset.{o}': f'{folder}/{file}' for o, file in options.items()},
    }
    for name, options in files.items()
  ]


def get_config(variant: str = ''):
  """The config; `variant` is '' or one of VARIANTS."""
  grid.variant(variant, VARIANTS)
  config = grid.base_config()
  config.study = 'unsupervised_study'
  config.description = 'Six objectives, their strengths and many seeds.'
  config.methods = tuple(GRID)
  config.dataset.name = 'dsprites'
  config.net.name = 'conv'
  config.static.num_latents = 10
  config.steps = 300_000
  config.batch_size = 64
  config.hparams.learning_rate = 1e-4
  config.seeds = 50
  config.sweep = _sweep(GRID)
  if variant == 'reference':
    config.study = 'unsupervised_study_reference'
    config.static.factor_vae.permuted = 'same_batch'
    config.sweep = _sweep(GRID, factor_vae={'steps': [150_000]})
  if variant == 'all':
    config.study = 'unsupervised_study_all'
    config.sweep = [
      {**point, **data} for data in datasets() for point in _sweep(GRID)
    ]
  if variant == 'gpu':
    config.study = 'unsupervised_study_gpu'
    config.seeds = 5
    config.steps = 20_000
    config.hparams.annealed_vae.anneal_steps = 20_000 / 3
  if variant in ('laptop', 'smoke'):
    _make_small(config, variant)
  return config


def _make_small(config, variant):
  """A laptop's sizes; `:smoke` is the same with next to no steps."""
  config.study = f'unsupervised_study_{variant}'
  config.dataset.update(grid.SMALL_SPRITES)
  config.net.name = 'mlp'
  config.net.mlp.encoder_hidden = (128, 128)
  config.net.mlp.decoder_hidden = (128, 128)
  config.static.num_latents = 6
  config.static.factor_vae.discriminator_width = 256
  config.static.factor_vae.discriminator_depth = 3
  config.hparams.learning_rate = 1e-3
  config.hparams.annealed_vae.gamma = 20.0
  config.steps = 4000
  config.hparams.annealed_vae.anneal_steps = 3000.0
  config.seeds = 5
  config.sweep = _sweep(LAPTOP_GRID)
  if variant == 'smoke':
    config.steps = 20
    config.seeds = 1
    config.sweep = _sweep({m: (n, v[:1]) for m, (n, v) in LAPTOP_GRID.items()})
    config.net.mlp.encoder_hidden = (32,)
    config.net.mlp.decoder_hidden = (32,)
    config.static.factor_vae.discriminator_width = 32
    # Compiling is what takes the time: no diagnostics, no pictures.
    config.metrics = ('mig_binned',)
    config.metric_options.mig_binned.num_train = 1000
    config.engine.keep_samples = False
