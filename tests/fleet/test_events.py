"""The simulated fleet against closed forms."""

import math

import numpy as np
import pytest

from disentangle_jax.fleet import events

HOUR = 3600.0


def expected_seconds(segments, length, start, away, rate):
  """Daly (2006, eq. 20), with time away: exact for exponential lifetimes.

  After a loss a worker is away, then needs `start` again, uninterrupted with
  the segment. The first segment needs its start as well.
  """
  after = (1 / rate + away) * math.exp(rate * start)
  first = (1 / rate + away) * math.expm1(rate * (start + length))
  return first + (segments - 1) * after * math.expm1(rate * length)


@pytest.mark.parametrize('together', [False, True])
@pytest.mark.parametrize(('chunks', 'workers'), [(7, 3), (6, 3), (1, 5)])
def test_without_losses_chunks_go_in_rounds(chunks, workers, together):
  work = events.Work(chunks, 100.0, score=7.0)
  fleet = events.Fleet(workers, together=together)
  outcome = events.simulate([work], fleet)
  assert outcome.seconds == pytest.approx(-(-chunks // workers) * 107.0)
  assert outcome.done.tolist() == [1] * chunks
  assert outcome.preempted == 0


@pytest.mark.parametrize(('workers', 'together'), [(1, False), (4, True)])
def test_restarts_take_what_dalys_formula_says(workers, together):
  segments, interval, cost, start, away = 12, 60.0, 5.0, 20.0, 30.0
  # Of one worker; where all fall together their losses add up.
  rate = 1 / 100.0 / workers
  work = events.Work(
    workers,
    segments * interval,
    windows=segments,
    compile=start,
    checkpoint=events.Transfer(cost),
  )
  fleet = events.Fleet(
    workers,
    preemptions=rate * HOUR,
    replacement=away,
    checkpoint_seconds=interval,
    together=together,
    bandwidth=1.0,
  )
  if together:
    # Transfers would queue: none here.
    cost, work = 0.0, work._replace(checkpoint=events.Transfer())
  outcomes = [events.simulate([work], fleet, seed) for seed in range(400)]
  seconds = np.array([outcome.seconds for outcome in outcomes])
  # A chunk lost before its first checkpoint has none to read; the formula for
  # the rest needs `start` and the reading of a checkpoint.
  length, loss = interval + cost, rate * workers
  first = expected_seconds(1, length, start, away, loss)
  rest = (1 / loss + away) * math.exp(loss * (start + cost))
  expected = first + (segments - 1) * rest * math.expm1(loss * length)
  error = seconds.std(ddof=1) / math.sqrt(len(seconds))
  assert abs(seconds.mean() - expected) < 4 * error
  assert error < 0.05 * expected


def test_the_store_is_the_bottleneck_at_bytes_over_rate():
  result = events.Transfer(2e6, 40)
  work = events.Work(50, 0.0, result=result)
  fleet = events.Fleet(8, bandwidth=1e6)
  outcome = events.simulate([work], fleet)
  assert outcome.seconds == pytest.approx(50 * 2e6 / 1e6)
  assert outcome.bytes == 50 * 2e6
  few = fleet._replace(bandwidth=math.inf, requests=10.0)
  assert events.simulate([work], few).seconds == pytest.approx(50 * 40 / 10)
  # All workers wait for it all the time, until nothing is left to be done.
  assert outcome.share('storage') + outcome.share('idle') == pytest.approx(1.0)
  assert (
    events.trouble(outcome.spent, events.calm([work], fleet).spent) == 'storage'
  )


def test_checkpoints_are_written_between_windows_and_before_scoring():
  work = events.Work(1, 1000.0, windows=10, checkpoint=events.Transfer(50.0))
  fleet = events.Fleet(1, checkpoint_seconds=250.0, bandwidth=1.0)
  outcome = events.simulate([work], fleet)
  # Three windows, 300 s, are the first to reach 250 s: at 3, 6, 9 and the end.
  assert outcome.checkpoints == 4
  assert outcome.seconds == pytest.approx(1000.0 + 4 * 50.0)
  none = fleet._replace(checkpoint_seconds=0.0)
  assert events.simulate([work], none).checkpoints == 1
  short = work._replace(train=50.0)
  assert events.simulate([short], fleet).checkpoints == 0


def test_slow_workers_take_a_factor_longer():
  work = events.Work(6, 100.0)
  slow = events.Fleet(3, straggler_share=1.0, straggler_factor=1.7)
  outcome = events.simulate([work], slow)
  assert outcome.seconds == pytest.approx(2 * 170.0)
  assert outcome.spent['slow'] == pytest.approx(6 * 70.0)
  assert (
    events.trouble(outcome.spent, events.calm([work], slow).spent) == 'slow'
  )
  # A queue gives slow workers less; hosts that are dealt chunks wait for them.
  some = events.Fleet(10, straggler_share=0.3, straggler_factor=4.0)
  many = events.Work(200, 100.0)
  queued = [events.simulate([many], some, seed).seconds for seed in range(9)]
  dealt = [
    events.simulate([many], some._replace(together=True), seed).seconds
    for seed in range(9)
  ]
  assert max(dealt) == pytest.approx(20 * 400.0)
  for ours, theirs in zip(queued, dealt):
    assert ours <= theirs
  # Greedy dealing ends within one chunk of the rate of all together.
  assert max(queued) < 200 * 100 / (10 * 0.25) and min(queued) >= 2000.0


@pytest.mark.parametrize('together', [False, True])
def test_every_chunk_is_done_once_and_no_time_is_lost_from_the_books(together):
  works = [
    events.Work(
      11,
      500.0,
      windows=7,
      score=20.0,
      compile=15.0,
      checkpoint=events.Transfer(3e6, 2),
      result=events.Transfer(1e6, 9),
    ),
    events.Work(5, 130.0, compile=4.0),
  ]
  fleet = events.Fleet(
    4,
    preemptions=3.0,
    replacement=40.0,
    straggler_share=0.5,
    bandwidth=2e5,
    requests=5.0,
    checkpoint_seconds=100.0,
    together=together,
  )
  for seed in range(5):
    outcome = events.simulate(works, fleet, seed)
    assert outcome.done.tolist() == [1] * 16
    spent = sum(outcome.spent.values())
    assert spent == pytest.approx(4 * outcome.seconds)
    assert min(outcome.spent.values()) > -1e-6 and outcome.preempted > 0
    # What was trained and not lost is all of the training, and no more.
    assert outcome.spent['train'] == pytest.approx(11 * 500 + 5 * 130)


def test_youngs_interval_beats_shorter_and_longer_ones():
  cost, lifetime = 5.0, 1000.0
  best = events.optimal_interval(cost, lifetime)
  assert best == 100.0
  work = events.Work(
    200, 4000.0, windows=4000, checkpoint=events.Transfer(cost)
  )
  fleet = events.Fleet(1, HOUR / lifetime, 0.0, bandwidth=1.0)
  seconds = [
    events.simulate([work], fleet._replace(checkpoint_seconds=one)).seconds
    for one in (best / 8, best, best * 8)
  ]
  assert seconds[1] < min(seconds[0], seconds[2])


def test_lives_shorter_than_compiling_never_end():
  work = events.Work(2, 100.0, compile=3600.0)
  outcome = events.simulate([work], events.Fleet(2, preemptions=60.0))
  assert math.isinf(outcome.seconds) and not outcome.done.all()
  assert outcome.most_losses > 20
