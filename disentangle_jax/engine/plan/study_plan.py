"""What a plan is made of: runs, groups of runs, the whole study.

A *run* is (static config, traced hyper-parameters, seed); a *group* all runs
that share a compiled program; a *chunk* the runs that are in one program at the
same time.
"""

from collections.abc import Mapping
import dataclasses
import json
from typing import Any, NamedTuple

from disentangle_jax import types
from disentangle_jax.engine.plan import registry, study_config
from disentangle_jax.methods import contract as contract_lib


def describe_static(config: Any) -> dict[str, Any]:
  """A frozen Config as JSON-able values."""
  return json.loads(json.dumps(dataclasses.asdict(config), default=str))


class Run(NamedTuple):
  """One training run, fully specified.

  Attributes:
    number: its place in the study, what `--config.only` takes.
    run_id: hash of everything that changes it.
    setting: hash of the same without the seed.
    method: name.
    config: the method's frozen Config.
    hparams: name -> float.
    seed: of data order, initialisation and noise.
    dataset: which data set.
    steps: training steps.
    batch_size: examples per step.
    strength_name: the HPARAM that a report's axis shows, or ''.
    strength: its value, or NaN.
    variant: what else the sweep sets apart for its method, e.g.
      'net=mlp, salt_and_pepper=0.2'; '' where the strength alone is swept.
    phase: the name under which a later phase starts from it; '' for a run of a
      method that the config lists.
    after: the run that it starts from, or None.
  """

  number: int
  run_id: str
  setting: str
  method: str
  config: Any
  hparams: dict[str, float]
  seed: int
  dataset: study_config.DatasetSpec
  steps: int
  batch_size: int
  strength_name: str
  strength: float
  variant: str
  phase: str = ''
  after: 'Run | None' = None

  def ancestors(self) -> list['Run']:
    """The earlier phases, the one that it starts from first."""
    return [] if self.after is None else [self.after, *self.after.ancestors()]

  def describe(self) -> dict[str, Any]:
    """All that rebuilds it, as JSON-able values, earlier phases included."""
    return {
      'method': self.method,
      'config': describe_static(self.config),
      'dataset': self.dataset.as_json(),
      'hparams': self.hparams,
      'seed': self.seed,
      'steps': self.steps,
      'batch_size': self.batch_size,
      'run_id': self.run_id,
      'phase': self.phase,
      'after': None if self.after is None else self.after.describe(),
    }

  def all_hparams(self) -> dict[str, float]:
    """Its hyper-parameters, and those of earlier phases as '<phase>.<name>'."""
    earlier = {
      f'{run.phase}.{name}': value
      for run in self.ancestors()
      for name, value in run.hparams.items()
    }
    return {**self.hparams, **earlier}


class Group(NamedTuple):
  """Runs that share one compiled program.

  Attributes:
    method_name: name.
    method: the pure functions.
    contract: what its module says.
    config: static config.
    dataset: the data set.
    batch_size: examples per step.
    steps: training steps.
    runs: its runs, in order of their numbers.
    before: the group of the runs that they start from, or None.
    metrics: names of the metric modules that can score them.
    layout: what stands in their code vectors; None without codes.
  """

  method_name: str
  method: types.Method
  contract: contract_lib.Contract
  config: Any
  dataset: types.Dataset
  batch_size: int
  steps: int
  runs: tuple[Run, ...]
  before: 'Group | None' = None
  metrics: tuple[str, ...] = ()
  layout: types.Layout | None = None

  @property
  def listed(self) -> bool:
    """Whether any run is of a method that the config lists."""
    return any(not run.phase for run in self.runs)

  @property
  def depth(self) -> int:
    """Number of phases before this one."""
    return 0 if self.before is None else 1 + self.before.depth


class Plan(NamedTuple):
  """A whole study.

  Attributes:
    config: the study as it was read.
    runs: all runs, numbered from 0; earlier phases of runs stand behind the
      runs of the methods that the config lists.
    groups: the same runs by program, earlier phases first.
    registry: what the names mean.
    notes: lines that the user should see.
  """

  config: study_config.StudyConfig
  runs: tuple[Run, ...]
  groups: tuple[Group, ...]
  registry: registry.Registry
  notes: tuple[str, ...] = ()

  @property
  def study(self) -> str:
    """The study's name."""
    return self.config.study

  @property
  def metrics(self) -> Mapping[str, tuple[str, ...]]:
    """Metric module -> the score keys wanted."""
    return self.config.scoring.wanted
