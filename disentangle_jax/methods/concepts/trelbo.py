"""TrELBO: a joint VAE of pictures and symbols first, their encoders after.

Vedantam et al., "Generative Models of Visually Grounded Imagination", ICLR
2018, https://arxiv.org/abs/1705.10762, in the form in which SCAN's appendix
(https://arxiv.org/abs/1707.03389) takes it as a baseline: two phases. First
q(z|x,y), p(x|z) and p(y|z), on pairs of a picture x and a symbol y that fits:

  -log p(x|z) - log p(y|z) + KL(q(z|x,y) || N(0, I)),    z ~ q(z|x,y)

Then, everything of the first phase frozen, q(z|x) and q(z|y):

  -log p(x|z) + KL(q(z|x) || N(0, I)) - log p(y|z') + KL(q(z'|y) || N(0, I))

with one sample of each; nats per pair. The first phase is the same method with
`stage` 'joint', by the name 'trelbo_joint'. Deviations: the paper's product of
experts over attributes and its weights of likelihoods are left out, as in that
appendix. Trap: nothing ties q(z|y) to pictures but p(y|z), so that it may lie
where no picture was ever encoded.
"""

import dataclasses

import jax
import jax.numpy as jnp

from disentangle_jax import checks, errors, requests, types
from disentangle_jax.methods import training
from disentangle_jax.methods.concepts import common, joint, scan

CITATION = 'Vedantam et al. 2018, arXiv:1705.10762, triple ELBO'
HPARAMS = {'learning_rate': 1e-4, 'weight_decay': 0.0}
DISPLAY = 'TrELBO'
STAGES = ('all', 'joint')
TEST = {
  'dataset': scan.ROOMS,
  'static': {'symbol_hidden': (8,), 'joint_hidden': 8},
}
State = training.State
# What the second phase trains.
_OWN = ('encoder', 'symbol_encoder')


@dataclasses.dataclass(frozen=True)
class Config(joint.Config):
  """Static choices, those of `joint` and

  Attributes:
    stage: 'joint' for the first phase alone, of STAGES.
  """

  stage: str = 'all'


def batch(config: Config) -> tuple[requests.Request, ...]:
  """Symbols, each with one of its few pictures."""
  del config
  return (requests.Observation(), requests.Symbol())


def after(config: Config) -> types.Phase | None:
  """The joint VAE, a run of its own."""
  if config.stage == 'joint':
    return None
  return types.Phase('trelbo', {'stage': 'joint'}, 'trelbo_joint')


def make(
  config: Config, data: types.Dataset, before: types.Method | None = None
) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: with concepts.
    before: the first phase, or None for it.

  Returns:
    The method. Both phases report 'loss', 'reconstruction' and 'naming'; the
    first 'kl', the second 'picture_kl' and 'symbol_kl', nats per pair. Extras:
    those of `common.extras`.

  Raises:
    ConfigError: a data set without concepts, or an option out of range.
  """
  del before
  checks.choice('config.static.stage', config.stage, STAGES)
  networks = joint.build(config, data)
  first = config.stage == 'joint'

  def joint_loss(params, key, state, batch, hparams):
    del state, hparams
    _, terms = joint.joint_bound(networks, params, key, batch)
    loss = sum(terms.values())
    return loss, ({'loss': loss, **terms}, ())

  def encoders_loss(params, key, batch):
    observation, symbol = batch['symbol_observation'], batch['symbol']
    picture_key, symbol_key = jax.random.split(key)
    index = batch['index']
    picture = networks.of_picture(params, observation)
    said = networks.symbols.encode(params, symbol)
    z = joint.sample(picture_key, index, picture)
    z_symbol = joint.sample(symbol_key, index, said)
    terms = {
      'reconstruction': joint.nats_of_pictures(
        networks, params, z, observation
      ),
      'picture_kl': common.kl_to_prior(picture),
      'naming': joint.naming(networks, params, z_symbol, symbol),
      'symbol_kl': common.kl_to_prior(said),
    }
    loss = sum(terms.values())
    return loss, {'loss': loss, **terms}

  def init(key, batch, hparams, frozen=None):
    if frozen is None:
      rule = 'needs the state of the joint phase: init(..., frozen)'
      raise errors.value('method trelbo', 'frozen=None', rule)
    params = {
      **frozen.params,
      **_own(networks.init(key, batch['observation'])),
    }
    opt_state = training.adamw(hparams).init(_own(params))
    return State(params, opt_state, jnp.zeros((), jnp.int32))

  def update(key, state, batch, hparams):
    own, opt_state, scalars = training.descend(
      lambda own: encoders_loss({**state.params, **own}, key, batch),
      training.adamw(hparams),
      _own(state.params),
      state.opt_state,
    )
    return State({**state.params, **own}, opt_state, state.step + 1), scalars

  if first:
    init, update = training.minimise(
      lambda key, batch: networks.init(key, batch['observation']), joint_loss
    )
  return types.Method(init, update, *joint.abilities(networks, config, data))


def _own(params: types.PyTree) -> types.PyTree:
  """What the second phase trains."""
  return {name: params[name] for name in _OWN}
