"""Which models are easier to attack: claims, tables and pictures."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from disentangle_jax import errors
from disentangle_jax.report import (
  figures,
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
  Guard,
  Within,
)
from disentangle_jax.report.section import Section

RATES = {'attack_ignore': 'ignore-target', 'attack_target': 'target'}
KINDS = ('disentangled', 'entangled', 'weight decay')
DIFFERENCES = (
  ('disentangled', 'weight decay'),
  ('disentangled', 'entangled'),
  ('weight decay', 'entangled'),
)
ALL = 'all'  # over every ordered pair of classes
# In the figure: source class s goes to class s + SHIFT.
SHIFT = 3
_SCORES = (
  'attack_ignore',
  'attack_target',
  'attack_clean',
  'attack_distance',
  'attack_classifier_accuracy',
  'kl',
  'reconstruction/squared_error',
)
_THESIS = 'Sootla 2018, tables 4.1 to 4.3 and 6.1 to 6.3'
# Rates of the thesis, means of its marginals over the ten source digits.
_PUBLISHED = {
  'attack_ignore': {
    'disentangled': 0.366,
    'entangled': 0.297,
    'weight decay': 0.270,
  },
  'attack_target': {
    'disentangled': 0.125,
    'entangled': 0.092,
    'weight decay': 0.080,
  },
}
# (which is claimed to be moved more often, than which, in words).
_COMPARED = (
  (
    'disentangled',
    'weight decay',
    'Disentangled models are less robust than entangled ones with weight decay',
  ),
  (
    'disentangled',
    'entangled',
    'Disentangled models are less robust than plain entangled ones',
  ),
  (
    'entangled',
    'weight decay',
    'Weight decay makes entangled models more robust',
  ),
)
_GUARDS = (
  Guard(
    'attack_classifier_accuracy',
    low=0.9,
    reason='the judge must know the classes',
  ),
  Guard(
    'attack_clean',
    low=0.5,
    reason='half of the sources must be reconstructed as their class',
  ),
)


def kind(hparams: str) -> str:
  """What a run is called, by its hyper-parameters as JSON."""
  given = stored.loads(hparams)
  if given.get('c_max_gaussian', 0.0) > 0:
    return 'disentangled'
  return 'weight decay' if given.get('weight_decay', 0.0) > 0 else 'entangled'


def kinds(study: tables.Study) -> dict[str, np.ndarray]:
  """Kind -> which runs are of it, bool [runs]; kinds without runs are out."""
  named = study.runs['hparams'].map(kind).to_numpy(object)
  return {name: named == name for name in KINDS if (named == name).any()}


def _arms(study: tables.Study) -> dict[str, Arm]:
  """The same as arms; capacities and decays are those that the study has."""
  given = [stored.loads(text) for text in study.runs['hparams'].unique()]
  positive = lambda name: tuple(
    sorted({h[name] for h in given if h.get(name, 0.0) > 0})
  )
  plain = {'hparams.c_max_gaussian': 0.0}
  where = {
    'disentangled': {'hparams.c_max_gaussian': positive('c_max_gaussian')},
    'entangled': {**plain, 'hparams.weight_decay': 0.0},
    'weight decay': {
      **plain,
      'hparams.weight_decay': positive('weight_decay'),
    },
  }
  return {name: Arm(name, where[name]) for name in KINDS}


def by_source(study: tables.Study, name: str) -> pd.DataFrame:
  """A rate by source class.

  Args:
    study: as loaded.
    name: a key of RATES.

  Returns:
    float [runs, K], a column per class; NaN where a class has no source left,
    no column where the study has no such score.
  """
  values = numbered.values(study, name)
  values = values[~values['index'].astype(str).str.contains('_')]
  wide = values.pivot(index='run', columns='index', values='value')
  wide.columns = wide.columns.astype(int)
  return wide.reindex(study.runs.index).sort_index(axis=1)


def _lead(name: str):
  """Rate of source class 1 less the greatest of the others, one per run."""

  def lead(study: tables.Study) -> np.ndarray:
    rates = by_source(study, name)
    if 1 not in rates.columns:
      raise errors.choices('score of a claim', f'{name}/1', ())
    return (rates[1] - rates.drop(columns=1).max(axis=1)).to_numpy(float)

  return lead


def claims(study: tables.Study) -> tuple[Claim, ...]:
  """What the thesis says of rates, kind against kind, and of the digit 1."""
  arms = _arms(study)
  statements = []
  for first, second, said in _COMPARED:
    for name, title in RATES.items():
      rates = _PUBLISHED[name]
      statements.append(
        Claim(
          statement=f'{said} ({title}: first minus second).',
          source=_THESIS,
          published=f'{rates[first]:.2f} against {rates[second]:.2f}, '
          'one model each',
          arms=(arms[first], arms[second]),
          score=name,
          rule=Difference('higher'),
          guards=_GUARDS,
        )
      )
  for name, title in RATES.items():
    statements.append(
      Claim(
        statement='Digit 1 is the easiest source to move in all kinds of '
        f'models ({title}: its rate less the next greatest, mean over kinds).',
        source=_THESIS,
        published='leads in five of the six rows of both rates',
        arms=(Arm('all', {}),),
        score=_lead(name),
        rule=Within('higher'),
        guards=_GUARDS,
      )
    )
  return tuple(statements)


def marginals(study: tables.Study, name: str) -> dict[str, pd.DataFrame]:
  """Kind -> rates by source class, and over all pairs in the column ALL.

  Args:
    study: as loaded.
    name: a key of RATES.

  Returns:
    float [seeds, K + 1], indexed by seed.
  """
  columns = list(study.scores.columns)
  rates = by_source(study, name)
  if rates.empty or not len(rates.columns) or (name, '') not in columns:
    return {}
  overall = study.scores.iloc[:, columns.index((name, ''))]
  rates = rates.assign(**{ALL: overall.to_numpy()})
  seeds = study.runs['seed']
  return {
    name: rates[mine].groupby(seeds[mine].to_numpy()).mean()
    for name, mine in kinds(study).items()
  }


def marginals_table(rates: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
  """Kinds by source class, mean over seeds with intervals."""
  rows = []
  for name, values in rates.items():
    texts = {
      str(column): summaries.mean_with_interval(values[column].to_numpy())
      for column in values
    }
    rows.append({'model': name, **texts})
  return pd.DataFrame(rows)


def differences_table(rates: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
  """Differences between kinds by source class, paired over seeds.

  The last two columns count the classes whose interval leaves zero out; ALL is
  not among them.
  """
  rows = []
  for first, second in DIFFERENCES:
    if not {first, second} <= set(rates):
      continue
    one, other = rates[first].align(rates[second], join='inner')
    row, higher, lower = {'difference': f'{first} - {second}'}, 0, 0
    for column in one:
      value, low, high = statistics.paired_interval(
        one[column].to_numpy(), other[column].to_numpy()
      )
      row[str(column)] = summaries.with_interval(value, low, high, signed=True)
      higher += column != ALL and low > 0
      lower += column != ALL and high < 0
    rows.append({**row, 'higher in': int(higher), 'lower in': int(lower)})
  return pd.DataFrame(rows)


def grid(study: tables.Study, name: str, mine: np.ndarray) -> pd.DataFrame:
  """Source (row) to target (column), means over the seeds of one kind.

  Args:
    study: as loaded.
    name: a key of RATES.
    mine: bool [runs], which.
  """
  values = numbered.values(study, name)
  pairs = values[values['index'].astype(str).str.contains('_')]
  pairs = pairs[mine[pairs['run'].to_numpy(int)]]
  if pairs.empty:
    return pd.DataFrame()
  ends = pairs['index'].str.split('_', expand=True).astype(int)
  means = (
    pairs.assign(source=ends[0], target=ends[1])
    .pivot_table(index='source', columns='target', values='value')
    .sort_index(axis=1)
  )
  texts = means.map(lambda rate: '' if np.isnan(rate) else f'{rate:.2f}')
  texts.columns = texts.columns.astype(str)
  return texts.reset_index().astype({'source': str})


def _settings(study: tables.Study) -> pd.DataFrame:
  """Every kind with its scores."""
  columns = enumerate(study.scores.columns)
  held = {name: i for i, (name, shown) in columns if shown != 'sampled'}
  rows = []
  for name, mine in kinds(study).items():
    row = {'model': name, 'runs': int(mine.sum())}
    for score in (score for score in _SCORES if score in held):
      values = study.scores.iloc[:, held[score]].to_numpy()[mine]
      row[score] = summaries.mean_with_interval(values)
    rows.append(row)
  return pd.DataFrame(rows)


def sections(study: tables.Study) -> Iterator[Section]:
  """Rates by source, their differences, all pairs, and attacked images."""
  names = {name for name, _ in study.scores.columns}
  if not names & set(RATES):
    return
  yield Section(
    'attack_models',
    'The kinds of models',
    'Means over seeds with 95 % intervals. attack_clean is the share of sources'
    ' that count.',
    _settings(study),
  )
  for name, title in RATES.items():
    rates = marginals(study, name)
    if not rates:
      continue
    yield Section(
      f'{name}_by_source',
      f'{title}: by source class',
      'Lower is more robust. Means over seeds with 95 % intervals.',
      marginals_table(rates),
    )
    differences = differences_table(rates)
    if len(differences):
      yield Section(
        f'{name}_differences',
        f'{title}: differences by source class',
        'Paired over seeds, with 95 % intervals; how many source classes are'
        ' surely higher and surely lower.',
        differences,
      )
  grids = []
  for name, title in RATES.items():
    for model, mine in kinds(study).items():
      cells = grid(study, name, mine)
      if len(cells):
        key = f'{name}_pairs_{model.replace(" ", "_")}'
        grids.append(Section(key, f'{title}, {model}', '', cells))
  if grids:
    yield Section(
      'attack_pairs',
      'Every pair of classes',
      'Source (row) to target (column): means over seeds.',
      grids,
    )
  figure = pictures(study)
  if figure is not None:
    yield Section(
      'attack_images',
      'Attacked images',
      'Sources, targets, and for the first seed of each kind the'
      ' reconstruction, the attacked image and its reconstruction.',
      figure,
    )


def pictures(study: tables.Study):
  """Attacked images of the first seed of every kind.

  Args:
    study: as loaded; the first workdir alone is looked at.

  Returns:
    A figure; None where parameters or what the attack was are not there.
  """
  # Models are loaded for pictures alone.
  import jax

  from disentangle_jax import load_run
  from disentangle_jax.engine.programs import encoding
  from disentangle_jax.metrics.models import attack

  about = dict(study.constants.get(('attack_target', ''), {}))
  here = (study.runs['workdir'] == 0).to_numpy()
  numbers = {
    name: int(study.runs.loc[mine & here, 'run_number'].min())
    for name, mine in kinds(study).items()
    if (mine & here).any()
  }
  try:
    hidden = tuple(about.pop('classifier_hidden'))
    config = attack.Config(**about, classifier_hidden=hidden)
    runs = {
      name: load_run(study.workdirs[0], number)
      for name, number in numbers.items()
    }
  except (KeyError, TypeError, errors.ConfigError, errors.StoreError):
    return None
  if not runs:
    return None
  probe = attack.make(config, next(iter(runs.values())).dataset)
  key, _ = jax.random.split(encoding.metric_key('attack', 0))
  context = jax.jit(probe.fit)(key, next(iter(runs.values())).dataset.arrays)
  source = context['sources'][:, 0]
  target = np.roll(context['targets'][:, 0], -SHIFT, axis=0)
  strips = [('source', source), ('target', target)]
  for name, run in runs.items():

    @jax.jit
    def attacked(state, source, target, method=run.method):
      delta = attack.attack(config, method, state, source, target)
      see = lambda x: attack.reconstruct(method, state, x)
      return see(source), source + delta, see(source + delta)

    images = attacked(run.state, source, target)
    strips += zip(
      (f'{name}: reconstruction', 'attacked', 'its reconstruction'), images
    )
  rows = [np.concatenate(list(np.asarray(x)), axis=1) for _, x in strips]
  figure, axes = figures.new(4.0, 0.24 * len(rows))
  image = np.concatenate(rows).squeeze()
  # A fixed aspect would push the labels out of the figure.
  axes.imshow(image, cmap=style.GREYS, vmin=0, vmax=1, aspect='auto')
  height = len(image) / len(rows)
  middle = (np.arange(len(rows)) + 0.5) * height
  axes.set_yticks(middle, [name for name, _ in strips], fontsize=style.SMALL)
  axes.set_xticks([])
  axes.tick_params(length=0)
  axes.grid(False)
  return figure
