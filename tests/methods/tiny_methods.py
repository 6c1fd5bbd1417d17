"""Every method small enough to compile in seconds."""

from disentangle_jax.nn import nets

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
}
