"""Identifiable VAE: the prior of the latents depends on a known label.

Khemakhem, Kingma, Monti & Hyvärinen, "Variational Autoencoders and Nonlinear
ICA: A Unifying Framework", AISTATS 2020, https://arxiv.org/abs/1907.04809. With
u the label (one factor of the data set, `auxiliary`), minimised in nats per
image:

  E_q[-log p(x|z)] + beta sum_d KL(q(z_d|x, u) || N(m_d(u), exp(a_d(u))))

a, and m where `prior_mean`, are learned tables of one row per value of u, from
0. Where the variances change enough from value to value the latents are
identified up to scale and order; where they are equal in all values they are
not. The label reaches the encoder on purpose.

`encoder_sees='both'` is the paper's encoder, of [x, one-hot u]: it needs the
net 'mlp' (both are joined as one vector), and there is no `represent`, which
sees observations alone, so that no score of codes can be had. 'x' (the default
here) leaves u to the prior.

The decoder is a Gaussian of fixed deviation whose mean may be any number;
images take `likelihood='bernoulli'`.

Deviations: the paper's prior is a network of the one-hot label, of which a
table is the general form; its public example weighs the terms of the bound 100,
1, 0 and 10, here they are the bound's. beta is ours; 1 is the paper.
"""

import dataclasses

import jax
import jax.numpy as jnp

from disentangle_jax import checks, errors, requests, types
from disentangle_jax.methods import training
from disentangle_jax.methods.vae import common
from disentangle_jax.ops import axis, gaussian, per_example

CITATION = 'Khemakhem et al. 2020, arXiv:1907.04809'
DISPLAY = 'iVAE'
HPARAMS = {**common.HPARAMS, 'beta': 1.0}
STRENGTH = 'beta'
SEEN = ('x', 'both')
State = common.State
TEST = {
  'dataset': (
    'nonstationary_sources',
    {'segments': 4, 'per_segment': 20, 'sources': 3},
  )
}


@dataclasses.dataclass(frozen=True)
class Config(common.Config):
  """Static choices.

  Attributes:
    likelihood: see `decoders.LIKELIHOODS`.
    likelihood_scale: the paper's variance of 0.01 is a deviation of 0.1.
    auxiliary: name of the factor that is u; '' for the first.
    prior_mean: whether the prior's means depend on u, too.
    encoder_sees: one of SEEN; see the module docstring.
  """

  likelihood: str = 'gaussian_linear'
  likelihood_scale: float = 0.1
  auxiliary: str = ''
  prior_mean: bool = False
  encoder_sees: str = 'x'


def batch(config: Config) -> tuple[requests.Request, ...]:
  """The observations and their labels."""
  label = requests.Label(config.auxiliary or None)
  return (requests.Observation(), label)


def num_values(config: Config, data: types.Dataset) -> int:
  """How many values u has.

  Args:
    config: static choices.
    data: the data set.

  Returns:
    The factor's size.

  Raises:
    ConfigError: a factor that the data set lacks, or one of a single value.
  """
  field, names = 'config.static.auxiliary', data.factor_names
  if not names:
    rule = f'{data.name} has neither labels nor factors'
    raise errors.value(field, config.auxiliary, rule)
  name = config.auxiliary or names[0]
  if name not in names:
    raise errors.choices(field, name, names)
  size = data.factor_sizes[names.index(name)]
  if size < 2:
    rule = f'has one value in {data.name}: the prior would be the same for all'
    raise errors.value(field, name, rule)
  return size


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: the data set, for its observation shape and the values of u.

  Returns:
    The method; 'kl' is that to the prior of the label.

  Raises:
    ConfigError: an unknown `encoder_sees`, a net that cannot join x and u, or
      see `num_values` and `common.build`.
  """
  checks.choice('config.static.encoder_sees', config.encoder_sees, SEEN)
  values = num_values(config, data)
  both = config.encoder_sees == 'both'
  if both and config.net.name != 'mlp':
    rule = "must be 'mlp' where config.static.encoder_sees = 'both'"
    raise errors.value('config.net.name', config.net.name, rule)
  networks = common.build(config, data)
  prior_shape = (values, config.num_latents)

  def seen_with(observation, label):
    if not both:
      return observation
    flat = observation.reshape(len(observation), -1)
    return jnp.concatenate([flat, jax.nn.one_hot(label, values)], axis=1)

  def init_params(key, batch):
    seen = seen_with(batch['observation'], batch['label'])
    prior = {'logvar': jnp.zeros(prior_shape)}
    if config.prior_mean:
      prior['mean'] = jnp.zeros(prior_shape)
    return {**networks.init(key, seen), 'prior': prior}

  def prior_of(params, label):
    """Mean and log variance of p(z|u), float32 [B, D] each."""
    logvar = params['prior']['logvar'][label]
    if not config.prior_mean:
      return jnp.zeros_like(logvar), logvar
    return params['prior']['mean'][label], logvar

  def loss_fn(params, key, state, batch, hparams):
    del state
    observation, index = batch['observation'], batch['index']
    key, seen = networks.see(key, observation, index)
    heads = networks.encode(params, seen_with(seen, batch['label']))
    mean, logvar = heads['mean'], heads['logvar']
    z = gaussian.sample(
      mean, logvar, per_example.normal(key, index, mean.shape[1:])
    )
    raw = networks.decoder.decode(params, z)
    nats = networks.decoder.log_likelihood(params, raw, observation)
    reconstruction = -axis.mean(nats)
    prior = prior_of(params, batch['label'])
    kl = axis.mean(gaussian.kl(mean, logvar, *prior))
    loss = reconstruction + hparams['beta'] * jnp.sum(kl)
    return loss, (common.scalars_of(loss, reconstruction, kl), ())

  init, update = training.minimise(init_params, loss_fn)
  represent, *rest = common.inference(networks, config.num_latents)
  return types.Method(init, update, None if both else represent, *rest)
