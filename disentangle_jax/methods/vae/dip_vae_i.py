"""DIP-VAE-I: covariance of the posterior means pulled to the identity.

Kumar, Sattigeri & Balakrishnan, "Variational Inference of Disentangled Latent
Concepts from Unlabeled Observations", ICLR 2018,
https://arxiv.org/abs/1711.00848, eq. 6 (eq. 5 of the workshop text). Minimised,
in nats per image:

  E_q[-log p(x|z)] + KL + lambda_od sum_{i != j} M_ij^2
                        + lambda_d sum_i (M_ii - 1)^2,    M = Cov_x(mean(x))

with lambda_d = lambda_d_factor * lambda_od (paper and 2019 study: 10). The sum
runs over ordered pairs, so every pair counts twice; the KL has weight 1. The
covariance divides by the batch size. Deviation: the paper keeps a running
estimate of M and takes its past as constant, at a rate it does not give; the
default here, as in the 2019 study, is the batch's own covariance. The static
option `covariance_decay` above 0 turns the running estimate on: an exponential
average, divided by 1 - decay^t, so that the first steps are not pulled to zero.
"""

from collections.abc import Callable
import dataclasses

import jax
import jax.numpy as jnp

from disentangle_jax import errors, types
from disentangle_jax.methods import training
from disentangle_jax.methods.vae import common
from disentangle_jax.ops import covariance

CITATION = 'Kumar et al. 2018, arXiv:1711.00848, eq. 6'
DISPLAY = 'DIP-VAE-I'
HPARAMS = {**common.HPARAMS, 'lambda_od': 10.0, 'lambda_d_factor': 10.0}
STRENGTH = 'lambda_od'
# One example has no covariance.
MIN_BATCH = 2
State = common.State


@dataclasses.dataclass(frozen=True)
class Config(common.Config):
  """Static choices.

  Attributes:
    covariance_decay: weight of the past in the estimate of M, in [0, 1); 0 for
      the batch alone.
  """

  covariance_decay: float = 0.0


def make(
  config: Config,
  data: types.Dataset,
  addition: common.Addition | None = None,
) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: the data set, for its observation shape.
    addition: what is minimised beside it.

  Returns:
    The method; it also reports 'covariance_off_diagonal' and
    'covariance_diagonal', the two unweighted penalties.
  """
  of_terms = lambda terms: covariance.of_batch(terms.mean)
  return make_with(config, data, of_terms, addition)


def make_with(
  config: Config,
  data: types.Dataset,
  of_terms: Callable[[common.Terms], jax.Array],
  addition: common.Addition | None = None,
) -> types.Method:
  """A VAE with a penalty on some covariance of its codes.

  Args:
    config: static choices.
    data: the data set.
    of_terms: terms of a batch -> M, float32 [D, D], over the whole batch.
    addition: what is minimised beside it.

  Returns:
    The method; `State.memory` is the undivided running sum of M, or ().
  """
  decay = config.covariance_decay
  if not 0.0 <= decay < 1.0:
    rule = 'must be at least 0 and below 1'
    raise errors.value('config.static.covariance_decay', decay, rule)
  networks = common.build(config, data)

  def estimate(terms, state):
    matrix = of_terms(terms)
    if not decay:
      return matrix, ()
    matrix = decay * state.memory + (1.0 - decay) * matrix
    total = 1.0 - decay ** (state.step + 1).astype(jnp.float32)
    return matrix / total, jax.lax.stop_gradient(matrix)

  def loss_fn(params, key, state, batch, hparams):
    terms = common.terms_of(networks, params, key, batch)
    matrix, memory = estimate(terms, state)
    off, on = covariance.distance_from_identity(matrix)
    penalty = hparams['lambda_od'] * (off + hparams['lambda_d_factor'] * on)
    loss = terms.reconstruction + jnp.sum(terms.kl) + penalty
    scalars = common.scalars_of(loss, terms.reconstruction, terms.kl)
    scalars['covariance_off_diagonal'] = off
    scalars['covariance_diagonal'] = on
    loss, scalars = common.total(
      networks, params, batch, hparams, state.step, loss, scalars, addition
    )
    return loss, (scalars, memory)

  size = config.num_latents
  init, update = training.minimise(
    lambda key, batch: common.initial(
      networks, key, batch['observation'], addition
    ),
    loss_fn,
    jnp.zeros((size, size)) if decay else (),
  )
  return types.Method(init, update, *common.inference(networks, size))
