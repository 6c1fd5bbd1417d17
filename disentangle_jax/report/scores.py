"""What a score's name means: label, direction, range, definition, source."""

from collections.abc import Mapping, Sequence
import math
from typing import Any, NamedTuple

from disentangle_jax import metrics
from disentangle_jax.report import tables

# What the engine measures beside the metrics; they have no entry there.
DIAGNOSTICS = {
  'reconstruction/nats': (
    'lower',
    'negative log likelihood of the observation given its code, in nats per '
    'image, summed over pixels and channels',
  ),
  'reconstruction/squared_error': (
    'lower',
    'squared difference between the observation and its reconstruction from '
    'the mean code, summed over pixels and channels, per image',
  ),
  'kl': (
    'none',
    'KL divergence of q(z|x) from the prior, in nats per image, summed over '
    'latents; neither high nor low is good in itself',
  ),
  'train/loss': (
    'none',
    'training loss at the end, in nats per image: all that methods without an '
    'encoder leave to compare; not comparable between methods or strengths',
  ),
  'elbo': (
    'higher',
    'evidence lower bound, in nats per image',
  ),
}


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
    One Score per column. Names that this version does not know have direction
    'none' and an empty definition: nothing is called best by them.
  """
  known = {row.name: row for row in metrics.describe()}
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


def arrange(study: tables.Study) -> tuple[tables.Study, list[Score]]:
  """Puts the disentanglement scores before all others, else as stored.

  Args:
    study: as loaded.

  Returns:
    The study with the columns of its scores in the new order, and their
    descriptions.
  """
  described = describe(study)
  order = sorted(
    range(len(described)), key=lambda i: not described[i].supervised
  )
  arranged = study._replace(scores=study.scores.iloc[:, order])
  return arranged, [described[i] for i in order]


def primary(described: Sequence[Score]) -> int | None:
  """Index of the first disentanglement score: it names best and worst runs.

  Args:
    described: as from `describe`.

  Returns:
    The first bounded score of codes where higher is better; failing that the
    first with a direction; None when there is none.
  """
  for i, score in enumerate(described):
    if score.supervised:
      return i
  for i, score in enumerate(described):
    if score.direction != 'none':
      return i
  return None
