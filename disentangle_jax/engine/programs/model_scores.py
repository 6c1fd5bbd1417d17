"""Scores of models: probes alone, or on examples that are drawn and encoded."""

from collections.abc import Iterator, Mapping
import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec as P

from disentangle_jax import types
from disentangle_jax.engine.plan import study_plan
from disentangle_jax.engine.programs import (
  devices,
  encoding,
  memory,
  score_program,
  score_setup,
)


def is_mean(probe: types.Probe) -> bool:
  """Whether a probe's scores are means over its examples."""
  return bool(probe.examples) and probe.reduce == 'mean'


def _mean(blocks: Any) -> Any:
  """Means over the leading axis."""
  return jax.tree.map(lambda x: jnp.mean(x, axis=0), blocks)


class ModelScores:
  """Compiled programs of a study's probes, shared by its groups.

  Args:
    setup: which probes, and where.
  """

  def __init__(self, setup: score_setup.ScoreSetup):
    self._setup = setup
    self._programs = {}
    self._contexts = {}

  def means(
    self, group: study_plan.Group, state: Any
  ) -> list[score_setup.Score]:
    """Scores that are means over examples.

    Args:
      group: of the runs.
      state: stacked states [R].

    Returns:
      One entry per score, representation and metric seed.
    """
    probes = {
      name: probe
      for name, probe in self._setup.metrics(group, types.Probe).items()
      if is_mean(probe)
    }
    names_of, arrays = {}, group.dataset.arrays
    for name, probe in probes.items():
      names_of.setdefault(probe.examples, []).append(name)
    scores = []
    for count, names in names_of.items():
      alike = {name: probes[name] for name in names}
      program = self.means_program(group, alike, count)
      for seed in range(self._setup.scoring.metric_seeds):
        # One key for all: they are drawn and encoded together.
        key = encoding.metric_key('diagnostics', seed)
        contexts = {
          name: self._context(name, probe, seed, arrays)
          for name, probe in alike.items()
        }
        values = jax.device_get(program(key, contexts, state, arrays))
        for (name, representation), of_probe in values.items():
          scores += self._setup.scores(
            name, alike[name], representation, seed, of_probe
          )
    return scores

  def prepare(
    self, group: study_plan.Group, state: Any
  ) -> Iterator[score_program.Task]:
    """What `means` and `wholes` will need, to be compiled; nothing is fitted.

    Args:
      group: of the runs.
      state: shapes of the stacked states [R].

    Yields:
      What compiles each program; its bytes include those of the states.
    """
    key, arrays = jax.random.key(0), group.dataset.arrays
    probes = self._setup.metrics(group, types.Probe)

    def context(probe):
      return () if probe.fit is None else jax.eval_shape(probe.fit, key, arrays)

    alike = {}
    for name, probe in probes.items():
      if is_mean(probe):
        alike.setdefault(probe.examples, {})[name] = probe
    for count, some in alike.items():
      contexts = {name: context(probe) for name, probe in some.items()}
      program = self.means_program(group, some, count)
      given = (key, contexts, state, arrays)
      yield score_program.Task(', '.join(some), program, given)
    for name, probe in probes.items():
      if not is_mean(probe):
        program = self.whole_program(group, name, probe)
        given = (key, context(probe), state, arrays)
        yield score_program.Task(name, program, given)

  def wholes(
    self, group: study_plan.Group, state: Any
  ) -> list[score_setup.Score]:
    """Scores of probes that are asked once per run; as `means`."""
    scores, arrays = [], group.dataset.arrays
    for name, probe in self._setup.metrics(group, types.Probe).items():
      if is_mean(probe):
        continue
      program = self.whole_program(group, name, probe)
      for seed in range(self._setup.scoring.metric_seeds):
        _, key = jax.random.split(encoding.metric_key(name, seed))
        context = self._context(name, probe, seed, arrays)
        values = jax.device_get(program(key, context, state, arrays))
        for (_, representation), of_probe in values.items():
          scores += self._setup.scores(
            name, probe, representation, seed, of_probe
          )
    return scores

  def _context(self, name, probe, seed: int, arrays) -> Any:
    """What a probe fits to the data, once for all runs."""
    if probe.fit is None:
      return ()
    cached = id(probe), seed
    if cached not in self._contexts:
      fit_key, _ = jax.random.split(encoding.metric_key(name, seed))
      self._contexts[cached] = jax.jit(probe.fit)(fit_key, arrays)
    return self._contexts[cached]

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
      for representation in self._setup.representations(probe):
        if (
          representation == encoding.SAMPLED and 'logvar' not in codes.parts
        ):  # no distribution to sample from
          if probe.per_representation:
            continue
          representation = encoding.MEAN
        scored = encoding.represent_as(codes, representation, normal)
        scores[name, representation] = score({**batch, 'codes': scored})
    return scores

  def means_program(
    self, group: study_plan.Group, probes: Mapping[str, types.Probe], count: int
  ) -> score_program.ScoreProgram:
    """One program for all probes that average over `count` observations.

    Observations are drawn and encoded once for all of them.

    Args:
      group: of the runs.
      probes: by name of their modules.
      count: number of observations.

    Returns:
      (key, contexts by name, states [R], arrays) -> {(name, representation):
      {key: float32 [R]}}.
    """
    cached = ('means', id(group.method), tuple(probes))
    if cached in self._programs:
      return self._programs[cached]
    method, data = group.method, group.dataset
    block = memory.divisor(count, self._setup.block)

    def means(budget, key, contexts, state, arrays):
      def one(state, batch, start, noise_key, score_key):
        def noise(codes):
          """That of the block's rows from `start` on."""
          normal = encoding.noise(codes, noise_key, (block,))
          if not normal.ndim:
            return normal
          rows = batch['index'].shape[0]
          return jax.lax.dynamic_slice_in_dim(normal, start, rows)

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

      def of_rows(keys, index, start):
        """The mean over some rows of a block; they draw as the block does."""
        data_key, noise_key, score_key = keys
        batch = data.sample(data_key, arrays, index)
        step = lambda s, batch: one(s, batch, start, noise_key, score_key)
        together = memory.at_once(step, state, batch, budget)
        together = min(
          together, *(p.at_once or together for p in probes.values())
        )
        return memory.over_runs(lambda s: step(s, batch), state, together)

      def one_block(index):
        keys = jax.random.split(jax.random.fold_in(key, index[0]), 3)
        # What one row of one run holds: its draw and its scores.
        row = jax.ShapeDtypeStruct((1,), jnp.int32)
        draw = lambda row: data.sample(key, arrays, row)
        score = lambda s, batch: one(s, batch, 0, key, key)
        fitting = memory.rows_at_once(
          budget,
          (draw, row),
          (score, memory.one_run(state), jax.eval_shape(draw, row)),
        )
        rows = memory.divisor(block, fitting)
        if rows == block:
          return of_rows(keys, index, 0)
        starts = jnp.arange(0, block, rows)
        step = lambda start: of_rows(
          keys, jax.lax.dynamic_slice_in_dim(index, start, rows), start
        )
        return _mean(jax.lax.map(step, starts))

      index = jnp.arange(count, dtype=jnp.int32).reshape(-1, block)
      return _mean(jax.lax.map(one_block, index))

    build = lambda budget: functools.partial(means, budget)
    program = self._setup.program(build, (P(), P(), P(devices.RUNS), P()))
    self._programs[cached] = program
    return program

  def whole_program(
    self, group: study_plan.Group, name: str, probe: types.Probe
  ) -> score_program.ScoreProgram:
    """The program of a probe that is asked once per run.

    Args:
      group: of the runs.
      name: of the probe's module.
      probe: made from it.

    Returns:
      (key, context, states [R], arrays) -> {(name, representation): {key:
      float32 [R]}}.
    """
    cached = ('whole', name, id(probe), id(group.method))
    if cached in self._programs:
      return self._programs[cached]
    method, data = group.method, group.dataset

    def alone(budget, key, context, state, arrays):
      del budget  # a probe that draws for itself says `at_once`
      one = lambda s: {
        (name, ''): probe.score(key, context, method, s, arrays, None)
      }
      runs = jax.tree.leaves(state)[0].shape[0]
      at_once = min(probe.at_once or runs, runs)
      return jax.lax.map(one, state, batch_size=at_once)

    def with_examples(budget, key, context, state, arrays):
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
        lambda s, x: encoding.by_rows(method, s, x, budget),
        noise,
        score_key,
      )
      together = memory.at_once(one, state, batch, budget)
      together = min(together, probe.at_once or together)
      return memory.over_runs(lambda s: one(s, batch), state, together)

    scores = with_examples if probe.examples else alone
    build = lambda budget: functools.partial(scores, budget)
    program = self._setup.program(build, (P(), P(), P(devices.RUNS), P()))
    self._programs[cached] = program
    return program
