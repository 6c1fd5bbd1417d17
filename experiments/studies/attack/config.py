"""Are disentangled VAEs easier to attack? Ten by ten tables over seeds.

Sootla, "Investigating the robustness of disentangled variational autoencoders
to adversarial examples", MSc thesis, University College London, 2018: tables
4.1 to 4.3 and 6.1 to 6.3, of one model each on MNIST. Its chapter of methods is
empty; nets, latents, capacities, weight decay, attack, budget and judge are
chosen here.

  python -m experiments.sweep --workdir=runs/attack \
      --config=attack
  python -m experiments.claims --workdir=runs/attack --write

Three kinds of models with the same nets and the same latents, 10 Gaussian ones
and a categorical one of 10 values: disentangled is JointVAE with capacities of
5 nats and gamma 30; entangled is the same model with gamma 1 and no capacity,
which is the plain evidence lower bound; the third is entangled with decoupled
weight decay. JointVAE's own settings for digits otherwise (Dupont 2018: Adam at
5e-4, batch 64, capacities in 25,000 steps, temperature 0.67), 100,000 steps, 10
seeds. Latent attack, Euclidean budget 2, 200 steps, 100 sources per class:
9,000 attacks per run. Not run at this size yet.

Images are the project's own digits. For MNIST, with its files in a folder (see
docs/data.md) or an .npz of images and labels, add to any variant

  --config.dataset.name=mnist --config.dataset.path=PATH

Expected: disentangled above weight decay in both rates for all source digits; 1
the easiest to move. What came out: README.md.

Variants:
  :laptop  2 CPU cores: MLPs of 256, 256 each way, 2,500 steps at 1e-3,
           capacities in 1,700 steps, 50 steps per attack, 20 sources per class,
           5 seeds: 15 runs, 5 min 27 s on MNIST, 2 min 29 s on the digits
           (not on the same machine).
  :smoke   a minute at most.
"""

from disentangle_jax.studies import grid

VARIANTS = ('laptop', 'smoke')
# Variant -> (runs, programs).
EXPECTED = {
  '': (30, 1),
  'laptop': (15, 1),
  'smoke': (3, 1),
}


def kinds(weight_decay):
  """Disentangled, entangled, entangled with weight decay: three points."""
  return grid.zipped(
    {
      'hparams.gamma': (30.0, 1.0, 1.0),
      'hparams.c_max_gaussian': (5.0, 0.0, 0.0),
      'hparams.c_max_categorical': (5.0, 0.0, 0.0),
      'hparams.weight_decay': (0.0, 0.0, weight_decay),
    }
  )


def get_config(variant: str = ''):
  """The config; `variant` is '' or one of VARIANTS."""
  grid.variant(variant, VARIANTS)
  config = grid.base_config()
  config.study = '_'.join(filter(None, ('attack', variant)))
  config.description = 'Adversarial examples against reconstructions.'
  config.methods = ('joint_vae',)
  config.dataset.name = 'digits'
  config.net.name = 'conv'
  # 28 pixels can be halved twice.
  config.net.conv.channels = (32, 64)
  config.net.conv.kernels = (4, 4)
  config.static.num_latents = 10
  config.static.num_classes = 10
  config.steps = 100_000
  config.batch_size = 64
  config.seeds = 10
  config.hparams.learning_rate = 5e-4
  config.hparams.anneal_steps = 25_000.0
  config.hparams.temperature = 0.67
  config.sweep = kinds(weight_decay=0.1)
  config.representations = ('mean',)
  config.metrics = ('attack', 'kl', 'reconstruction')
  config.metric_options.attack.update(
    {
      'kind': 'latent',
      'norm': 'l2',
      'budget': 2.0,
      'num_steps': 200,
      'sources': 100,
      'block': 512,
      'at_once': 2,
    }
  )
  if variant:
    _make_small(config, variant)
  return config


def _make_small(config, variant):
  """A laptop's sizes; `:smoke` is the same with next to no steps."""
  config.net.name = 'mlp'
  config.net.mlp.encoder_hidden = (256, 256)
  config.net.mlp.decoder_hidden = (256, 256)
  config.net.mlp.decoder_activation = 'relu'
  config.steps = 2500
  config.seeds = 5
  config.hparams.learning_rate = 1e-3
  config.hparams.anneal_steps = 1700.0
  config.sweep = kinds(weight_decay=0.3)
  config.metric_options.kl.num_points = 2000
  config.metric_options.reconstruction.num_points = 2000
  config.metric_options.attack.num_steps = 50
  config.metric_options.attack.sources = 20
  config.metric_options.attack.at_once = 4
  if variant == 'smoke':
    config.steps = 20
    config.seeds = 1
    config.net.mlp.encoder_hidden = (32,)
    config.net.mlp.decoder_hidden = (32,)
    config.metric_options.kl.num_points = 200
    config.metric_options.reconstruction.num_points = 200
    config.metric_options.attack.num_steps = 3
    config.metric_options.attack.sources = 2
    config.metric_options.attack.classifier_steps = 50
    config.metric_options.attack.classifier_hidden = (32,)
    config.engine.keep_samples = False
