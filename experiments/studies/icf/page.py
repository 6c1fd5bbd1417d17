"""Do codes and policies each take one factor: claims, table, curves."""

from collections.abc import Iterator
from typing import NamedTuple

import matplotlib.figure
import numpy as np
import pandas as pd

from disentangle_jax.report import claims as claims_lib
from disentangle_jax.report import (
  figures,
  statistics,
  stored,
  style,
  summaries,
  tables,
)
from disentangle_jax.report.claims import (
  Arm,
  Claim,
  Difference,
  Guard,
  Threshold,
)
from disentangle_jax.report.section import Section

PAPER = 'Thomas et al. 2018'
BOUND = 0.9
SEEDS = 10
TABLE = (
  'position_r2',
  'feature_r2',
  'feature_match',
  'action_information',
  'policies_distinct',
  'axis_cosine',
  'step_consistency',
  'step_length',
  'step_picture_error',
  'prediction_ratio',
  'latent_prediction_ratio',
  'policies_moved',
  'reconstruction/squared_error',
)
MOVES = (
  Guard('step_length', low=0.01, reason='the code must not be constant'),
)
_CURVE = 'train/selectivity'
# What a scripted agent has that does one of four moves at will, nats.
_LOG_FOUR = float(np.log(4))


class Kind(NamedTuple):
  """One experiment of the paper.

  Attributes:
    method: of its runs.
    dataset: of its runs.
    score: that only its runs have; '' for none.
    label: what to call it.
  """

  method: str
  dataset: str
  score: str
  label: str


KINDS = {
  'embedded': Kind('icf', 'gridworld', '', 'embeddings'),
  'three_steps': Kind('icf', 'gridworld', 'prediction_ratio', 'three steps'),
  'fixed': Kind('icf_fixed', 'gridworld', '', 'one policy per feature'),
  'digits': Kind('icf_fixed', 'two_digits', '', 'two digits'),
}


def kind_of(study: tables.Study) -> np.ndarray:
  """Key in KINDS of every run, object [runs]; '' for none."""
  methods = np.array([m.split(' (')[0] for m in study.runs['method']], object)
  names = {name for name, _ in study.scores.columns}
  found = np.full(len(study.runs), '', object)
  for key, kind in KINDS.items():
    mine = (methods == kind.method) & (study.runs['dataset'] == kind.dataset)
    if kind.score:
      mine &= kind.score in names and np.isfinite(
        claims_lib.values_of(study, kind.score)
      )
    found[mine.to_numpy(bool)] = key
  return found


def _given(study: tables.Study, name: str) -> tuple[float, ...]:
  """Values of a hyper-parameter above 0, in any run."""
  hparams = [stored.loads(text) for text in study.runs['hparams'].unique()]
  return tuple(sorted({h[name] for h in hparams if h.get(name, 0.0) > 0}))


def arms(study: tables.Study) -> dict[str, Arm]:
  """Every arm that the study may have runs of, by what the README calls it."""
  paid, decoded = _given(study, 'w_sel'), _given(study, 'w_ae')
  of = lambda key, **where: {
    'method': KINDS[key].method,
    'dataset': KINDS[key].dataset,
    **{f'hparams.{name}': value for name, value in where.items()},
  }
  named = {
    'embeddings': of('embedded', w_sel=paid),
    'embeddings, autoencoder alone': of('embedded', w_sel=0.0),
    'one policy per feature': of('fixed', w_sel=paid),
    'one policy per feature, autoencoder alone': of('fixed', w_sel=0.0),
    'two digits, selectivity alone': of('digits', w_sel=paid, w_ae=0.0),
    'two digits, with an autoencoder': of('digits', w_sel=paid, w_ae=decoded),
  }
  return {name: Arm(name, where) for name, where in named.items()}


def _whole(arm: Arm, alone: Arm, figure: str) -> tuple[Claim, ...]:
  """Claims of one form of the method on a grid."""
  of = lambda statement, score, rule, arms=(arm,), published='': Claim(
    statement=f'{arm.label.capitalize()}: {statement}',
    source=f'{PAPER}, {figure}; the bound is ours',
    published=published,
    arms=arms,
    score=score,
    rule=rule,
    seeds=SEEDS,
    guards=MOVES,
  )
  return (
    of(
      f'the position is linear in the code (position_r2 above {BOUND}) in most '
      'seeds.',
      'position_r2',
      Threshold(BOUND, 'higher'),
      published='a picture of a grid',
    ),
    of(
      'a policy says which action it takes (action_information above '
      f'{BOUND} of 1.39 nats) in most seeds.',
      'action_information',
      Threshold(BOUND, 'higher'),
      published='a picture of four modes',
    ),
    of(
      'x and y move in different directions of the code (axis_cosine below '
      '0.5) in most seeds.',
      'axis_cosine',
      Threshold(0.5, 'lower'),
      published='orthogonal, a picture',
    ),
    of(
      'the position is more linear in the code than in that of the autoencoder '
      'alone (position_r2).',
      'position_r2',
      Difference('higher'),
      (arm, alone),
      published='implied',
    ),
  )


def _of_three_steps(arm: Arm) -> tuple[Claim, ...]:
  return (
    Claim(
      statement='Policies of three steps: the decoded prediction of where they '
      'lead is nearer than no change (prediction_ratio below 1) in most seeds.',
      source=f'{PAPER}, section 4.2 and figure 3; the measure is ours',
      published='"accurately predicts the actual final state", a picture',
      arms=(arm,),
      score='prediction_ratio',
      rule=Threshold(1.0, 'lower'),
      seeds=SEEDS,
      guards=(
        Guard('policies_moved', low=0.5, reason='policies must lead elsewhere'),
      ),
    ),
  )


def _of_digits(alone: Arm, decoded: Arm) -> tuple[Claim, ...]:
  of = lambda arm, published: Claim(
    statement=f'{arm.label.capitalize()}: each of four coordinates is linear '
    f'in one feature (feature_r2 above {BOUND}) in most seeds.',
    source=f'{PAPER}, appendix B.1 and figure 4; the bound is ours',
    published=published,
    arms=(arm,),
    score='feature_r2',
    rule=Threshold(BOUND, 'higher'),
    seeds=SEEDS,
    guards=MOVES,
  )
  return (
    of(alone, '"almost linearly", curves'),
    of(decoded, '"slower" without one'),
  )


def claims(study: tables.Study) -> tuple[Claim, ...]:
  """What the paper shows, for the experiments that the study has runs of."""
  own = arms(study)
  by_kind = {
    'embedded': lambda: _whole(
      own['embeddings'],
      own['embeddings, autoencoder alone'],
      'section 4.1 and figure 2',
    ),
    'three_steps': lambda: _of_three_steps(own['embeddings']),
    'fixed': lambda: _whole(
      own['one policy per feature'],
      own['one policy per feature, autoencoder alone'],
      'appendix B.1',
    ),
    'digits': lambda: _of_digits(
      own['two digits, selectivity alone'],
      own['two digits, with an autoencoder'],
    ),
  }
  kinds = set(kind_of(study)) & set(KINDS) or set(KINDS)
  return sum((by_kind[key]() for key in KINDS if key in kinds), ())


def arms_table(study: tables.Study) -> pd.DataFrame:
  """A row per arm: runs, and mean scores with intervals."""
  legal, rows = {name for name, _ in study.scores.columns}, []
  for name, arm in arms(study).items():
    mine = claims_lib.runs_of(study, arm)
    if not mine.any():
      continue
    row = {'arm': name, 'runs': int(mine.sum())}
    for score in (name for name in TABLE if name in legal):
      values = claims_lib.values_of(study, score)[mine]
      row[score] = summaries.mean_with_interval(values)
    rows.append(row)
  return pd.DataFrame(rows)


def curves(study: tables.Study) -> matplotlib.figure.Figure | None:
  """Selectivity over training, mean and interval over seeds, per arm.

  Between what policies have that are all alike and what a scripted agent has
  that makes one of four moves at will: 0 and log 4 nats for embeddings, 0 and 1
  per feature for fixed policies. None without two logged steps.
  """
  logged = study.training.astype({'name': str})
  logged = logged[logged['name'] == _CURVE]
  if logged['step'].nunique() < 2:
    return None
  shown = {
    name: arm
    for name, arm in arms(study).items()
    if 'alone' not in name or 'selectivity' in name
  }
  figure, axes = figures.new(4.5, 2.8)
  embedded = False
  for name, arm in shown.items():
    runs = study.runs.index[claims_lib.runs_of(study, arm)]
    own = logged[logged['run'].isin(runs)]
    if own.empty:
      continue
    embedded |= 'embeddings' in name
    groups = [
      (step, part['value'].to_numpy(float))
      for step, part in own.groupby('step')
    ]
    steps, values = zip(*groups)
    low, high = statistics.bootstrap_interval(list(values)).T
    (line,) = axes.plot(steps, [v.mean() for v in values], label=name, lw=1)
    axes.fill_between(
      steps, low, high, alpha=0.25, lw=0, color=line.get_color()
    )
  for bound in (0.0, _LOG_FOUR if embedded else 1.0):
    axes.axhline(bound, **style.LEVEL)
  axes.set_xlabel('step')
  axes.set_ylabel('selectivity')
  axes.legend(fontsize=style.SMALL)
  return figure


def sections(study: tables.Study) -> Iterator[Section]:
  """Scores of every arm, and how selectivity grew.

  Args:
    study: as loaded.

  Yields:
    The table and the figure that the study has numbers for.
  """
  kinds = [key for key in KINDS if key in set(kind_of(study))]
  key = '_'.join(['icf', *kinds])
  table = arms_table(study)
  if len(table):
    yield Section(
      f'{key}_scores',
      'What the code and the policies know',
      'Mean over seeds with 95 % interval. position_r2: linear regression of '
      'the position on the code; feature_r2: on its best feature; '
      'action_information: nats that the name of a policy says of its action; '
      'step_picture_error and prediction ratios: 1 is no better than '
      'predicting no change.',
      table,
    )
  figure = curves(study)
  if figure is not None:
    yield Section(
      f'{key}_selectivity',
      'Selectivity over training',
      'Mean over seeds with 95 % interval. Grey lines: policies that are all '
      'alike, and a scripted agent that makes one move at will (log 4 nats '
      'for embeddings, 1 per feature for fixed policies).',
      figure,
    )
