"""DC-IGN: batches in which one kind of factor varies, latents clamped by kind.

Kulkarni, Whitney, Kohli & Tenenbaum, "Deep Convolutional Inverse Graphics
Network", NeurIPS 2015, https://arxiv.org/abs/1503.03167, section 3.2. Every
kind of factor owns some latents, in the order of the kinds. In a batch one kind
varies, all other factors are shared; p is 1 for the latents of that kind and 0
for all others, the inactive ones; y is the encoder's output, mean and log
variance alike. Forward, inactive latents take the batch's mean m,

  u = p y + (1 - p) m,   z = mean_u + exp(logvar_u / 2) eps

with noise of its own for every example. Backward, what decoder and prior say of
inactive latents is dropped, and the difference from the mean takes its place:
the gradient at y is p dL/du + (1 - p) (invariance / B) (y - m). That is the
gradient of what is minimised here, in nats per image:

  E[-log p(x|z)] + beta sum_d KL(u_d || N(0, 1))
    + invariance / 2 mean_b sum_inactive (y - m)^2,   m without gradient

`kinds` are tuples of factor names; the last one is the paper's intrinsic kind.
`latents_per_kind` says how many latents each owns, () for one each and the rest
to the last. `kind_weights` says how often each kind varies. Paper: one latent
each for azimuth, elevation and light and 197 for intrinsic ones, which vary
1 : 1 : 1 : 10. `clamp='first'` clamps to the batch's first example, as the
authors' code does where their text says the mean. Their code sums the gradient
of the invariance over the batch, so that its strength 1 is 1 here; its default
is 0.

Traps: invariance of 10 and more ends in an encoder without information, for a
latent is inactive in most batches. With 1 : 1 : 1 : 10 a kind that is a single
factor gets 77 % of the batches.

Deviations: Adam by default (the paper: `optimiser='rmsprop'`); noise is drawn
for every example, for clamped latents too, as in the authors' code.
"""

import dataclasses

import jax
import jax.numpy as jnp
import optax

from disentangle_jax import errors, requests, types
from disentangle_jax.methods import training
from disentangle_jax.methods.vae import common
from disentangle_jax.ops import axis, gaussian, per_example

CITATION = 'Kulkarni et al. 2015, arXiv:1503.03167, section 3.2'
DISPLAY = 'DC-IGN'
HPARAMS = {
  **common.HPARAMS,
  'learning_rate': 5e-4,
  'beta': 1.0,
  'invariance': 0.1,
}
STRENGTH = 'invariance'
# The mean of one example is the example.
MIN_BATCH = 2
State = common.State
CLAMPS = ('mean', 'first')
OPTIMISERS = ('adam', 'rmsprop')
TEST = {
  'static': {
    # The pull towards the mean moves no bias: its gradient there is rounding,
    # of which Adam makes a step of any sign. Towards one example it is none.
    'clamp': 'first',
    'num_latents': 6,
    'latents_per_kind': (1, 2, 3),
    'kinds': (
      ('scale',),
      ('position_x', 'position_y'),
      ('shape', 'orientation'),
    ),
  }
}


@dataclasses.dataclass(frozen=True)
class Config(common.Config):
  """Static choices.

  Attributes:
    kinds: tuples of factor names that vary together, every varying factor in
      one of them; () for each factor alone.
    latents_per_kind: latents that each kind owns, their sum is num_latents; ()
      for one each and the rest to the last kind.
    kind_weights: how often each kind varies; () for alike.
    clamp: what inactive latents are set to, one of CLAMPS.
    optimiser: one of OPTIMISERS.
  """

  kinds: tuple[tuple[str, ...], ...] = ()
  latents_per_kind: tuple[int, ...] = ()
  kind_weights: tuple[float, ...] = ()
  clamp: str = 'mean'
  optimiser: str = 'adam'

  def __post_init__(self):
    # Lists come from a command line; a Config must be hashable.
    if isinstance(self.kinds, (tuple, list)):
      whole = lambda kind: tuple(kind) if isinstance(kind, list) else kind
      object.__setattr__(self, 'kinds', tuple(map(whole, self.kinds)))


def batch(config: Config) -> tuple[requests.Request, ...]:
  """A batch in which one kind varies."""
  varying = requests.Varying(config.kinds or None, config.kind_weights or None)
  return (requests.Observation(), varying)


def kinds_of(
  config: Config, data: types.Dataset
) -> tuple[tuple[str, ...], ...]:
  """The kinds, checked against the factors.

  Args:
    config: static choices.
    data: a data set with factors.

  Returns:
    Tuples of factor names.

  Raises:
    ConfigError: no factors, an unknown or a fixed one, one in two kinds or in
      none, an empty kind.
  """
  if not data.factor_names:
    raise errors.value('config.dataset.name', data.name, 'has no factors')
  if data.render is None:
    rule = 'has no grid of factors, so that no batch can vary one kind alone'
    raise errors.value('config.dataset.name', data.name, rule)
  sizes = dict(zip(data.factor_names, data.factor_sizes))
  field = 'config.static.kinds'
  kinds = config.kinds or tuple((name,) for name in sizes)
  named = []
  for kind in kinds:
    if not isinstance(kind, tuple) or not kind:
      rule = 'must be tuples of factor names, none of them empty'
      raise errors.value(field, config.kinds, rule)
    for name in kind:
      if name not in sizes:
        raise errors.choices(field, name, sizes)
      if name in named:
        raise errors.value(field, kinds, f'names {name} twice')
      if sizes[name] < 2:
        rule = (
          f'{name} has one value and cannot vary; leave it out of the kinds'
        )
        raise errors.value(field, kinds, rule)
      named.append(name)
  missing = [name for name in sizes if sizes[name] > 1 and name not in named]
  if missing:
    rule = f'leaves out {", ".join(missing)}, which vary'
    raise errors.value(field, kinds, rule)
  return kinds


def owners(config: Config, kinds: int) -> tuple[int, ...]:
  """The kind that owns each latent.

  Args:
    config: static choices.
    kinds: their number.

  Returns:
    num_latents numbers of kinds, ascending.

  Raises:
    ConfigError: counts that do not fit.
  """
  field, total = 'config.static.latents_per_kind', config.num_latents
  counts = config.latents_per_kind
  if not counts:
    if total < kinds:
      rule = f'must be at least {kinds}, a latent for each kind'
      raise errors.value('config.static.num_latents', total, rule)
    counts = (1,) * (kinds - 1) + (total - kinds + 1,)
  whole = lambda n: isinstance(n, int) and not isinstance(n, bool) and n > 0
  if len(counts) != kinds or not all(map(whole, counts)):
    rule = f'must be {kinds} whole numbers of at least 1, one for each kind'
    raise errors.value(field, counts, rule)
  if sum(counts) != total:
    rule = f'must sum to config.static.num_latents = {total}'
    raise errors.value(field, counts, rule)
  return tuple(kind for kind, count in enumerate(counts) for _ in range(count))


def clamp(
  y: jax.Array, active: jax.Array, kind: str = 'mean'
) -> tuple[jax.Array, jax.Array]:
  """Inactive columns set to what the batch shares, and how far they were off.

  Args:
    y: float [B, D], this shard's rows.
    active: bool [D].
    kind: one of CLAMPS.

  Returns:
    u, float [B, D], through which inactive columns get no gradient; and 1/2
    mean_b sum_inactive (y_b - m)^2, float scalar.
  """
  shared = axis.mean(y) if kind == 'mean' else axis.gather(y)[0]
  shared = jax.lax.stop_gradient(shared)
  squared = jnp.where(active, 0.0, jnp.square(y - shared))
  return jnp.where(active, y, shared), 0.5 * jnp.sum(axis.mean(squared))


def optimiser_of(config: Config):
  """`(hparams) -> optimiser`, weight decay decoupled in both."""
  if config.optimiser == 'adam':
    return training.adamw

  def rmsprop(hparams):
    # The decay of the squares of the authors' library.
    return optax.chain(
      optax.scale_by_rms(decay=0.99),
      optax.add_decayed_weights(hparams['weight_decay']),
      optax.scale_by_learning_rate(hparams['learning_rate']),
    )

  return rmsprop


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: the data set, for its factors and observation shape.

  Returns:
    The method. It also reports 'invariance' (the last term without its weight)
    and 'reconstruction/<kind>', of the last batch in which the kind varied
    (before there was one: of the first batch), a kind's name being those of its
    factors joined by '_'. `State.memory` holds these.

  Raises:
    ConfigError: see `kinds_of` and `owners`; an unknown option.
  """
  for field, legal in (('clamp', CLAMPS), ('optimiser', OPTIMISERS)):
    if getattr(config, field) not in legal:
      raise errors.choices(
        f'config.static.{field}', getattr(config, field), legal
      )
  kinds = kinds_of(config, data)
  owner = owners(config, len(kinds))
  names = ['_'.join(kind) for kind in kinds]
  networks = common.build(config, data)
  decoder = networks.decoder

  def loss_fn(params, key, state, batch, hparams):
    observation, index = batch['group'], batch['index']
    # One number for the whole batch, on every shard.
    kind = batch['group_kind'][0]
    active = jnp.array(owner) == kind
    key, seen = networks.see(key, observation, index)
    heads = networks.encode(params, seen)
    mean, mean_off = clamp(heads['mean'], active, config.clamp)
    logvar, logvar_off = clamp(heads['logvar'], active, config.clamp)
    eps = per_example.normal(key, index, mean.shape[1:])
    z = gaussian.sample(mean, logvar, eps)
    raw = decoder.decode(params, z)
    log_likelihood = decoder.log_likelihood(params, raw, observation)
    reconstruction = -axis.mean(log_likelihood)
    kl = axis.mean(gaussian.kl_to_standard(mean, logvar))
    off = mean_off + logvar_off
    loss = reconstruction + hparams['beta'] * jnp.sum(kl)
    loss += hparams['invariance'] * off
    latest = jnp.where(state.step == 0, reconstruction, state.memory)
    # Equal on all shards, which `group_kind` itself does not show.
    varied = axis.mean(batch['group_kind'].astype(jnp.float32))
    own = jnp.arange(len(kinds)) == jnp.round(varied)
    latest = jax.lax.stop_gradient(jnp.where(own, reconstruction, latest))
    scalars = common.scalars_of(loss, reconstruction, kl)
    scalars['invariance'] = off
    for number, name in enumerate(names):
      scalars[f'reconstruction/{name}'] = latest[number]
    return loss, (scalars, latest)

  init, update = training.minimise(
    lambda key, batch: networks.init(key, batch['group']),
    loss_fn,
    jnp.zeros(len(kinds)),
    optimiser_of(config),
  )
  inferring = common.inference(networks, config.num_latents)
  return types.Method(init, update, *inferring)
