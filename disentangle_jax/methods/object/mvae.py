"""MVAE: the cells of a grid that say most become the entities of a scene.

Nash et al. 2017, "The Multi-Entity Variational Autoencoder", NIPS workshop on
learning disentangled features, sections 2 and 4, appendix A,
https://charlienash.github.io/assets/docs/mevae2017.pdf. The encoder gives every
cell s of a grid [h, w] a posterior q_s = N(m_s, exp(lv_s)) and

  KL_s = KL(q_s || N(0, 1)),   S = the N cells of largest KL_s

z_n = m_n + exp(lv_n / 2) eps_n of the cells of S go through one decoder g of
objects, o = max_n g(z_n) or the sum, and a decoder h of scenes. Minimised, in
nats per image:

  sum_{pixels, channels} (softplus(l) - x l) + beta sum_{n in S} KL_n,  l = h(o)

beta = 1 is the paper's. No gradient goes through the choice, and cells that are
not chosen get none at all. Ties take the lowest cell. The place of a cell is
lost in the pooling, so that coordinates enter the encoder before its last
layers. The code is the chosen means by falling KL: the order differs between
images, so that scores which read single codes are refused (`Layout.ordered`).

Sizes that the paper states are the defaults (12 latents, up-sampling, Adam from
1e-3 to 1e-5 over 3 million steps). It leaves open, and here are chosen: kernels
of 3, encoder channels 32, 32, 64, 64, 64, pooling behind the first three (a
grid of 8 x 8; four would leave 16 cells for 8 sprites), a hidden layer of 256
in g, equal factors between the rates; 5 slots for 3 sprites, 10 for 8.

Traps: the KL of an empty cell does not go to 0, so that a count needs a fitted
threshold; a cell of low KL early on never learns (no floor under the KL mends
it without changing the objective); sums over objects grow with N.
"""

import dataclasses

import jax
import jax.numpy as jnp

from disentangle_jax import checks, errors, types
from disentangle_jax.methods import training
from disentangle_jax.methods.object import common
from disentangle_jax.ops import axis, gaussian, likelihood, maxima, per_example

CITATION = 'Nash et al. 2017, sections 2 and 4'
DISPLAY = 'MVAE'
HPARAMS = common.HPARAMS
STRENGTH = 'beta'
BOUNDS = common.BOUNDS
MAY_BE_ZERO = common.MAY_BE_ZERO
TEST = common.TEST
State = common.State


@dataclasses.dataclass(frozen=True)
class Config(common.Config):
  """Static choices.

  Attributes:
    pool: over objects, 'max' or 'sum'.
  """

  pool: str = 'max'


def check(config: Config, side: int) -> None:
  """Refuses a pool that does not exist, or more slots than cells.

  Args:
    config: static choices.
    side: h = w of the grid.

  Raises:
    ConfigError: names the field.
  """
  checks.choice('config.static.pool', config.pool, common.POOLS)
  if config.slots > side**2:
    rule = (
      f'must be at most {side**2}, the cells of a {side} x {side} grid; fewer '
      'config.static.pools give more'
    )
    raise errors.value('config.static.slots', config.slots, rule)


def chosen(grid: jax.Array, slots: int) -> dict[str, jax.Array]:
  """The cells of largest KL, by falling KL.

  Args:
    grid: float [B, h, w, 2 D], means and log variances of the cells.
    slots: N, at most h w.

  Returns:
    'mean' and 'logvar' float [B, N, D], 'slot_kl' [B, N], 'kl_map' [B, h, w],
    nats, and 'slot_place' int32 [B, N], row times w plus column.
  """
  b, h, w, width = grid.shape
  cells = grid.reshape(b, h * w, width)
  mean, logvar = jnp.split(cells, 2, axis=-1)
  kl = jnp.sum(gaussian.kl_to_standard(mean, logvar), axis=-1)
  _, place = jax.lax.top_k(jax.lax.stop_gradient(kl), slots)
  pick = lambda x: jnp.take_along_axis(x, place[..., None], axis=1)
  return {
    'mean': pick(mean),
    'logvar': pick(logvar),
    'slot_kl': jnp.take_along_axis(kl, place, axis=1),
    'kl_map': kl.reshape(b, h, w),
    'slot_place': place.astype(jnp.int32),
  }


def joined(maps: jax.Array, mask: jax.Array | None, pool: str) -> jax.Array:
  """The maps of a scene's objects as one.

  Args:
    maps: float [B, N, side, side, C].
    mask: bool [B, N], objects that count; None for all.
    pool: 'max' or 'sum'.

  Returns:
    float [B, side, side, C]; 0 where no object counts.
  """
  if mask is None:
    return maxima.largest(maps, 1) if pool == 'max' else maps.sum(1)
  wide = mask[:, :, None, None, None]
  if pool == 'sum':
    return jnp.sum(jnp.where(wide, maps, 0), axis=1)
  largest = maxima.largest(jnp.where(wide, maps, -jnp.inf), 1)
  return jnp.where(jnp.any(wide, axis=1), largest, 0)


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: the data set, for its observation shape.

  Returns:
    The method.

  Raises:
    ConfigError: see `check` and `common.build`.
  """
  networks = common.build(config, data)
  check(config, networks.side)
  slots, latents = config.slots, config.latents_per_slot

  def decode_logits(params, z, mask=None):
    """float [B, N, D] -> logits [B, H, W, C]."""
    maps = networks.objects(params, z.reshape(-1, latents))
    maps = maps.reshape(*z.shape[:2], *maps.shape[1:])
    return networks.scene(params, joined(maps, mask, config.pool))

  def init_params(key, batch):
    return networks.init(key, batch['observation'])

  def loss_fn(params, key, state, batch, hparams):
    del state
    observation, index = batch['observation'], batch['index']
    own = chosen(networks.grid(params, observation), slots)
    eps = per_example.normal(key, index, (slots, latents))
    z = gaussian.sample(own['mean'], own['logvar'], eps)
    logits = decode_logits(params, z)
    nats = -axis.mean(likelihood.bernoulli(logits, observation))
    kl = axis.mean(own['slot_kl'])
    loss = nats + hparams['beta'] * jnp.sum(kl)
    return loss, (common.scalars_of(loss, nats, kl), ())

  init, update = training.minimise(init_params, loss_fn, (), common.adam)

  def represent(state, observation):
    own = chosen(networks.grid(state.params, observation), slots)
    flat = lambda x: x.reshape(len(observation), -1)
    parts = {
      'mean': flat(own['mean']),
      'logvar': flat(own['logvar']),
      'slots': own['mean'],
      **{k: own[k] for k in ('slot_kl', 'kl_map', 'slot_place')},
    }
    return types.Codes(parts['mean'], parts)

  def decode_slots(state, slots, mask):
    return jax.nn.sigmoid(decode_logits(state.params, slots, mask))

  by_slot = lambda vector: vector.reshape(-1, slots, latents)
  flat_logits = lambda params, vector: decode_logits(params, by_slot(vector))

  def decode(state, vector):
    return jax.nn.sigmoid(flat_logits(state.params, vector))

  def exchange(state, observation, other):
    first, second = (
      represent(state, x).parts['slots'] for x in (observation, other)
    )
    swap = lambda own, given: own.at[:, 0].set(given[:, 0])
    everything = jnp.ones(first.shape[:2], bool)
    return (
      decode_slots(state, swap(first, second), everything),
      decode_slots(state, swap(second, first), everything),
    )

  def pictures(key, state, observation):
    del key
    codes = represent(state, observation)
    own, count = codes.parts['slots'], len(observation)
    shown = lambda mask: jax.vmap(
      lambda m: decode_slots(state, own, jnp.broadcast_to(m, (count, slots))),
      out_axes=1,
    )(mask)
    alone, first = jnp.eye(slots, dtype=bool), jnp.tri(slots, dtype=bool)
    decoded = decode(state, codes.vector)

    def one_latent(latent):
      set_to = lambda value: own[:1].at[:, 0, latent].set(value)
      every = jax.vmap(set_to)(jnp.asarray(common.TRAVERSAL))[:, 0]
      return decode_slots(state, every, jnp.ones(every.shape[:2], bool))

    return {
      'entities': common.sheet(observation, decoded, shown(alone)),
      'one_more_entity': common.sheet(observation, shown(first)),
      'exchange': common.exchanges(exchange, state, observation),
      'one_entity_traversed': jax.vmap(one_latent)(jnp.arange(latents)),
      'kl_of_cells_and_slots': counts(observation, codes.parts),
    }

  return types.Method(
    init,
    update,
    represent,
    decode,
    {
      'log_likelihood': common.log_likelihood_of(flat_logits),
      'decode_slots': decode_slots,
      'exchange': exchange,
      'pictures': pictures,
    },
    types.Layout(gaussian=slots * latents, ordered=False),
  )


def counts(observation: jax.Array, parts: dict[str, jax.Array]) -> jax.Array:
  """How many entities the KL says there are: an entity sheet.

  Args:
    observation: float32 [B, H, W, C].
    parts: of the codes of `represent`.

  Returns:
    float32 [B, 3, H, W, C]: the scene, the KL of its cells, and a bar for the
    KL of every slot; white and full height are the largest KL of the sheet.
  """
  b, h, w, c = observation.shape
  kl_map, slot_kl = parts['kl_map'], parts['slot_kl']
  most = jnp.maximum(jnp.max(kl_map), jnp.finfo(kl_map.dtype).tiny)
  cell = lambda n, size: jnp.arange(size) * n // size
  rows, columns = cell(kl_map.shape[1], h), cell(kl_map.shape[2], w)
  grey = (kl_map / most)[:, rows][:, :, columns]
  height = (slot_kl / most)[:, cell(slot_kl.shape[1], w)]
  below = 1 - (jnp.arange(h) + 0.5) / h
  bars = (below[None, :, None] < height[:, None, :]).astype(grey.dtype)
  in_colour = lambda x: jnp.broadcast_to(x[..., None], (b, h, w, c))
  return common.sheet(observation, in_colour(grey), in_colour(bars))
