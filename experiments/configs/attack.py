"""Are disentangled VAEs easier to attack? Ten by ten tables over seeds.

Sootla, "Investigating the robustness of disentangled variational autoencoders
to adversarial examples", MSc thesis, University College London, 2018: tables
4.1 to 4.3 and 6.1 to 6.3, of one model each.

  python -m experiments.sweep --workdir=runs/attack \
      --config=experiments/configs/attack.py
"""

from experiments import grid

VARIANTS = ('laptop', 'smoke')


def kinds(gamma, capacity, weight_decay):
  names = ('gamma', 'c_max_gaussian', 'c_max_categorical', 'weight_decay')
  return grid.zipped(
    {
      f'hparams.{name}': values
      for name, values in zip(
        names,
        (
          (gamma, 1.0, 1.0),
          (capacity, 0.0, 0.0),
          (capacity, 0.0, 0.0),
          (0.0, 0.0, weight_decay),
        ),
      )
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
  config.net.name = 'mlp'
  config.net.mlp.encoder_hidden = (256, 256)
  config.net.mlp.decoder_hidden = (256, 256)
  config.net.mlp.decoder_activation = 'relu'
  config.static.num_latents = 10
  config.steps = 4000
  config.batch_size = 64
  config.hparams.learning_rate = 1e-3
  config.hparams.anneal_steps = 2000.0
  config.sweep = kinds(30.0, 5.0, 0.1)
  config.representations = ('mean',)
  config.metrics = ('attack', 'kl', 'reconstruction', 'clustering_accuracy')
  config.metric_options.kl.num_points = 1000
  config.metric_options.reconstruction.num_points = 1000
  config.metric_options.clustering_accuracy.num_train = 2000
  config.seeds = 1
  return config
