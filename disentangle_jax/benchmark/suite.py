"""A benchmark that others can run and compare: several kinds of programs.

Each is the first group of a packaged study: a small MLP, a conv net of
64 x 64 images, two players of a GAN, a recurrent net over clips.
"""

from collections.abc import Iterator
import time
from typing import Any, NamedTuple

import jax

from disentangle_jax.benchmark import forms
from disentangle_jax.commands import configs
from disentangle_jax.engine.plan import planning, study_plan
from disentangle_jax.engine.programs import estimate, scoring

# Kind of program -> study, as `--config` takes it.
STUDIES = {
  'mlp': 'quickstart',
  'conv': 'unsupervised_study',
  'gan': 'infogan:laptop',
  'gru': 'mocogan:laptop',
}
RUNS = (1, 8, 32, 128)
# Fewer steps than this say little of a rate.
LEAST_STEPS = 4


class Member(NamedTuple):
  """One program of the suite.

  Attributes:
    what: kind, method and net.
    plan: of its study.
    group: the first one.
  """

  what: str
  plan: study_plan.Plan
  group: study_plan.Group


def members() -> Iterator[Member]:
  """The programs, one after the other; each is planned when it is asked for."""
  for kind, study in STUDIES.items():
    config = configs.load(configs.find(study))
    config.engine.compile_cache = False
    plan = planning.make(config)
    group = plan.groups[0]
    what = f'suite, {kind}: {title(plan.study, group)}'
    yield Member(what, plan, group)


def title(study: str, group: study_plan.Group) -> str:
  """What a measurement of a group is called, in every machine's file."""
  shape = ' x '.join(map(str, group.dataset.observation_shape))
  # Some methods have networks of their own and take no net.
  net = getattr(group.config, 'net', None)
  parts = [
    f'{study}: {group.method_name}',
    net.name if net is not None else 'auto',
    shape,
    f'batch {group.batch_size}',
    getattr(net, 'conv_form', 'auto'),
    getattr(group.config, 'precision', 'auto'),
  ]
  return ', '.join(part for part in parts if part != 'auto')


def steps_within(seconds: float, runs: int, rate: float, steps: int) -> int:
  """Steps of a measurement that is not to take too long.

  Args:
    seconds: that it may take.
    runs: of the program.
    rate: run-steps/s of a smaller program; 0 where nothing is known.
    steps: that are wanted.

  Returns:
    `steps` or as many as fit; 0 where these would be less than `LEAST_STEPS`.
  """
  if not rate:
    return steps
  fitting = int(seconds * rate / runs)
  return min(steps, fitting) if fitting >= LEAST_STEPS else 0


def scoring_seconds(member: Member, engine: forms.Engine) -> float:
  """What scoring will take, about: its encoding, from the rate of training.

  A step is the forward pass of a batch three times over.
  """
  points = estimate.grid_points(member.plan, member.group)
  steps = points / member.group.batch_size / 3
  return engine.runs * steps / engine.best


def scored(
  member: Member, engine: forms.Engine, mesh: jax.sharding.Mesh
) -> dict[str, float]:
  """What the scores of a study add to its training.

  Args:
    member: whose study names the scores.
    engine: measured; its last states are scored.
    mesh: ('runs', 'data').

  Returns:
    'score_compile_s', 'score_s' of all runs; 'model_s': seconds of wall time
    from nothing to one scored model, all runs of the program together, of the
    study's own number of steps.
  """
  group = member.group._replace(runs=engine.group.runs)
  evaluator = scoring.Evaluator(member.plan, mesh)
  began = time.perf_counter()
  evaluator.scores(group, engine.state)
  first = time.perf_counter() - began
  began = time.perf_counter()
  evaluator.scores(group, engine.state)
  again = time.perf_counter() - began
  training = member.group.steps * engine.runs / engine.best
  whole = engine.compile_seconds + training + first
  return {
    'score_compile_s': max(0.0, first - again),
    'score_s': again,
    'model_s': whole / engine.runs,
  }


def estimated(
  what: str,
  group: study_plan.Group,
  runs: int,
  seconds: float,
  mebibytes: float,
) -> dict[str, Any]:
  """A compiled step as a measurement, to stand beside measured ones.

  Args:
    what: from `title`.
    group: that was compiled.
    runs: in its program.
    seconds: of one step of all of them, by its compiler's figures.
    mebibytes: that a device holds meanwhile.

  Returns:
    A measurement as `record.save` takes it; no compile time is told.
  """
  return {
    'what': what,
    'steps': group.steps,
    'batch_size': group.batch_size,
    'floor': forms.floors(group),
    'rows': [
      {
        'form': forms.engine_name(runs),
        'runs': runs,
        'run_steps_per_s': runs / seconds,
        'compile_s': 0.0,
        'peak_mib': mebibytes,
      }
    ],
  }
