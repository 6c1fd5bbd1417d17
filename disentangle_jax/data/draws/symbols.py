"""Symbols with images that they name, and operators on symbols."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import errors, requests, types
from disentangle_jax.data import concepts, conditional, factorial
from disentangle_jax.data.draws import common
from disentangle_jax.ops import per_example


def symbol(dataset: types.Dataset, request: requests.Symbol) -> common.Draw:
  """A trained concept, and one of its images: the same few in every run."""
  common.need_grid(dataset, request)
  known = concepts.of(dataset, common.asks(request)[0])
  trained, images = known.split.trained, known.images
  symbols = known.grammar.symbols(trained)
  fitting = images_of(dataset, trained, common.asks(request))

  def draw(key, arrays, index, batch):
    del batch
    count = len(trained) * images
    number = common.numbers_below(common.key_of(key, request), index, count)
    # An image is that of its number, whatever the run and the step.
    seed = jax.random.key(known.seed)
    return {
      'symbol': jnp.asarray(symbols)[number // images],
      'symbol_observation': fitting(seed, arrays, number, number // images),
    }

  return draw


def recombination(
  dataset: types.Dataset, request: requests.Recombination
) -> common.Draw:
  """An operator on two trained concepts, and an image of what comes out."""
  common.need_grid(dataset, request)
  known = concepts.of(dataset, common.asks(request)[0])
  lessons = known.split.lessons
  if request.trained_results:
    lessons = lessons.where(
      np.array(
        [(row == known.split.trained).all(1).any() for row in lessons.result]
      )
    )
  amount = np.bincount(lessons.operator, minlength=len(concepts.OPERATORS))
  if not amount.all():
    name = concepts.OPERATORS[int(np.argmin(amount))]
    raise common.refuse(request, f'no trained concept comes out of {name!r}')
  start = np.cumsum(amount) - amount
  results, which = np.unique(lessons.result, axis=0, return_inverse=True)
  fitting = images_of(dataset, results, common.asks(request))
  trained = known.grammar.symbols(known.split.trained)
  named = known.grammar.symbols(results)
  which = which.reshape(-1).astype(np.int32)

  def pick(key):
    operator_key, row_key = jax.random.split(key)
    operator = factorial.uniform_factors(operator_key, (len(amount),))[0]
    share = jax.random.uniform(row_key)
    count = jnp.asarray(amount, jnp.int32)[operator]
    row = jnp.minimum((share * count).astype(jnp.int32), count - 1)
    return operator, jnp.asarray(start, jnp.int32)[operator] + row

  def draw(key, arrays, index, batch):
    del batch
    row_key, image_key = jax.random.split(common.key_of(key, request))
    operator, row = jax.vmap(pick)(per_example.keys(row_key, index))
    result = jnp.asarray(which)[row]
    return {
      'first_symbol': jnp.asarray(trained[lessons.first])[row],
      'second_symbol': jnp.asarray(trained[lessons.second])[row],
      'operator': operator,
      'result_symbol': jnp.asarray(named)[result],
      'result_observation': fitting(image_key, arrays, index, result),
    }

  return draw


def images_of(
  dataset: types.Dataset, wanted: np.ndarray, asks: tuple[str, Any]
) -> Callable[..., jax.Array]:
  """Images that fit concepts, as the data set draws them.

  Args:
    dataset: a grid whose first factors are the attributes.
    wanted: int [n, F], concepts.
    asks: the setting that needs it and its value, for errors.

  Returns:
    `(key, arrays, index int32 [B], concept int32 [B]) -> observation [B, ...]`;
    the concepts by their rows, and row b depends on (key, index[b]) alone.

  Raises:
    ConfigError: a concept without images.
  """
  points = factorial.grid(dataset.factor_sizes)
  # A sampler may be made inside of traced code; the points are known there.
  with jax.ensure_compile_time_eval():
    log_density = np.asarray(dataset.log_density(points), np.float64)
  group, point = np.nonzero(
    np.all(
      (wanted[:, None] == concepts.FREE) | (wanted[:, None] == points[None]),
      axis=-1,
    )
  )
  weights = np.exp(log_density[point])
  table = conditional.tabulate(group, weights, len(wanted))
  if not table.count.all():
    empty = wanted[int(np.argmin(table.count))].tolist()
    rule = f'{dataset.name} has no image of the concept {empty}'
    raise errors.value(*asks, rule)
  flat = point.astype(np.int32)

  def one(key, arrays, concept):
    point_key, render_key = jax.random.split(key)
    number = jnp.asarray(flat)[table.draw(point_key, concept)]
    factors = factorial.unflatten(number, dataset.factor_sizes)
    return dataset.render(arrays, factors, render_key)

  def draw(key, arrays, index, concept):
    keys = per_example.keys(key, index)
    return jax.vmap(one, (0, None, 0))(keys, arrays, concept)

  return draw
