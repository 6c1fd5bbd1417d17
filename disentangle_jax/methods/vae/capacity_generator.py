"""Ground-truth generator with a rising capacity; it has no encoder.

Burgess et al., "Understanding disentangling in beta-VAE", 2018,
https://arxiv.org/abs/1804.03599, section 4.3, eq. 7 and figure 3. Every
generative factor f_k of the data set is scaled and gets additive noise, both
learned, z_k = s_k f_k + sigma_k eps, and a decoder draws the image from z.
Minimised, in nats per image:

  E[-log p(x|z)] + gamma |sum_k KL_k - C|,
  KL_k = E_f KL(N(s_k f_k, sigma_k^2) || N(0, 1))

with C rising linearly from c_min to c_max in anneal_steps (paper: 0.5 to 25
nats, gamma 1000, learning rate 5e-4, ReLU networks). The training scalars
'kl/<factor>' show in which order the factors are switched on.

Choices that the paper leaves open: f_k is the factor's real value, standardised
over its grid (shape is the number 1, 2 or 3, an angle its value in radians), so
that no capacity goes into a constant; the scales start at s_k = K^(-1/2) and
sigma_k = 1, a KL of half a nat in all. The absolute value is of the batch mean.
"""

import dataclasses

import jax.numpy as jnp
import numpy as np

from disentangle_jax import errors, types
from disentangle_jax.methods import training
from disentangle_jax.methods.vae import common, decoders
from disentangle_jax.ops import axis, gaussian, per_example

CITATION = 'Burgess et al. 2018, arXiv:1804.03599, eq. 7'
HPARAMS = {
  **common.HPARAMS,
  'learning_rate': 5e-4,
  'c_min': 0.5,
  'c_max': 25.0,
  'gamma': 1000.0,
  'anneal_steps': 100_000.0,
}
STRENGTH = 'c_max'
BOUNDS = {'anneal_steps': (1.0, float('inf'))}
State = common.State


@dataclasses.dataclass(frozen=True)
class Config(decoders.DecoderConfig):
  """Static choices: those of the decoder."""


def _standardised(values: np.ndarray) -> np.ndarray:
  """Grid values with mean 0 and variance 1; a lone value becomes 0."""
  values = np.asarray(values, np.float64)
  deviation = values.std()
  return (values - values.mean()) / (deviation if deviation > 0 else 1.0)


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: the data set, with its factors.

  Returns:
    The method; `represent` is None. Extra 'codes_of_factors':
    `(state, factors int32 [B, K]) -> Codes` with 'mean' and 'logvar' [B, K].

  Raises:
    ConfigError: a data set without factors.
  """
  if not data.factor_sizes:
    rule = "has no factors, and 'capacity_generator' is driven by them"
    raise errors.value('config.dataset.name', data.name, rule)
  grids = [_standardised(values) for values in data.factor_values]
  count = len(grids)
  decoder = decoders.build(config, data, count)

  def init_params(key, batch):
    del batch
    channel = {
      'scale': jnp.full(count, count**-0.5, jnp.float32),
      'logvar': jnp.zeros(count, jnp.float32),
    }
    return {'channel': channel, **decoder.init(key)}

  def posterior(params, factors):
    columns = [
      jnp.asarray(grid, jnp.float32)[factors[:, k]]
      for k, grid in enumerate(grids)
    ]
    mean = params['channel']['scale'] * jnp.stack(columns, axis=-1)
    return mean, jnp.broadcast_to(params['channel']['logvar'], mean.shape)

  def loss_fn(params, key, state, batch, hparams):
    mean, logvar = posterior(params, batch['factors'])
    eps = per_example.normal(key, batch['index'], mean.shape[1:])
    raw = decoder.decode(params, gaussian.sample(mean, logvar, eps))
    observation = batch['observation']
    log_likelihood = decoder.log_likelihood(params, raw, observation)
    reconstruction = -axis.mean(log_likelihood)
    kl = axis.mean(gaussian.kl_to_standard(mean, logvar))
    risen = training.ramp(state.step, hparams['anneal_steps'])
    span = hparams['c_max'] - hparams['c_min']
    capacity = hparams['c_min'] + risen * span
    deviation = jnp.abs(jnp.sum(kl) - capacity)
    loss = reconstruction + hparams['gamma'] * deviation
    scalars = common.scalars_of(loss, reconstruction, kl, data.factor_names)
    return loss, ({**scalars, 'capacity': capacity}, ())

  def codes_of_factors(state, factors):
    mean, logvar = posterior(state.params, factors)
    return types.Codes(mean, {'mean': mean, 'logvar': logvar})

  init, update = training.minimise(init_params, loss_fn)
  decode, extras = decoders.decoding(decoder)
  extras['codes_of_factors'] = codes_of_factors
  layout = types.Layout(gaussian=count)
  return types.Method(init, update, None, decode, extras, layout)
