"""Scores of codes against factors, all metrics of all runs of a chunk.

The images of a design are rendered once for all runs and encoded once for all
metrics. Where the whole factor grid is smaller than what the metrics would draw
from it, the grid itself is encoded and every design becomes an index into it.
"""

from collections.abc import Callable, Iterator
import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec as P
import numpy as np

from disentangle_jax import types
from disentangle_jax.data import factorial
from disentangle_jax.engine.plan import study_plan
from disentangle_jax.engine.programs import (
  devices,
  encoding,
  memory,
  score_setup,
)
from disentangle_jax.metrics import designs as metric_designs

# A grid of this size is encoded whatever the metrics ask for.
_SMALL_GRID = 32768


class Encoded(NamedTuple):
  """What one draw of one metric is scored on.

  Attributes:
    name: of the metric's module.
    metric: made from it.
    seed: of the draw.
    codes: leaves [R, N, ...].
    index: int32 [...], the row of `codes` of every point of the design.
    factors: what the design gave: int32 [..., K] of those points, or an
      Intervention.
  """

  name: str
  metric: types.Metric
  seed: int
  codes: types.Codes
  index: jax.Array
  factors: jax.Array | types.Intervention


class Encoder:
  """Compiled encoders of a study's groups.

  Args:
    setup: where they run, and how much they may hold.
  """

  def __init__(self, setup: score_setup.ScoreSetup):
    self._setup = setup
    self._programs = {}

  def __call__(
    self,
    group: study_plan.Group,
    state: Any,
    points: np.ndarray,
    key: jax.Array,
  ) -> types.Codes:
    """Codes of all runs.

    Args:
      group: of the runs.
      state: stacked states [R].
      points: int [N, K], grid indices.
      key: of the nuisance noise.

    Returns:
      Leaves [R, N, ...].
    """
    block = self.block(group, state, len(points))
    blocks = -(-len(points) // block)
    padded = np.resize(points, (blocks * block, points.shape[-1]))
    padded[: len(points)] = points
    encode = self.program(group, blocks, block)
    codes = encode(state, group.dataset.arrays, jnp.asarray(padded), key)
    return jax.tree.map(lambda x: x[:, : len(points)], codes)

  def block(self, group: study_plan.Group, state: Any, count: int) -> int:
    """Points that are rendered and encoded at once, by what memory allows."""
    data, one = group.dataset, memory.one_run(state)
    observed = encoding.observe(data)
    points = jax.ShapeDtypeStruct((1, len(data.factor_sizes)), jnp.int32)
    index = jax.ShapeDtypeStruct((1,), jnp.int32)
    key = jax.random.key(0)
    observe = lambda points, index: observed(data.arrays, key, points, index)
    observation = jax.eval_shape(observe, points, index)
    rows = memory.rows_at_once(
      self._setup.budget,
      (observe, points, index),
      (group.method.represent, one, observation),
    )
    return min(self._setup.block, count, rows)

  def program(
    self, group: study_plan.Group, blocks: int, block: int
  ) -> Callable:
    """`encoding.encoder` of a group, compiled for all its runs."""
    cached = (id(group.method), blocks, block)
    if cached not in self._programs:
      encode = encoding.encoder(
        group.method, group.dataset, blocks, block, self._setup.budget
      )
      specs = (P(devices.RUNS), P(), P(), P())
      self._programs[cached] = self._setup.compiled(encode, specs)
    return self._programs[cached]


class CodeScores:
  """Compiled programs of a study's metrics of codes, shared by its groups.

  Args:
    setup: which metrics, and where.
    encode: `(group, states [R], points, key) -> codes`; an `Encoder`.
  """

  def __init__(self, setup: score_setup.ScoreSetup, encode: Callable):
    self._setup = setup
    self._encode = encode
    self._programs = {}
    self._designs = {}

  def scores(
    self, group: study_plan.Group, state: Any
  ) -> list[score_setup.Score]:
    """Scores of all runs of a chunk; arguments as `encoded` takes them."""
    return [
      score
      for draw in self.encoded(group, state)
      for score in self._score(draw)
    ]

  def encoded(self, group: study_plan.Group, state: Any) -> Iterator[Encoded]:
    """The codes of every draw of every metric.

    Args:
      group: of the runs.
      state: stacked states [R].

    Yields:
      One entry per metric and seed.
    """
    data = group.dataset
    metrics = {
      name: metric
      for name, metric in self._setup.metrics(group, types.Metric).items()
      if metric.over == 'run'
    }
    if not metrics:
      return
    seeds = range(self._setup.scoring.metric_seeds)
    designs = {
      (name, seed): self._design(data, name, metric, seed)
      for name, metric in metrics.items()
      for seed in seeds
    }
    points_of = {
      draw: metric_designs.points_of(design) for draw, design in designs.items()
    }
    wanted = sum(math.prod(p.shape[:-1]) for p in points_of.values())
    grid = math.prod(data.factor_sizes)
    use_grid = data.deterministic and grid <= max(wanted, _SMALL_GRID)
    # A stream has no grid: its points are numbered draws.
    use_grid &= data.render is not None
    points, codes, drawn_by = None, None, None
    if use_grid:
      whole = factorial.grid(data.factor_sizes)
      codes = self._encode(group, state, whole, jax.random.key(0))
    # Designs with a key in common together, the longest of them first.
    order = lambda draw: (
      draw[1],
      self._design_name(draw[0], metrics[draw[0]]),
      -math.prod(points_of[draw].shape),
    )
    for name, seed in sorted(designs, key=order):
      factors, own = designs[name, seed], points_of[name, seed]
      index = factorial.flat_index(own, data.factor_sizes)
      if not use_grid:
        count = math.prod(own.shape[:-1])
        flat = np.asarray(own.reshape(count, own.shape[-1]))
        # Independent points: the longest draw came first and holds the others.
        key_of = (seed, self._design_name(name, metrics[name]))
        shared = points is not None and key_of == drawn_by
        if not shared or not np.array_equal(points[: len(flat)], flat):
          points, drawn_by = flat, key_of
          key = self._design_key(name, metrics[name], seed)
          codes = self._encode(group, state, points, key)
        index = jnp.arange(len(flat)).reshape(own.shape[:-1])
      yield Encoded(name, metrics[name], seed, codes, index, factors)

  def _design_name(self, name: str, metric: types.Metric) -> str:
    """Metrics on independent points draw the same ones."""
    return name if metric.design.kind == 'chosen' else 'independent points'

  def _design_key(self, name, metric, seed: int) -> jax.Array:
    return encoding.metric_key(self._design_name(name, metric), seed)

  def _design(self, data, name, metric, seed) -> jax.Array | types.Intervention:
    # A stream's design holds its own labels; a grid's is its metric's.
    of = id(metric) if data.render is not None else id(data)
    cached = (of, name, seed)
    if cached not in self._designs:
      key = self._design_key(name, metric, seed)
      points = jax.jit(metric.design.sample)
      if data.render is None:
        # As many draws as the design has points, with the factors they have.
        count = jax.eval_shape(points, key).shape[0]
        draw = jax.jit(functools.partial(encoding.draw, data))
        batch = draw(key, data.arrays, jnp.arange(count, dtype=jnp.int32))
        self._designs[cached] = batch['factors']
      else:
        self._designs[cached] = points(key)
    return self._designs[cached]

  def _score(self, draw: Encoded) -> list[score_setup.Score]:
    name, metric, codes = draw.name, draw.metric, draw.codes
    scores = []
    for representation in self._setup.representations(metric):
      if representation == encoding.SAMPLED and 'logvar' not in codes.parts:
        continue
      needed = {*metric.needs}
      if representation == encoding.SAMPLED:
        needed |= {'mean', 'logvar'}
      parts = {part: codes.parts[part] for part in sorted(needed)}
      values = self.program(name, metric, representation)(
        encoding.metric_key(name, draw.seed),
        types.Codes(codes.vector, parts),
        draw.index,
        draw.factors,
      )
      scores += self._setup.scores(
        name, metric, representation, draw.seed, jax.device_get(values)
      )
    return scores

  def program(
    self, name: str, metric: types.Metric, representation: str
  ) -> Callable:
    """The compiled score of a metric.

    Args:
      name: of its module.
      metric: made from it.
      representation: 'mean' or 'sampled'.

    Returns:
      (key, codes [R, N, ...], index, factors) -> {key: float32 [R]}.
    """
    cached = (name, id(metric), representation)
    if cached in self._programs:
      return self._programs[cached]
    budget = self._setup.budget

    def scores(key, codes, index, factors):
      noise_key, score_key = jax.random.split(key)
      noise = encoding.noise(codes, noise_key, index.shape)

      def one(codes):
        codes = jax.tree.map(lambda x: x[index], codes)
        codes = encoding.represent_as(codes, representation, noise)
        return metric.score(score_key, codes, factors)

      leaves = jax.tree.leaves(codes)
      width = sum(math.prod(x.shape[2:]) for x in leaves)
      # Three copies: the gathered codes, the sample, one temporary.
      each = 12 * width * math.prod(index.shape)
      at_once = max(1, min(leaves[0].shape[0], budget // each))
      return jax.lax.map(one, codes, batch_size=at_once)

    runs = P(devices.RUNS)
    program = self._setup.compiled(scores, (P(), runs, P(), P()))
    self._programs[cached] = program
    return program
