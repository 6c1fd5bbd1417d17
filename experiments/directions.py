"""Which published directions a finished study shows, with intervals.

  python -m experiments.directions --workdir=runs/unsupervised_study

Three claims about the six objectives, each for several scores of the mean
representation, as Markdown: beta-TCVAE against beta-VAE at equal beta (Chen et
al. 2018), FactorVAE against beta-VAE at equal reconstruction error (Kim and
Mnih 2018), and the shares of method, strength and seed in the variance of
scores (Locatello et al. 2019). Intervals: 95 % percentile bootstrap over seeds.
"""

import math

from absl import flags
import numpy as np

from disentangle_jax import errors
from disentangle_jax.commands import cli

_WORKDIR = flags.DEFINE_list('workdir', [], 'Directory of a finished sweep.')
_SCORES = flags.DEFINE_list(
  'scores',
  [
    'mig_binned',
    'factor_vae_score',
    'beta_vae_score',
    'sap',
    'modularity',
    'explicitness',
    'irs',
  ],
  'Scores to compare, of the mean representation.',
)
_COST = ('reconstruction/nats', 'mean')


def _figure(low: float, high: float, value: float) -> str:
  if math.isnan(low):
    return f'{value:.3f} (no interval)'
  return f'{value:+.3f} [{low:+.3f}, {high:+.3f}]'


def verdict(low: float, high: float) -> str:
  """'higher', 'lower' or 'not shown', by whether the interval leaves 0 out."""
  if low > 0:
    return 'higher'
  return 'lower' if high < 0 else 'not shown'


def cells(study, method: str, column) -> dict[float, np.ndarray]:
  """strength -> values over seeds."""
  mine = study.runs[study.runs['method'] == method]
  values = study.scores[column]
  return {
    float(strength): values.iloc[part.index].to_numpy()
    for strength, part in mine.groupby('strength')
  }


def main(argv):
  """See the module docstring."""
  from disentangle_jax.report import matching, statistics, tables

  del argv
  if not _WORKDIR.value:
    raise errors.ConfigError('--workdir is missing')
  study = tables.load(_WORKDIR.value)
  held = set(study.scores.columns)
  names = [name for name in _SCORES.value if (name, 'mean') in held]
  methods = set(study.runs['method'])
  if not names:
    raise errors.choices(
      '--scores', ','.join(_SCORES.value), {n for n, _ in held}
    )

  if {'beta_tcvae', 'beta_vae'} <= methods:
    print('### beta_tcvae minus beta_vae at equal beta\n')
    print('| score | beta | difference, 95 % interval | beta_tcvae is |')
    print('|---|---|---|---|')
    for name in names:
      ours, theirs = (
        cells(study, m, (name, 'mean')) for m in ('beta_tcvae', 'beta_vae')
      )
      for beta in sorted(set(ours) & set(theirs)):
        value, low, high = statistics.difference_interval(
          ours[beta], theirs[beta]
        )
        print(
          f'| {name} | {beta:g} | {_figure(low, high, value)} '
          f'| {verdict(low, high)} |'
        )
    print()

  if {'factor_vae', 'beta_vae'} <= methods and _COST in held:
    print('### factor_vae minus beta_vae at equal reconstruction error\n')
    print('| score | strengths | difference, 95 % interval | factor_vae is |')
    print('|---|---|---|---|')
    cost = {m: cells(study, m, _COST) for m in methods}
    for name in names:
      groups = []
      for method in ('factor_vae', 'beta_vae'):
        score = cells(study, method, (name, 'mean'))
        groups.append([matching.Cell(cost[method][s], score[s]) for s in score])
      value, low, high, count = matching.difference_at_equal_cost(*groups)
      if count:
        text, says = _figure(low, high, value), verdict(low, high)
      else:
        text, says = 'errors do not overlap', 'not comparable'
      print(f'| {name} | {count} | {text} | {says} |')
    print()

  print('### Shares of the variance of scores\n')
  print('| score | method | strength | seed |')
  print('|---|---|---|---|')
  for name in names:
    shares = statistics.variance_shares(
      study.scores[name, 'mean'].to_numpy(),
      study.runs['method'].to_numpy(),
      study.runs['strength'].to_numpy(),
    )
    row = [
      f'{shares.loc[k, "share"]:.2f} '
      f'[{shares.loc[k, "low"]:.2f}, {shares.loc[k, "high"]:.2f}]'
      for k in ('method', 'strength', 'seed')
    ]
    print(f'| {name} | {" | ".join(row)} |')


if __name__ == '__main__':
  cli.run(main)
