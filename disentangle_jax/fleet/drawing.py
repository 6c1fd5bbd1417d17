"""Time to finish against preemptions, and where it goes."""

from collections.abc import Sequence
import math
import pathlib

from disentangle_jax.fleet import events, weather
from disentangle_jax.report import figures, style


def save(path: pathlib.Path, forecasts: Sequence[weather.Forecast]) -> None:
  """Draws fleets beside each other.

  Args:
    path: of the file; its ending says the format.
    forecasts: one per fleet, each with its spells.
  """
  with style.use():
    figure, (left, right) = figures.new(height=2.6, ncols=2)
    for number, forecast in enumerate(forecasts):
      spells = sorted(forecast.spells, key=lambda spell: spell.rate)
      ended = [one for one in spells if math.isfinite(one.seconds)]
      look = {
        'color': style.colour(number),
        'ls': style.dash(number),
        'label': forecast.name,
        **style.mark(number, 4),
      }
      rates = [one.rate for one in ended]
      left.plot(rates, [one.slowdown for one in ended], **look)
      lost = lambda one: 1 - one.shares['train'] - one.shares['score']
      right.plot(
        [one.rate for one in spells], [lost(one) for one in spells], **look
      )
    least = min(
      (s.rate for f in forecasts for s in f.spells if s.rate), default=1.0
    )
    for axes in (left, right):
      axes.set_xscale('symlog', linthresh=least)
      axes.set_xlim(left=0)
      axes.set_xlabel('preemptions per worker and hour')
    left.axhline(weather.BROKEN, color=style.INK, lw=0.8, ls=':')
    left.set_ylabel('time, times the calm fleet')
    left.set_ylim(bottom=1, top=events.PATIENCE)
    left.set_yscale('log')
    left.set_yticks([1, 2, 5, 10, 20], ['1', '2', '5', '10', '20'])
    left.minorticks_off()
    right.set_ylim(0, 1)
    right.set_ylabel('share of time lost or idle')
    right.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
