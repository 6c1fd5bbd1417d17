"""Engines of a measurement: made when they are due, or all ahead."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent import futures

import jax

from disentangle_jax.benchmark import forms, suite
from disentangle_jax.engine import progress
from disentangle_jax.engine.plan import study_plan


def within(
  group: study_plan.Group,
  counts: Sequence[int],
  mesh: jax.sharding.Mesh,
  longest: float,
  ahead: Mapping[int, futures.Future],
) -> Iterator[forms.Engine]:
  """The engine at every number of runs, as far as time allows.

  Args:
    group: what to train.
    counts: runs per program, in order.
    mesh: ('runs', 'data').
    longest: seconds that a measurement may take; 0 for any.
    ahead: runs -> engine of all steps that is being compiled.
  """
  rate = 0.0
  for count in counts:
    steps = suite.steps_within(longest, count, rate, group.steps)
    if not steps:
      seconds = suite.LEAST_STEPS * count / rate
      print(
        f'{forms.engine_name(count)}: left out, {suite.LEAST_STEPS} steps '
        f'would take about {progress.duration(seconds)} (--longest)'
      )
      continue
    if count in ahead and steps == group.steps:
      engine = ahead[count].result()
    else:
      engine = forms.Engine(group._replace(steps=steps), count, mesh)
    if longest:
      rate = engine.rate()
    yield engine


def compile_ahead(
  wanted: Sequence,
  counts: Sequence[int],
  mesh: jax.sharding.Mesh,
  threads: int,
) -> dict[str, dict[int, futures.Future]]:
  """Compiles every engine, several at once, before anything is timed.

  Args:
    wanted: (name, group, member of the suite or None).
    counts: runs per program.
    mesh: ('runs', 'data').
    threads: how many compile at once.

  Returns:
    Name -> runs -> `forms.Engine` that is compiled, or what it raised.
  """
  with futures.ThreadPoolExecutor(threads) as pool:
    return {
      what: {
        count: pool.submit(forms.Engine, group, count, mesh) for count in counts
      }
      for what, group, _ in wanted
    }
