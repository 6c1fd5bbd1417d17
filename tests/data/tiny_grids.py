"""A tiny grid whose image says which point it is, and exact probabilities."""

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax.data import dependent, distributions, factorial

SIZES = (2, 3, 4)


def grid(sizes=SIZES, side=2):
  """Observations [side, side, 1], all of them (1 + number) / 64."""

  def render(arrays, factors, key):
    del arrays, key
    value = (1 + factorial.flat_index(factors, sizes)) / 64
    return jnp.full((side, side, 1), value, jnp.float32)

  return factorial.make(
    name='tiny',
    factor_names=tuple('abcdefg'[: len(sizes)]),
    factor_values=[np.arange(float(n)) for n in sizes],
    observation_shape=(side, side, 1),
    render=render,
  )


def weighted(weights, sizes=SIZES):
  """The grid with any distribution."""
  logs = np.log(np.asarray(weights) / np.sum(weights)).astype(np.float32)

  def draw(key, arrays):
    del arrays
    number = jax.random.categorical(key, jnp.asarray(logs))
    return factorial.unflatten(number.astype(jnp.int32), sizes)

  def log_density(factors):
    return jnp.asarray(logs)[factorial.flat_index(factors, sizes)]

  return factorial.redistribute(grid(sizes), draw, log_density)


def distributed():
  """Name -> a data set: uniform, coupled, with holes, and any weights."""
  rng = np.random.default_rng(0)
  table = np.array([[1.0, 2.0, 0.0], [3.0, 1.0, 1.0]])
  keep = rng.random(24) < 0.6
  return {
    'uniform': grid(),
    'pairwise': dependent.pairwise(grid(), ('a', 'b'), table),
    'holes': distributions.subset(grid(), keep),
    'any': weighted(rng.random(24) + 0.1),
  }


def density(dataset):
  """float64 [points], of every grid point."""
  points = jnp.asarray(factorial.grid(dataset.factor_sizes))
  return np.exp(np.asarray(dataset.log_density(points), np.float64))


def numbers(dataset, factors):
  """int [...], the numbers of grid points."""
  columns = np.moveaxis(np.asarray(factors), -1, 0)
  return np.ravel_multi_index(tuple(columns), dataset.factor_sizes)


def check_frequencies(draws, probabilities):
  """Chi-square of draws against exact probabilities; none outside of them."""
  probabilities = np.asarray(probabilities, float)
  draws = np.asarray(draws).ravel()
  counts = np.bincount(draws, minlength=len(probabilities))
  inside = probabilities > 1e-9
  assert not counts[~inside].any()
  expected = len(draws) * probabilities[inside] / probabilities[inside].sum()
  chi = ((counts[inside] - expected) ** 2 / expected).sum()
  free = inside.sum() - 1
  assert abs(chi - free) < 5 * np.sqrt(2 * free) + 5, (chi, free)
