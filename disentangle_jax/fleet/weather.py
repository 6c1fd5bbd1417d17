"""What preemptions do to the plan of a study."""

from collections.abc import Sequence
import math
import statistics
from typing import NamedTuple

from disentangle_jax.fleet import events, paper

# Times the calm fleet's time from which a plan counts as broken.
BROKEN = 2.0
_NAMES = {
  'compile': 'compiling anew after losses',
  'slow': 'slow workers',
  'storage': 'waiting for the store',
  'repeated': 'training again what no checkpoint held',
  'absent': 'waiting for other machines',
  'idle': 'waiting for the last chunks',
}


class Store(NamedTuple):
  """Where results go.

  Attributes:
    bandwidth: of all workers together, bytes per second.
    requests: that it answers, per second.
  """

  bandwidth: float
  requests: float


class Spell(NamedTuple):
  """A fleet at one rate of preemptions: means over simulations.

  Attributes:
    rate: preemptions of a worker, per hour.
    seconds: to finish; infinity where one simulation was given up.
    slowdown: times the calm fleet's.
    preempted: workers that were lost.
    checkpoints: written.
    bytes: to and from the store.
    most_losses: of one chunk, in any simulation.
    shares: kind of events.KINDS -> share of all workers' time.
    trouble: what most of the time goes to that a calm fleet has not.
  """

  rate: float
  seconds: float
  slowdown: float
  preempted: float
  checkpoints: float
  bytes: float
  most_losses: int
  shares: dict[str, float]
  trouble: str


class Forecast:
  """A fleet at many rates.

  Args:
    name: of the fleet.
    works: chunks.
    fleet: the workers.
    repeat: simulations of each rate.
  """

  def __init__(
    self,
    name: str,
    works: Sequence[events.Work],
    fleet: events.Fleet,
    repeat: int,
  ):
    self.name = name
    self._works, self._fleet, self._repeat = works, fleet, repeat
    self.quiet = events.calm(works, fleet)
    self.spells: list[Spell] = []

  def at(self, rate: float) -> Spell:
    """Simulates one rate of preemptions, per worker and hour."""
    fleet = self._fleet._replace(preemptions=rate)
    outcomes = [
      events.simulate(self._works, fleet, seed) for seed in range(self._repeat)
    ]
    mean = statistics.fmean
    seconds = mean([one.seconds for one in outcomes])
    spent = {k: mean([one.spent[k] for one in outcomes]) for k in events.KINDS}
    spell = Spell(
      rate,
      seconds,
      seconds / self.quiet.seconds,
      mean([one.preempted for one in outcomes]),
      mean([one.checkpoints for one in outcomes]),
      mean([one.bytes for one in outcomes]),
      max(one.most_losses for one in outcomes),
      {k: mean([one.share(k) for one in outcomes]) for k in events.KINDS},
      events.trouble(spent, self.quiet.spent),
    )
    self.spells.append(spell)
    return spell

  def verdict(self, retries: int = 0) -> str:
    """Where the plan breaks first, in a sentence.

    Args:
      retries: of a chunk whose worker was lost; 0 for no end of them.
    """
    for spell in sorted(self.spells, key=lambda spell: spell.rate):
      at = f'{self.name} breaks at {_rate(spell.rate)}'
      why = f'most goes to {_NAMES.get(spell.trouble, "nothing")}'
      why += self._short_lives(spell.rate)
      if not math.isfinite(spell.seconds):
        many = f'{events.PATIENCE:g} times the calm time are not enough'
        return f'{at}: {many}; {why}.'
      if spell.slowdown > BROKEN:
        return f'{at}: {spell.slowdown:.1f} times the calm time; {why}.'
      if retries and spell.most_losses > retries:
        return (
          f'{at}: a chunk is lost {spell.most_losses} times, and after '
          f'{retries} retries the sweep ends and must be given again.'
        )
    last = max(self.spells, key=lambda spell: spell.rate)
    return (
      f'{self.name} holds up to {_rate(last.rate)}: '
      f'{last.slowdown:.2f} times the calm time; most of the rest goes to '
      f'{_NAMES.get(last.trouble, "nothing")}.'
    )

  def _short_lives(self, rate: float) -> str:
    """Says where no checkpoint comes within a life."""
    fleet = self._fleet
    losses = rate * (fleet.workers if fleet.together else 1)
    if losses * fleet.checkpoint_seconds <= events.HOUR:
      return ''
    who = 'all hosts together live' if fleet.together else 'a worker lives'
    return (
      f'; {who} {60 / losses:.3g} minutes, and checkpoints are '
      f'{fleet.checkpoint_seconds / 60:g} apart'
    )


def _rate(rate: float) -> str:
  return f'{rate:g} preemptions per worker and hour'


def works(plan: paper.Paper, score_seconds: float) -> list[events.Work]:
  """Chunks of a plan as work.

  Args:
    plan: with times.
    score_seconds: of a chunk.

  Returns:
    Of each group. A checkpoint is two objects, and two older ones go.
  """
  listed = []
  for group in plan.groups:
    files = plan.kept * (1 if plan.pack else group.size) + 1
    listed.append(
      events.Work(
        group.chunks,
        group.seconds,
        group.windows,
        score_seconds,
        plan.compile_seconds,
        events.Transfer(group.checkpoint, 4),
        events.Transfer(group.size * group.left, files),
      )
    )
  return listed


def fleet(plan: paper.Paper, store: Store, **more: float) -> events.Fleet:
  """The workers of a plan; `more` are fields of `events.Fleet`."""
  return events.Fleet(
    plan.fleet.hosts,
    bandwidth=store.bandwidth,
    requests=store.requests,
    checkpoint_seconds=plan.checkpoint_seconds,
    together=not plan.fleet.ray,
    **more,
  )
