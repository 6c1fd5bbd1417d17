"""The auxiliary-task VAE with clusters: a mixture prior on the global latents.

"Explicit information placement on latent variables using auxiliary generative
modelling task", 2018 (an anonymous submission to ICLR 2019,
https://openreview.net/group?id=ICLR.cc/2019/Conference), section 3.2, eq. 7 to
11. To `aux_vae` comes a class y, uniform over `num_classes`, and the prior of
z_g becomes p(z_g|y), a Gaussian with a learned mean and variance per class; y
reaches the image through z_g alone. Minimised, in nats per image:

  E_q[-log p(x|z_g,z_l) - log p(x_hat|z_l)]
    + beta E_q[KL(q(z_g|x) || p(z_g|y))] + beta KL(q(z_l|x_hat) || N(0, 1))
    + KL(q(y|x) || uniform)

One encoder gives q(z_g|x) and the logits of q(y|x). In training y is a relaxed
one-hot sample (Gumbel-softmax at `temperature`), and mean and log variance of
p(z_g|y) are linear in it, so that at a corner they are those of one class; the
KL of z_g is in closed form given that sample, the KL of y that of the hard
variable. Eq. 11 prints + beta KL and + KL inside a bound that is maximised: a
slip of the sign, corrected here.

Code vector, patches and `auxiliary=False` are as in `aux_vae`; the latter is
a Gaussian mixture VAE without the task. The class logits are a part of the
codes and not of the vector, for the decoder does not read them. Paper: SVHN,
k = 30, beta 40. Deviations: q(z_g|x) does not depend on y, which the paper
leaves open; temperature and the form of p(z_g|y) are not stated there.
"""

import dataclasses

import jax
import jax.numpy as jnp

from disentangle_jax import errors, types
from disentangle_jax.methods import training
from disentangle_jax.methods.vae import aux_vae, common, decoders
from disentangle_jax.ops import axis, concrete, gaussian

CITATION = 'Explicit information placement on latent variables, section 3.2'
DISPLAY = 'AuxGMVAE'
HPARAMS = {**common.HPARAMS, 'beta': 40.0, 'temperature': 0.67}
STRENGTH = 'beta'
batch = aux_vae.batch
# Below this the softmax of float32 logits is a step without gradient.
BOUNDS = {'temperature': (0.01, float('inf'))}
State = common.State


@dataclasses.dataclass(frozen=True)
class Config(aux_vae.Config):
  """Static choices.

  Attributes:
    num_classes: k, values of y; at least the number of labels (values of the
      first factor), where the data set has labels.
  """

  num_classes: int = 30


def _check(config: Config, data: types.Dataset) -> None:
  """Raises ConfigError when the labels cannot all have a cluster."""
  labels = data.factor_sizes[0] if data.factor_sizes else 2
  if config.num_classes < max(2, labels):
    rule = 'must be at least 2'
    if labels > 2:
      rule = (
        f'must be at least {labels}, the values of {data.factor_names[0]!r} '
        f'in {data.name}: a cluster stands for one of them'
      )
    raise errors.value('config.static.num_classes', config.num_classes, rule)


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: the data set, for its observation shape and number of labels.

  Returns:
    The method; scalars and extras as in `aux_vae`, where 'kl_global' is to
    p(z_g|y) and 'kl_class' is that of y, nats. 'resample_global' draws y and
    then z_g.

  Raises:
    ConfigError: fewer classes than labels; see also `aux_vae.build`.
  """
  _check(config, data)
  classes, num_global = config.num_classes, config.num_global
  networks = aux_vae.build(config, data, {'class_logits': classes})

  def init_params(key, batch):
    key, prior_key = jax.random.split(key)
    params = networks.init(key, batch['observation'])
    # Apart from each other, at the scale of the standard normal.
    prior = {
      'mean': jax.random.normal(prior_key, (classes, num_global)),
      'logvar': jnp.zeros((classes, num_global)),
    }
    return {**params, 'prior': prior}

  def loss_fn(params, key, state, batch, hparams):
    key, class_key = jax.random.split(key)
    terms = aux_vae.terms_of(networks, params, key, batch)
    heads, prior = terms.heads, params['prior']
    logits = heads['class_logits']
    gumbel = concrete.gumbel(class_key, batch['index'], (classes,))
    y = concrete.sample(logits, gumbel, hparams['temperature'])
    kl_global = axis.mean(
      gaussian.kl(
        heads['mean'], heads['logvar'], y @ prior['mean'], y @ prior['logvar']
      )
    )
    kl_class = axis.mean(concrete.kl_to_uniform(logits))
    kl = jnp.sum(kl_global) + jnp.sum(terms.kl_local)
    loss = (
      terms.reconstruction + terms.auxiliary + hparams['beta'] * kl + kl_class
    )
    scalars = aux_vae.scalars_of(loss, terms, kl_global)
    return loss, ({**scalars, 'kl_class': kl_class}, ())

  def resample_global(key, state, vector):
    class_key, key = jax.random.split(key)
    prior = state.params['prior']
    y = jax.random.randint(class_key, vector.shape[:1], 0, classes)
    eps = jax.random.normal(key, (len(vector), num_global))
    sample = gaussian.sample(prior['mean'][y], prior['logvar'][y], eps)
    return jnp.concatenate([sample, vector[:, num_global:]], axis=-1)

  init, update = training.minimise(init_params, loss_fn)
  decode, extras = decoders.decoding(networks.decoder)
  more = aux_vae.extras_with(networks, num_global, resample_global)
  represent = aux_vae.represent_with(networks)
  layout = aux_vae.layout_of(config)
  extras = {**extras, **more}
  return types.Method(init, update, represent, decode, extras, layout)
