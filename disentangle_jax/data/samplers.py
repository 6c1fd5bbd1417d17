"""The fields of a batch: what a method's BATCH may name, and how it is drawn.

Every field is deterministic in (key, example index), where the engine's key is
that of (seed, step); rows do not depend on how the batch is split.
"""

from collections.abc import Callable, Mapping, Sequence
import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import errors, types
from disentangle_jax.data import resample
from disentangle_jax.ops import per_example

# Fields that `Dataset.sample` itself gives.
BASIC = ('observation', 'factors', 'index')

Draw = Callable[..., Mapping[str, jax.Array]]


@dataclasses.dataclass(frozen=True)
class Options:
  """Static options of the fields below.

  Attributes:
    pair_changes: of 'pair': how many factors differ.
    group_kinds: of 'group': tuples of factor names that vary together; None
      for every factor alone. DC-IGN's 'intrinsic' is one such tuple.
    group_weights: of 'group': how often each kind is drawn; None for alike.
    identity: of 'identity_pair': names of the factors that two observations of
      one identity share.
    label: of 'label': name of the factor; None for the first.
    frames: of 'sequence': number of frames.
    moving: of 'sequence': names of the factors that move; None for all.
    patch: of 'shuffled': side of the square patches, pixels.
  """

  pair_changes: int = 1
  group_kinds: tuple[tuple[str, ...], ...] | None = None
  group_weights: tuple[float, ...] | None = None
  identity: tuple[str, ...] = ()
  label: str | None = None
  frames: int = 8
  moving: tuple[str, ...] | None = None
  patch: int = 8


def _numbers(
  dataset: types.Dataset, names: Sequence[str], field: str
) -> list[int]:
  for name in names:
    if name not in dataset.factor_names:
      raise errors.choices(field, name, dataset.factor_names)
  return [dataset.factor_names.index(name) for name in names]


def _rendered(dataset: types.Dataset, field: str) -> None:
  if dataset.render is None:
    rule = f'{dataset.name} has no grid of factors to render from'
    raise errors.value("the method's BATCH", field, rule)


def _render(dataset, key, arrays, index, factors):
  """Renders factors [B, K] with a key per example."""
  keys = per_example.keys(key, index)
  return jax.vmap(dataset.render, (None, 0, 0))(arrays, factors, keys)


def _second_observation(dataset: types.Dataset, options: Options) -> Draw:
  """An independent second batch, as Kim & Mnih 2018, Algorithm 2, draws it."""
  del options

  def draw(key, arrays, index, batch):
    del batch
    second = dataset.sample(jax.random.fold_in(key, 1), arrays, index)
    return {'second_observation': second['observation']}

  return draw


def _label(dataset: types.Dataset, options: Options) -> Draw:
  """One factor by its grid index: 'label', int32 [B]."""
  if not dataset.factor_names:
    rule = f'{dataset.name} has neither labels nor factors'
    raise errors.value("the method's BATCH", 'label', rule)
  name = options.label or dataset.factor_names[0]
  (number,) = _numbers(dataset, [name], 'sampler option label')

  def draw(key, arrays, index, batch):
    del key, arrays, index
    return {'label': batch['factors'][:, number]}

  return draw


def _pair(dataset: types.Dataset, options: Options) -> Draw:
  """A second observation that shares all but k factors with the first.

  Locatello et al. 2020, "Weakly-supervised disentanglement without
  compromises": which k differ is drawn for each pair, and their values differ
  wherever the distribution allows another. Gives 'pair' [B, ...],
  'pair_factors' int32 [B, K] and 'pair_changed' bool [B, K].
  """
  _rendered(dataset, 'pair')
  factors = len(dataset.factor_names)
  if not 1 <= options.pair_changes <= factors:
    rule = f'must be from 1 to {factors}, the number of factors'
    raise errors.value(
      'sampler option pair_changes', options.pair_changes, rule
    )
  again = resample.make(dataset, differ=True)

  def one(key, first):
    which_key, value_key = jax.random.split(key)
    rank = jax.random.permutation(which_key, factors)
    changed = rank < options.pair_changes
    return again(value_key, first, changed), changed

  def draw(key, arrays, index, batch):
    key = jax.random.fold_in(key, 2)
    keys = per_example.keys(key, index)
    second, changed = jax.vmap(one)(keys, batch['factors'])
    observation = _render(
      dataset, jax.random.fold_in(key, 1), arrays, index, second
    )
    return {
      'pair': observation,
      'pair_factors': second,
      'pair_changed': changed,
    }

  return draw


def _group(dataset: types.Dataset, options: Options) -> Draw:
  """A batch in which one factor, or one set of factors, varies.

  Kulkarni et al. 2015, "Deep convolutional inverse graphics network": all rows
  share a base that the key alone fixes; the kind that varies is drawn for the
  batch with the given weights. Gives 'group' [B, ...], 'group_factors' int32
  [B, K] and 'group_kind' int32 [B], alike in all rows.
  """
  _rendered(dataset, 'group')
  field = 'sampler option group_kinds'
  kinds = options.group_kinds or tuple((n,) for n in dataset.factor_names)
  vary = np.zeros((len(kinds), len(dataset.factor_names)), bool)
  for row, names in enumerate(kinds):
    vary[row, _numbers(dataset, names, field)] = True
  weights = np.asarray(options.group_weights or [1.0] * len(kinds), float)
  if weights.shape != (len(kinds),) or not (weights > 0).all():
    rule = f'must be {len(kinds)} numbers > 0, one per kind'
    raise errors.value(
      'sampler option group_weights', options.group_weights, rule
    )
  logits = jnp.log(jnp.asarray(weights / weights.sum(), jnp.float32))
  again = resample.make(dataset, differ=False)

  def draw(key, arrays, index, batch):
    del batch
    key = jax.random.fold_in(key, 3)
    base_key, kind_key, value_key, render_key = jax.random.split(key, 4)
    base = dataset.sample(base_key, arrays, jnp.zeros((1,), jnp.int32))
    kind = jax.random.categorical(kind_key, logits)
    mask = jnp.asarray(vary)[kind]
    keys = per_example.keys(value_key, index)
    factors = jax.vmap(again, (0, None, None))(keys, base['factors'][0], mask)
    return {
      'group': _render(dataset, render_key, arrays, index, factors),
      'group_factors': factors,
      'group_kind': jnp.full(index.shape, kind, jnp.int32),
    }

  return draw


def _identity_pair(dataset: types.Dataset, options: Options) -> Draw:
  """A second observation of the same identity, all else drawn anew.

  Donahue et al. 2018, "Semantically decomposing the latent spaces of generative
  adversarial networks". Gives 'identity_pair' [B, ...] and
  'identity_pair_factors' int32 [B, K].
  """
  _rendered(dataset, 'identity_pair')
  field = 'sampler option identity'
  if not options.identity:
    rule = f'must name factors, of {", ".join(dataset.factor_names)}'
    raise errors.value(field, options.identity, rule)
  free = np.ones(len(dataset.factor_names), bool)
  free[_numbers(dataset, options.identity, field)] = False
  again = resample.make(dataset, differ=False)

  def draw(key, arrays, index, batch):
    key = jax.random.fold_in(key, 4)
    keys = per_example.keys(key, index)
    second = jax.vmap(again, (0, 0, None))(
      keys, batch['factors'], jnp.asarray(free)
    )
    observation = _render(
      dataset, jax.random.fold_in(key, 1), arrays, index, second
    )
    return {'identity_pair': observation, 'identity_pair_factors': second}

  return draw


def _sequence(dataset: types.Dataset, options: Options) -> Draw:
  """A walk over the grid: each moving factor steps by one and turns at ends.

  Starts at the batch's factors; each example and factor has its direction.
  Gives 'sequence' [B, T, ...] and 'sequence_factors' int32 [B, T, K]. A set
  whose observations are videos already needs no such field.
  """
  _rendered(dataset, 'sequence')
  if options.frames < 1:
    raise errors.value('sampler option frames', options.frames, 'must be >= 1')
  names = dataset.factor_names if options.moving is None else options.moving
  moves = np.zeros(len(dataset.factor_names), np.int32)
  moves[_numbers(dataset, names, 'sampler option moving')] = 1
  room = jnp.asarray(dataset.factor_sizes, jnp.int32) - 1
  steps = np.arange(options.frames, dtype=np.int32)[:, None]

  def walk(key, start):
    sign = jnp.where(jax.random.bernoulli(key, shape=start.shape), 1, -1)
    straight = start + jnp.asarray(steps * moves) * sign
    # Folded at both ends; a factor of one value stays at 0.
    turn = jnp.mod(straight, jnp.maximum(2 * room, 1))
    return room - jnp.abs(turn - room)

  def draw(key, arrays, index, batch):
    key = jax.random.fold_in(key, 5)
    factors = jax.vmap(walk)(per_example.keys(key, index), batch['factors'])
    # One key for a whole sequence: nuisances stay the same in it.
    keys = per_example.keys(jax.random.fold_in(key, 1), index)
    frame = jax.vmap(dataset.render, (None, 0, None))
    sequence = jax.vmap(frame, (None, 0, 0))(arrays, factors, keys)
    return {'sequence': sequence, 'sequence_factors': factors}

  return draw


def shuffle_patches(key: jax.Array, image: jax.Array, patch: int) -> jax.Array:
  """An image whose square patches are permuted.

  Args:
    key: typed PRNG key.
    image: [H, W, C]; `patch` divides H and W.
    patch: side of a patch, pixels.

  Returns:
    [H, W, C], the same pixels within patches.
  """
  height, width, channels = image.shape
  rows, columns = height // patch, width // patch
  cut = image.reshape(rows, patch, columns, patch, channels)
  cut = cut.transpose(0, 2, 1, 3, 4).reshape(rows * columns, -1)
  cut = cut[jax.random.permutation(key, rows * columns)]
  cut = cut.reshape(rows, columns, patch, patch, channels)
  return cut.transpose(0, 2, 1, 3, 4).reshape(image.shape)


def _shuffled(dataset: types.Dataset, options: Options) -> Draw:
  """The batch's observations with their patches permuted: 'shuffled'.

  "Explicit information placement on latent variables using auxiliary generative
  modelling task" (anonymous, section 2.1): what is global is destroyed, what is
  local to a patch is kept.
  """
  shape, patch = dataset.observation_shape, options.patch
  if len(shape) != 3 or patch < 1 or shape[0] % patch or shape[1] % patch:
    rule = f'must divide the image of {dataset.name}, {shape}'
    raise errors.value('sampler option patch', patch, rule)

  def draw(key, arrays, index, batch):
    del arrays
    keys = per_example.keys(jax.random.fold_in(key, 6), index)
    shuffle = lambda k, image: shuffle_patches(k, image, patch)
    return {'shuffled': jax.vmap(shuffle)(keys, batch['observation'])}

  return draw


# Field -> (dataset, options) -> (key, arrays, index, batch) -> fields it adds.
FIELDS = {
  'second_observation': _second_observation,
  'label': _label,
  'pair': _pair,
  'group': _group,
  'identity_pair': _identity_pair,
  'sequence': _sequence,
  'shuffled': _shuffled,
}
# Fields that come with another.
WITH = {
  'pair_factors': 'pair',
  'pair_changed': 'pair',
  'group_factors': 'group',
  'group_kind': 'group',
  'identity_pair_factors': 'identity_pair',
  'sequence_factors': 'sequence',
}


def make(
  dataset: types.Dataset,
  fields: Sequence[str],
  options: Options | None = None,
) -> Callable[[jax.Array, Any, jax.Array], Mapping[str, jax.Array]]:
  """A sampler of the fields that a method consumes.

  Args:
    dataset: what to sample from.
    fields: the method's BATCH.
    options: of the fields; None for the defaults.

  Returns:
    `(key, arrays, index int32 [B]) -> batch`, with 'observation', 'factors' and
    'index' always among its fields.

  Raises:
    ConfigError: a field that no sampler provides, or one that the data set or
      the options do not allow.
  """
  options = Options() if options is None else options
  extra = [WITH.get(name, name) for name in fields if name not in BASIC]
  for name in extra:
    if name not in FIELDS:
      legal = (*BASIC, *FIELDS, *WITH)
      raise errors.choices("the method's BATCH", name, legal)
  draws = [FIELDS[name](dataset, options) for name in dict.fromkeys(extra)]

  def sample(key, arrays, index):
    batch = dict(dataset.sample(key, arrays, index))
    for draw in draws:
      batch.update(draw(key, arrays, index, batch))
    return batch

  return sample
