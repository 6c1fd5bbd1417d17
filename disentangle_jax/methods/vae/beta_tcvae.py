"""beta-TCVAE: the parts of the KL weighted apart.

Chen, Li, Grosse & Duvenaud, "Isolating Sources of Disentanglement in VAEs",
NeurIPS 2018, https://arxiv.org/abs/1802.04942, eq. 4. Minimised, in nats per
image:

  E_q[-log p(x|z)] + alpha I(x; z) + beta TC(z) + gamma sum_d KL(q(z_d)||p(z_d))

The three parts are estimated from one batch and one sample per image, with
minibatch weighted (default, as the paper's experiments) or stratified sampling;
N is the number of images: all points of a factor grid, or all images of a set
without one. Their sum is a sample of the KL,
whose exact value is known, so by default (`kl='analytic'`) the loss is

  E_q[-log p(x|z)] + KL + (alpha - 1) I + (beta - 1) TC + (gamma - 1) sum_d KL_d

the same in expectation and less noisy; at alpha = gamma = 1 it is the loss of
the 2019 study's code, at beta = 1 as well the VAE's. `kl='sampled'` takes the
first form to the letter. Deviations: none else. The estimator's constants
(log B N per density) are kept in the loss; they do not depend on the
parameters. The reported parts carry the estimator's name, because weighted
sampling shifts them by many nats (`ops.total_correlation`): compare models by
`ops.elbo_decomposition`.
"""

import dataclasses
import math

import jax.numpy as jnp

from disentangle_jax import errors, types
from disentangle_jax.methods.vae import common
from disentangle_jax.ops import axis, total_correlation

CITATION = 'Chen et al. 2018, arXiv:1802.04942, eq. 4'
DISPLAY = r'$\beta$-TCVAE'
HPARAMS = {**common.HPARAMS, 'alpha': 1.0, 'beta': 6.0, 'gamma': 1.0}
STRENGTH = 'beta'
# The mixture over a batch of one is the posterior itself.
MIN_BATCH = 2
State = common.State

ESTIMATORS = ('mws', 'mss')
KLS = ('analytic', 'sampled')


@dataclasses.dataclass(frozen=True)
class Config(common.Config):
  """Static choices.

  Attributes:
    estimator: 'mws' (weighted) or 'mss' (stratified) sampling.
    kl: 'analytic' or 'sampled', see the module docstring.
    dataset_size: N; 0 for the data set's number of images.
  """

  estimator: str = 'mws'
  kl: str = 'analytic'
  dataset_size: int = 0


def _size(config: Config, data: types.Dataset) -> int:
  if config.dataset_size:
    return config.dataset_size
  if data.num_examples:
    return data.num_examples
  if not data.factor_sizes:
    rule = (
      f'must be given: data set {data.name!r} says neither how many images it '
      'has nor has a factor grid'
    )
    raise errors.value('config.static.dataset_size', config.dataset_size, rule)
  return math.prod(data.factor_sizes)


def objective_of(config: Config, data: types.Dataset) -> common.Objective:
  """The objective alone, for methods that add to it.

  Args:
    config: static choices.
    data: the data set, for its size.

  Returns:
    The objective; see `make`.

  Raises:
    ConfigError: see `make`.
  """
  for field, legal in (('estimator', ESTIMATORS), ('kl', KLS)):
    if getattr(config, field) not in legal:
      raise errors.choices(
        f'config.static.{field}', getattr(config, field), legal
      )
  size = _size(config, data)

  def log_weights(index):
    batch_size = axis.gather(index).shape[0]
    if config.estimator == 'mss':
      if batch_size > size + 1:
        rule = (
          f'must be at most {size + 1}, one above the number of images, for '
          "config.static.estimator = 'mss'; 'mws' takes any"
        )
        raise errors.value('config.batch_size', batch_size, rule)
      return total_correlation.mss_log_weights(index, batch_size, size)
    return total_correlation.mws_log_weights(index.shape[0], batch_size, size)

  def objective(hparams, step, terms):
    del step
    parts = total_correlation.decompose(
      terms.z, terms.mean, terms.logvar, log_weights(terms.index)
    )
    weights = [hparams['alpha'], hparams['beta'], hparams['gamma']]
    loss = terms.reconstruction
    if config.kl == 'analytic':
      loss += jnp.sum(terms.kl)
      weights = [weight - 1.0 for weight in weights]
    loss += sum(weight * part for weight, part in zip(weights, parts))
    named = parts._asdict().items()
    return loss, {f'{name}_{config.estimator}': part for name, part in named}

  return objective


def make(
  config: Config,
  data: types.Dataset,
  addition: common.Addition | None = None,
) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: the data set, for its observation shape and its size.
    addition: what is minimised beside it.

  Returns:
    The method; it also reports 'index_code_mi_<estimator>',
    'total_correlation_<estimator>' and 'dimension_wise_kl_<estimator>', nats.

  Raises:
    ConfigError: an unknown option, or a data set of unknown size; when a step
      is traced, a batch too large for the stratified estimator.
  """
  return common.make(config, data, objective_of(config, data), addition)
