"""Tiny runs that train for a while, to be killed in the middle."""

import os

import jax

import disentangle_jax as dj
from disentangle_jax.engine import loop

# In the environment of a process whose device runs out of memory.
STARVED = 'LONG_STUDY_STARVED'


def get_config():
  """Chunks of two runs, a checkpoint about every second."""
  config = dj.base_config()
  config.study, config.methods = 'long', ('beta_vae',)
  config.dataset.update(
    {'resolution': 8, 'scales': 2, 'orientations': 2, 'positions': 4}
  )
  config.net.name = 'mlp'
  config.net.mlp.encoder_hidden = config.net.mlp.decoder_hidden = (8,)
  config.static.num_latents = 2
  config.batch_size = 16
  config.metrics = ('mig_binned', 'kl')
  config.engine.runs_per_chunk = 2
  config.engine.checkpoint_minutes = 0.02
  config.engine.keep_samples = False
  return config


def _starve(*_, **__):
  raise jax.errors.JaxRuntimeError('RESOURCE_EXHAUSTED: out of memory')


if os.environ.get(STARVED):
  loop.train_chunk = _starve
