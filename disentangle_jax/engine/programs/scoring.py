"""Scoring: all metrics of all runs of a chunk, on the device.

The images of a design are rendered once for all runs and encoded once for all
metrics. Where the whole factor grid is smaller than what the metrics would draw
from it, the grid itself is encoded and every design becomes an index into it.
"""

from collections.abc import Collection, Mapping
import functools
import json
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec as P
import numpy as np

from disentangle_jax import errors, types
from disentangle_jax import methods as methods_lib
from disentangle_jax import metrics as metrics_lib
from disentangle_jax.data import factorial
from disentangle_jax.engine.plan import planning, registry
from disentangle_jax.engine.programs import devices, encoding, memory
from disentangle_jax.metrics import designs as metric_designs

# A grid of this size is encoded whatever the metrics ask for.
_SMALL_GRID = 32768


class Score(NamedTuple):
  """One score of all runs of a chunk.

  Attributes:
    name: its key.
    representation: 'mean', 'sampled', or '' where they do not differ.
    metric_seed: which draw of the design.
    values: float32 [R].
    constants: JSON of what the number depends on.
  """

  name: str
  representation: str
  metric_seed: int
  values: np.ndarray
  constants: str


def is_wanted(keys: Collection[str], name: str) -> bool:
  """Whether a score was asked for; 'kl' stands for 'kl/3' too."""
  return any(name == key or name.startswith(f'{key}/') for key in keys)


def _mean(blocks: Any) -> Any:
  """Means over the leading axis."""
  return jax.tree.map(lambda x: jnp.mean(x, axis=0), blocks)


def _is_mean(probe: types.Probe) -> bool:
  """Whether a probe's scores are means over its examples."""
  return bool(probe.examples) and probe.reduce == 'mean'


class Evaluator:
  """Compiled scoring programs of one study, shared by its groups.

  Args:
    plan: names the metrics, their constants and the representations.
    mesh: ('runs', 'data').
    wanted: metric module -> keys; the plan's by default.
  """

  def __init__(
    self,
    plan: planning.Plan,
    mesh: jax.sharding.Mesh,
    wanted: Mapping[str, tuple[str, ...]] | None = None,
  ):
    self._scoring = plan.config.scoring
    self._block = plan.config.engine.eval_block
    self._budget = plan.config.engine.eval_memory
    self._names = plan.registry
    # Keeps the data sets alive whose identity some caches below go by.
    self._plan = plan
    self._mesh = mesh
    self._wanted = plan.metrics if wanted is None else wanted
    self._score_programs = {}
    self._metrics = {}
    self._designs = {}

  def metrics(self, group: planning.Group, kind: type) -> dict[str, Any]:
    """The study's metrics of a kind that a group can be scored by."""
    shared = {
      name: registry.shared_metric(
        self._metrics, name, self._scoring, self._names, group.dataset
      )
      for name in self._wanted
      if name in group.metrics
    }
    return {name: m for name, m in shared.items() if isinstance(m, kind)}

  def check(self, group: planning.Group, size: int) -> None:
    """Traces what would score a chunk, where a user wrote a part of it.

    A score that fails would otherwise do so after training. The package's own
    metrics on its own methods are traced by its tests.

    Args:
      group: to be trained.
      size: runs in its program.

    Raises:
      ConfigError: names the metric and what went wrong.
    """
    state = planning.stacked_shapes(group, size)
    key, arrays = jax.random.key(0), group.dataset.arrays

    def of_model(name, probe):
      context = ()
      if probe.fit is not None:
        context = jax.eval_shape(probe.fit, key, arrays)
      if _is_mean(probe):
        program = self._means_of(group, {name: probe}, probe.examples)
        return jax.eval_shape(program, key, {name: context}, state, arrays)
      program = self._whole(name, probe, group)
      return jax.eval_shape(program, key, context, state, arrays)

    def of_codes(name, metric):
      factors = jax.eval_shape(metric.design.sample, key)
      points = metric_designs.points_of(factors).shape[:-1]
      rows = jax.ShapeDtypeStruct(
        (math.prod(points), *group.dataset.observation_shape),
        group.dataset.dtype,
      )
      one = memory.one_run(state)
      codes = jax.eval_shape(group.method.represent, one, rows)
      grid = lambda x: jax.ShapeDtypeStruct((*points, *x.shape[1:]), x.dtype)
      return jax.eval_shape(
        metric.score, key, jax.tree.map(grid, codes), factors
      )

    registered = methods_lib.METHODS.get(group.method_name)
    theirs = group.contract.module is not registered
    own = lambda name: (
      theirs or (metrics_lib.METRICS.get(name) is not self._names.metrics[name])
    )
    kinds = {types.Probe: of_model, types.Metric: of_codes}
    for kind, trace in kinds.items():
      for name, metric in self.metrics(group, kind).items():
        if not own(name) or getattr(metric, 'over', '') == 'seeds':
          continue
        try:
          trace(name, metric)
        except errors.ConfigError:
          raise
        except Exception as error:
          rule = (
            f'fails on method {group.method_name}: '
            f'{type(error).__name__}: {errors.first_line(error)}'
          )
          raise errors.value('config.metrics', name, rule) from error

  def scores(self, group: planning.Group, state: Any) -> list[Score]:
    """Scores all runs of a chunk.

    Args:
      group: their group.
      state: stacked states [R].

    Returns:
      One entry per score, representation and metric seed.
    """
    return [
      *self._mean_scores(group, state),
      *self._metric_scores(group, state),
      *self._whole_scores(group, state),
    ]

  # --- Metrics: codes against factors -------------------------------------

  def _metric_scores(self, group, state) -> list[Score]:
    data = group.dataset
    metrics = {
      name: metric
      for name, metric in self.metrics(group, types.Metric).items()
      if metric.over == 'run'
    }
    if not metrics:
      return []
    seeds = range(self._scoring.metric_seeds)
    designs = {
      (name, seed): self._design(data, name, metric, seed)
      for name, metric in metrics.items()
      for seed in seeds
    }
    points_of = {
      place: metric_designs.points_of(design)
      for place, design in designs.items()
    }
    drawn = sum(math.prod(p.shape[:-1]) for p in points_of.values())
    grid = math.prod(data.factor_sizes)
    use_grid = data.deterministic and grid <= max(drawn, _SMALL_GRID)
    # A stream has no grid: its points are numbered draws.
    use_grid &= data.render is not None
    table = None
    if use_grid:
      points = factorial.grid(data.factor_sizes)
      table = self._encode(group, state, points, jax.random.key(0))
    out = []
    points, codes, drawn_by = None, table, None
    # Designs with a key in common together, the longest of them first.
    order = lambda place: (
      place[1],
      self._design_name(place[0], metrics[place[0]]),
      -math.prod(points_of[place].shape),
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
      out += self._score(name, metrics[name], seed, codes, index, factors)
    return out

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
        rows = jax.jit(functools.partial(encoding.draw, data))(
          key, data.arrays, jnp.arange(count, dtype=jnp.int32)
        )
        self._designs[cached] = rows['factors']
      else:
        self._designs[cached] = points(key)
    return self._designs[cached]

  def _encode(self, group, state, points: np.ndarray, key) -> types.Codes:
    """Codes [R, N, ...] of the observations at `points` [N, K]."""
    block = self._encoder_block(group, state, len(points))
    blocks = -(-len(points) // block)
    padded = np.resize(points, (blocks * block, points.shape[-1]))
    padded[: len(points)] = points
    encode = self._encoder(group, blocks, block)
    codes = encode(state, group.dataset.arrays, jnp.asarray(padded), key)
    return jax.tree.map(lambda x: x[:, : len(points)], codes)

  def _encoder_block(self, group, state, count: int) -> int:
    """Points that are rendered and encoded at once, by what memory allows."""
    block = min(self._block, count)
    data, one = group.dataset, memory.one_run(state)
    observed = encoding.observe(data)
    points = jax.ShapeDtypeStruct((1, len(data.factor_sizes)), jnp.int32)
    index = jax.ShapeDtypeStruct((1,), jnp.int32)
    key = jax.random.key(0)
    observe = lambda points, index: observed(data.arrays, key, points, index)
    each = memory.held_bytes(observe, points, index)
    observation = jax.eval_shape(observe, points, index)
    each += memory.held_bytes(group.method.represent, one, observation)
    return max(1, min(block, self._budget // max(1, each)))

  def _encoder(self, group, blocks: int, block: int):
    cached = ('encode', id(group.method), blocks, block)
    if cached not in self._score_programs:
      encode = encoding.encoder(
        group.method, group.dataset, blocks, block, self._budget
      )
      runs = P(devices.RUNS)
      specs = (runs, P(), P(), P())
      self._score_programs[cached] = self._compile(encode, specs)
    return self._score_programs[cached]

  def _score(self, name, metric, seed, codes, index, factors) -> list[Score]:
    constants = json.dumps(metric.constants, sort_keys=True, default=str)
    out = []
    for representation in self._representations(metric):
      if representation == encoding.SAMPLED and 'logvar' not in codes.parts:
        continue
      shown = representation if metric.per_representation else ''
      needed = {*metric.needs}
      if representation == encoding.SAMPLED:
        needed |= {'mean', 'logvar'}
      parts = {part: codes.parts[part] for part in sorted(needed)}
      program = self._scorer(name, metric, representation)
      values = program(
        encoding.metric_key(name, seed),
        types.Codes(codes.vector, parts),
        index,
        factors,
      )
      for key, value in jax.device_get(values).items():
        if is_wanted(self._wanted[name], key):
          out.append(Score(key, shown, seed, value, constants))
    return out

  def _scorer(self, name, metric, representation):
    cached = ('score', name, id(metric), representation)
    if cached in self._score_programs:
      return self._score_programs[cached]
    budget = self._budget

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
    program = self._compile(scores, (P(), runs, P(), P()))
    self._score_programs[cached] = program
    return program

  # --- Probes: a model, alone or with examples ----------------------------

  def _representations(self, metric) -> tuple[str, ...]:
    """Those that a metric is computed on; the first, if they do not differ."""
    chosen = self._scoring.representations
    return chosen if metric.per_representation else chosen[:1]

  def _context(self, name, probe, seed: int, arrays) -> Any:
    """What a probe fits to the data, once for all runs."""
    if probe.fit is None:
      return ()
    cached = ('context', id(probe), seed)
    if cached not in self._score_programs:
      fit_key, _ = jax.random.split(encoding.metric_key(name, seed))
      self._score_programs[cached] = jax.jit(probe.fit)(fit_key, arrays)
    return self._score_programs[cached]

  def _probe_rows(self, name, probe, seed, values) -> list[Score]:
    """One representation's values [R] of one probe that were asked for."""
    representation, scores = values
    constants = json.dumps(probe.constants, sort_keys=True, default=str)
    shown = representation if probe.per_representation else ''
    return [
      Score(key, shown, seed, value, constants)
      for key, value in scores.items()
      if is_wanted(self._wanted[name], key)
    ]

  def _each(
    self, method, probes, contexts, state, arrays, batch, encode, noise, key
  ):
    """Scores of one run by probes on one batch.

    Args:
      method: of the run.
      probes: by name.
      contexts: what they fitted, by name.
      state: of the run.
      arrays: the data set's.
      batch: draws of the data set.
      encode: `(state, observation) -> codes`, if the method has an encoder.
      noise: `(codes) -> ` standard normal, for the sampled representation.
      key: of the scores.

    Returns:
      (name, representation) -> scores.
    """
    codes = None
    if method.represent is not None:
      codes = encode(state, batch['observation'])
      normal = noise(codes)
    scores = {}
    for name, probe in probes.items():
      score = lambda batch, name=name, probe=probe: probe.score(
        key, contexts[name], method, state, arrays, batch
      )
      if codes is None:
        scores[name, ''] = score(batch)
        continue
      for representation in self._representations(probe):
        if (
          representation == encoding.SAMPLED and 'logvar' not in codes.parts
        ):  # no distribution to sample from
          if probe.per_representation:
            continue
          representation = encoding.MEAN
        shown = encoding.represent_as(codes, representation, normal)
        scores[name, representation] = score({**batch, 'codes': shown})
    return scores

  def _mean_scores(self, group, state) -> list[Score]:
    """Probes whose scores are means over examples."""
    probes = {
      name: probe
      for name, probe in self.metrics(group, types.Probe).items()
      if _is_mean(probe)
    }
    by_count, arrays = {}, group.dataset.arrays
    for name, probe in probes.items():
      by_count.setdefault(probe.examples, []).append(name)
    out = []
    for count, names in by_count.items():
      chosen = {name: probes[name] for name in names}
      program = self._means_of(group, chosen, count)
      for seed in range(self._scoring.metric_seeds):
        # One key for all: they are drawn and encoded together.
        key = encoding.metric_key('diagnostics', seed)
        contexts = {
          name: self._context(name, probe, seed, arrays)
          for name, probe in chosen.items()
        }
        values = program(key, contexts, state, arrays)
        for (name, shown), scores in jax.device_get(values).items():
          out += self._probe_rows(name, chosen[name], seed, (shown, scores))
    return out

  def _means_of(self, group, probes, count: int):
    """One program for all probes that average over `count` observations.

    Observations are drawn and encoded once for all of them.
    """
    cached = ('means', id(group.method), tuple(probes))
    if cached in self._score_programs:
      return self._score_programs[cached]
    method, data = group.method, group.dataset
    block = memory.divisor(count, self._block)

    def means(key, contexts, state, arrays):
      def one(state, batch, place, noise_key, score_key):
        def noise(codes):
          """That of the block's rows from `place` on."""
          normal = encoding.noise(codes, noise_key, (block,))
          if not normal.ndim:
            return normal
          rows = batch['index'].shape[0]
          return jax.lax.dynamic_slice_in_dim(normal, place, rows)

        return self._each(
          method,
          probes,
          contexts,
          state,
          arrays,
          batch,
          method.represent,
          noise,
          score_key,
        )

      def of_rows(keys, index, place):
        """The mean over some rows of a block; they draw as the block does."""
        data_key, noise_key, score_key = keys
        batch = data.sample(data_key, arrays, index)
        step = lambda s, batch: one(s, batch, place, noise_key, score_key)
        together = memory.at_once(step, state, batch, self._budget)
        together = min(
          together, *(p.at_once or together for p in probes.values())
        )
        return memory.over_runs(lambda s: step(s, batch), state, together)

      def one_block(index):
        keys = jax.random.split(jax.random.fold_in(key, index[0]), 3)
        rows = self._rows_at_once(group, one, state, block)
        if rows == block:
          return of_rows(keys, index, 0)
        places = jnp.arange(0, block, rows)
        step = lambda place: of_rows(
          keys, jax.lax.dynamic_slice_in_dim(index, place, rows), place
        )
        return _mean(jax.lax.map(step, places))

      index = jnp.arange(count, dtype=jnp.int32).reshape(-1, block)
      return _mean(jax.lax.map(one_block, index))

    program = self._compile(means, (P(), P(), P(devices.RUNS), P()))
    self._score_programs[cached] = program
    return program

  def _rows_at_once(self, group, one, state, block: int) -> int:
    """Rows of a block that fit the memory for one run: a divisor of it."""
    key, data = jax.random.key(0), group.dataset
    index = jax.ShapeDtypeStruct((1,), jnp.int32)
    draw = lambda index: data.sample(key, data.arrays, index)
    batch = jax.eval_shape(draw, index)
    score = lambda s, batch: one(s, batch, 0, key, key)
    each = memory.held_bytes(draw, index)
    each += memory.held_bytes(score, memory.one_run(state), batch)
    return memory.divisor(block, self._budget // max(1, each))

  def _whole_scores(self, group, state) -> list[Score]:
    """Probes that are asked once per run."""
    out, arrays = [], group.dataset.arrays
    for name, probe in self.metrics(group, types.Probe).items():
      if _is_mean(probe):
        continue
      program = self._whole(name, probe, group)
      for seed in range(self._scoring.metric_seeds):
        _, key = jax.random.split(encoding.metric_key(name, seed))
        context = self._context(name, probe, seed, arrays)
        values = program(key, context, state, arrays)
        for (_, shown), scores in jax.device_get(values).items():
          out += self._probe_rows(name, probe, seed, (shown, scores))
    return out

  def _whole(self, name, probe, group):
    """`(key, context, states [R], arrays) -> {(name, representation): ...}`."""
    cached = ('whole', name, id(probe), id(group.method))
    if cached in self._score_programs:
      return self._score_programs[cached]
    method, data = group.method, group.dataset

    def alone(key, context, state, arrays):
      one = lambda s: {
        (name, ''): probe.score(key, context, method, s, arrays, None)
      }
      runs = jax.tree.leaves(state)[0].shape[0]
      at_once = min(probe.at_once or runs, runs)
      return jax.lax.map(one, state, batch_size=at_once)

    def with_examples(key, context, state, arrays):
      data_key, noise_key, score_key = jax.random.split(key, 3)
      index = jnp.arange(probe.examples, dtype=jnp.int32)
      batch = data.sample(data_key, arrays, index)
      noise = lambda codes: encoding.noise(codes, noise_key, (probe.examples,))
      one = lambda s, batch: self._each(
        method,
        {name: probe},
        {name: context},
        s,
        arrays,
        batch,
        lambda s, x: self._encode_rows(method, s, x),
        noise,
        score_key,
      )
      together = memory.at_once(one, state, batch, self._budget)
      together = min(together, probe.at_once or together)
      return memory.over_runs(lambda s: one(s, batch), state, together)

    scores = with_examples if probe.examples else alone
    program = self._compile(scores, (P(), P(), P(devices.RUNS), P()))
    self._score_programs[cached] = program
    return program

  def _encode_rows(self, method, state, observation) -> types.Codes:
    """Codes [N, ...] of one run, by blocks of rows that fit the memory."""
    count = len(observation)
    each = memory.held_bytes(method.represent, state, observation[:1])
    rows = memory.divisor(count, self._budget // max(1, each))
    if rows == count:
      return method.represent(state, observation)
    blocks = observation.reshape(-1, rows, *observation.shape[1:])
    codes = jax.lax.map(lambda x: method.represent(state, x), blocks)
    return jax.tree.map(lambda x: x.reshape(count, *x.shape[2:]), codes)

  def _compile(self, function, in_specs):
    """Jits a function that maps over the runs of this device.

    Nothing passes between devices here, so that JAX need not track what varies
    over them; solvers may then start their loops from plain zeros.
    """
    return jax.jit(
      jax.shard_map(
        function,
        mesh=self._mesh,
        in_specs=in_specs,
        out_specs=P(devices.RUNS),
        check_vma=False,
      )
    )
