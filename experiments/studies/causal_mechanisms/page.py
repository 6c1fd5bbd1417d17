"""Who takes which mechanism: claims, table of arms, matrices of wins."""

from collections.abc import Iterator, Mapping
from typing import Any

import matplotlib.figure
import numpy as np
import pandas as pd

from disentangle_jax.report import claims as claims_lib
from disentangle_jax.report import (
  figures,
  numbered,
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
  Within,
)
from disentangle_jax.report.section import Section

METHOD = 'causal_mechanisms'
PAPER = 'Parascandolo et al. 2018'
GAIN = 0.3
SCORES = ('one_to_one', 'covered', 'judge_before', 'judge_after', 'judge_clean')
# An expert that wins less than this of every mechanism is idle.
_IDLE = 0.1
# Of 16 experts for ten mechanisms six are too many: half of them.
_IDLE_EXPERTS = 3
GUARDS = (
  Guard('judge_clean', low=0.9, reason='the classifier must know the digits'),
)


def arms(study: tables.Study) -> dict[str, Arm]:
  """The arms that the study has runs of, by what the README calls them."""
  # A field that all runs of the sweep share is in no variant: ''.
  where = lambda experts, pretraining: {
    'method': METHOD,
    'variant.experts': experts,
    'variant.pretraining': (pretraining, ''),
  }
  usual = _usual(study)
  own = (str(usual), '')
  named = {
    'experts': where(own, 'True'),
    'no pre-training': {
      **where(own, 'False'),
      'variant.pretraining': 'False',
    },
    **{
      f'{number} experts': where(str(number), 'True')
      for number in _numbers_of_experts(study)
      if number not in (1, usual)
    },
    'one net': where('1', 'True'),
  }
  found = {name: Arm(name, columns) for name, columns in named.items()}
  return {
    name: arm
    for name, arm in found.items()
    if claims_lib.runs_of(study, arm).any()
  }


def _numbers_of_experts(study: tables.Study) -> list[int]:
  texts = study.runs['variant'].str.extract(r'experts=(\d+)')[0].dropna()
  return sorted(set(texts.astype(int)))


def _usual(study: tables.Study) -> int:
  """As many experts as the arm without pre-training has: the mechanisms'.

  Where there is no such arm, as many as the config names mechanisms; else the
  most.
  """
  texts = study.runs['variant'].str.extract(r'experts=(\d+).*pretraining=False')
  own = texts[0].dropna().astype(int)
  if len(own):
    return int(own.iloc[0])
  numbers = _numbers_of_experts(study)
  named = {len(named_mechanisms(info)) for info in study.infos}
  return max(named & set(numbers) or numbers, default=0)


def tables_of_wins(study: tables.Study) -> dict[int, np.ndarray]:
  """Index of a run -> its table of wins, float [mechanisms, experts].

  Args:
    study: as loaded.
  """
  cells = numbered.values(study, 'specialisation')
  found = {}
  for run, own in cells.groupby('run'):
    places = own['index'].astype(str).str.split('_', expand=True).astype(int)
    table = np.zeros(places.max(axis=0) + 1)
    table[places[0], places[1]] = own['value']
    found[int(run)] = table
  return found


def named_mechanisms(info: Mapping[str, Any]) -> tuple[str, ...]:
  """The mechanisms that a stored config names; () for none.

  Args:
    info: of a workdir.
  """
  static = (info.get('config') or {}).get('static') or {}
  own = static.get(METHOD) or {}
  return tuple(own.get('mechanisms') or static.get('mechanisms') or ())


def mechanisms(study: tables.Study, count: int) -> list[str]:
  """Names of the mechanisms, in the order of their numbers.

  Args:
    study: as loaded.
    count: how many the tables of wins have.

  Returns:
    `count` names; the numbers where the config names none, or not as many.
  """
  for named in map(named_mechanisms, study.infos):
    if len(named) == count:
      return [name.removeprefix('shift_') for name in named]
  return [str(number) for number in range(count)]


def gain(study: tables.Study) -> np.ndarray:
  """judge_after - judge_before of every run, float [runs]."""
  after, before = (
    claims_lib.values_of(study, name)
    for name in ('judge_after', 'judge_before')
  )
  return after - before


def idle_experts(study: tables.Study) -> np.ndarray:
  """How many experts win less than 0.1 of every mechanism, float [runs]."""
  won = tables_of_wins(study)
  count = lambda table: float(np.sum(table.max(axis=0) < _IDLE))
  return np.array(
    [count(won[run]) if run in won else np.nan for run in study.runs.index]
  )


def _of_numbers(own: Mapping[str, Arm]) -> bool:
  """Whether the arms are those of numbers of experts alone."""
  return '16 experts' in own and 'one net' not in own


def claims(study: tables.Study) -> tuple[Claim, ...]:
  """What section 4 of the paper says."""
  own = arms(study)
  missing = lambda name: Arm(name, {'method': f'{METHOD}, {name}'})
  of = lambda name: own.get(name, missing(name))
  experts, plain, single = map(of, ('experts', 'no pre-training', 'one net'))
  source = f'{PAPER}, section 4'
  numbers = (
    Claim(
      statement='Of 16 experts for ten mechanisms more than '
      f'{_IDLE_EXPERTS} stay idle: they win less than {_IDLE:g} of each '
      f'(idle experts less {_IDLE_EXPERTS}).',
      source=f'{source}; both bounds are ours',
      published='6 stay idle',
      arms=(of('16 experts'),),
      score=lambda study: idle_experts(study) - _IDLE_EXPERTS,
      rule=Within('higher'),
      seeds=5,
      guards=GUARDS,
    ),
    Claim(
      statement='Ten experts for ten mechanisms mend more than six do '
      '(judge_after).',
      source=source,
      published='0.99 with ten, at most 0.72 with six',
      arms=(experts, of('6 experts')),
      score='judge_after',
      rule=Difference('higher'),
      seeds=5,
      guards=GUARDS,
    ),
  )
  if _of_numbers(own):
    return numbers
  named = (
    Claim(
      statement='In most seeds every mechanism has an expert of its own, which '
      'wins 0.9 of its images (one_to_one).',
      source=f'{source}, figure 4',
      published='7 of 10 runs, 3 nearly',
      arms=(experts,),
      score='one_to_one',
      rule=Threshold(0.5, 'higher'),
      seeds=10,
      guards=GUARDS,
    ),
    Claim(
      statement="The winners' outputs are named right by a classifier of clean "
      f'digits more often than what they were given, by more than {GAIN:g}.',
      source=f'{source}, figure 5',
      published='0.40 before, 0.99 after',
      arms=(experts,),
      score=gain,
      rule=Threshold(GAIN, 'higher'),
      seeds=10,
      guards=GUARDS,
    ),
    Claim(
      statement='Pre-training to copy is needed: more mechanisms are covered '
      'with it than without.',
      source=f'{source}, appendix',
      published='1 of 10 runs arguably good without',
      arms=(experts, plain),
      score='covered',
      rule=Difference('higher'),
      seeds=10,
      guards=GUARDS,
    ),
    Claim(
      statement='Several experts mend more than one wide net does '
      '(judge_after).',
      source=f'{source}, the comparison by this score is ours',
      published='one net learns one mechanism',
      arms=(experts, single),
      score='judge_after',
      rule=Difference('higher'),
      seeds=10,
      guards=GUARDS,
    ),
  )
  return (*named, *numbers) if '16 experts' in own else named


def arms_table(study: tables.Study) -> pd.DataFrame:
  """A row per arm: runs, how many are one to one, mean scores."""
  legal, rows = {name for name, _ in study.scores.columns}, []
  for name, arm in arms(study).items():
    mine = claims_lib.runs_of(study, arm)
    row = {'arm': name, 'runs': int(mine.sum())}
    for score in (name for name in SCORES if name in legal):
      values = claims_lib.values_of(study, score)[mine]
      if score == 'one_to_one':
        row[score] = f'{int(np.nansum(values))} of {len(values)}'
      else:
        row[score] = summaries.mean_with_interval(values)
    row['idle'] = summaries.mean_with_interval(idle_experts(study)[mine])
    rows.append(row)
  return pd.DataFrame(rows)


def matrices(study: tables.Study) -> matplotlib.figure.Figure | None:
  """A map of wins for every seed of every arm; None without any."""
  rows, won = {}, tables_of_wins(study)
  for name, arm in arms(study).items():
    runs = study.runs[claims_lib.runs_of(study, arm)].sort_values('seed')
    rows[name] = [won[run] for run in runs.index if run in won]
  rows = {name: found for name, found in rows.items() if found}
  if not rows:
    return None
  columns = max(map(len, rows.values()))
  most = max(table.shape[0] for tables in rows.values() for table in tables)
  names = mechanisms(study, most)
  # A line of text per mechanism.
  height = max(1.0, 0.13 * most)
  figure, grid = figures.new(
    0.9 * columns + 1.4,
    height * len(rows) + 0.6,
    nrows=len(rows),
    ncols=columns,
    squeeze=False,
  )
  for axes in grid.flat:
    axes.set_axis_off()
  for line, (name, found) in zip(grid, rows.items()):
    for axes, table in zip(line, found):
      axes.set_axis_on()
      axes.imshow(table, vmin=0, vmax=1, cmap=style.SHADES, aspect='auto')
      axes.set_xticks([])
      axes.set_yticks([])
    first = line[0]
    first.set_yticks(range(most), names, fontsize=style.TINY)
    first.grid(visible=False)
    first.set_ylabel(name, fontsize=style.TINY)
  return figure


def sections(study: tables.Study) -> Iterator[Section]:
  """Scores of every arm, and who wins what.

  Args:
    study: as loaded.

  Yields:
    The table and the figure that the study has numbers for.
  """
  # Results of both variants stand in one folder, a file for each key.
  key = METHOD + ('_experts' if _of_numbers(arms(study)) else '')
  table = arms_table(study)
  if len(table):
    yield Section(
      f'{key}_scores',
      'Who takes which mechanism',
      'Mean over seeds with 95 % interval. covered: experts that win 0.9 of a '
      'mechanism, each counted once (1 for one net, whatever it does); idle: '
      f'experts that win less than {_IDLE:g} of every mechanism; judge: '
      'share of digits that a classifier of clean ones names right, changed, '
      "as the winners' outputs, and clean.",
      table,
    )
  figure = matrices(study)
  if figure is not None:
    yield Section(
      f'{key}_wins',
      'Wins',
      'One map per seed: rows are mechanisms (translations by their '
      'direction), columns experts, black where the expert wins all images.',
      figure,
    )
