"""What a score's name means: label, direction, range, definition, source."""

from collections.abc import Mapping, Sequence
import math
from typing import Any, NamedTuple

from disentangle_jax import metrics
from disentangle_jax.report import tables

# What the engine measures beside the metrics; it has no entry there.
DIAGNOSTICS = {
  'train/loss': (
    'none',
    'training loss at the end, per observation: all that runs without scores '
    'leave; not comparable between methods or strengths',
  ),
}
_DOUBLES = ('_train', '_active')  # endings of names
_DIRECTIONS = ('higher', 'lower', 'none')


class Score(NamedTuple):
  """One column of a report.

  Attributes:
    name: as stored.
    representation: 'mean', 'sampled' or '' (a score of observations).
    direction: 'higher' or 'lower' is better, or 'none'.
    low: least value that the definition allows, -inf if unbounded.
    high: greatest value.
    ceiling: greatest value that can be reached on the data set; NaN if not
      stored or the same as `high`.
    definition: one sentence; '' if the name is not known.
    source: paper and equation; '' if not known.
    constants: what the number depends on, as stored.
  """

  name: str
  representation: str
  direction: str
  low: float
  high: float
  ceiling: float
  definition: str
  source: str
  constants: Mapping[str, Any]

  @property
  def label(self) -> str:
    """'mig_binned (mean)', or the name alone for scores of observations."""
    return (
      f'{self.name} ({self.representation})'
      if self.representation
      else self.name
    )

  @property
  def sign(self) -> float:
    """What to multiply a value with so that higher is better."""
    return -1.0 if self.direction == 'lower' else 1.0

  @property
  def supervised(self) -> bool:
    """Whether the score is a bounded one of codes against factors."""
    return (
      bool(self.representation)
      and self.direction == 'higher'
      and math.isfinite(self.high)
    )


def describe(study: tables.Study) -> list[Score]:
  """Describes every score column of a study, in the order of its columns.

  Args:
    study: as loaded.

  Returns:
    One Score per column. What the package does not know, such as a user's own
    metric, is what study.json says it is; names that are not there either have
    direction 'none' and an empty definition: nothing is called best by them.
  """
  known = {row.name: row for row in metrics.describe()}
  own = _own(study.infos)
  described = []
  for name, representation in study.scores.columns:
    constants = study.constants.get((name, representation), {})
    ceiling = constants.get('ceiling')
    ceiling = float(ceiling) if isinstance(ceiling, int | float) else math.nan
    low, high = -math.inf, math.inf
    if name in known:
      row = known[name]
      direction, definition = row.direction, row.definition
      low, high = map(float, row.range)
      source = row.source
    elif name in own:
      direction, low, high, definition = own[name]
      source = ''
    else:
      direction, definition = DIAGNOSTICS.get(name, ('none', ''))
      source = ''
    described.append(
      Score(
        name=name,
        representation=representation,
        direction=direction,
        low=low,
        high=high,
        ceiling=ceiling if ceiling < high else math.nan,
        definition=definition,
        source=source,
        constants=constants,
      )
    )
  return described


def _own(
  infos: Sequence[Mapping[str, Any]],
) -> dict[str, tuple[str, float, float, str]]:
  """What study.json says of scores: name -> direction, range, definition."""
  own = {}
  for info in infos:
    said = info.get('scores')
    for name, about in said.items() if isinstance(said, dict) else ():
      if not isinstance(about, dict):
        continue
      direction = about.get('direction')
      bound = lambda key, open_end, about=about: (
        float(about[key])
        if isinstance(about.get(key), int | float)
        else open_end
      )
      own[name] = (
        direction if direction in _DIRECTIONS else 'none',
        bound('low', -math.inf),
        bound('high', math.inf),
        str(about.get('definition') or ''),
      )
  return own


def wanted(study: tables.Study) -> str:
  """The score that `config.primary` names, '' where it names none."""
  for info in study.infos:
    config = info.get('config')
    held = config.get('primary') if isinstance(config, dict) else ''
    if name := info.get('primary') or held:
      return str(name)
  return ''


def _named(described: Sequence[Score], name: str) -> int | None:
  """Column of 'mig_binned (mean)', or of 'mig_binned', the mean codes first."""
  columns = [
    i
    for i, score in enumerate(described)
    if name and name in (score.name, score.label)
  ]
  of_mean = [i for i in columns if described[i].representation == 'mean']
  return next(iter([*of_mean, *columns]), None)


def arrange(
  study: tables.Study, name: str | None = None
) -> tuple[tables.Study, list[Score]]:
  """Puts the score of a name first, then disentanglement scores.

  Args:
    study: as loaded.
    name: of the score; None for what `config.primary` says.

  Returns:
    The study with the columns of its scores in the new order, and their
    descriptions; a note where the named score cannot rank the runs.
  """
  name = wanted(study) if name is None else name
  described = describe(study)
  first = _named(described, name)
  key = '' if first is None else described[first].name
  order = sorted(
    range(len(described)),
    key=lambda i: (
      i != first,
      described[i].name != key,
      not described[i].supervised,
    ),
  )
  described = [described[i] for i in order]
  arranged = study._replace(scores=study.scores.iloc[:, order])
  note = _note(described, name)
  return arranged._replace(notes=study.notes + note), described


def _note(described: Sequence[Score], name: str) -> tuple[str, ...]:
  """Why `config.primary` does not rank the runs, if it does not."""
  if not name or not described:
    return ()
  first = _named(described, name)
  if first is None:
    reason = 'is no score of this study'
  elif described[first].direction == 'none':
    reason = 'has no better end'
  else:
    return ()
  rank = primary(described, name)
  instead = (
    'nothing ranks the runs'
    if rank is None
    else f'{described[rank].label} ranks the runs'
  )
  return (f'config.primary = {name!r} {reason}: {instead}.',)


def primary(described: Sequence[Score], name: str = '') -> int | None:
  """Index of the score that names best and worst runs.

  Args:
    described: as from `describe`.
    name: what `config.primary` says.

  Returns:
    The score of that name if it has a direction; else the first bounded score
    of codes where higher is better; failing that the first with a direction;
    None when there is none.
  """
  first = _named(described, name)
  if first is not None and described[first].direction != 'none':
    return first
  for i, score in enumerate(described):
    if score.supervised:
      return i
  for i, score in enumerate(described):
    if score.direction != 'none':
      return i
  return None


def cost(described: Sequence[Score]) -> int | None:
  """Column of the reconstruction error that scores are set against.

  Args:
    described: as from `describe`.

  Returns:
    The squared error, or else the first that is of reconstructions; None.
  """
  names = [score.name for score in described]
  if 'reconstruction/squared_error' in names:
    return names.index('reconstruction/squared_error')
  columns = [i for i, n in enumerate(names) if n.startswith('reconstruction')]
  return next(iter(columns), None)


def doubles(described: Sequence[Score], first: int | None) -> set[int]:
  """Columns that say again, or nearly, what another column says.

  Args:
    described: as from `describe`.
    first: as from `primary`; never a double.

  Returns:
    Scores of sampled codes where the mean codes have the same (the other way
    round where the first is of sampled codes), and 'x_train' and 'x_active'
    where there is an 'x' or 'x_score'.
  """
  main = 'mean' if first is None else described[first].representation or 'mean'
  pairs = {(score.name, score.representation) for score in described}
  names = {score.name for score in described}

  def is_double(score: Score) -> bool:
    if score.representation not in ('', main) and (score.name, main) in pairs:
      return True
    for ending in _DOUBLES:
      stem = score.name.removesuffix(ending)
      alike = (stem, f'{stem}_score')
      if stem != score.name and names.intersection(alike):
        return True
    return False

  return {
    i for i, score in enumerate(described) if i != first and is_double(score)
  }


def beside(described: Sequence[Score], first: int) -> list[int]:
  """The score that ranks the runs, then disentanglement scores.

  Args:
    described: as from `describe`.
    first: as from `primary`.

  Returns:
    Columns: the first, then the bounded ones of its representation, or of the
    first one that has any, without doubles.
  """
  supervised = [i for i, score in enumerate(described) if score.supervised]
  source = first if first in supervised else next(iter(supervised), first)
  representation = described[source].representation
  twice = doubles(described, first)
  others = [
    i
    for i in supervised
    if described[i].representation == representation and i not in twice
  ]
  return list(dict.fromkeys([first, *others]))
