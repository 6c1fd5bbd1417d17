"""Training curves for TensorBoard and Weights & Biases, on request.

`config.engine.tensorboard = True` writes `DIR/tensorboard/<run number>/`;
`config.engine.wandb = 'project'` logs one W&B run per run. Both get what the
store gets, when it comes: every logged window of training, and the scores at
the last step, with the hyper-parameters beside them (TensorBoard's HParams).
"""

from collections.abc import Callable, Mapping, Sequence
import math
import pathlib
from typing import Any

import numpy as np

from disentangle_jax import errors, storage
from disentangle_jax.engine.plan import study_config, study_plan
from disentangle_jax.engine.programs import score_setup


def check(engine: study_config.Engine, workdir: pathlib.Path) -> None:
  """Raises ConfigError where a tracker is asked for that cannot be had."""
  if engine.tensorboard and storage.is_bucket(workdir):
    rule = f'writes into folders alone, and --workdir={workdir} is an address'
    raise errors.value('config.engine.tensorboard', True, rule)
  asked = {'tensorboard': 'tensorboardX', 'wandb': 'wandb'}
  for field, package in asked.items():
    asked_for = getattr(engine, field)
    if asked_for:
      try:
        __import__(package)
      except ImportError as error:
        raise errors.ConfigError(
          f'config.engine.{field} = {asked_for!r}: needs {package}; '
          f'pip install {package}'
        ) from error


def _name(score: score_setup.Score) -> str:
  parts = ['score', score.name, score.representation]
  if score.metric_seed:
    parts.append(f'metric_seed_{score.metric_seed}')
  return '/'.join(part for part in parts if part)


def _about(run: study_plan.Run) -> dict[str, Any]:
  return {
    'run_id': run.run_id,
    'run_number': run.number,
    'method': run.method,
    'variant': run.variant,
    'seed': run.seed,
    'dataset': run.dataset.name,
    'steps': run.steps,
    'batch_size': run.batch_size,
    **run.all_hparams(),
  }


class Trackers:
  """The trackers of one chunk that the config names; maybe none.

  Args:
    workdir: of the study.
    plan: its plan.
    runs: of the chunk.
    say: told once of a tracker that fails; the sweep goes on without it.
  """

  def __init__(
    self,
    workdir: pathlib.Path,
    plan: study_plan.Plan,
    runs: Sequence[study_plan.Run],
    say: Callable[[str], None],
  ):
    engine = plan.config.engine
    self._say, self._open = say, []
    if engine.tensorboard:
      self._open.append(_TensorBoard(workdir, runs))
    if engine.wandb:
      self._open.append(_Wandb(engine.wandb, plan.study, runs))

  def _each(self, call: Callable[[Any], None]) -> None:
    for tracker in list(self._open):
      try:
        call(tracker)
      except errors.StoreError:
        raise  # A full disk: the rows would not fit either.
      except Exception as error:
        self._open.remove(tracker)
        self._say(
          f'note: {tracker.NAME} left out: {type(error).__name__}: '
          f'{errors.first_line(error)}'
        )

  def begin(self, step: int) -> None:
    """Training begins behind so many steps."""
    self._each(lambda tracker: tracker.begin(step))

  def window(
    self, step: int, alive: int, scalars: Mapping[str, np.ndarray]
  ) -> None:
    """A window has ended; scalars float32 [R]."""
    del alive
    values = {f'train/{name}': row for name, row in scalars.items()}
    self._each(lambda tracker: tracker.log(step, values))

  def finished(self, step: int, scores: Sequence[score_setup.Score]) -> None:
    """The chunk is scored.

    Args:
      step: the last one.
      scores: of the chunk.
    """
    values = {_name(score): score.values for score in scores}

    def end(tracker):
      tracker.log(step, values)
      tracker.end(values)

    self._each(end)


class _TensorBoard:
  """`DIR/tensorboard/<run number>/` of every run."""

  NAME = 'TensorBoard'

  def __init__(self, workdir: pathlib.Path, runs: Sequence[study_plan.Run]):
    self._workdir, self._runs, self._writers = workdir, runs, []

  def begin(self, step: int) -> None:
    import tensorboardX

    for run in self._runs:
      folder = self._workdir / 'tensorboard' / f'{run.number:06d}'
      if not step:  # of a chunk that was killed before its first checkpoint
        for old in folder.glob('events.*'):
          old.unlink()
      # What a killed process logged behind its checkpoint is taken back.
      purge = {'purge_step': step + 1} if step else {}
      writer = tensorboardX.SummaryWriter(str(folder), **purge)
      if not step:
        text = '\n'.join(f'    {k}: {v}' for k, v in _about(run).items())
        writer.add_text('run', text)
      self._writers.append(writer)

  def log(self, step: int, values: Mapping[str, np.ndarray]) -> None:
    for place, writer in enumerate(self._writers):
      for name, row in values.items():
        writer.add_scalar(name, float(row[place]), step)
      writer.flush()

  def end(self, scores: Mapping[str, np.ndarray]) -> None:
    """Hyper-parameters beside scores, for the tab of that name."""
    from tensorboardX import summary

    for place, (run, writer) in enumerate(zip(self._runs, self._writers)):
      about = {k: v for k, v in _about(run).items() if k != 'run_number'}
      finals = {name: float(row[place]) for name, row in scores.items()}
      for part in summary.hparams(about, finals):
        writer.file_writer.add_summary(part)
      writer.close()


class _Wandb:
  """One run of Weights & Biases per run, in a group of the study's name."""

  NAME = 'Weights & Biases'

  def __init__(self, project: str, study: str, runs: Sequence[study_plan.Run]):
    self._project, self._study, self._runs = project, study, runs
    self._tracked = []

  def begin(self, step: int) -> None:
    import wandb

    for run in self._runs:
      # The id of the run: a chunk that goes on, goes on in it.
      self._tracked.append(
        wandb.init(
          project=self._project,
          group=self._study,
          id=run.run_id,
          resume='allow',
          name=f'{run.number} {run.method}',
          config=_about(run),
          reinit='create_new',
          settings=wandb.Settings(silent=True),
        )
      )
    del step  # steps that it has already are left as they are, by W&B

  def log(self, step: int, values: Mapping[str, np.ndarray]) -> None:
    for place, tracked in enumerate(self._tracked):
      row = {name: float(own[place]) for name, own in values.items()}
      finite = {k: v for k, v in row.items() if math.isfinite(v)}
      tracked.log(finite, step=step)

  def end(self, scores: Mapping[str, np.ndarray]) -> None:
    del scores  # logged already
    for tracked in self._tracked:
      tracked.finish()
