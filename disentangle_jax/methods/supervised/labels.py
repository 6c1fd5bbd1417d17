"""A few labels beside an unsupervised loss: what the s2_ methods share.

Locatello et al., "Disentangling Factors of Variation Using Few Labels", ICLR
2020, https://arxiv.org/abs/1905.01258, section 4.2. To the loss of the
unsupervised method on its own batch comes gamma_supervised S. S is the mean
over a batch of labelled examples of one of these, with m_k the mean of latent
k, y_k the grid index of factor k and n_k its number of values:

  'xent'   sum_k BCE(logit m_k, target y_k / n_k), nats
  'l2'     sum_k (b m_k - y_k)^2, b learned from 1
  'embed'  sum_k -log softmax_v(-((m_k - e_kv) sigma)^2) at v = y_k, nats; sigma
           learned from 1, e_k learned from evenly spaced values of mean 0 and
           variance 1
  'cov'    sum_{d != k} Cov(m_d, y_k)^2 over the batch of labelled examples, all
           latents d

The k-th labelled factor is assigned latent k; factors of one value have no
label. `num_labels` examples are labelled once and for all (`label_seed`); nine
tenths of them train, the last tenth is left for selection (the score
`few_labels`). In every step as many of them as the batch has are drawn with
replacement. They are encoded as they are, also where the method denoises.

The weight gamma_supervised is constant ('fixed'), rises linearly from 0 over
`annealing_steps` ('linear'), or is 0 until then ('step').

The paper's code sums S over its 64 labelled rows: multiply its weight by 64 to
get this one. Its 'l2' subtracts arrays of shapes [B, 1, K] and [B, K], and its
variables of 'embed' and 'l2' are in no optimiser's list of S2-FactorVAE; here
encoder and decoder's optimiser has them.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import checks, errors, requests, types
from disentangle_jax.methods import training
from disentangle_jax.methods.vae import common
from disentangle_jax.ops import axis, supervision

CITATION = 'Locatello et al. 2020, arXiv:1905.01258, section 4.2'
HPARAMS = {'gamma_supervised': 8.0}
STRENGTH = 'gamma_supervised'
SUPERVISIONS = ('xent', 'l2', 'embed', 'cov')
ANNEALINGS = ('fixed', 'linear', 'step')
TEST = {'static': {'num_latents': 5, 'num_labels': 20}}


@dataclasses.dataclass(frozen=True)
class Options:
  """Static choices of all s2_ methods.

  Attributes:
    supervision: the error on labels, one of SUPERVISIONS.
    num_labels: labelled examples, those for selection included.
    labeller: see `requests.Labelled`.
    label_seed: of the labelled examples; no seed of a run changes it.
    annealing: of gamma_supervised, one of ANNEALINGS.
    annealing_steps: see the module docstring.
  """

  supervision: str = 'xent'
  num_labels: int = 100
  labeller: str = 'perfect'
  label_seed: int = 1
  annealing: str = 'fixed'
  annealing_steps: int = 10_000


def request_of(options: Options) -> requests.Labelled:
  """The labelled examples that train.

  Raises:
    ConfigError: fewer than `supervision.LEAST_LABELS` labels.
  """
  checks.integer(
    'config.static.num_labels', options.num_labels, supervision.LEAST_LABELS
  )
  return requests.Labelled(
    supervision.num_train(options.num_labels),
    options.labeller,
    options.label_seed,
  )


def targets_of(
  request: requests.Labelled, data: types.Dataset, num_latents: int
) -> tuple[int, ...]:
  """The labelled factors; the k-th is assigned latent k.

  Args:
    request: whose labeller decides.
    data: with factors.
    num_latents: D.

  Returns:
    Their places among `factor_names`.

  Raises:
    ConfigError: no factors that vary, or more than there are latents.
  """
  if not data.factor_names:
    rule = 'has neither labels nor factors'
    raise errors.value('config.dataset.name', data.name, rule)
  factors = supervision.observed(
    data.factor_sizes, request.labeller, request.seed
  )
  if not factors:
    rule = 'has no factor that varies, so that no label says anything'
    raise errors.value('config.dataset.name', data.name, rule)
  if request.labeller == 'partial' and len(factors) < supervision.PARTIAL:
    rule = f'needs {supervision.PARTIAL} factors that vary, {data.name} has one'
    raise errors.value('config.static.labeller', request.labeller, rule)
  if len(factors) > num_latents:
    rule = f'must be at least {len(factors)}, a latent for each labelled factor'
    raise errors.value('config.static.num_latents', num_latents, rule)
  return factors


def weight_of(options: Options, step: jax.Array) -> jax.Array:
  """The share of gamma_supervised at a step, in [0, 1]."""
  if options.annealing == 'linear':
    return training.ramp(step, options.annealing_steps)
  if options.annealing == 'step':
    return (step >= options.annealing_steps).astype(jnp.float32)
  return jnp.float32(1.0)


def addition(config: Any, data: types.Dataset) -> common.Addition:
  """The error on labels as an addition to a VAE's loss.

  Args:
    config: has the fields of `Options` and `num_latents`.
    data: the data set, for its factors.

  Returns:
    The addition; it reports 'supervised', S without its weight.

  Raises:
    ConfigError: an unknown option; see `request_of` and `targets_of`.
  """
  for field, legal in (
    ('supervision', SUPERVISIONS),
    ('annealing', ANNEALINGS),
    ('labeller', supervision.LABELLERS),
  ):
    if getattr(config, field) not in legal:
      raise errors.choices(
        f'config.static.{field}', getattr(config, field), legal
      )
  for field in ('label_seed', 'annealing_steps'):
    checks.integer(f'config.static.{field}', getattr(config, field), 1)
  factors = targets_of(request_of(config), data, config.num_latents)
  sizes = tuple(data.factor_sizes[k] for k in factors)

  def init():
    if config.supervision == 'l2':
      return {'scale': jnp.ones(())}
    if config.supervision == 'embed':
      spaced = [(np.arange(n) - (n - 1) / 2) for n in sizes]
      return {
        'sigma': jnp.ones(()),
        'values': [jnp.asarray(x / x.std(), jnp.float32) for x in spaced],
      }
    return {}

  def error(own, mean, labels):
    first = mean[:, : len(factors)]
    if config.supervision == 'cov':
      return supervision.covariance_error(mean, labels)
    if config.supervision == 'l2':
      return axis.mean(supervision.squared_error(first, labels, own['scale']))
    if config.supervision == 'embed':
      each = supervision.embedding_error(
        first, labels, own['values'], own['sigma']
      )
      return axis.mean(each)
    return axis.mean(supervision.cross_entropy(first, labels, sizes))

  def loss(encode, own, batch, hparams, step):
    mean = encode(batch['labelled_observation'])['mean']
    labels = batch['labelled_factors'][:, jnp.array(factors)]
    supervised = error(own, mean, labels)
    weight = hparams['gamma_supervised'] * weight_of(config, step)
    return weight * supervised, {'supervised': supervised}

  return common.Addition(init, loss)
