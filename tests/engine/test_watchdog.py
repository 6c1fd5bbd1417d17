"""Silence is broken after minutes, and tells waiting from working."""

import pytest
from tiny_study import tiny_config

import disentangle_jax as dj
from disentangle_jax.engine import watchdog


class Clocks:
  """Wall and CPU seconds that a test sets."""

  def __init__(self):
    self.wall = self.cpu = 0.0
    self.lines = []
    self.dog = watchdog.Watchdog(
      self.lines.append, 5.0, lambda: self.wall, lambda: self.cpu
    )

  def at(self, minutes, cpu_minutes):
    self.wall, self.cpu = 60.0 * minutes, 60.0 * cpu_minutes
    self.dog.look()


def test_a_dead_lock_is_told_from_a_long_compile():
  waiting = Clocks()
  waiting.dog.moved('compiling text_ae')
  waiting.at(4.9, 0)
  assert waiting.lines == []
  waiting.at(5, 0.01)
  (line,) = waiting.lines
  assert 'compiling text_ae: nothing has moved for 5 min' in line
  assert 'seems to wait' in line and 'ops.linalg' in line

  working = Clocks()
  working.at(6, 11)
  (line,) = working.lines
  assert 'nothing has moved for 6 min' in line and 'wait' not in line


def test_it_speaks_again_after_twice_the_time_and_movement_resets_it():
  clocks = Clocks()
  for minute in range(1, 21):
    clocks.at(minute, 0)
  assert len(clocks.lines) == 3  # after 5, 10 and 20 minutes
  clocks.dog.moved()
  clocks.at(24, 0)
  assert len(clocks.lines) == 3
  clocks.at(25, 0)
  assert len(clocks.lines) == 4


def test_the_thread_looks_and_ends():
  lines = []
  dog = watchdog.Watchdog(lines.append, 1e-4)
  with dog.watch():
    while not lines:
      pass
  assert 'starting' in lines[0]


def test_minutes_must_be_a_number():
  config = tiny_config()
  config.engine.watchdog_minutes = -1.0
  with pytest.raises(dj.ConfigError, match='watchdog_minutes'):
    dj.sweep(config)
