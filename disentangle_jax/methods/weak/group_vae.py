"""Group-VAE of pairs: which factor changed is known.

The labelled counterpart of `ada_gvae`: Locatello et al., "Weakly-supervised
disentanglement without compromises", ICML 2020,
https://arxiv.org/abs/2002.02886: the same averages, with the changed factor
given. The average 'gvae' is that of Hosoya 2019, arXiv:1809.02383, 'product'
that of Bouchacourt et al. 2018. Latent d is assigned to factor d: a pair that
differs in factor k shares all latents but the k-th, those beyond the number of
factors included. Minimised as in `ada_gvae`, in nats per image:

  1/2 sum_i [E[-log p(x_i|z)] + beta sum_d KL(q~(z_d|x_i) || N(0, 1))]

with q~ the averaged posterior for shared latents. A factor with one value never
changes: its latent is always shared. Where the distribution of factors leaves
no other value for the chosen factor, the pair shares everything.

Deviations: the 2019 library hands its method the last changed index; here
exactly one factor changes, so that there is no other.
"""

import jax
import jax.numpy as jnp

from disentangle_jax import errors, types
from disentangle_jax.methods.vae import common
from disentangle_jax.methods.weak import pairs

CITATION = (
  'Locatello et al. 2020, arXiv:2002.02886; Hosoya 2019, arXiv:1809.02383'
)
DISPLAY = 'GVAE'
HPARAMS = {**common.HPARAMS, 'beta': 1.0}
STRENGTH = 'beta'
Config = pairs.Config
State = common.State
batch = pairs.of_changes
# Sprites have five factors.
TEST = {'static': {'num_latents': 6}}


def unchanged(changed: jax.Array, num_latents: int) -> jax.Array:
  """Latents whose factor did not change.

  Args:
    changed: bool [B, K].
    num_latents: D, at least K.

  Returns:
    bool [B, D].
  """
  beyond = num_latents - changed.shape[1]
  return ~jnp.pad(changed, ((0, 0), (0, beyond)))


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: the data set, for its observation shape and number of factors.

  Returns:
    The method; see `pairs.make`.

  Raises:
    ConfigError: more than one change per pair, fewer latents than factors, or
      see `pairs.make`.
  """
  if config.pair_changes != 1:
    rule = 'must be 1: the one changed factor says which latents are shared'
    raise errors.value('config.static.pair_changes', config.pair_changes, rule)
  if config.random_changes:
    rule = 'must be False: the one changed factor says which latents are shared'
    raise errors.value('config.static.random_changes', True, rule)
  count = len(data.factor_sizes)
  if config.num_latents < count:
    rule = f'must be at least {count}, a latent for each factor of {data.name}'
    raise errors.value('config.static.num_latents', config.num_latents, rule)

  def shared_of(codes, batch):
    del codes
    return unchanged(batch['pair_changed'], config.num_latents)

  return pairs.make(config, data, shared_of)
