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

from disentangle_jax import platforms, types
from disentangle_jax.data import factorial
from disentangle_jax.engine.plan import study_plan
from disentangle_jax.engine.programs import (
  devices,
  encoding,
  memory,
  score_program,
  score_setup,
)
from disentangle_jax.metrics import designs as metric_designs

# A grid of this size is encoded whatever the metrics ask for.
SMALL_GRID = 32768


class Draw(NamedTuple):
  """One draw of one metric.

  Attributes:
    name: of the metric's module.
    metric: made from it.
    seed: of the draw.
    index: int32 [...], the row among the task's points of every point of the
      design.
    factors: what the design gave: int32 [..., K] of those points, or an
      Intervention.
  """

  name: str
  metric: types.Metric
  seed: int
  index: jax.Array
  factors: jax.Array | types.Intervention


class Task(NamedTuple):
  """Points that are encoded once, and the draws that are scored on them.

  Attributes:
    points: int [N, K], grid indices.
    key: of the nuisance noise.
    draws: on these points.
  """

  points: np.ndarray
  key: jax.Array
  draws: list[Draw]


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

  def prepare(
    self, group: study_plan.Group, state: Any, points: np.ndarray
  ) -> tuple[score_program.Task, types.Codes]:
    """What the call will need, to be compiled.

    Args:
      group: of the runs.
      state: shapes of the stacked states [R].
      points: int [N, K].

    Returns:
      The program, and the shapes of the codes, leaves [R, N, ...].
    """
    count, width = points.shape
    block = self.block(group, state, count)
    blocks = -(-count // block)
    encode = self.program(group, blocks, block)
    padded = jax.ShapeDtypeStruct((blocks * block, width), jnp.int32)
    arguments = (state, group.dataset.arrays, padded, jax.random.key(0))
    first = lambda x: jax.ShapeDtypeStruct(
      (x.shape[0], count, *x.shape[2:]), x.dtype
    )
    codes = jax.tree.map(first, encode.shapes(*arguments))
    return score_program.Task('encoding', encode, arguments), codes

  def block(self, group: study_plan.Group, state: Any, count: int) -> int:
    """Points that are rendered and encoded at once, by what memory allows."""
    data, one = group.dataset, memory.one_run(state)
    observed = encoding.observe(data)
    points = jax.ShapeDtypeStruct((1, len(data.factor_sizes)), jnp.int32)
    index = jax.ShapeDtypeStruct((1,), jnp.int32)
    key = jax.random.key(0)
    observe = lambda points, index: observed(data.arrays, key, points, index)
    observation = jax.eval_shape(observe, points, index)
    with platforms.traced_for(self._setup.platform):
      rows = memory.rows_at_once(
        self._setup.budget,
        (observe, points, index),
        (group.method.represent, one, observation),
      )
    return min(self._setup.block, count, rows)

  def program(
    self, group: study_plan.Group, blocks: int, block: int
  ) -> score_program.ScoreProgram:
    """`encoding.encoder` of a group, compiled for all its runs."""
    cached = (id(group.method), blocks, block)
    if cached not in self._programs:
      build = lambda budget: encoding.encoder(
        group.method, group.dataset, blocks, block, budget
      )
      specs = (P(devices.RUNS), P(), P(), P())
      self._programs[cached] = self._setup.program(build, specs)
    return self._programs[cached]


def _beside(
  encoder: score_program.Task, score: score_program.Task
) -> score_program.Prepared:
  """Compiles a score; its bytes are with what lies there meanwhile."""
  prepared, encoding = score(), encoder.memory()
  # The states and all codes lie there beside a score's own arguments.
  beside = encoding.arguments + encoding.results
  used = score.memory()
  return prepared._replace(bytes=beside + used.results + used.scratch)


class CodeScores:
  """Compiled programs of a study's metrics of codes, shared by its groups.

  Args:
    setup: which metrics, and where.
    encode: an `Encoder`; for scores alone, any `(group, states [R], points,
      key) -> codes`.
  """

  def __init__(self, setup: score_setup.ScoreSetup, encode: Callable):
    self._setup = setup
    self._encode = encode
    self._programs = {}
    self._designs = {}

  def scores(
    self, group: study_plan.Group, state: Any
  ) -> list[score_setup.Score]:
    """Scores of all runs of a chunk.

    Args:
      group: of the runs.
      state: stacked states [R].

    Returns:
      One entry per score, representation and metric seed.
    """
    scores = []
    for task in self.tasks(group):
      codes = self._encode(group, state, task.points, task.key)
      for draw in task.draws:
        scores += self._score(draw, codes)
    return scores

  def prepare(
    self, group: study_plan.Group, state: Any
  ) -> Iterator[Callable[[], score_program.Prepared]]:
    """What `scores` will need, to be compiled.

    Args:
      group: of the runs.
      state: shapes of the stacked states [R].

    Yields:
      What compiles each program; its bytes include those of states and codes.
    """
    for task in self.tasks(group):
      encoder, codes = self._encode.prepare(group, state, task.points)
      yield encoder
      for draw in task.draws:
        for representation in self._representations(draw, codes):
          program = self.program(draw.name, draw.metric, representation)
          arguments = self._arguments(draw, codes, representation)
          named = f'{draw.name}, {representation}'
          score = score_program.Task(named, program, arguments)
          yield functools.partial(_beside, encoder, score)

  def tasks(self, group: study_plan.Group) -> list[Task]:
    """The draws of all metrics, by the points that they share.

    Args:
      group: of the runs.

    Returns:
      Tasks, with one draw per metric and seed between them.
    """
    data = group.dataset
    metrics = {
      name: metric
      for name, metric in self._setup.metrics(group, types.Metric).items()
      if metric.over == 'run'
    }
    if not metrics:
      return []
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
    use_grid = data.deterministic and grid <= max(wanted, SMALL_GRID)
    # A stream has no grid: its points are numbered draws.
    use_grid &= data.render is not None
    tasks, drawn_by = [], None
    if use_grid:
      whole = factorial.grid(data.factor_sizes)
      tasks.append(Task(whole, jax.random.key(0), []))
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
        shared = tasks and key_of == drawn_by
        if not shared or not np.array_equal(tasks[-1].points[:count], flat):
          drawn_by = key_of
          key = self._design_key(name, metrics[name], seed)
          tasks.append(Task(flat, key, []))
        index = jnp.arange(count).reshape(own.shape[:-1])
      draw = Draw(name, metrics[name], seed, index, factors)
      tasks[-1].draws.append(draw)
    return tasks

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

  def _representations(self, draw: Draw, codes: types.Codes) -> list[str]:
    """Those of a metric that the codes have."""
    return [
      representation
      for representation in self._setup.representations(draw.metric)
      if representation != encoding.SAMPLED or 'logvar' in codes.parts
    ]

  def _arguments(self, draw: Draw, codes: types.Codes, representation: str):
    """What the compiled score of a draw is called with; codes may be shapes."""
    needed = {*draw.metric.needs}
    if representation == encoding.SAMPLED:
      needed |= {'mean', 'logvar'}
    parts = {part: codes.parts[part] for part in sorted(needed)}
    return (
      encoding.metric_key(draw.name, draw.seed),
      types.Codes(codes.vector, parts),
      draw.index,
      draw.factors,
    )

  def _score(self, draw: Draw, codes: types.Codes) -> list[score_setup.Score]:
    scores = []
    for representation in self._representations(draw, codes):
      program = self.program(draw.name, draw.metric, representation)
      values = program(*self._arguments(draw, codes, representation))
      scores += self._setup.scores(
        draw.name,
        draw.metric,
        representation,
        draw.seed,
        jax.device_get(values),
      )
    return scores

  def program(
    self, name: str, metric: types.Metric, representation: str
  ) -> score_program.ScoreProgram:
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

    def scores(budget, key, codes, index, factors):
      noise_key, score_key = jax.random.split(key)
      noise = encoding.noise(codes, noise_key, index.shape)

      def one(codes):
        codes = jax.tree.map(lambda x: x[index], codes)
        codes = encoding.represent_as(codes, representation, noise)
        return metric.score(score_key, codes, factors)

      leaves = jax.tree.leaves(codes)
      # Three copies: the gathered codes, the sample, one temporary.
      each = 3 * sum(
        memory.array_bytes((*index.shape, *x.shape[2:])) for x in leaves
      )
      at_once = max(1, min(leaves[0].shape[0], budget // each))
      return jax.lax.map(one, codes, batch_size=at_once)

    runs = P(devices.RUNS)
    build = lambda budget: functools.partial(scores, budget)
    program = self._setup.program(build, (P(), runs, P(), P()))
    self._programs[cached] = program
    return program
