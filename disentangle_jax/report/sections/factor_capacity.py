"""KL of each factor over training, of generators driven by factors."""

from collections.abc import Iterator

from disentangle_jax.report import figures, over_training, stored, tables
from disentangle_jax.report.results import Results
from disentangle_jax.report.section import Section


def sections(results: Results) -> Iterator[Section]:
  """One figure, none where no such scalar was recorded."""
  curves = results.study.training
  named = curves['name'].astype(str).str.startswith(f'{stored.TRAINING}kl/')
  if not named.any() or curves['step'].nunique() < 2:
    return
  figure, axes = figures.new(4.5, 2.8)
  over_training.factor_kl(axes, curves[named])
  runs = curves.loc[named, 'run'].nunique()
  yield Section(
    'factor_kl',
    'Capacity of each factor',
    'KL of every ground-truth factor over training, in nats: median and '
    f'range over {tables.count(runs, "run")}. A factor is switched on where '
    'its curve leaves zero.',
    figure,
  )
