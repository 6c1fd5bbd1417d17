"""Classes with and without the auxiliary task: claims, tables and pictures."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from disentangle_jax import errors
from disentangle_jax.report import summaries, tables
from disentangle_jax.report.claims import Arm, Claim, Difference
from disentangle_jax.report.section import Section
from disentangle_jax.studies.aux_vae import page as aux_vae

METHOD = 'aux_gmvae'
_DRAWS = 4000  # images that classes are compared with factors on
_SEEDS = 5  # that the comparison is made for, of every task
_CLUSTERS, _COLUMNS = 10, 12


def claims(study: tables.Study) -> tuple[Claim, ...]:
  """What the paper says of the classes, and of the digit in the latents."""
  arms = tuple(
    Arm(aux_vae.TASKS[task][0], {'method': METHOD, 'variant.auxiliary': task})
    for task in ('True', 'False')
  )
  return (
    Claim(
      statement='The task makes the classes follow the digits (accuracy of '
      'the classes, mean over the betas, with the task less without).',
      source=f'{aux_vae.PAPER}, section 3.2, table 1; the comparison is ours',
      published='0.582 with the task (SVHN, beta 40); no number without',
      arms=arms,
      score='clustering_accuracy',
      rule=Difference('higher'),
    ),
    *aux_vae.swap_claims(study, METHOD),
  )


def class_accuracy(classes: np.ndarray, factors: np.ndarray) -> np.ndarray:
  """How well classes name every factor.

  Each class takes the value that most of its images have.

  Args:
    classes: int [N].
    factors: int [N, K].

  Returns:
    float64 [K], share of the N images that are named right.
  """
  right = [
    sum(
      np.bincount(values[classes == chosen]).max()
      for chosen in np.unique(classes)
    )
    for values in factors.T
  ]
  return np.array(right) / len(classes)


def factors_table(study: tables.Study) -> pd.DataFrame | None:
  """Accuracy of the classes against every factor, at the least beta.

  Args:
    study: as loaded; the first seeds of the first workdir are looked at.

  Returns:
    A row per factor; None where parameters are not there.
  """
  # Models are loaded for this alone.
  import jax

  from disentangle_jax import load_run

  texts, batch, first = {}, None, None
  for task in aux_vae.kinds(study):
    rows = aux_vae.runs_at_least_beta(study, task)
    accuracies, represent = [], None
    for number in rows['run_number'].iloc[:_SEEDS]:
      try:
        run = load_run(study.workdirs[0], int(number))
      except (errors.ConfigError, errors.StoreError):
        return None
      if batch is None:
        first, batch = run, run.sample(_DRAWS, seed=9)
      # One program for all seeds of a task.
      represent = represent or jax.jit(run.method.represent)
      parts = represent(run.state, batch['observation']).parts
      if 'class_logits' not in parts:
        return None
      classes = np.asarray(parts['class_logits']).argmax(1)
      factors = np.asarray(batch['factors'])
      accuracies.append(class_accuracy(classes, factors))
    texts[aux_vae.TASKS[task][0]] = [
      summaries.mean_with_interval(values)
      for values in np.transpose(accuracies)
    ]
  if first is None:
    return None
  sizes = [str(size) for size in first.dataset.factor_sizes]
  names = {'factor': first.dataset.factor_names, 'one value in': sizes}
  return pd.DataFrame({**names, **texts})


def clusters(run, count: int = 600) -> np.ndarray:
  """Images of the largest classes in use, a row each, largest first.

  Args:
    run: trained.
    count: of images that are sorted into classes.

  Returns:
    uint8 [height, width, 3].
  """
  images = np.asarray(run.sample(count, seed=2)['observation'])
  logits = np.asarray(run.represent(images).parts['class_logits'])
  chosen = logits.argmax(1)
  sizes = np.bincount(chosen, minlength=logits.shape[1])
  rows = []
  for cluster in np.argsort(-sizes)[: min(_CLUSTERS, np.sum(sizes > 0))]:
    members = images[chosen == cluster][:_COLUMNS]
    blank = np.full((_COLUMNS - len(members), *images.shape[1:]), 0.5)
    rows.append(np.concatenate([members, blank]))
  return aux_vae.tile(np.concatenate(rows))


def _cluster_sections(runs: Mapping[str, object]) -> Iterator[Section]:
  """The classes of every task's first seed."""
  for task, run in runs.items():
    label, stem = aux_vae.TASKS[task]
    yield Section(
      f'{METHOD}_{stem}_clusters',
      f'Classes, {label}',
      'First seed, least beta. Rows are classes, the largest in use among 600 '
      'images.',
      aux_vae.figure_of(clusters(run)),
    )


def sections(study: tables.Study) -> Iterator[Section]:
  """Scores, what the classes name, and classes of the first seeds."""
  yield from aux_vae.table_section(study, METHOD)
  runs = aux_vae.first_runs(study)
  table = factors_table(study) if runs else None
  if table is not None:
    yield Section(
      f'{METHOD}_factors',
      'What the classes name',
      f'Share of {_DRAWS:,} images whose class has their value of a factor, '
      'each class taking the value that most of its images have; least beta, '
      f'mean over at most {_SEEDS} seeds with 95 % intervals.',
      table,
    )
  yield from _cluster_sections(runs)
