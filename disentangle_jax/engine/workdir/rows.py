"""The tidy rows of runs, from what training and scoring returned."""

from collections.abc import Iterator, Sequence
import json
import math
from typing import Any

from disentangle_jax.engine.plan import study_plan
from disentangle_jax.engine.programs import devices, score_setup, train
from disentangle_jax.engine.workdir import study

OK, NOT_FINITE = 'ok', 'not_finite'


def common(
  name: str, run: study_plan.Run, status: str, seconds: float
) -> dict[str, Any]:
  """What all rows of a run share, with an empty score.

  Args:
    name: of the study.
    run: the run.
    status: OK or NOT_FINITE.
    seconds: of training.

  Returns:
    column -> value.
  """
  return {
    'run_id': run.run_id,
    'run_number': run.number,
    'study': name,
    'method': run.method,
    'variant': run.variant,
    'strength_name': run.strength_name,
    'strength': run.strength,
    'dataset': run.dataset.name,
    'seed': run.seed,
    'hparams': json.dumps(run.all_hparams(), sort_keys=True),
    'step': run.steps,
    'representation': '',
    'metric_seed': -1,
    'constants': '{}',
    'status': status,
    'versions': json.dumps(study.versions(), sort_keys=True),
    'device': devices.describe(),
    'seconds': seconds,
    'phase': run.phase,
    'after': run.after.run_id if run.after else '',
    'setting': run.setting,
  }


def of_scores(
  shared: dict[str, Any], place: int, scores: Sequence[score_setup.Score]
) -> Iterator[dict[str, Any]]:
  """The scores of one run; NaN where it diverged.

  Args:
    shared: from `common`.
    place: of the run in the scores' values.
    scores: of a chunk.
  """
  finite = shared['status'] == OK
  for score in scores:
    yield {
      **shared,
      'name': score.name,
      'value': float(score.values[place]) if finite else math.nan,
      'representation': score.representation,
      'metric_seed': score.metric_seed,
      'constants': score.constants,
    }


def of_chunk(
  name: str,
  runs: Sequence[study_plan.Run],
  trained: train.Trained,
  scores: Sequence[score_setup.Score],
) -> Iterator[dict[str, Any]]:
  """All rows of a chunk: training scalars, scores, where a run diverged.

  Args:
    name: of the study.
    runs: of the chunk.
    trained: what training returned.
    scores: of the chunk.
  """
  for r, run in enumerate(runs):
    bad = int(trained.diverged[r])
    status = OK if bad == train.NEVER else NOT_FINITE
    shared = common(name, run, status, trained.seconds / len(runs))
    for scalar, values in trained.scalars.items():
      for step, value in zip(trained.steps, values[:, r]):
        yield {
          **shared,
          'step': int(step),
          'name': f'train/{scalar}',
          'value': float(value),
        }
    yield from of_scores(shared, r, scores)
    if status != OK:
      yield {**shared, 'name': 'diverged_at', 'value': float(bad)}
