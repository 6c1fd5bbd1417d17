"""SCAN: do operators on grounded symbols make new concepts?

Higgins et al., "SCAN: Learning Hierarchical Compositional Visual Concepts",
ICLR 2018, https://arxiv.org/abs/1707.03389: eyes learn without labels, symbols
are grounded in them by a few pictures each, operators (AND, IN COMMON, IGNORE)
recombine them.

  python -m experiments.sweep --config=scan --workdir=runs/scan
  python -m experiments.claims --workdir=runs/scan --write

Expected, accuracy of trained, new and recombined concepts, and diversity of
the same (lower is more diverse):

  TrELBO            .81 .69 .37    9.41  6.86   .63
  JMVAE             .75 .68 .61    4.32  2.87   .86
  SCAN, reverse KL  .86 .81 .67   13.17  9.2   9.94
  SCAN, beta .1     .27 .26 .25    5.51  1.23  1.66
  SCAN, beta 1      .58 .36 .33    2.07  1.22  1.34
  SCAN, beta 20     .65 .42 .32    1.41  3.98  4.57
  SCAN, beta 53     .82 .79 .79    1.46  1.08  1.05

Arms: SCAN on eyes of every beta (the low ones are its unstructured baseline),
the reverse KL on those of the highest, JMVAE and TrELBO, each with operators of
its own.

Full size: the paper's 16 hues, 133 concepts with ten images each and 300
held-out combinations, 64 x 64, eyes with the loss in the features of a
denoising autoencoder, 5 seeds. Rooms, nuisances and lengths (the paper gives no
steps) are ours. Not run at this size.

Variants:
  :laptop  2 CPU cores: 16 x 16, 4 hues, 80 concepts, 16 held-out combinations,
           beta-VAE eyes, 5 seeds; times and what came out: README.md.
  :tune    the laptop's on the tuning seeds.
  :smoke   a minute at most.
"""

from disentangle_jax.studies import grid

VARIANTS = ('laptop', 'tune', 'smoke')
# Variant -> (runs, programs), those of earlier phases among them.
EXPECTED = {
  '': (100, 11),
  'laptop': (80, 10),
  'tune': (32, 10),
  'smoke': (10, 5),
}
TUNING_SEEDS = (100, 101)
FULL_BETAS = (0.1, 1.0, 20.0, 53.0)
BETAS = (0.1, 1.0, 8.0)
# Phases before the baselines' operators.
BASELINES = ('jmvae', 'trelbo', 'trelbo_joint')


def arms(betas):
  """Points of the sweep; the reverse KL is on the eyes of the last beta."""
  scan = lambda direction, betas: {
    'methods': ['scan_operators'],
    'static.direction': [direction],
    'hparams.eyes.beta': list(betas),
  }
  return (
    scan('forward', betas),
    scan('reverse', betas[-1:]),
    {'methods': ['jmvae_operators']},
    {'methods': ['trelbo_operators']},
  )


def get_config(variant: str = ''):
  """The config; `variant` is '' or one of VARIANTS."""
  grid.variant(variant, VARIANTS)
  config = grid.base_config()
  config.study = '_'.join(filter(None, ('scan', variant)))
  config.description = (
    'Symbols grounded in what is seen, and operators on them.'
  )
  config.methods = ('scan_operators', 'jmvae_operators', 'trelbo_operators')
  config.dataset.name = 'rooms'
  config.dataset.colour_space = 'hsv'
  config.net.name = 'conv'
  config.static.num_latents = 32
  config.batch_size = 100
  config.steps = 20_000
  config.phases.scan.steps = 100_000
  config.phases.scan.batch_size = 16
  config.phases.eyes.steps = 300_000
  if variant != 'smoke':
    for name in BASELINES:
      config.phases[name].steps = 300_000
      config.hparams[name].learning_rate = 1e-4
  config.hparams.learning_rate = 1e-3
  config.hparams.scan.learning_rate = 1e-4
  config.hparams.eyes.learning_rate = 1e-4
  config.seeds = 5
  config.representations = ('mean',)
  config.metrics = ('concepts', 'mig_binned')
  config.metric_options.concepts.net = 'conv'
  config.sweep = grid.chain(*(grid.product(arm) for arm in arms(FULL_BETAS)))
  if variant:
    _make_small(config, variant)
  else:
    config.static.vision = 'perceptual_vae'
  return config


def _make_small(config, variant):
  """A laptop's sizes; `:smoke` is the same with next to nothing of all."""
  config.sweep = grid.chain(*(grid.product(arm) for arm in arms(BETAS)))
  config.dataset.resolution = 16
  config.dataset.hues = 4
  config.dataset.scales = 2
  config.dataset.orientations = 3
  config.dataset.antialias = 2
  config.dataset.stored = True
  config.dataset.unseen = 16
  config.dataset.concepts = 80
  config.net.name = 'mlp'
  config.net.mlp.encoder_hidden = (128, 128)
  config.net.mlp.decoder_hidden = (128, 128)
  config.static.likelihood = 'gaussian'
  config.static.likelihood_scale = 0.2
  config.static.num_latents = 10
  config.static.symbol_hidden = (64,)
  config.static.operator_hidden = 64
  config.static.joint_hidden = 128
  config.batch_size = 64
  config.steps = 2000
  config.phases.scan.steps = 3000
  config.phases.scan.batch_size = 32
  config.phases.eyes.steps = 6000
  config.phases.eyes.batch_size = 32
  if variant != 'smoke':
    for name in BASELINES:
      config.phases[name].steps = 4000
      config.phases[name].batch_size = 32
      config.hparams[name].learning_rate = 1e-3
  config.hparams.scan.learning_rate = 1e-3
  config.hparams.eyes.learning_rate = 0.002
  config.metric_options.concepts.net = 'mlp'
  if variant == 'tune':
    config.seeds = TUNING_SEEDS
  if variant == 'smoke':
    config.dataset.resolution = 8
    config.dataset.hues = 3
    config.dataset.scales = 1
    config.dataset.antialias = 1
    config.dataset.stored = False
    config.dataset.unseen = 6
    config.dataset.concepts = 40
    config.dataset.images = 2
    config.dataset.tested = 4
    config.net.mlp.encoder_hidden = (16,)
    config.net.mlp.decoder_hidden = (16,)
    config.static.num_latents = 4
    config.static.symbol_hidden = (8,)
    config.static.joint_hidden = 16
    config.static.operator_hidden = 8
    config.steps = 10
    for name in ('scan', 'eyes', 'jmvae'):
      config.phases[name].steps = 10
    config.methods = ('scan_operators', 'jmvae_operators')
    forward, _, jmvae, _ = arms(BETAS[-1:])
    config.sweep = grid.chain(grid.product(forward), grid.product(jmvae))
    config.seeds = 2
    config.metric_options.concepts.samples = 8
    config.metric_options.concepts.num_points = 20
    config.metric_options.concepts.steps = 20
    config.metric_options.concepts.hidden = (16,)
    config.engine.keep_samples = False
