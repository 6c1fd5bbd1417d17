"""Scores at equal cost, on data of known answer."""

import math

import numpy as np

from disentangle_jax.report import matching


def _cells(costs, score_of, noise=0.0, runs=6):
  rng = np.random.default_rng(3)
  return [
    matching.Cell(
      np.full(runs, float(cost)),
      score_of(cost) + noise * rng.normal(size=runs),
    )
    for cost in costs
  ]


def test_a_shift_at_equal_cost_is_found_though_the_strengths_differ():
  line = lambda cost: 0.9 - 0.01 * cost
  second = _cells([20, 10, 40], line)
  first = _cells([15, 30], lambda cost: line(cost) + 0.07)
  found = matching.difference_at_equal_cost(first, second)
  np.testing.assert_allclose(found[:3], 0.07, atol=1e-12)
  assert found[3] == 2


def test_costs_outside_of_the_other_range_do_not_count():
  second = _cells([10, 20], lambda cost: 0.5)
  first = _cells([15, 99], lambda cost: 0.6 if cost < 50 else 9.0)
  found = matching.difference_at_equal_cost(first, second)
  np.testing.assert_allclose(found[0], 0.1)
  assert found[3] == 1
  apart = matching.difference_at_equal_cost(_cells([5], line_zero), second)
  assert math.isnan(apart[0]) and apart[3] == 0


def line_zero(cost):
  return 0.0 * cost


def test_the_interval_covers_the_truth_and_shrinks_with_runs():
  widths = []
  for runs in (5, 80):
    second = _cells([10, 20, 30], line_zero, 0.1, runs)
    first = _cells([12, 28], lambda cost: 0.05, 0.1, runs)
    _, low, high, _ = matching.difference_at_equal_cost(first, second)
    assert low < 0.05 < high
    widths.append(high - low)
  # As one over the root of the number of runs: 4 times.
  assert 2.5 < widths[0] / widths[1] < 6


def test_one_run_has_no_interval():
  first, second = _cells([15], line_zero, 0, 1), _cells([10, 20], line_zero)
  difference, low, high, compared = matching.difference_at_equal_cost(
    first, second
  )
  assert difference == 0 and compared == 1
  assert math.isnan(low) and math.isnan(high)
