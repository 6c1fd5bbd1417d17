"""Work done side by side: its order, its context, and what an error leaves."""

import threading
import time

import pytest

from disentangle_jax import platforms
from disentangle_jax.engine.programs import devices, together


@pytest.fixture(autouse=True)
def two_cores(monkeypatch):
  monkeypatch.setattr(devices, 'num_cores', lambda: 2)


def test_tasks_run_side_by_side_and_come_back_in_order():
  both = threading.Barrier(2, timeout=30)

  def task(number):
    # Each waits for the other one: one after the other would never end.
    both.wait()
    return number

  tasks = [lambda n=n: task(n) for n in range(4)]
  assert list(together.done(tasks)) == [0, 1, 2, 3]


def test_one_core_is_no_crowd(monkeypatch):
  monkeypatch.setattr(devices, 'num_cores', lambda: 1)
  here = threading.get_ident()
  assert list(together.done([threading.get_ident] * 3)) == [here] * 3
  assert list(together.done([])) == []


def test_tasks_see_the_platform_that_is_traced_for():
  with platforms.traced_for('tpu'):
    found = list(together.done([platforms.current] * 3))
  assert found == ['tpu'] * 3
  assert platforms.current() == ''


def test_an_error_leaves_undone_what_has_not_begun():
  begun = []

  def fails():
    raise ValueError('no')

  def waits():
    begun.append(None)
    time.sleep(0.1)

  with pytest.raises(ValueError, match='no'):
    list(together.done([fails, *[waits] * 50]))
  assert len(begun) < 25  # all of them would take two cores 2.5 s
