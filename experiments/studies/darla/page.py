"""What agents earn in the target domain: claims, table, curves."""

from collections.abc import Iterator

import matplotlib.figure
import numpy as np
import pandas as pd
from scipy import stats

from disentangle_jax.report import arms as arms_lib
from disentangle_jax.report import claims as claims_lib
from disentangle_jax.report import (
  figures,
  statistics,
  style,
  tables,
)
from disentangle_jax.report.claims import (
  Arm,
  Claim,
  Difference,
  Estimate,
  Guard,
  Threshold,
)
from disentangle_jax.report.section import Section

METHOD = 'darla'
PAPER = 'Higgins et al. 2017 (DARLA)'
SOUND = 0.8
BLIND = 0.6
SCORES = (
  'return_source',
  'return_target',
  'transfer_gap',
  'transfer_ratio',
  'mig_binned',
  'factor_vae_score',
)
SEES = {
  'dae': 'features of the autoencoder',
  'pixels': 'pixels',
  'factors': 'true factors (a ceiling)',
  'blind': 'factors without the shape',
}
GUARDS = (
  Guard(
    'return_source',
    low=SOUND,
    reason='a share of next to nothing says nothing',
  ),
)
_CURVE = 'train/episode_return'
_RESAMPLES = 2000


def eyes(beta: float | None = None) -> Arm:
  """Runs that see a code; at one beta, or at all."""
  where = {'method': METHOD, 'variant.sees': 'vae'}
  if beta is None:
    return Arm('eyes at every beta', where)
  return Arm(f'eyes, beta {beta:g}', {**where, 'strength': beta})


def other(name: str) -> Arm:
  """The runs of one of SEES."""
  return Arm(SEES[name], {'method': METHOD, 'variant.sees': name})


def betas(study: tables.Study) -> tuple[float, ...]:
  """Of the study's runs, rising; the lowest is the entangled one."""
  mine = claims_lib.runs_of(study, eyes())
  values = study.runs['strength'][mine].dropna().unique()
  return tuple(sorted(map(float, values)))


def all_arms(study: tables.Study) -> list[Arm]:
  """Every arm that the study may have runs of."""
  return [*map(eyes, betas(study)), *map(other, SEES)]


def agreement(study: tables.Study) -> tuple[float, float, float]:
  """Spearman's correlation of MIG and transfer ratio over betas and seeds.

  Args:
    study: as loaded.

  Returns:
    It and its 95 % percentile interval; seeds are drawn anew, each with all of
    its betas, for runs of a seed share their autoencoder.
  """
  mine = claims_lib.runs_of(study, eyes())
  frame = pd.DataFrame(
    {
      'seed': study.runs['seed'].to_numpy()[mine],
      'mig': claims_lib.values_of(study, 'mig_binned')[mine],
      'ratio': claims_lib.values_of(study, 'transfer_ratio')[mine],
    }
  ).dropna()
  parts = [p[['mig', 'ratio']].to_numpy() for _, p in frame.groupby('seed')]
  if len(parts) < 2:
    return (np.nan,) * 3

  def correlation(chosen):
    mig, ratio = np.concatenate([parts[i] for i in chosen]).T
    if np.ptp(mig) == 0 or np.ptp(ratio) == 0:
      return np.nan
    return float(stats.spearmanr(mig, ratio).statistic)

  random = np.random.default_rng(0)
  draws = random.integers(0, len(parts), (_RESAMPLES, len(parts)))
  low, high = np.nanquantile([correlation(d) for d in draws], [0.025, 0.975])
  return correlation(range(len(parts))), float(low), float(high)


def _better(first: Arm, second: Arm, what: str) -> Claim:
  return Claim(
    statement=f'{first.label.capitalize()}: a larger share of what is earned '
    f'in the source is earned in the target (transfer_ratio) than with {what}.',
    source=f'{PAPER}; the measure is ours',
    published='higher, no number in the slides',
    arms=(first, second),
    score='transfer_ratio',
    rule=Difference('higher'),
    guards=GUARDS,
  )


def claims(study: tables.Study) -> tuple[Claim, ...]:
  """What the paper says of eyes, and what makes the task worth it."""
  entangled, *rest = betas(study) or (0.1, 1.0)
  entangled = eyes(entangled)
  made = []
  for arm in map(eyes, rest):
    made += [
      _better(arm, entangled, f'entangled {entangled.label}'),
      _better(arm, other('pixels'), 'a policy that learns from pixels'),
    ]
  return (
    *made,
    Claim(
      statement='Over betas and seeds, agents whose eyes have a higher MIG '
      'have a higher transfer_ratio.',
      source=f'{PAPER}; the measures are ours',
      published='positive, no number in the slides',
      arms=(eyes(),),
      score='transfer_ratio',
      rule=Estimate(
        agreement, 0.0, 'higher', "Spearman's correlation, seeds resampled"
      ),
    ),
    Claim(
      statement=f'Without the shape next to nothing is earned (return_source '
      f'below {BLIND:g}) in most seeds: the task is not too easy.',
      source='ours',
      published='',
      arms=(other('blind'),),
      score='return_source',
      rule=Threshold(BLIND, 'lower'),
    ),
    Claim(
      statement=f'With true factors nearly all is earned (return_source above '
      f'{SOUND:g}) in most seeds: the agent is able.',
      source='ours',
      published='',
      arms=(other('factors'),),
      score='return_source',
      rule=Threshold(SOUND, 'higher'),
    ),
  )


def curves(study: tables.Study) -> matplotlib.figure.Figure | None:
  """Return over training in the source, mean and interval over seeds, per arm.

  Between what a uniform policy earns, 0, and the best, 1. None without two
  logged steps.
  """
  logged = study.training.astype({'name': str})
  logged = logged[logged['name'] == _CURVE]
  if logged['step'].nunique() < 2:
    return None
  figure, axes = figures.new(4.5, 2.8)
  for arm in all_arms(study):
    runs = study.runs.index[claims_lib.runs_of(study, arm)]
    own = logged[logged['run'].isin(runs)]
    if own.empty:
      continue
    steps, values = zip(
      *(
        (step, part['value'].to_numpy(float))
        for step, part in own.groupby('step')
      )
    )
    low, high = statistics.bootstrap_interval(list(values)).T
    (line,) = axes.plot(
      steps, [v.mean() for v in values], label=arm.label, lw=1
    )
    axes.fill_between(steps, low, high, alpha=0.2, lw=0, color=line.get_color())
  for bound in (0.0, 1.0):
    axes.axhline(bound, **style.LEVEL)
  axes.set_xlabel('update')
  axes.set_ylabel('return in the source')
  figure.legend(loc='outside right upper', fontsize=style.TINY)
  return figure


def domains(study: tables.Study) -> matplotlib.figure.Figure | None:
  """Source and target returns of every arm, with intervals over seeds."""
  names = {name for name, _ in study.scores.columns}
  present = arms_lib.run(study, all_arms(study))
  if not present or not {'return_source', 'return_target'} <= names:
    return None
  figure, axes = figures.new(4.5, 2.6)
  place = np.arange(len(present))
  for number, domain in enumerate(('source', 'target')):
    values = claims_lib.values_of(study, f'return_{domain}')
    each = [values[runs] for _, runs in present]
    mean = np.array([np.mean(v) for v in each])
    low, high = statistics.bootstrap_interval(each).T
    axes.errorbar(
      mean,
      place + 0.2 * (number - 0.5),
      xerr=np.maximum([mean - low, high - mean], 0),
      color=style.colour(number),
      ls='',
      elinewidth=1,
      label=domain,
      **style.mark(number, 3),
    )
  axes.set_yticks(
    place, [arm.label for arm, _ in present], fontsize=style.SMALL
  )
  axes.invert_yaxis()
  for bound in (0.0, 1.0):
    axes.axvline(bound, **style.LEVEL)
  axes.set_xlabel('return: 0 uniform, 1 best')
  axes.legend(fontsize=style.SMALL)
  return figure


def sections(study: tables.Study) -> Iterator[Section]:
  """Returns of every arm in both domains, and how they were learned.

  Args:
    study: as loaded.

  Yields:
    The table and the figures that the study has numbers for.
  """
  table = arms_lib.table(study, all_arms(study), SCORES)
  if len(table):
    yield Section(
      'darla_scores',
      'What is earned in both domains',
      'Mean over seeds with 95 % interval. Returns: 0 is a uniform policy, 1 '
      'the best, both exact; transfer_ratio: target / source.',
      table,
    )
  figure = domains(study)
  if figure is not None:
    yield Section(
      'darla_domains',
      'Source and target',
      'Greedy returns, mean and 95 % interval over seeds.',
      figure,
    )
  figure = curves(study)
  if figure is not None:
    yield Section(
      'darla_learning',
      'Learning in the source',
      'Return of the policy that learns, mean and 95 % interval over seeds. '
      'Grey lines: a uniform policy, and the best one by value iteration.',
      figure,
    )
