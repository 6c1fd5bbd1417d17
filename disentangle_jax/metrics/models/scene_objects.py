"""Whether the slots of a model are the objects of a scene.

Source: Nash et al. 2017, "The Multi-Entity Variational Autoencoder", section 4,
which counts objects by the KL of slots (74.4 % right on training scenes, 72.6 %
on new ones) and shows the rest as pictures. Scenes are draws of a set whose
factors come in blocks, one per sprite (`Dataset.extras['entities']`); slots
fall by KL. Of methods with `decode_slots`:

  object_count_train      share of scenes with #{n: KL_n > t} existing sprites,
                          at the best t of 200 quantiles of the slots' KL
  object_count_test       the same t asked on new scenes; _map: a threshold of
                          its own on the KL of all cells, not of slots alone
  object_count_majority   share of the most frequent number of sprites
  object_count_ceiling    share of scenes that a perfect count of blobs gets
                          right: sprites of one hue that overlap are one blob
  sequential_real         c_n = |I_n - I_{n-1}|^2, I_n decoded from the first n
                          slots, mean over scenes and 2 <= n <= sprites
  sequential_surplus      mean over n > sprites, n >= 2; sequential_ratio: over
                          the real ones
  slot_found              share of existing sprites whose slot, decoded alone,
                          has |slot - sprite|^2 / |sprite|^2 < 0.5, sprites
                          assigned to slots by the least sum of squared errors

Of all methods with `exchange`, over pairs of scenes with a sprite each:

  scene_error      median of |decoded - scene|^2 / |scene|^2
  exchange_error   the two scenes exchange the entity of highest KL; median of
                   |decoded - expected|^2 / |expected|^2, expected the scenes
                   rendered with the sprites of these slots exchanged
  exchange_excess  exchange_error / scene_error; 1 is perfect, and so is 0 / 0

The sprite of a slot is the assigned one, the nearest for a slot without one.
For a method without slots the pair of sprites is taken whose exchange comes
nearest to what was decoded: the best that can be said of it.

Deviations: numbers where the source shows pictures; the assignment is exact for
any number of sprites. A ratio has 1e-6 added above and below the line. Known
failure modes: a blank decoder has excess 1 (look at scene_error) and nothing
sequential (look at sequential_real); counts say nothing of what slots hold
(look at slot_found).
"""

from collections.abc import Callable, Mapping
import dataclasses

import jax
import jax.numpy as jnp
import optax

from disentangle_jax import errors, types
from disentangle_jax.metrics import base

_SHARE = {'low': 0.0, 'high': 1.0}
SCORES = {
  'object_count_train': types.Score(
    'share of scenes whose sprites the KL of slots counts right, threshold '
    'fitted on them',
    'higher',
    **_SHARE,
  ),
  'object_count_test': types.Score(
    'the same on new scenes', 'higher', **_SHARE
  ),
  'object_count_threshold': types.Score('the fitted threshold, nats', low=0.0),
  'object_count_map': types.Score(
    'the same on new scenes by the KL of all cells', 'higher', **_SHARE
  ),
  'object_count_majority': types.Score(
    'share of the most frequent number of sprites', **_SHARE
  ),
  'object_count_ceiling': types.Score(
    'share of scenes without two overlapping sprites of one hue', **_SHARE
  ),
  'sequential_real': types.Score(
    'squared change of the image by a further slot, while there are sprites',
    low=0.0,
  ),
  'sequential_surplus': types.Score(
    'the same where there are no more sprites', 'lower', low=0.0
  ),
  'sequential_ratio': types.Score('surplus over real change', 'lower', low=0.0),
  'slot_found': types.Score(
    'share of sprites that a slot of their own decodes to', 'higher', **_SHARE
  ),
  'scene_error': types.Score(
    'median squared error of reconstructions over the scene squared',
    'lower',
    low=0.0,
  ),
  'exchange_error': types.Score(
    'the same of scenes that exchange an entity, against them rendered',
    'lower',
    low=0.0,
  ),
  'exchange_excess': types.Score(
    'error of exchanges over that of reconstructions', 'lower', low=0.0
  ),
}
CITATION = 'Nash et al. 2017, section 4'
_SMALL = 1e-6
_FOUND = 0.5


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    num_train: scenes by which the threshold is fitted.
    num_test: new scenes that are counted.
    num_thresholds: quantiles that are tried.
    num_scenes: scenes that are decoded slot by slot.
    num_pairs: pairs of scenes that exchange an entity.
    block: scenes at once.
  """

  num_train: int = 6400
  num_test: int = 12_800
  num_thresholds: int = 200
  num_scenes: int = 1024
  num_pairs: int = 1024
  block: int = 64


def ratio(above: jax.Array, below: jax.Array) -> jax.Array:
  """above / below, 1 for 0 / 0: both have 1e-6 added."""
  return (above + _SMALL) / (below + _SMALL)


def masked_median(x: jax.Array, mask: jax.Array) -> jax.Array:
  """Median of the entries under a mask.

  Args:
    x: float [N], finite.
    mask: bool [N].

  Returns:
    Scalar, the mean of the middle two of an even number; NaN of none.
  """
  sorted_values = jnp.sort(jnp.where(mask, x, jnp.inf))
  count = jnp.sum(mask)
  low, high = (count - 1) // 2, count // 2
  middle = (sorted_values[jnp.maximum(low, 0)] + sorted_values[high]) / 2
  return jnp.where(count > 0, middle, jnp.nan)


def fit_threshold(
  kl: jax.Array, count: jax.Array, num_thresholds: int
) -> tuple[jax.Array, jax.Array]:
  """The threshold on KL by which most scenes are counted right.

  Args:
    kl: float [N, S], nats.
    count: int [N], the true numbers.
    num_thresholds: quantiles of all KL that are tried.

  Returns:
    Threshold and share, scalars; the lowest of several that are equally good.
  """
  levels = jnp.linspace(0.0, 1.0, num_thresholds)
  thresholds = jnp.quantile(kl.reshape(-1), levels)
  shares = jax.lax.map(lambda t: counted(kl, count, t), thresholds)
  best = jnp.argmax(shares)
  return thresholds[best], shares[best]


def counted(kl: jax.Array, count: jax.Array, threshold: jax.Array) -> jax.Array:
  """Share of rows with `count` entries of `kl` above a threshold."""
  above = jnp.sum(kl > threshold, axis=1)
  return jnp.mean((above == count).astype(jnp.float32))


def assign(cost: jax.Array, exists: jax.Array, size: jax.Array) -> jax.Array:
  """A slot of its own for every sprite, by the least sum of costs.

  Args:
    cost: float [S, N], sprites by slots.
    exists: bool [S]; others take what is left and cost nothing.
    size: float [S], the cost of a sprite without a slot.

  Returns:
    int [S]; N and above where sprites outnumber slots.
  """
  count, slots = cost.shape
  missing = jnp.broadcast_to(size[:, None], (count, max(0, count - slots)))
  wide = jnp.concatenate([cost, missing], axis=1)
  wide = jnp.where(exists[:, None], wide, 0)
  rows, columns = optax.assignment.hungarian_algorithm(wide)
  return jnp.zeros(count, jnp.int32).at[rows].set(columns.astype(jnp.int32))


def blobs(alone: jax.Array, exists: jax.Array) -> jax.Array:
  """How many parts of a scene can be told apart.

  Args:
    alone: float [S, H, W, C], every sprite by itself.
    exists: bool [S].

  Returns:
    int scalar: sprites, those of one colour that overlap, directly or by way
    of others, counted as one.
  """
  lit = jnp.any(alone > 0, axis=-1).reshape(len(alone), -1)
  overlap = jnp.any(lit[:, None] & lit[None, :], axis=-1)
  colour = jnp.sum(alone, axis=(1, 2))
  total = jnp.sum(colour, axis=1, keepdims=True)
  colour = colour / jnp.maximum(total, _SMALL)
  apart = jnp.max(jnp.abs(colour[:, None] - colour[None, :]), axis=-1)
  linked = overlap & (apart < 1e-3) & exists[:, None] & exists[None, :]
  for _ in range(len(alone)):
    linked = linked | jnp.any(linked[:, :, None] & linked[None], axis=1)
  earlier = jnp.tri(len(alone), k=-1, dtype=bool)
  first = exists & ~jnp.any(linked & earlier, axis=1)
  return jnp.sum(first)


def _squared(x: jax.Array, axes: int) -> jax.Array:
  """Sum of squares over all but the first `axes` axes."""
  return jnp.sum(jnp.square(x), axis=tuple(range(axes, x.ndim)))


@dataclasses.dataclass(frozen=True)
class Scenes:
  """Scenes in parts: what a data set of sprites can be asked.

  Attributes:
    data: with 'entities' among its extras.
  """

  data: types.Dataset

  @property
  def entities(self) -> int:
    """S, the largest number of sprites."""
    return self.data.extras['entities']

  def blocks(self, factors: jax.Array) -> jax.Array:
    """int32 [..., S, F] of int32 [..., K]."""
    return factors.reshape(*factors.shape[:-1], self.entities, -1)

  def exists(self, factors: jax.Array) -> jax.Array:
    """bool [..., S] of int32 [..., K]."""
    return self.blocks(factors)[..., 0] > 0

  def render(self, arrays: types.PyTree, blocks: jax.Array) -> jax.Array:
    """float32 [..., H, W, C] of int32 [..., S, F]."""
    flat = blocks.reshape(-1, blocks.shape[-2] * blocks.shape[-1])
    key = jax.random.key(0)  # of a renderer without noise: not used
    one = lambda factors: self.data.render(arrays, factors, key)
    images = jax.vmap(one)(flat)
    return images.reshape(*blocks.shape[:-2], *images.shape[1:])

  def alone(self, arrays: types.PyTree, factors: jax.Array) -> jax.Array:
    """Every sprite by itself, float32 [B, S, H, W, C] of int32 [B, K]."""
    count = self.entities
    blocks = self.blocks(factors)[:, None]
    own = jnp.eye(count, dtype=bool)[None, :, :]
    shape = (len(factors), count, *blocks.shape[2:])
    blocks = jnp.broadcast_to(blocks, shape)
    exists = jnp.where(own, blocks[..., 0], 0)
    return self.render(arrays, blocks.at[..., 0].set(exists))

  def exchanged(
    self, factors: jax.Array, other: jax.Array, mine: jax.Array, its: jax.Array
  ) -> jax.Array:
    """A scene with one sprite of another in place of its own.

    Args:
      factors: int32 [K].
      other: int32 [K], of the other scene.
      mine: int scalar, number of the sprite that goes.
      its: int scalar, number of the sprite that comes.

    Returns:
      int32 [S, F].
    """
    return self.blocks(factors).at[mine].set(self.blocks(other)[its])


def _slots_of(scenes, method, state, arrays, batch):
  """Costs of slots against sprites, and the slots' assignment.

  Returns:
    slots [B, N, D], cost [B, S, N], size [B, S], exists [B, S] and slot int
    [B, S].
  """
  slots = method.represent(state, batch['observation']).parts['slots']
  count = slots.shape[1]
  alone = jax.lax.map(
    lambda n: method.extras['decode_slots'](
      state, slots, jnp.broadcast_to(jnp.arange(count) == n, slots.shape[:2])
    ),
    jnp.arange(count),
  )
  sprites = scenes.alone(arrays, batch['factors'])
  cost = jax.lax.map(lambda image: _squared(image[:, None] - sprites, 2), alone)
  cost = jnp.moveaxis(cost, 0, 2)
  size, exists = _squared(sprites, 2), scenes.exists(batch['factors'])
  return slots, cost, size, exists, jax.vmap(assign)(cost, exists, size)


def _sprite_of_first_slot(cost, exists, slot):
  """int [B]: the sprite assigned to slot 0, else the one nearest to it."""
  own = exists & (slot == 0)
  nearest = jnp.argmin(jnp.where(exists, cost[..., 0], jnp.inf), axis=1)
  return jnp.where(jnp.any(own, 1), jnp.argmax(own, 1), nearest)


def make(config: Config, data: types.Dataset) -> types.Probe:
  """Builds the probe.

  Args:
    config: constants.
    data: a set of scenes.

  Returns:
    The probe.

  Raises:
    ConfigError: a set without blocks of sprites, or a constant out of range.
  """
  names = [field.name for field in dataclasses.fields(config)]
  base.at_least(config, **dict.fromkeys(names, 1))
  if not data.extras.get('entities') or data.render is None:
    rule = (
      'has no sprites that could be drawn one by one, as scene_objects asks; '
      "legal: 'multi_shapes', 'multi_sprites'"
    )
    raise errors.value('config.dataset.name', data.name, rule)
  scenes = Scenes(data)

  def in_blocks(of_batch: Callable, key, arrays, count: int, pairs: bool):
    """`of_batch` of `count` draws (or pairs of draws), rows joined again."""
    block = min(config.block, count)
    blocks = -(-count // block)

    def one(number):
      index = number * block + jnp.arange(block, dtype=jnp.int32)
      draws = [data.sample(key, arrays, index)]
      if pairs:
        draws.append(data.sample(key, arrays, count + block + index))
      return of_batch(*draws)

    rows = jax.lax.map(one, jnp.arange(blocks))
    join = lambda x: x.reshape(blocks * block, *x.shape[2:])[:count]
    return jax.tree.map(join, rows)

  def counting(keys, method, state, arrays):
    """Scores of counting by KL."""

    def seen(batch):
      parts = method.represent(state, batch['observation']).parts
      flat = lambda x: x.reshape(len(x), -1)
      kl = {'slots': parts['slot_kl']}
      if 'kl_map' in parts:
        kl['map'] = flat(parts['kl_map'])
      return kl, jnp.sum(scenes.exists(batch['factors']), axis=1)

    def seen_and_told_apart(batch):
      alone = scenes.alone(arrays, batch['factors'])
      told = jax.vmap(blobs)(alone, scenes.exists(batch['factors']))
      return *seen(batch), told

    kl, count = in_blocks(seen, keys[0], arrays, config.num_train, False)
    new_kl, new_count, told_apart = in_blocks(
      seen_and_told_apart, keys[1], arrays, config.num_test, False
    )
    fit = lambda name: fit_threshold(kl[name], count, config.num_thresholds)
    threshold, share = fit('slots')
    numbers = jnp.arange(scenes.entities + 1)
    equal = lambda number: jnp.mean((new_count == number).astype(jnp.float32))
    scores = {
      'object_count_train': share,
      'object_count_test': counted(new_kl['slots'], new_count, threshold),
      'object_count_threshold': threshold,
      'object_count_majority': jnp.max(jax.vmap(equal)(numbers)),
      'object_count_ceiling': jnp.mean(
        (told_apart == new_count).astype(jnp.float32)
      ),
    }
    if 'map' in kl:
      threshold, _ = fit('map')
      scores['object_count_map'] = counted(new_kl['map'], new_count, threshold)
    return scores, kl['slots']

  def sequence(key, method, state, arrays):
    """Scores of slots decoded alone and one after the other."""

    def of_batch(batch):
      slots, cost, size, exists, slot = _slots_of(
        scenes, method, state, arrays, batch
      )
      order = jnp.arange(slots.shape[1])
      images = jax.lax.map(
        lambda n: method.extras['decode_slots'](
          state, slots, jnp.broadcast_to(order <= n, slots.shape[:2])
        ),
        order,
      )
      change = _squared(images[1:] - images[:-1], 2).T  # [B, N - 1]
      padded = jnp.concatenate([cost, jnp.full_like(cost, jnp.inf)], axis=2)
      own = jnp.take_along_axis(padded, slot[..., None], axis=2)[..., 0]
      return change, exists, own < _FOUND * size

    change, exists, near = in_blocks(
      of_batch, key, arrays, config.num_scenes, False
    )
    count = jnp.sum(exists, axis=1)
    number = 2 + jnp.arange(change.shape[1])
    is_real = number <= count[:, None]
    mean = lambda mask: base.masked_mean(change.reshape(-1), mask.reshape(-1))
    real, surplus = mean(is_real), mean(~is_real)
    near = near.astype(jnp.float32)
    scores = {
      'sequential_real': real,
      'sequential_surplus': surplus,
      'sequential_ratio': surplus / jnp.maximum(real, _SMALL),
      'slot_found': base.masked_mean(near.reshape(-1), exists.reshape(-1)),
    }
    return scores, change

  def exchanging(key, method, state, arrays):
    """Scores of pairs of scenes that exchange an entity."""
    has_slots = 'decode_slots' in method.extras

    def sprite_of(batch):
      _, cost, _, exists, slot = _slots_of(scenes, method, state, arrays, batch)
      return _sprite_of_first_slot(cost, exists, slot)

    def errors_of(images, factors, other, mine, its):
      """Relative squared errors [2, B] for one pair of sprites per row."""
      swap = jax.vmap(scenes.exchanged)
      expected = (
        swap(factors, other, mine, its),
        swap(other, factors, its, mine),
      )
      return jnp.stack(
        [
          relative(image, scenes.render(arrays, blocks))
          for image, blocks in zip(images, expected)
        ]
      )

    def relative(image, wanted):
      size = jnp.maximum(_squared(wanted, 1), _SMALL)
      return _squared(image - wanted, 1) / size

    def of_pairs(batch, other):
      draws = (batch, other)
      observed = [draw['observation'] for draw in draws]
      factors = [draw['factors'] for draw in draws]
      exists = [scenes.exists(points) for points in factors]
      images = method.extras['exchange'](state, *observed)
      rebuilt = jnp.stack(
        [
          relative(method.decode(state, method.represent(state, x).vector), x)
          for x in observed
        ]
      )
      if has_slots:
        mine, its = map(sprite_of, draws)
        error = errors_of(images, *factors, mine, its)
      else:
        error = nearest_exchange(images, factors, exists)
      usable = jnp.any(exists[0], axis=1) & jnp.any(exists[1], axis=1)
      return error.T, rebuilt.T, jnp.stack([usable, usable], axis=1)

    def nearest_exchange(images, factors, exists):
      """Errors [2, B] for the pair of sprites with the least sum of them."""
      count = scenes.entities
      pairs = jnp.stack(jnp.divmod(jnp.arange(count**2), count), axis=1)

      def of_pair(pair):
        repeat = lambda n: jnp.broadcast_to(n, factors[0].shape[:1])
        error = errors_of(images, *factors, *map(repeat, pair))
        both = exists[0][:, pair[0]] & exists[1][:, pair[1]]
        return error, jnp.where(both, jnp.sum(error, axis=0), jnp.inf)

      error, total = jax.lax.map(of_pair, pairs)
      best = jnp.argmin(total, axis=0)
      return jnp.take_along_axis(error, best[None, None], axis=0)[0]

    error, rebuilt, usable = (
      x.reshape(-1)
      for x in in_blocks(of_pairs, key, arrays, config.num_pairs, True)
    )
    scene, exchange = (masked_median(x, usable) for x in (rebuilt, error))
    scores = {
      'scene_error': scene,
      'exchange_error': exchange,
      'exchange_excess': ratio(exchange, scene),
    }
    return scores, (error, rebuilt)

  def score(key, context, method, state, arrays, batch) -> Mapping:
    del context, batch
    train_key, test_key, scene_key, pair_key = jax.random.split(key, 4)
    with jax.default_matmul_precision('highest'):
      scores, seen = exchanging(pair_key, method, state, arrays)
      if 'decode_slots' in method.extras:
        count_keys = (train_key, test_key)
        for more, arrays_seen in (
          counting(count_keys, method, state, arrays),
          sequence(scene_key, method, state, arrays),
        ):
          scores = {**scores, **more}
          seen = (seen, arrays_seen)
    finite = [jnp.all(jnp.isfinite(x)) for x in jax.tree.leaves(seen)]
    usable = jnp.all(jnp.stack(finite))
    return {name: jnp.where(usable, x, jnp.nan) for name, x in scores.items()}

  return types.Probe(
    fit=None,
    score=score,
    requires=('represent', 'decode', 'exchange'),
    constants=dataclasses.asdict(config),
    kinds=('image',),
    at_once=1,
  )
