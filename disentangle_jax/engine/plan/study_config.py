"""A study as it was read: frozen and typed, nothing behind it looks up strings.

`parse.study` turns what a user gave into a `StudyConfig`. `Engine` also is the
one place where the defaults of `config.engine` stand.
"""

from collections.abc import Mapping
import dataclasses
import json
from typing import Any, NamedTuple


class DatasetSpec(NamedTuple):
  """Which data set, with which options.

  Attributes:
    name: as in `config.dataset.name`.
    options: JSON of the options that were given, sorted by name.
    fingerprint: of the content of its files, or of the arrays of a user's own
      set; '' where the options say everything.
  """

  name: str
  options: str
  fingerprint: str = ''

  def as_json(self) -> list[str]:
    """Its fields; without a fingerprint those that older versions wrote."""
    own = [self.name, self.options]
    return [*own, self.fingerprint] if self.fingerprint else own

  def content(self) -> list[str]:
    """What makes it another set: where equal files lie does not."""
    if not self.fingerprint:
      return self.as_json()
    options = without_places(json.loads(self.options))
    return [self.name, json.dumps(options, sort_keys=True), self.fingerprint]


# Options that say where data lie and how they are read from there.
_PLACES = ('path', 'cache', 'verify')


def without_places(options: Any) -> Any:
  """Options, also those of the parts of a joined set, without _PLACES."""
  if isinstance(options, list):
    return [without_places(part) for part in options]
  if not isinstance(options, dict):
    return options
  return {k: without_places(v) for k, v in options.items() if k not in _PLACES}


@dataclasses.dataclass(frozen=True)
class Engine:
  """How a study is run; none of it is part of a run's identity.

  Attributes:
    runs_per_chunk: runs that share a program; 0 to choose.
    log_every: steps per logged row; 0 for about fifty rows.
    data_shards: devices that a batch is split over.
    eval_block: rows that are encoded at once while scoring.
    eval_memory_mib: what scoring and pictures may hold on a device, MiB.
    keep_params: whether runs leave their parameters.
    keep_samples: whether they leave pictures.
    pack: whether those of a chunk are one file each: for slow drives.
    cpu_devices: devices to make of a CPU; 0 for one per core.
    compile_cache: whether compiled programs are kept between processes.
    checkpoint_minutes: between checkpoints; 0 for those on a signal alone.
    watchdog_minutes: of silence before a line says so; 0 for never.
    tensorboard: whether curves are written for TensorBoard.
    wandb: project of Weights & Biases; '' for none.
  """

  runs_per_chunk: int = 0
  log_every: int = 0
  data_shards: int = 1
  eval_block: int = 512
  eval_memory_mib: int = 1024
  keep_params: bool = True
  keep_samples: bool = True
  pack: bool = False
  cpu_devices: int = 0
  compile_cache: bool = True
  checkpoint_minutes: float = 10.0
  watchdog_minutes: float = 5.0
  tensorboard: bool = False
  wandb: str = ''

  @property
  def eval_memory(self) -> int:
    """`eval_memory_mib` in bytes."""
    return self.eval_memory_mib * 2**20


@dataclasses.dataclass(frozen=True)
class Scoring:
  """What finished runs are scored by.

  Attributes:
    wanted: metric module -> score keys.
    options: metric module -> option -> value, as given.
    representations: 'mean', 'sampled' or both.
    metric_seeds: draws of every design.
    primary: the score that ranks runs; '' to let the report choose.
  """

  wanted: Mapping[str, tuple[str, ...]]
  options: Mapping[str, Mapping[str, Any]]
  representations: tuple[str, ...]
  metric_seeds: int
  primary: str


@dataclasses.dataclass(frozen=True)
class Setting:
  """A method at one point of the sweep: a run without its seed.

  Attributes:
    method: name.
    config: the method's frozen Config.
    hparams: name -> float.
    dataset: which data set.
    steps: training steps.
    batch_size: examples per step.
    variant: what the sweep sets apart beside the strength.
    phase: the name under which a later phase starts from it, or ''.
    after: the setting that it starts from, or None.
  """

  method: str
  config: Any
  hparams: dict[str, float]
  dataset: DatasetSpec
  steps: int
  batch_size: int
  variant: str = ''
  phase: str = ''
  after: 'Setting | None' = None


@dataclasses.dataclass(frozen=True)
class StudyConfig:
  """A whole study, read and checked.

  Attributes:
    study: its name.
    description: what it is about, for the report.
    settings: method x point, each once.
    seeds: of every setting.
    scoring: what runs are scored by.
    engine: how it is run.
    only: run numbers to be done alone, as given.
    slice: 'k/n', the k-th of n shares of the seeds; '' for all.
    given: the config as plain values, kept in study.json.
    notes: settings without an effect, in a line each.
  """

  study: str
  description: str
  settings: tuple[Setting, ...]
  seeds: tuple[int, ...]
  scoring: Scoring
  engine: Engine
  only: str
  slice: str
  given: Mapping[str, Any]
  notes: tuple[str, ...]
