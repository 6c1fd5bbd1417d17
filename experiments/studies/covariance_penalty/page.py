"""Penalised covariance of codes: claims, tables and figures of its parts.

The parts are sweeps of their own: the linear autoencoder (section 3.2), the
classifier of exclusive or (3.3) and the convolutional autoencoder (3.4).
"""

from collections.abc import Iterator
import math

import numpy as np
import pandas as pd

from disentangle_jax import errors
from disentangle_jax.report import claims as claims_lib
from disentangle_jax.report import (
  display,
  figures,
  matching,
  numbered,
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
  Estimate,
  Guard,
  Threshold,
  Trend,
)
from disentangle_jax.report.section import Section

AUTOENCODER, CLASSIFIER = 'covariance_autoencoder', 'covariance_classifier'
LINEAR = 'random_projection'
PENALTIES = ('covariance', 'l1')
ERROR = 'reconstruction/squared_error'
MEASURES = ('cvr', 'mapc', 'tdv', 'ud90')
LAYERS = ('hidden_1', 'hidden_2')
TRAINED = ('cross_entropy', 'accuracy')
PAPER = 'Kågebäck and Mogren 2017'
DIMENSIONS = 4  # of the Gaussian that the linear autoencoder is given


def part(study: tables.Study) -> str:
  """'linear', 'xor', 'images', or '' where none of them was run."""
  methods = {name.split(' (')[0] for name in study.runs['method']}
  if CLASSIFIER in methods:
    return 'xor'
  if AUTOENCODER not in methods:
    return ''
  return 'linear' if LINEAR in set(study.runs['dataset']) else 'images'


def wide(study: tables.Study) -> pd.DataFrame:
  """One row per run of an autoencoder.

  Args:
    study: as loaded.

  Returns:
    DataFrame with 'penalty', 'strength', 'repeat' (the projection, or the seed)
    and a column for ERROR and each of MEASURES that the study has; in one order
    of repetitions everywhere.
  """
  variant = study.runs['variant']
  frame = pd.DataFrame(
    {
      'penalty': variant.str.extract(r'penalty=(\w+)')[0].fillna(''),
      'strength': study.runs['strength'],
      'repeat': variant.str.extract(r'projection=(\d+)')[0].astype(float),
    }
  )
  frame['repeat'] = frame['repeat'].fillna(study.runs['seed'])
  columns = list(study.scores.columns)
  for name in (ERROR, *MEASURES):
    if (name, 'mean') in columns:
      place = columns.index((name, 'mean'))
      frame[name] = study.scores.iloc[:, place].to_numpy()
  return frame.sort_values(['penalty', 'strength', 'repeat'])


def by_strength(study: tables.Study, penalty: str) -> list[pd.DataFrame]:
  """The runs of a penalty, one frame per strength, ascending."""
  frame = wide(study)
  mine = frame[frame['penalty'] == penalty]
  return [own for _, own in mine.groupby('strength')]


def above_noise(parts: list[pd.DataFrame]) -> list[pd.DataFrame]:
  """Strengths whose error is above that of the least strength, no penalty.

  At and below it the error is the noise of Adam's steps, which says nothing of
  the penalty.
  """
  if not parts:
    return []
  least = parts[0][ERROR].mean()
  return [own for own in parts if own[ERROR].mean() > least]


def at_equal_error(
  study: tables.Study, name: str
) -> tuple[float, float, float, int]:
  """A measure of the covariance penalty less that of L1 at equal error.

  Errors are compared on a logarithmic scale, over which strengths spread.

  Args:
    study: as loaded.
    name: of the measure.

  Returns:
    As `matching.difference_at_equal_cost`; NaN and 0 where it is not known.
  """
  cells = []
  for penalty in PENALTIES:
    parts = by_strength(study, penalty)
    if not parts or not {name, ERROR} <= set(parts[0]):
      return math.nan, math.nan, math.nan, 0
    cells.append(
      [
        matching.Cell(np.log(own[ERROR].to_numpy()), own[name].to_numpy())
        for own in above_noise(parts)
      ]
    )
  if not all(cells):
    return math.nan, math.nan, math.nan, 0
  return matching.difference_at_equal_cost(*cells)


def _strengths(study: tables.Study) -> list[float]:
  return sorted(set(study.runs['strength'].dropna()))


def _arm(penalty: str, strengths: float | tuple[float, ...], label: str) -> Arm:
  where = {
    'method': AUTOENCODER,
    'variant.penalty': penalty,
    'strength': strengths,
  }
  return Arm(label, where)


def _equal_error_claim(name, direction, statement, source, published, **more):
  """A claim on `at_equal_error`."""
  arms = tuple(
    Arm(penalty, {'method': AUTOENCODER, 'variant.penalty': penalty})
    for penalty in PENALTIES
  )
  rule = Estimate(
    lambda study: at_equal_error(study, name)[:3],
    0.0,
    direction,
    f'{name}, covariance minus l1, at equal error above that without penalty',
  )
  return Claim(statement, source, published, arms, name, rule, **more)


def _from_dimensions(study: tables.Study) -> np.ndarray:
  return np.abs(claims_lib.values_of(study, 'ud90') - DIMENSIONS)


def _linear_claims(study: tables.Study) -> tuple[Claim, ...]:
  """Section 3.2; every projection counts as a seed."""
  source = f'{PAPER}, section 3.2, '
  anew = {'repeats': 'variant.projection'}
  positive = tuple(s for s in _strengths(study) if s > 0)
  none = _arm('covariance', 0.0, 'no penalty')
  least = _arm('covariance', min(positive, default=-1.0), 'least lambda')
  most = _arm('covariance', max(positive, default=-1.0), 'greatest lambda')
  every = _arm('covariance', positive, 'every lambda above 0')
  equal = [
    _equal_error_claim(
      name,
      direction,
      f'Linear autoencoder: at equal error the covariance penalty has {words}.',
      source + figure,
      published,
      **anew,
    )
    for name, direction, words, figure, published in (
      ('cvr', 'lower', 'the lower CVR', 'figure 1', 'lower'),
      ('mapc', 'lower', 'the lower MAPC', 'figure 1', 'lower'),
      ('tdv', 'higher', 'the higher TdV', 'figure 2', 'higher'),
      ('ud90', 'lower', 'the lower UD90', 'figure 2', 'compresses more'),
    )
  ]
  return (
    *equal,
    Claim(
      'Linear autoencoder: MAPC is lower at the least lambda above 0 than at '
      'the greatest.',
      source + 'figure 1',
      'best at very small lambda',
      (least, most),
      'mapc',
      Difference('lower'),
      **anew,
    ),
    Claim(
      'Linear autoencoder: TdV rises with lambda.',
      source + 'figure 2',
      'near 1 at small cost',
      (_arm('covariance', (0.0, *positive), 'covariance'),),
      'tdv',
      Trend('higher'),
      **anew,
    ),
    Claim(
      f'Linear autoencoder: UD90 is nearer to the {DIMENSIONS} dimensions of '
      'the data with the penalty than without.',
      source + 'figure 2',
      'finds d = 4',
      (every, none),
      _from_dimensions,
      Difference('lower'),
      **anew,
    ),
  )


def _last(study: tables.Study, name: str) -> np.ndarray:
  """The last value of a training scalar, float [runs]."""
  rows = study.training[study.training['name'] == stored.TRAINING + name]
  last = rows.sort_values('step').drop_duplicates('run', keep='last')
  values = last.set_index('run')['value'].reindex(study.runs.index)
  return values.to_numpy(float)


def _xor_claims(study: tables.Study) -> tuple[Claim, ...]:
  """Section 3.3."""
  positive = tuple(s for s in _strengths(study) if s > 0)
  where = {'method': CLASSIFIER, 'strength': positive}
  penalised = Arm('with the penalty', where)
  plain = Arm('without', {**where, 'strength': 0.0})
  solved = Guard(
    lambda study: _last(study, 'accuracy'),
    low=0.99,
    reason='exclusive or must be solved',
  )
  source = f'{PAPER}, section 3.3, figure 3'
  away = lambda layer, count: (
    lambda study: np.abs(
      claims_lib.values_of(study, f'layer_units/{layer}') - count
    )
  )
  kept = [
    Claim(
      f'Exclusive or: the penalty leaves {count} of four units in use in the '
      f'{words} hidden layer.',
      source,
      f'{count}',
      (penalised,),
      away(layer, count),
      Threshold(0.5, 'lower'),
      guards=(solved,),
    )
    for layer, count, words in (
      ('hidden_1', 2, 'first'),
      ('hidden_2', 1, 'second'),
    )
  ]
  fewer = [
    Claim(
      f'Exclusive or: fewer units are in use in the {words} hidden layer with '
      'the penalty than without.',
      source,
      'fewer',
      (penalised, plain),
      f'layer_units/{layer}',
      Difference('lower'),
      guards=(solved,),
    )
    for layer, words in (('hidden_1', 'first'), ('hidden_2', 'second'))
  ]
  return (*kept, *fewer)


def _images_claims(study: tables.Study) -> tuple[Claim, ...]:
  """Section 3.4, at the least lambda that all sizes of it share."""
  del study
  source = f'{PAPER}, section 3.4, figure 4'
  small = 0.01
  arms = {p: _arm(p, small, f'{p} {small:g}') for p in PENALTIES}
  none = {p: _arm(p, 0.0, f'{p} 0') for p in PENALTIES}
  said = 'Convolutional autoencoder: '
  return (
    Claim(
      f'{said}the covariance penalty lowers CVR at lambda {small:g}.',
      source,
      'falls quickly',
      (arms['covariance'], none['covariance']),
      'cvr',
      Difference('lower'),
    ),
    Claim(
      f'{said}L1 lowers CVR at lambda {small:g}.',
      source,
      'lower, but slower',
      (arms['l1'], none['l1']),
      'cvr',
      Difference('lower'),
    ),
    Claim(
      f'{said}at lambda {small:g} the covariance penalty has a lower CVR than '
      'L1.',
      source,
      'L1 is slower',
      (arms['covariance'], arms['l1']),
      'cvr',
      Difference('lower'),
    ),
    Claim(
      f'{said}at lambda {small:g} the covariance penalty has a lower error '
      'than L1.',
      source,
      'L1 has the higher error',
      (arms['covariance'], arms['l1']),
      ERROR,
      Difference('lower'),
    ),
    *(
      _equal_error_claim(
        name,
        'lower',
        f'{said}at equal error the covariance penalty has {words}.',
        source,
        published,
      )
      for name, words, published in (
        ('cvr', 'the lower CVR', 'lower'),
        ('mapc', 'the lower MAPC', 'lower'),
        ('ud90', 'the lower UD90', 'concentrates the variance'),
      )
    ),
  )


def claims(study: tables.Study) -> tuple[Claim, ...]:
  """The claims of the part that was run."""
  of_part = {
    'linear': _linear_claims,
    'xor': _xor_claims,
    'images': _images_claims,
  }
  own = part(study)
  return of_part[own](study) if own else ()


def measures_table(study: tables.Study, entries: int) -> pd.DataFrame:
  """A row per penalty and strength.

  Args:
    study: as loaded.
    entries: numbers per observation, that the error is divided by.
  """
  rows = []
  for penalty in PENALTIES:
    for own in by_strength(study, penalty):
      row = {
        'penalty': penalty,
        'lambda': f'{own["strength"].iloc[0]:g}',
        'repetitions': len(own),
      }
      if ERROR in own:
        error = 1000 * own[ERROR].to_numpy() / entries
        row['1,000 x squared error'] = summaries.mean_with_interval(error)
      for name in MEASURES:
        if name in own:
          row[name] = summaries.mean_with_interval(own[name].to_numpy())
      rows.append(row)
  return pd.DataFrame(rows)


def same_strength_table(study: tables.Study) -> pd.DataFrame:
  """Both penalties at the same lambda, repetition by repetition."""
  ours, theirs = (
    {own['strength'].iloc[0]: own for own in by_strength(study, penalty)}
    for penalty in PENALTIES
  )
  rows = []
  for strength in sorted(set(ours) & set(theirs)):
    both = ours[strength].merge(
      theirs[strength], on='repeat', suffixes=('', '_l1')
    )
    if both.empty or not {ERROR, 'cvr'} <= set(both):
      continue
    apart = statistics.paired_interval(both['cvr'], both['cvr_l1'])
    ratio = (both[f'{ERROR}_l1'] / both[ERROR]).to_numpy()
    rows.append(
      {
        'lambda': f'{strength:g}',
        'error, l1 / covariance': summaries.mean_with_interval(ratio),
        'cvr, covariance - l1': summaries.with_interval(*apart, signed=True),
      }
    )
  return pd.DataFrame(rows)


def equal_error_table(study: tables.Study) -> pd.DataFrame:
  """Both penalties at equal error, a row per measure that can be compared."""
  rows = []
  for name in MEASURES:
    value, low, high, count = at_equal_error(study, name)
    if count:
      text = summaries.with_interval(value, low, high, signed=True)
      head = 'covariance minus l1 at equal error'
      rows.append({'measure': name, 'strengths': count, head: text})
  return pd.DataFrame(rows)


def _entries(study: tables.Study) -> int:
  """Numbers per observation; 1 where no run can be loaded to ask it."""
  from disentangle_jax import load_run

  number = int(study.runs['run_number'].min())
  try:
    run = load_run(study.workdirs[0], number)
  except (errors.ConfigError, errors.StoreError):
    return 1
  return math.prod(run.dataset.observation_shape)


def _autoencoder_sections(study: tables.Study, own: str) -> Iterator[Section]:
  entries = _entries(study)
  unit = 'per entry' if entries > 1 else 'summed over the entries'
  measures = measures_table(study, entries)
  if measures.empty:
    return
  repeats = 'projections' if own == 'linear' else 'seeds'
  yield Section(
    f'covariance_penalty_{own}_measures',
    'Measures of the codes',
    f'Means over {repeats} with 95 % intervals; squared error {unit}.',
    measures,
  )
  same = same_strength_table(study)
  if len(same):
    yield Section(
      f'covariance_penalty_{own}_same',
      'At the same lambda',
      f'Differences within {repeats}; dead codes count as CVR 1.',
      same,
    )
  equal = equal_error_table(study)
  if len(equal):
    yield Section(
      f'covariance_penalty_{own}_equal',
      'At equal error',
      'Interpolated over the logarithm of the error, of the strengths whose '
      'error is above that without a penalty.',
      equal,
    )
  lines = [
    (i, penalty, [(p[ERROR].mean() / entries, p[name].mean()) for p in parts])
    for i, name in enumerate(MEASURES)
    for penalty in PENALTIES
    if (parts := by_strength(study, penalty)) and {name, ERROR} <= set(parts[0])
  ]
  if not lines:
    return
  figure, axes = figures.new(7.2, 2.4, ncols=len(MEASURES))
  names = display.of(study.infos)
  for i, penalty, means in lines:
    look = PENALTIES.index(penalty)
    axes[i].plot(
      *np.transpose(means),
      color=style.colour(look),
      ls=style.dash(look),
      label=penalty,
      **style.mark(look, 3),
    )
  for axis, name in zip(axes, MEASURES):
    axis.set(xlabel='squared error', ylabel=names.score(name), xscale='log')
    axis.tick_params(labelsize=style.TINY)
  axes[lines[0][0]].legend(fontsize=style.TINY)
  yield Section(
    f'covariance_penalty_{own}',
    'Measures against squared error',
    f'Means over {repeats}, a dot per lambda; squared error {unit}.',
    figure,
  )


def units_table(study: tables.Study) -> pd.DataFrame:
  """A row per run of exclusive or: what it learned, and units in use."""
  columns = list(study.scores.columns)
  trained = {name: _last(study, name) for name in TRAINED}
  rows = []
  order = study.runs.sort_values(['strength', 'seed'])
  for run, row in order.iterrows():
    line = {'lambda': f'{row["strength"]:g}', 'seed': str(row['seed'])}
    for name in TRAINED:
      line[name.replace('_', ' ')] = f'{trained[name][run]:.3g}'
    for head, name in (('UD90', 'layer_ud90'), ('units', 'layer_units')):
      places = [(f'{name}/{layer}', '') for layer in LAYERS]
      if set(places) <= set(columns):
        values = (
          study.scores.iloc[run, columns.index(place)] for place in places
        )
        line[head] = ', '.join(f'{value:g}' for value in values)
    rows.append(line)
  return pd.DataFrame(rows)


def hidden_covariances(study: tables.Study, run: int) -> list[np.ndarray]:
  """Covariance of the units of either hidden layer of one run.

  Args:
    study: of exclusive or.
    run: index into `study.runs`.

  Returns:
    Two float [units, units]; none where they were not stored.
  """
  values = numbered.values(study, 'layer_covariance')
  values = values[values['run'] == run]
  if values.empty:
    return []
  places = values['index'].str.split('_', expand=True).astype(int).to_numpy()
  matrix = np.zeros([1 + places.max()] * 2)
  matrix[places[:, 0], places[:, 1]] = values['value']
  half = len(matrix) // 2
  return [matrix[:half, :half], matrix[half:, half:]]


def _xor_sections(study: tables.Study) -> Iterator[Section]:
  yield Section(
    'covariance_penalty_xor_units',
    'Units in use',
    'First and second hidden layer of four units each; cross entropy in nats '
    'and accuracy, of the last logged steps.',
    units_table(study),
  )
  last = study.runs[study.runs['seed'] == study.runs['seed'].max()]
  last = last.sort_values('strength')
  panels = [
    (f'lambda {row["strength"]:g}, layer {layer}', matrix)
    for run, row in last.iterrows()
    for layer, matrix in enumerate(hidden_covariances(study, run), 1)
  ]
  if not panels:
    return
  figure, axes = figures.new(7.2, 1.9, ncols=len(panels), squeeze=False)
  for axis, (name, matrix) in zip(axes[0], panels):
    peak = np.abs(matrix).max()
    axis.imshow(matrix, cmap=style.DIVERGING, vmin=-peak, vmax=peak)
    axis.set_title(f'{name}\n+-{peak:.2g}', fontsize=style.SMALL)
    axis.tick_params(labelsize=style.TINY)
    axis.grid(False)
  yield Section(
    'covariance_penalty_xor',
    'Covariances of the hidden units',
    f'Seed {last["seed"].iloc[0]}; every panel on its own scale, the number '
    'above it. Under the penalty the activations also shrink, because the next '
    'layer can make up for it.',
    figure,
  )


def sections(study: tables.Study) -> Iterator[Section]:
  """Tables and figures of the part that was run."""
  own = part(study)
  if own == 'xor':
    yield from _xor_sections(study)
  elif own:
    yield from _autoencoder_sections(study, own)
