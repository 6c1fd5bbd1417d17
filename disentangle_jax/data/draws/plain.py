"""Requests that any set can serve: more of it, its labels, its own fields."""

import jax
import jax.numpy as jnp

from disentangle_jax import errors, requests, types
from disentangle_jax.data import kinds
from disentangle_jax.data.draws import common
from disentangle_jax.ops import patches, per_example


def observation(
  dataset: types.Dataset, request: requests.Observation
) -> common.Draw:
  """What every batch holds anyway."""
  del dataset, request
  return lambda key, arrays, index, batch: {}


def second_batch(
  dataset: types.Dataset, request: requests.SecondBatch
) -> common.Draw:
  """An independent second batch, as Kim & Mnih 2018, Algorithm 2, draws it."""

  def draw(key, arrays, index, batch):
    del batch
    second = dataset.sample(common.key_of(key, request), arrays, index)
    return {'second_observation': second['observation']}

  return draw


def more_observations(
  dataset: types.Dataset, request: requests.MoreObservations
) -> common.Draw:
  """Further independent draws for each row, [B, n, ...].

  The rows are split with the batch, each with all its n draws.
  """
  common.integer(request, 'n', 1)

  def draw(key, arrays, index, batch):
    del batch
    keys = jax.random.split(common.key_of(key, request), request.n)
    one = lambda key: dataset.sample(key, arrays, index)['observation']
    return {'more_observations': jax.vmap(one, out_axes=1)(keys)}

  return draw


def shuffled(dataset: types.Dataset, request: requests.Shuffled) -> common.Draw:
  """The batch's observations with their patches permuted.

  "Explicit information placement on latent variables using auxiliary generative
  modelling task" (anonymous, section 2.1): what is global is destroyed, what is
  local to a patch is kept.
  """
  common.need_images(dataset, request)
  common.integer(request, 'patch', 1)
  shape, patch = dataset.observation_shape, request.patch
  if shape[0] % patch or shape[1] % patch:
    rule = f'must divide the image of {dataset.name}, {shape}'
    raise errors.value(common.of(request, 'patch'), patch, rule)

  def draw(key, arrays, index, batch):
    del arrays
    keys = per_example.keys(common.key_of(key, request), index)
    shuffle = lambda k, image: patches.shuffle(k, image, patch)
    return {'shuffled': jax.vmap(shuffle)(keys, batch['observation'])}

  return draw


def label(dataset: types.Dataset, request: requests.Label) -> common.Draw:
  """One factor by its grid index."""
  if not dataset.factor_names:
    rule = f'{dataset.name} has neither labels nor factors'
    raise common.refuse(request, rule)
  name = dataset.factor_names[0] if request.name is None else request.name
  (column,) = common.columns(dataset, request, 'name', [name])

  def draw(key, arrays, index, batch):
    del key, arrays, index
    return {'label': batch['factors'][:, column]}

  return draw


def field(dataset: types.Dataset, request: requests.Field) -> common.Draw:
  """A field that the data set itself gives."""
  name = request.name
  if name not in dataset.fields:
    where = f'{common.of(request, "name")} ({dataset.name})'
    raise errors.choices(where, name, dataset.fields)
  shapes = jax.eval_shape(
    dataset.sample, jax.random.key(0), dataset.arrays, jnp.arange(2)
  )
  for wanted in (*kinds.BASIC, name):
    if wanted not in shapes:
      rule = f'is not in the batches of {dataset.name}'
      raise errors.value(common.of(request, 'name'), wanted, rule)

  def draw(key, arrays, index, batch):
    del key, arrays, index
    return {name: batch[name]}

  return draw
