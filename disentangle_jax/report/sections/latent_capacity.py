"""KL of each latent of the best run over training."""

from collections.abc import Iterator
import math

import numpy as np

from disentangle_jax.report import figures, over_training, pictures, tables
from disentangle_jax.report.results import Results
from disentangle_jax.report.section import Section


def sections(results: Results) -> Iterator[Section]:
  """One figure, none where nothing ranks the runs or nothing was recorded."""
  if results.first is None:
    return
  study, score = results.study, results.described[results.first]
  values = score.sign * study.scores.iloc[:, results.first].to_numpy()
  if not np.isfinite(values).any():
    return
  run = int(np.nanargmax(np.where(np.isfinite(values), values, np.nan)))
  curves = tables.latent_curves(study, run)
  if curves['step'].nunique() < 2:
    return
  figure, axes = figures.new(4.5, 2.8)
  over_training.latent_kl(axes, curves)
  which = pictures.describe_run(study, run, math.nan)
  yield Section(
    'latent_kl_best_run',
    'Capacity of each latent',
    f'KL of every latent over training, in nats, {which}'
    f' (best by {score.label}).',
    figure,
  )
