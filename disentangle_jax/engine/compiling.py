"""A study's programs, compiled for devices that need not be here."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import jax

from disentangle_jax import errors, platforms
from disentangle_jax.engine.plan import planning, registry, study_plan
from disentangle_jax.engine.programs import (
  devices,
  estimate,
  program_text,
  scoring,
  step_cost,
  topologies,
  train,
)

_TRAINING = 'training'


class Row(NamedTuple):
  """One compiled program.

  Attributes:
    group: number of its group.
    program: 'training', or what it scores.
    runs: in the program.
    fits: whether the device has the memory.
    bytes: that a device holds meanwhile; 0 where it was refused.
    scratch: those of them that are free again afterwards.
    state: those of the states that a step replaces; 0 in scoring.
    bound: what planning takes a device to hold at most, before anything is
      compiled; of training alone.
    collectives: kind and groups -> number; of training alone.
    cost: of one step of all runs of a device in training; of all of a score.
    refused: what the compiler says where it does not fit, one line; else ''.
  """

  group: int
  program: str
  runs: int
  fits: bool
  bytes: int = 0
  scratch: int = 0
  state: int = 0
  bound: int = 0
  collectives: dict[str, int] | None = None
  cost: step_cost.StepCost | None = None
  refused: str = ''

  @property
  def training(self) -> bool:
    """Whether it trains."""
    return self.program == _TRAINING


def planned(config: Any) -> study_plan.Plan:
  """The plan of a config, as a sweep has it."""
  return planning.only(planning.sliced(planning.make(config, registry.of())))


def rows(
  plan: study_plan.Plan,
  topology: topologies.Topology,
  runs: Sequence[int] = (),
) -> Iterator[Row]:
  """Compiles training and scoring of every group.

  Args:
    plan: the study.
    topology: devices to compile for.
    runs: runs per program; where empty, those of a sweep on these devices,
      which halves them until everything fits.

  Yields:
    A row per program, as soon as it is compiled.

  Raises:
    ConfigError: a single run does not fit.
  """
  mesh = topology.mesh(plan.config.engine.data_shards)
  over = mesh.shape[devices.RUNS]
  evaluator = scoring.Evaluator(plan, mesh)
  for number, group in enumerate(plan.groups):
    points = estimate.grid_points(plan, group)
    asked = plan.config.engine.runs_per_chunk
    sizes = [devices.padded(size, over) for size in runs]
    if not sizes:
      sizes = [
        estimate.runs_per_chunk(group, mesh, asked, points, topology.memory)
      ]
    while sizes:
      size, fits = sizes.pop(0), True
      with platforms.traced_for(topology.platform):
        need = estimate.need(group, points)
        at_once = train.runs_at_once(group, size // over)
      bound = need.training_bytes(size // over, at_once)
      for row in _of_size(number, group, size, mesh, topology, evaluator):
        fits &= row.fits
        yield row._replace(bound=bound) if row.training else row
      if not (fits or runs or size <= over):
        # A sweep would go on with half of the runs, before it trains.
        sizes.append(over * -(-size // (2 * over)))


def fit(compiled: Sequence[Row]) -> bool:
  """Whether every group fits, in the last number of runs that was tried.

  Args:
    compiled: rows of `rows`.
  """
  last = {row.group: row.runs for row in compiled}
  return all(row.fits for row in compiled if row.runs == last[row.group])


def _of_size(number, group, size, mesh, topology, evaluator) -> Iterator[Row]:
  def refused(program, error):
    if not errors.out_of_memory(error):
      raise error
    said = errors.first_line(error)[:160]
    return Row(number, program, size, False, refused=said)

  def row(program, count, scratch, text, parts=1, **more):
    cost = step_cost.of(text, parts)
    fits = count <= topology.memory
    return Row(number, program, size, fits, count, scratch, cost=cost, **more)

  try:
    program = train.compile_group(group, mesh, size)
    text, memory = program.text(), program.memory
    yield row(
      _TRAINING,
      memory.total,
      memory.scratch,
      text,
      program.parts,
      state=memory.donated,
      collectives=program_text.collectives(text),
    )
  except jax.errors.JaxRuntimeError as error:
    yield refused(_TRAINING, error)
  scores = evaluator.prepare(group, size)
  while True:
    try:
      score = next(scores)
    except StopIteration:
      return
    except jax.errors.JaxRuntimeError as error:
      # What was refused cannot be passed over: the rest rests on it.
      yield refused('scoring', error)
      return
    yield row(score.name, score.bytes, score.scratch, score.text())
