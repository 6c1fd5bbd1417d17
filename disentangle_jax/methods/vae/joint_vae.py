"""JointVAE: Gaussian and categorical latents, each with its own capacity.

Dupont, "Learning Disentangled Joint Continuous and Discrete Representations",
NeurIPS 2018, https://arxiv.org/abs/1804.00104, eq. 7. Minimised, in nats per
image:

  E_q[-log p(x|z,c)] + gamma |KL_z - C_z| + gamma |KL_c - C_c|

The one categorical latent c has `num_classes` values. In training the decoder
sees a relaxed one-hot sample (Concrete, at `temperature`); KL_c is the closed
form for the hard variable against the uniform prior, sum_k q_k log(K q_k), so
that the objective need not be a lower bound. Both capacities rise linearly over
`anneal_steps`, to c_max_gaussian and to c_max_categorical; the latter is cut
off at log K, the most that K classes can hold: 5 nats in 25,000 steps reach
log 10 at step 11,513, as in the author's code. Absolute values are of batch
means.

The code vector is the mean of the Gaussian part followed by the hard one-hot of
the most likely class, which stays when a sampled representation redraws the
Gaussian part. Paper: on digits gamma 30, both capacities 5 nats in 25,000
steps, temperature 0.67, learning rate 5e-4. Deviations: one categorical latent
where the paper allows several.
"""

import dataclasses
import math

import jax
import jax.numpy as jnp

from disentangle_jax import errors, types
from disentangle_jax.methods import training
from disentangle_jax.methods.vae import common, decoders
from disentangle_jax.ops import axis, concrete, gaussian, per_example

CITATION = 'Dupont 2018, arXiv:1804.00104, eq. 7'
DISPLAY = 'JointVAE'
HPARAMS = {
  **common.HPARAMS,
  'gamma': 30.0,
  'c_max_gaussian': 5.0,
  'c_max_categorical': 5.0,
  'anneal_steps': 25_000.0,
  'temperature': 0.67,
}
STRENGTH = 'gamma'
BOUNDS = {
  'anneal_steps': (1.0, float('inf')),
  # Below this the softmax of float32 logits is a step without gradient.
  'temperature': (0.01, float('inf')),
}
State = common.State


@dataclasses.dataclass(frozen=True)
class Config(common.Config):
  """Static choices.

  Attributes:
    num_classes: values of the categorical latent, at least 2.
  """

  num_classes: int = 10


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: the data set, for its observation shape.

  Returns:
    The method; 'kl' is the Gaussian part, and it also reports
    'kl_categorical', 'capacity_gaussian' and 'capacity_categorical', nats.

  Raises:
    ConfigError: fewer than two classes.
  """
  if config.num_classes < 2:
    rule = 'must be at least 2'
    raise errors.value('config.static.num_classes', config.num_classes, rule)
  classes = config.num_classes
  heads = dict.fromkeys(common.HEADS, config.num_latents)
  networks = common.build(
    config,
    data,
    heads={**heads, 'class_logits': classes},
    width=config.num_latents + classes,
  )
  decoder = networks.decoder

  def loss_fn(params, key, state, batch, hparams):
    observation, index = batch['observation'], batch['index']
    key, class_key = jax.random.split(key)
    key, seen = networks.see(key, observation, index)
    heads = networks.encode(params, seen)
    mean, logvar, logits = (
      heads['mean'],
      heads['logvar'],
      heads['class_logits'],
    )
    eps = per_example.normal(key, index, mean.shape[1:])
    gumbel = concrete.gumbel(class_key, index, (classes,))
    relaxed = concrete.sample(logits, gumbel, hparams['temperature'])
    z = gaussian.sample(mean, logvar, eps)
    raw = decoder.decode(params, jnp.concatenate([z, relaxed], axis=-1))

    log_likelihood = decoder.log_likelihood(params, raw, observation)
    reconstruction = -axis.mean(log_likelihood)
    kl = axis.mean(gaussian.kl_to_standard(mean, logvar))
    kl_categorical = axis.mean(concrete.kl_to_uniform(logits))
    risen = training.ramp(state.step, hparams['anneal_steps'])
    capacity_gaussian = risen * hparams['c_max_gaussian']
    # Cut off where it gets there, not slowed down to get there at the end.
    capacity_categorical = jnp.minimum(
      risen * hparams['c_max_categorical'], math.log(classes)
    )
    deviation = jnp.abs(jnp.sum(kl) - capacity_gaussian) + jnp.abs(
      kl_categorical - capacity_categorical
    )
    loss = reconstruction + hparams['gamma'] * deviation
    scalars = {
      **common.scalars_of(loss, reconstruction, kl),
      'kl_categorical': kl_categorical,
      'capacity_gaussian': capacity_gaussian,
      'capacity_categorical': capacity_categorical,
    }
    return loss, (scalars, ())

  def represent(state, observation):
    heads = networks.encode(state.params, observation)
    logits = heads['class_logits']
    chosen = concrete.hard_sample(logits, jnp.zeros_like(logits))
    vector = jnp.concatenate([heads['mean'], chosen], axis=-1)
    return types.Codes(vector, dict(heads))

  init, update = training.minimise(
    lambda key, batch: networks.init(key, batch['observation']), loss_fn
  )
  decode, extras = decoders.decoding(decoder)
  layout = types.Layout(gaussian=config.num_latents, classes=(classes,))
  return types.Method(init, update, represent, decode, extras, layout)
