"""Ada-GVAE: pairs of images that share all but a few unknown factors.

Locatello et al., "Weakly-supervised disentanglement without compromises", ICML
2020, https://arxiv.org/abs/2002.02886. Which latents a pair (x1, x2)
shares is guessed from the posteriors: with

  delta_d = KL(q(z_d|x1) || q(z_d|x2)),  tau = (max_d delta_d + min_d delta_d)/2

latent d is shared where delta_d < tau, for every pair on its own. A shared
latent has one averaged posterior in both images, the others keep their own.
Minimised, in nats per image:

  1/2 sum_i [E[-log p(x_i|z)] + beta sum_d KL(q~(z_d|x_i) || N(0, 1))]

q~ being the posteriors after averaging, and two independent samples. The choice
of latents is a step: no gradient goes through it. Averages (`average`): 'gvae'
(Ada-GVAE) the mean of means and of variances, 'mlvae' (Ada-ML-VAE) the mean of
the product of the two Gaussians with twice its variance, as public code has it,
'product' the product itself, as the text says.

Every pair differs in `pair_changes` factors; with `random_changes` their number
is drawn for each pair, uniform from one to all but one of those that can
change. The 2019
library's code draws it as either 1 or uniform, and its KL lacks the factor 1/2,
which the threshold does not see. Identical images share nothing (delta is 0 and
not below tau = 0): the loss is then a VAE's. The weight beta is swept from 1 to
16 in the paper.
"""

import jax
import jax.numpy as jnp

from disentangle_jax import types
from disentangle_jax.methods.vae import common
from disentangle_jax.methods.weak import pairs
from disentangle_jax.ops import gaussian

CITATION = 'Locatello et al. 2020, arXiv:2002.02886'
DISPLAY = 'Ada-GVAE'
HPARAMS = {**common.HPARAMS, 'beta': 1.0}
STRENGTH = 'beta'
Config = pairs.Config
State = common.State
batch = pairs.of_changes


def alike(codes: pairs.Codes) -> jax.Array:
  """Latents whose posteriors differ by less than the pair's threshold.

  Args:
    codes: posteriors of both images.

  Returns:
    bool [B, D]; never all of a row.
  """
  first, second = zip(codes.mean, codes.logvar, strict=True)
  delta = jax.lax.stop_gradient(gaussian.kl(*first, *second))
  ends = jnp.max(delta, 1, keepdims=True), jnp.min(delta, 1, keepdims=True)
  return delta < 0.5 * (ends[0] + ends[1])


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: the data set, for its observation shape.

  Returns:
    The method; see `pairs.make`.

  Raises:
    ConfigError: see `pairs.make`.
  """
  return pairs.make(config, data, lambda codes, batch: alike(codes))
