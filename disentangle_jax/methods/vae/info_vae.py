"""InfoVAE: an aggregate posterior like the prior, by maximum mean discrepancy.

Zhao, Song & Ermon, "InfoVAE: Balancing Learning and Inference in Variational
Autoencoders", AAAI 2019, https://arxiv.org/abs/1706.02262. Minimised, in nats
per image:

  E_q[-log p(x|z)] + (1 - alpha) sum_d KL(q(z_d|x) || N(0, 1))
                   + (alpha + lambda_mmd - 1) MMD^2(q(z), N(0, I))

At alpha = 1 nothing pulls a single posterior to the prior, so that codes may
keep what they know of x; only their mixture is held to it. alpha = 0 and
lambda_mmd = 1 is the VAE. MMD^2 is the V-statistic of `ops.mmd` between one
sample of z per image and as many of the prior, over the whole batch, with the
kernel exp(-|a - b|^2 / kernel_width), a width of D (2 l^2) by default. It lies
between 0 and 2 whatever the number of pixels: a weight in the hundreds and
above is usual. Independent samples of equal laws leave (2 / B) (1 - E k) of it.

Deviations: public code takes a width of D^2, a deterministic encoder and the
squared error per pixel, which is alpha = lambda_mmd = 1 beside a reconstruction
that is smaller by the number of pixels. alpha below 0 (a KL weighted above 1)
is refused. The kernel is flat far out: codes that start there feel no pull.
"""

import dataclasses
import math

import jax.numpy as jnp

from disentangle_jax import checks, errors, types
from disentangle_jax.methods.vae import common
from disentangle_jax.ops import mmd, per_example

CITATION = 'Zhao et al. 2019, arXiv:1706.02262'
DISPLAY = 'InfoVAE'
HPARAMS = {**common.HPARAMS, 'alpha': 1.0, 'lambda_mmd': 1000.0}
STRENGTH = 'lambda_mmd'
# Together: alpha + lambda_mmd >= 1, and no weight is negative.
BOUNDS = {'alpha': (0.0, 1.0), 'lambda_mmd': (1.0, math.inf)}
# A single code says nothing of a law.
MIN_BATCH = 2
State = common.State


@dataclasses.dataclass(frozen=True)
class Config(common.Config):
  """Static choices.

  Attributes:
    kernel_width: 2 l^2 of the kernel, > 0; 0 for the number of latents.
  """

  kernel_width: float = 0.0


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: the data set, for its observation shape.

  Returns:
    The method; it also reports 'mmd', MMD^2 without its weight.

  Raises:
    ConfigError: a kernel without a width, or see `common.build`.
  """
  width = config.kernel_width or float(config.num_latents)
  if not checks.is_number(width) or width <= 0:
    rule = 'must be a number > 0, or 0 for the number of latents'
    raise errors.value('config.static.kernel_width', width, rule)

  def objective(hparams, step, terms):
    del step
    prior = per_example.normal(terms.key, terms.index, terms.z.shape[1:])
    mismatch = mmd.squared(terms.z, prior, width)
    alpha, weight = hparams['alpha'], hparams['lambda_mmd']
    loss = terms.reconstruction + (1.0 - alpha) * jnp.sum(terms.kl)
    return loss + (alpha + weight - 1.0) * mismatch, {'mmd': mismatch}

  return common.make(config, data, objective)
