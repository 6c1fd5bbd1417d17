"""Every method small enough to compile in seconds."""

import dataclasses

import pytest

import disentangle_jax as dj
from disentangle_jax.methods import METHODS, contract
from disentangle_jax.nn import nets

STEPS = 6  # of a study of `tiny_config`

BATCH_SIZE = 8
# Small static choices by field name, for every method that has the field.
SMALL = {
  'net': nets.mlp.Config(encoder_hidden=(16,), decoder_hidden=(16,)),
  'num_latents': 3,
  'num_classes': 3,
  'num_global': 2,
  'num_local': 3,
  'patch': 4,
  'discriminator_width': 16,
  'discriminator_depth': 2,
}
# What a method is tested on unless its module's TEST says otherwise.
SPRITES = (
  'dsprites',
  {'resolution': 8, 'scales': 2, 'orientations': 3, 'positions': 4},
)
# Values at which a few steps show every term, by hyper-parameter name.
BASE = {
  'learning_rate': 3e-3,
  'discriminator_learning_rate': 3e-3,
  'weight_decay': 0.01,
  'alpha': 0.7,
  'anneal_steps': 4.0,
  'contrast_start': 2.0,
  'critic_learning_rate': 3e-3,
  'noise': 0.1,
  'rate_left': 0.5,
  'discriminator_limit': 10.0,
}


def tiny_config(name, **engine):
  """A study of one method: two values of a hyper-parameter, three seeds."""
  module = METHODS[name]
  described = contract.read(module, name)
  fields = {f.name for f in dataclasses.fields(described.config)}
  config = dj.base_config()
  config.study = name
  config.methods = (name,)
  data_name, options = described.test.get('dataset', SPRITES)
  config.dataset.name = data_name
  for field, value in options.items():
    config.dataset[field] = value
  static = {
    field: value
    for field, value in SMALL.items()
    if field in fields and field != 'net'
  }
  config.static.update({**static, **described.test.get('static', {})})
  config.net.name = 'mlp'
  config.net.mlp.encoder_hidden = config.net.mlp.decoder_hidden = (16,)
  for field in described.hparams:
    if field in BASE:
      config.hparams[field] = BASE[field]
  field = next(iter(described.hparams), None)
  if field is None:
    pytest.skip('no hyper-parameter to sweep')
  value = config.hparams.get(field, described.hparams[field])
  config.sweep = dj.product({f'hparams.{name}.{field}': (value, 2 * value)})
  config.steps, config.batch_size, config.seeds = STEPS, BATCH_SIZE, 3
  config.metrics = ()
  config.engine.keep_samples = False
  config.engine.update(engine)
  return config
