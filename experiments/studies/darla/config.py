"""Do disentangled eyes let an agent act where colours are exchanged?

Higgins et al., "DARLA: Improving Zero-Shot Transfer in Reinforcement Learning",
ICML 2017, https://arxiv.org/abs/1707.08475: a beta-VAE whose pictures are
compared by a denoising autoencoder learns to see, an actor-critic learns to act
on its frozen code in a source domain, and is tested in a target domain. Here
the world is `seek_avoid`: two floors and two sets of objects are exchanged.

  python -m experiments.sweep --config=darla --workdir=runs/darla
  python -m experiments.claims --workdir=runs/darla --write

Expected, in the paper's other worlds: disentangled eyes lose less in the target
than entangled ones (beta 0.1) and than policies that learn from pixels. The
slides that this follows hold no number.

Arms, by what the policy sees: the code of eyes at every beta (the lowest is the
entangled one; none is picked by what it earns in the target), features of the
autoencoder, pixels, true factors (a ceiling) and these without the shape (the
task must not be won without it).

Full size: 64 x 64, convolutions, 100 features, 32 latents, 5 seeds; sizes of a
public replica of SCAN, which has the same eyes. Not run at this size.

Variants:
  :laptop  2 CPU cores: 16 x 16, dense nets, 8,000 updates, 5 seeds.
  :dqn     the same with double Q-learning in place of the actor-critic.
  :tune    its ceilings, baselines and eyes on the tuning seeds.
  :smoke   a minute at most.

What was run, with times, stands in README.md.
"""

from disentangle_jax.studies import grid

VARIANTS = ('laptop', 'dqn', 'tune', 'smoke')
# Variant -> (runs, programs).
EXPECTED = {
  '': (65, 7),
  'laptop': (65, 7),
  'dqn': (65, 7),
  'tune': (26, 7),
  'smoke': (18, 7),
}
TUNING_SEEDS = (100, 101)
BETAS = {'': (0.1, 10.0, 30.0, 100.0), 'laptop': (0.01, 0.03, 0.1, 0.3)}
OTHERS = ('dae', 'pixels', 'factors', 'blind')
SCORES = ('zero_shot_return', 'mig_binned', 'factor_vae_score')


def get_config(variant: str = ''):
  """The config; `variant` is '' or one of VARIANTS."""
  grid.variant(variant, VARIANTS)
  config = grid.base_config()
  config.study = '_'.join(filter(None, ('darla', variant)))
  config.description = 'Eyes, hands and a domain that the hands never met.'
  config.methods = ('darla',)
  config.dataset.name = 'seek_avoid'
  config.net.name = 'conv'
  config.steps = 20_000
  config.seeds = 5
  config.hparams.learning_rate = 1e-4
  config.hparams.darla.learning_rate = 1e-3
  config.hparams.darla.anneal_steps = float(config.steps)
  config.phases.dae.steps = 100_000
  config.phases.perceptual_vae.steps = 100_000
  config.batch_size = 100
  config.representations = ('mean',)
  config.metrics = SCORES
  betas = BETAS['laptop' if variant else '']
  if variant:
    _make_small(config, variant)
  if variant == 'smoke':
    betas = betas[:2]
  config.sweep = grid.chain(
    grid.product(
      {'static.sees': ['vae'], 'hparams.perceptual_vae.beta': list(betas)}
    ),
    grid.product({'static.sees': list(OTHERS)}),
  )
  return config


def _make_small(config, variant):
  """A laptop's sizes; `:smoke` is the same with next to no steps."""
  config.dataset.resolution = 16
  config.net.name = 'mlp'
  config.net.mlp.encoder_hidden = (64,)
  for phase, widths in (('dae', (128,)), ('perceptual_vae', (128, 128))):
    net = config.phases[phase].net
    net.name = 'mlp'
    net.mlp.encoder_hidden = widths
    net.mlp.decoder_hidden = widths[::-1]
    net.mlp.decoder_activation = 'relu'
    config.phases[phase].steps = 4000
  config.static.dae.bottleneck = 64
  config.static.perceptual_vae.num_latents = 10
  config.hparams.learning_rate = 1e-3
  config.batch_size = 64
  config.steps = 8000
  config.hparams.darla.anneal_steps = float(config.steps)
  config.hparams.darla.learning_rate = 3e-3
  config.hparams.darla.entropy = 0.05
  if variant == 'dqn':
    config.static.agent = 'dqn'
  if variant == 'tune':
    config.seeds = TUNING_SEEDS
  if variant == 'smoke':
    config.seeds = 2
    config.steps = 20
    config.phases.dae.steps = config.phases.perceptual_vae.steps = 20
    config.dataset.hues = 3
    config.dataset.rooms = (0, 1)
    config.dataset.object_sets = ((0,), (1,))
    config.metric_options.zero_shot_return.episodes = 8
    config.metric_options.factor_vae_score.num_train = 50
    config.engine.keep_samples = False
