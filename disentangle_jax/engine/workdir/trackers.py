"""Training curves for TensorBoard and Weights & Biases, on request.

`config.engine.tensorboard = True` writes `DIR/tensorboard/<run number>/`;
`config.engine.wandb = 'project'` logs one W&B run per run. Both get what the
store gets: the logged windows of training, and the scores at the last step.
"""

from collections.abc import Sequence
import math
import pathlib
from typing import Any

from disentangle_jax import errors, storage
from disentangle_jax.engine.plan import study_config, study_plan
from disentangle_jax.engine.programs import score_setup, train


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


def _curves(trained: train.Trained, scores, place: int):
  """(step, {name: value}) in order; the scores come last."""
  for row, step in enumerate(trained.steps):
    yield (
      int(step),
      {
        f'train/{name}': float(values[row, place])
        for name, values in trained.scalars.items()
      },
    )
  yield (
    int(trained.steps[-1]),
    {_name(s): float(s.values[place]) for s in scores},
  )


def write(
  workdir: pathlib.Path,
  plan: study_plan.Plan,
  runs: Sequence[study_plan.Run],
  trained: train.Trained,
  scores: Sequence[score_setup.Score],
) -> None:
  """Hands a finished chunk to the trackers that the config names.

  Args:
    workdir: of the study.
    plan: its plan.
    runs: of the chunk.
    trained: what training returned.
    scores: of the chunk.
  """
  engine = plan.config.engine
  for place, run in enumerate(runs):
    curves = list(_curves(trained, scores, place))
    if engine.tensorboard:
      _tensorboard(workdir / 'tensorboard' / f'{run.number:06d}', run, curves)
    if engine.wandb:
      _wandb(engine.wandb, plan.study, run, curves)


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


def _tensorboard(folder: pathlib.Path, run: study_plan.Run, curves) -> None:
  import tensorboardX

  for old in folder.glob('events.*'):  # of a chunk that was killed
    old.unlink()
  with tensorboardX.SummaryWriter(str(folder)) as writer:
    text = '\n'.join(f'    {k}: {v}' for k, v in _about(run).items())
    writer.add_text('run', text)
    for step, values in curves:
      for name, value in values.items():
        writer.add_scalar(name, value, step)


def _wandb(project: str, study: str, run: study_plan.Run, curves) -> None:
  import wandb

  # The id of the run: a chunk that is trained again replaces what it logged.
  tracked = wandb.init(
    project=project,
    group=study,
    id=run.run_id,
    name=f'{run.number} {run.method}',
    config=_about(run),
    reinit='finish_previous',
    settings=wandb.Settings(silent=True),
  )
  for step, values in curves:
    finite = {k: v for k, v in values.items() if math.isfinite(v)}
    tracked.log(finite, step=step)
  tracked.finish()
