"""In which order a rising capacity switches the factors of dSprites on.

Burgess et al., "Understanding disentangling in beta-VAE", 2018,
https://arxiv.org/abs/1804.03599, section 4.3 and figure 3: a decoder driven by
the true factors, each with a learned scale and noise, and a capacity that rises
from 0.5 to 25 nats.

  python -m experiments.sweep --workdir=runs/capacity_order \
      --config=capacity_order

5 runs of 100,000 steps, learning rate 5e-4, gamma 1000, at 64 x 64 with the
decoder of Locatello et al. 2019 (380,033 parameters with 5 codes; the paper's,
appendix A.1, has 248,673); on a GPU not measured yet. Expected: position first,
then scale, then shape and orientation. There is no encoder, so that no metric
applies; the report shows the KL of every factor over training.

Variants:
  :laptop  2 CPU cores: MLP decoder on 32 x 32 sprites, 16,000 steps at 1e-3,
           capacity up to 15 nats with weight 20. 5 runs, 5 min 1 s; what came
           out: README.md.
  :smoke   a minute at most.
"""

from disentangle_jax.studies import grid

VARIANTS = ('laptop', 'smoke')
# Variant -> (runs, programs).
EXPECTED = {
  '': (5, 1),
  'laptop': (5, 1),
  'smoke': (2, 1),
}


def get_config(variant: str = ''):
  """The config; `variant` is '' or one of VARIANTS."""
  grid.variant(variant, VARIANTS)
  config = grid.base_config()
  config.study = '_'.join(filter(None, ('capacity_order', variant)))
  config.description = 'Order in which capacity switches factors on.'
  config.methods = ('capacity_generator',)
  config.dataset.name = 'dsprites'
  config.dataset.drop_duplicate = True
  config.net.name = 'conv'
  config.metrics = ()
  config.seeds = 5
  config.steps = 100_000
  config.batch_size = 64
  config.hparams.learning_rate = 5e-4
  if variant:
    config.dataset.resolution = 32
    config.net.name = 'mlp'
    config.net.mlp.decoder_hidden = (256, 256)
    config.steps = 16_000
    config.hparams.learning_rate = 1e-3
    config.hparams.capacity_generator.c_max = 15.0
    config.hparams.capacity_generator.gamma = 20.0
    config.hparams.capacity_generator.anneal_steps = 16_000.0
  if variant == 'smoke':
    config.dataset.resolution = 8
    config.net.mlp.decoder_hidden = (16,)
    config.seeds = 2
    config.steps = 20
    config.hparams.capacity_generator.anneal_steps = 20.0
  return config
