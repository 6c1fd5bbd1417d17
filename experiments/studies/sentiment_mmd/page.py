"""Moved codes: claims, a table of arms, a table by budget, a map of codes."""

from collections.abc import Iterator
import re

import numpy as np
import pandas as pd

from disentangle_jax.report import arms as arms_lib
from disentangle_jax.report import claims as claims_lib
from disentangle_jax.report import figures, style, summaries, tables
from disentangle_jax.report.claims import Arm, Claim, Difference, Guard, Within
from disentangle_jax.report.section import Section

METHOD = 'sentiment_mmd'
PAPER = 'Larsson et al. 2017'
_PUBLISHED = 'pictures and example sentences, no number'
# Of the claim that most codes cross and keep their topic.
BOUND = 0.7
SHOWN = (
  'crossed',
  'kept_topic',
  'crossed_within_topic',
  'written_transfer',
  'written_content',
  'written_both',
  'written_ambiguous',
  'written_copied',
  'written_topic',
  'written_bleu',
  'distance',
  'witness',
)
# Cells beside the budgets, in the order of the table.
CELLS = {'none': 'no move', 'means': 'difference of means'}
BUDGET = re.compile(r'traversal_crossed/budget_([0-9][0-9.e+-]*)')


def _arm(label: str, purity: str, weight: float) -> Arm:
  where = {'method': METHOD, 'hparams.lambda_class': weight}
  return Arm(label, where | ({'variant.purity': purity} if purity else {}))


def arms(study: tables.Study) -> dict[str, Arm]:
  """The arms by what they are; sentences of files have no purity.

  Args:
    study: as loaded.

  Returns:
    'joint', 'autoencoder', 'clean': the claim's, the one without labels in the
    code, and clean labels.
  """
  noisy = _arm('', '0.8', 1.0)
  purity = '0.8' if claims_lib.runs_of(study, noisy).any() else ''
  return {
    'joint': _arm('joint', purity, 1.0),
    'autoencoder': _arm('autoencoder', purity, 0.0),
    'clean': _arm('joint, clean labels', '1.0', 1.0),
  }


def budgets(study: tables.Study) -> list[str]:
  """Names of the budgets that codes were moved at, rising."""
  names = (BUDGET.fullmatch(name) for name, _ in study.scores.columns)
  return sorted({m[1] for m in names if m}, key=float)


def over(name: str, cell: str):
  """`(study) -> float [runs]`, a score less the same in another cell."""

  def difference(study):
    at_budget = claims_lib.values_of(study, f'traversal_{name}')
    return at_budget - claims_lib.values_of(study, f'traversal_{name}/{cell}')

  return difference


def over_bound(study: tables.Study) -> np.ndarray:
  """Share that crosses within its topic, less BOUND; float [runs]."""
  name = 'traversal_crossed_within_topic'
  return claims_lib.values_of(study, name) - BOUND


def fall(name: str, rises: bool = False):
  """`(study) -> float [runs]`, at the least budget less at the greatest."""

  def difference(study):
    known = budgets(study)
    least, greatest = (
      claims_lib.values_of(study, f'traversal_{name}/budget_{budget}')
      for budget in (known[0], known[-1])
    )
    return greatest - least if rises else least - greatest

  return difference


_CODES = (
  Guard(
    'traversal_reconstruction',
    low=0.8,
    reason='codes that do not write their own sentence hold too little of it',
  ),
  Guard(
    'traversal_moved',
    low=0.9,
    reason='where nothing moves the witness is flat at the codes',
  ),
)
# Not of the autoencoder, whose codes a linear head may be unable to tell apart.
GUARDS = (
  *_CODES,
  Guard(
    'traversal_crossed/none',
    high=0.2,
    reason='a head that is wrong of codes as they are crosses without a move',
  ),
)


def claims(study: tables.Study) -> tuple[Claim, ...]:
  """What the source shows in pictures, as numbers with rules of ours."""
  own = arms(study)
  joint, plain = own['joint'], own['autoencoder']
  ours = f'{PAPER}, figure 2 and table 1; the measure is ours'
  of_joint = lambda statement, score: Claim(
    statement=statement,
    source=ours,
    published=_PUBLISHED,
    arms=(joint,),
    score=score,
    rule=Within('higher'),
    guards=GUARDS,
  )
  both = 'crossed_within_topic'
  return (
    of_joint(
      f'More than {BOUND:g} of the moved codes are called the other sentiment '
      f'and stay among codes of their topic (the share less {BOUND:g}).',
      over_bound,
    ),
    of_joint(
      'More codes cross within their topic than by the difference of the '
      "classes' means.",
      over(both, 'means'),
    ),
    of_joint(
      'More codes cross within their topic than without a move, the limit of a '
      'large budget.',
      over(both, 'none'),
    ),
    of_joint(
      'More texts of moved codes say the other sentiment than texts of codes '
      'as they are.',
      over('written_transfer', 'none'),
    ),
    of_joint(
      'Fewer codes cross at the greatest budget than at the least.',
      fall('crossed'),
    ),
    of_joint(
      'More codes keep their topic at the greatest budget than at the least.',
      fall('kept_topic', rises=True),
    ),
    Claim(
      statement='More codes cross within their topic than those of an '
      'autoencoder that never saw labels.',
      source='the comparison is ours',
      published='not stated',
      arms=(joint, plain),
      score=f'traversal_{both}',
      rule=Difference('higher'),
      guards=_CODES,
    ),
  )


def budgets_table(study: tables.Study, arm: Arm) -> pd.DataFrame:
  """A row per budget, for means and for no move; means over seeds.

  Args:
    study: as loaded.
    arm: whose runs.

  Returns:
    The table, scores as text with 95 % intervals; empty without runs.
  """
  runs = np.asarray(claims_lib.runs_of(study, arm))
  names = {name for name, _ in study.scores.columns}
  rows = []
  cells = {f'budget_{budget}': budget for budget in budgets(study)}
  for cell, label in (cells | CELLS).items():
    row = {'budget': label}
    for name in SHOWN:
      full = f'traversal_{name}/{cell}'
      if full in names:
        values = claims_lib.values_of(study, full)[runs]
        values = values[np.isfinite(values)]
        if len(values):
          row[name] = summaries.mean_with_interval(values)
    if len(row) > 1:
      rows.append(row)
  return pd.DataFrame(rows)


def curves(study: tables.Study):
  """Crossing, topic and texts over the budget, one panel per arm that ran.

  Args:
    study: as loaded.

  Returns:
    The figure; None for fewer than two budgets.
  """
  known = budgets(study)
  present = arms_lib.run(study, list(arms(study).values()))
  if len(known) < 2 or not present:
    return None
  figure, axes = figures.new(
    style.WIDTH, 2.4, ncols=len(present), sharey=True, squeeze=False
  )
  names = {name for name, _ in study.scores.columns}
  lines = (
    'crossed',
    'kept_topic',
    'written_transfer',
    'written_content',
    'written_both',
  )
  lines = [n for n in lines if f'traversal_{n}/budget_{known[0]}' in names]
  for axis, (arm, runs) in zip(axes.ravel(), present):
    for number, name in enumerate(lines):
      values = np.array(
        [
          claims_lib.values_of(study, f'traversal_{name}/budget_{budget}')[runs]
          for budget in known
        ]
      )
      axis.plot(
        [float(budget) for budget in known],
        np.nanmean(values, axis=1),
        color=style.colour(number),
        ls=style.dash(number),
        label=name.replace('_', ' '),
        **style.mark(number, 3),
      )
    axis.set_xscale('log')
    axis.set_title(arm.label, fontsize=style.SMALL)
    axis.set_xlabel('budget, 1 / s')
    axis.set_ylim(-0.03, 1.03)
  axes[0, 0].set_ylabel('share')
  axes[0, 0].legend(fontsize=style.TINY)
  return figure


def sections(study: tables.Study) -> Iterator[Section]:
  """Arms, budgets and maps of codes; none where no arm was run."""
  own = arms(study)
  scores = [f'traversal_{name}' for name in SHOWN]
  scores += ['traversal_moved', 'traversal_reconstruction', 'traversal_scale']
  table = arms_lib.by_score(study, list(own.values()), scores)
  if table.empty:
    return
  yield Section(
    'sentiment_mmd_arms',
    'Arms',
    'Test sentences, at the budget of the claims. Means over seeds with 95 % '
    'bootstrap intervals. A share that crosses says nothing of the text: see '
    'written_both.',
    table,
  )
  for key, arm in own.items():
    table = budgets_table(study, arm)
    if not table.empty:
      yield Section(
        f'sentiment_mmd_budgets_{key}',
        f'By budget: {arm.label}',
        'Budgets in units of 1 / s: the lower, the further codes may go.',
        table,
      )
  figure = curves(study)
  if figure is not None:
    yield Section(
      'sentiment_mmd_curves',
      'Over the budget',
      'Means over seeds.',
      figure,
    )
  yield from arms_lib.sheets(
    study,
    list(own.values()),
    {
      'code_map': (
        'Codes by topic and sentiment',
        'First two principal components of the codes of the kept examples: '
        'red for label 0, blue for label 1, the first topic dark, the second '
        'light. Black: four other sentences, from where their codes are to the '
        'square where the traversal takes them.',
      )
    },
    'sentiment_mmd',
    2.4,
  )
