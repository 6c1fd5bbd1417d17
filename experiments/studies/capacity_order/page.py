"""In which order the factors open: claims, table and figure."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from disentangle_jax.report import figures, over_training, stored, tables
from disentangle_jax.report.claims import Arm, Claim, Within
from disentangle_jax.report.section import Section

OPEN = 0.1  # nats: a factor whose KL stays above has been switched on
POSITIONS = ('position_x', 'position_y')
_KL = f'{stored.TRAINING}kl/'
_CAPACITY = f'{stored.TRAINING}capacity'
_COLUMNS = ('run', 'factor', 'step', 'capacity', 'kl')
# (what is said to come first, what comes later, in words).
ORDER = (
  (POSITIONS, ('scale',), 'scale opens after both positions'),
  (('scale',), ('shape',), 'shape opens after scale'),
  (('scale',), ('orientation',), 'orientation opens after scale'),
)


def openings(study: tables.Study) -> pd.DataFrame:
  """When every factor is switched on.

  Args:
    study: as loaded.

  Returns:
    DataFrame with 'run' (index), 'factor', 'step' (the first logged one from
    which on its KL is above OPEN to the end; NaN if it never is), 'capacity'
    (nats, at that step; at the last one if never) and 'kl' (nats, at the end).
  """
  curves = study.training.astype({'name': str})
  allowed = curves[curves['name'] == _CAPACITY].set_index(['run', 'step'])
  kl = curves[curves['name'].str.startswith(_KL)]
  rows = []
  for (run, name), part in kl.groupby(['run', 'name'], sort=False):
    part = part.sort_values('step')
    steps, values = part['step'].to_numpy(), part['value'].to_numpy()
    closed = np.flatnonzero(~(values > OPEN))
    first = closed[-1] + 1 if closed.size else 0
    never = first == len(steps)
    step = steps[-1] if never else steps[first]
    rows.append(
      {
        'run': run,
        'factor': name.removeprefix(_KL),
        'step': np.nan if never else float(step),
        'capacity': allowed['value'].get((run, step), np.nan),
        'kl': values[-1],
      }
    )
  return pd.DataFrame(rows, columns=_COLUMNS)


def _gap(first: tuple[str, ...], second: tuple[str, ...]):
  """Capacity where the second opens less that where the first all have.

  A factor that never opens counts with the capacity at the end: what is said
  to come later then comes less late than it would, never later.
  """

  def gap(study: tables.Study) -> np.ndarray:
    capacity = openings(study).pivot(
      index='run', columns='factor', values='capacity'
    )
    capacity = capacity.reindex(
      index=study.runs.index, columns=[*first, *second]
    )
    before = capacity[list(first)].max(axis=1, skipna=False)
    after = capacity[list(second)].min(axis=1, skipna=False)
    return (after - before).to_numpy(float)

  return gap


def claims(study: tables.Study) -> tuple[Claim, ...]:
  """The published order, a claim for each of its steps."""
  del study
  arm = Arm('capacity_generator', {'method': 'capacity_generator'})
  return tuple(
    Claim(
      statement=f'As the capacity rises, {words} (nats of capacity between).',
      source='Burgess et al. 2018, section 4.3 and figure 3',
      published='position, then scale, then shape and orientation',
      arms=(arm,),
      score=_gap(first, second),
      rule=Within('higher'),
    )
    for first, second, words in ORDER
  )


def _span(values: pd.Series, digits: str) -> str:
  """Least and greatest over the runs, '1.0 to 2.0'; 'never' without any."""
  values = values.dropna()
  if values.empty:
    return 'never'
  low, high = (format(value, digits) for value in (values.min(), values.max()))
  return low if low == high else f'{low} to {high}'


def sections(study: tables.Study) -> Iterator[Section]:
  """When each factor opens, and its KL over training."""
  opened = openings(study)
  if opened.empty:
    return
  rows = []
  for factor, part in opened.groupby('factor'):
    never = int(part['step'].isna().sum())
    rows.append(
      {
        'factor': factor,
        'runs': len(part),
        'never open': never,
        'step': _span(part['step'], ',.0f'),
        'capacity then (nats)': _span(
          part['capacity'].where(part['step'].notna()), '.1f'
        ),
        'KL at the end (nats)': _span(part['kl'], '.2f'),
        'mean': part['capacity'].mean(),
      }
    )
  table = pd.DataFrame(rows).sort_values('mean', kind='stable')
  yield Section(
    'capacity_order_table',
    'When the factors open',
    f'The first logged step from which on the KL of a factor stays above {OPEN}'
    ' nats, and the capacity at that step: least to greatest over the runs, in'
    ' the order of their means.',
    table.drop(columns='mean').reset_index(drop=True),
  )
  curves = study.training
  kl = curves[curves['name'].astype(str).str.startswith(_KL)]
  if kl['step'].nunique() < 2:
    return
  figure, axes = figures.new(4.5, 2.8)
  over_training.factor_kl(axes, kl)
  yield Section(
    'capacity_order',
    'KL of every factor over training',
    f'Median and range over {tables.count(kl["run"].nunique(), "run")}.',
    figure,
  )
