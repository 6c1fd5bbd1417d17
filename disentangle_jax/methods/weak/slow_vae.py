"""SlowVAE: factors of pairs in time change sparsely, under a Laplace prior.

Klindt et al., "Towards nonlinear disentanglement in natural data with temporal
sparse coding", ICLR 2021, https://arxiv.org/abs/2007.10930. The first of two
images has the prior N(0, 1), the second one's latents a Laplace prior of
`rate` around the first one's: KL_L(2|1) is KL(N(m_2, s_2^2) || Laplace(m_1,
rate)) in closed form (`ops.laplace`). Both orders are averaged and the bound of
a pair is halved. Minimised, in nats per image:

  1/2 (rec_1 + rec_2) + beta/4 (KL_1 + KL_2) + gamma/4 (KL_L(1|2) + KL_L(2|1))

A pair pays the normal prior once: at gamma = 0 this is a beta-VAE on pairs
whose weight is beta/2. Paper: beta 1, gamma 10, rate 6, batches of 64 images,
that is 32 pairs, with sums over pixels of 64 x 64 images; smaller images need a
smaller gamma.

The authors' code weighs both cross-entropies against the mean of the entropies,
gamma/2 (CE(1|2) + CE(2|1) - (H_1 + H_2)/2), so that a latent that stays settles
at half the deviation, sqrt(pi/2)/(2 rate) instead of sqrt(pi/2)/rate: `entropy`
is 'exact' or 'reference'.

Pairs (`pair_transition`): 'laplace', every free factor walks with p(v'|v)
proportional to exp(-|v' - v| pair_rate / log size), at least one moves;
'uniform', some factors get other values: `pair_changes`, or one to all but one,
drawn for each pair, with `random_changes`. The paper keeps categorical factors
fixed: `pair_fixed` names them.
"""

import dataclasses

import jax.numpy as jnp

from disentangle_jax import errors, requests, types
from disentangle_jax.methods import training
from disentangle_jax.methods.vae import common
from disentangle_jax.methods.weak import pairs
from disentangle_jax.ops import axis, laplace

CITATION = 'Klindt et al. 2021, arXiv:2007.10930'
DISPLAY = 'SlowVAE'
HPARAMS = {**common.HPARAMS, 'beta': 1.0, 'gamma': 10.0, 'rate': 6.0}
STRENGTH = 'gamma'
# A prior of rate 0 is no density.
BOUNDS = {'rate': (1e-3, float('inf'))}
ENTROPIES = ('exact', 'reference')
State = common.State


@dataclasses.dataclass(frozen=True)
class Config(common.Config):
  """Static choices.

  Attributes:
    entropy: one of ENTROPIES; see the module docstring.
    pair_transition: 'laplace' or 'uniform'.
    pair_rate: of the Laplace walk of factors; larger is slower.
    random_changes: whether the number of factors that differ under 'uniform' is
      drawn for each pair, from one to all but one of those that can change.
    pair_changes: their number otherwise.
    pair_fixed: names of factors that never change.
  """

  entropy: str = 'exact'
  pair_transition: str = 'laplace'
  pair_rate: float = 1.0
  random_changes: bool = True
  pair_changes: int = 1
  pair_fixed: tuple[str, ...] = ()


def batch(config: Config) -> tuple[requests.Request, ...]:
  """The images and those that follow them."""
  pair = requests.Pair(
    changes=0 if config.random_changes else config.pair_changes,
    transition=config.pair_transition,
    rate=config.pair_rate,
    fixed=tuple(config.pair_fixed),
  )
  return (requests.Observation(), pair)


def transition_cost(codes: pairs.Codes, rate, entropy: str):
  """Half of KL_L(1|2) + KL_L(2|1), latent by latent.

  Args:
    codes: posteriors of both images.
    rate: of the Laplace prior, > 0.
    entropy: one of ENTROPIES; 'reference' counts the cross-entropies twice.

  Returns:
    float32 [B, D], nats per pair.
  """
  distance = codes.mean - codes.mean[::-1]
  crossed = laplace.cross_entropy(distance, codes.logvar, rate)
  times = 1.0 if entropy == 'exact' else 2.0
  return jnp.mean(times * crossed - laplace.entropy(codes.logvar), axis=0)


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: the data set, for its observation shape.

  Returns:
    The method; it also reports 'kl_laplace', half of KL_L(1|2) + KL_L(2|1) in
    nats per pair.

  Raises:
    ConfigError: an unknown `entropy`, or see `common.build`.
  """
  if config.entropy not in ENTROPIES:
    raise errors.choices('config.static.entropy', config.entropy, ENTROPIES)
  networks = common.build(config, data)

  def loss_fn(params, key, state, batch, hparams):
    del state
    codes = pairs.encode(networks, params, key, batch)
    reconstruction, kl = pairs.terms_of(networks, params, codes, batch)
    cost = transition_cost(codes, hparams['rate'], config.entropy)
    slow = jnp.sum(axis.mean(cost))
    prior = hparams['beta'] * jnp.sum(kl) + hparams['gamma'] * slow
    loss = reconstruction + 0.5 * prior
    scalars = common.scalars_of(loss, reconstruction, kl)
    return loss, ({**scalars, 'kl_laplace': slow}, ())

  init, update = training.minimise(
    lambda key, batch: networks.init(key, batch['observation']), loss_fn
  )
  return types.Method(
    init, update, *common.inference(networks, config.num_latents)
  )
