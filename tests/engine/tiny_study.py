"""A study so small that its programs compile in seconds."""

import disentangle_jax as dj


def tiny_config():
  """Two methods, two strengths, two seeds; 8 x 8 sprites."""
  config = dj.base_config()
  config.study = 'tiny'
  config.methods = ('beta_vae', 'annealed_vae')
  config.dataset.update(
    {'resolution': 8, 'scales': 2, 'orientations': 2, 'positions': 4}
  )
  config.net.name = 'mlp'
  config.net.mlp.encoder_hidden = (16,)
  config.net.mlp.decoder_hidden = (16,)
  config.static.num_latents = 3
  config.steps = 20
  config.batch_size = 8
  config.seeds = 2
  config.hparams.learning_rate = 1e-3
  config.sweep = dj.chain(
    dj.product({'methods': ['beta_vae'], 'hparams.beta': [1, 4]}),
    dj.product({'methods': ['annealed_vae'], 'hparams.c_max': [5, 20]}),
  )
  config.metrics = ('mig_binned', 'factor_vae_score', 'reconstruction', 'kl')
  config.metric_options.mig_binned.num_train = 400
  config.metric_options.factor_vae_score.update(
    {'num_variance': 200, 'num_train': 100, 'num_test': 50, 'batch_size': 8}
  )
  config.metric_options.reconstruction.num_points = 64
  config.metric_options.kl.num_points = 64
  config.engine.log_every = 5
  return config


def get_config(variant=''):
  """The tiny study as a file for --config."""
  del variant
  return tiny_config()
