"""What charts show, whoever draws them: the page's script or matplotlib.

Numbers that do not depend on what a reader chooses (densities, places of
strengths) are computed here alone and travel to the page as JSON. What does
depend on it (`extent`, `shifts`, `front`) stands here for print and in
page/charts.js for the page; tests compare the two.
"""

import math

import numpy as np

LEAST = 5  # runs that a violin is drawn of
POINTS = 41  # of a violin's outline, from its least value to its greatest
CROWDED = 60  # runs of a violin beyond which their marks are small
SINGLE = 20  # runs over a strength beyond which they are not shown singly
ROOM = 0.06  # of an axis beyond its values, at both ends
DECADES = 30.0  # ratio of strengths beyond which their axis is a log one
ZERO = 1 / 3  # decades that a zero stands left of the least strength
_GOLDEN = 0.618034
# Widths of the scatter in half widths of the violin, where it is and where
# there is none.
_WITHIN, _WITHOUT = 1.7, 0.4

RULES = {
  'crowded': CROWDED,
  'single': SINGLE,
  'room': ROOM,
  'golden': _GOLDEN,
  'within': _WITHIN,
  'without': _WITHOUT,
  'decades': DECADES,
  'zero': ZERO,
}


def extent(values: np.ndarray) -> tuple[float, float]:
  """The range of an axis: that of the finite values and ROOM more.

  Args:
    values: float [N], in the unit of the axis.

  Returns:
    (low, high), low < high; (0, 1) without values.
  """
  values = np.asarray(values, float)
  values = values[np.isfinite(values)]
  if not values.size:
    return 0.0, 1.0
  low, high = float(values.min()), float(values.max())
  room = (high - low) * ROOM or abs(high) * 0.1 or 0.5
  return low - room, high + room


def density(values: np.ndarray) -> np.ndarray | None:
  """Outline of a violin: a Gaussian kernel density over the values' range.

  The width of the kernel is 1.06 s n^(-1/5) with s the standard deviation
  (n - 1), the normal reference rule (Silverman, 1986, "Density estimation for
  statistics and data analysis", equation 3.28).

  Args:
    values: float [n], finite.

  Returns:
    float [POINTS] in (0, 1], at equal steps from the least value to the
    greatest, 1 where the density is highest; None for fewer than LEAST values
    or values that do not differ.
  """
  values = np.asarray(values, float)
  if values.size < LEAST or not np.ptp(values) > 0:
    return None
  grid = np.linspace(values.min(), values.max(), POINTS)
  width = 1.06 * values.std(ddof=1) * values.size**-0.2
  heights = np.exp(-0.5 * ((grid[:, None] - values) / width) ** 2).sum(axis=1)
  return heights / heights.max()


def shifts(values: np.ndarray, heights: np.ndarray | None) -> np.ndarray:
  """How far aside the mark of each run stands, inside the violin.

  The same for the same runs, whenever they are drawn.

  Args:
    values: float [n], finite, in the order of the runs.
    heights: their `density`.

  Returns:
    float [n] in (-1, 1), in half widths of the violin.
  """
  values = np.asarray(values, float)
  scatter = (np.arange(values.size) * _GOLDEN) % 1 - 0.5
  if heights is None:
    return scatter * _WITHOUT
  share = (values - values.min()) / np.ptp(values)
  nearest = np.floor(share * (len(heights) - 1) + 0.5).astype(int)
  return scatter * _WITHIN * heights[nearest]


def positions(strengths: np.ndarray) -> np.ndarray:
  """Where strengths stand on their axis.

  Args:
    strengths: float [S], all that share the axis.

  Returns:
    float [S]: the strengths themselves; their logarithm to base 10 where none
    is negative and the greatest is DECADES times the least above zero or more,
    a zero ZERO decades left of that one.
  """
  strengths = np.asarray(strengths, float)
  positive = strengths[strengths > 0]
  if (strengths < 0).any() or np.unique(positive).size < 2:
    return strengths
  if positive.max() / positive.min() < DECADES:
    return strengths
  zero = math.log10(positive.min()) - ZERO
  logs = np.log10(np.where(strengths > 0, strengths, 1.0))
  return np.where(strengths > 0, logs, zero)


def front(cost: np.ndarray, values: np.ndarray, sign: float) -> np.ndarray:
  """The runs that no other run beats in both, one of those that are equal.

  Args:
    cost: float [N], lower is better; NaN leaves a run out.
    values: float [N].
    sign: -1 where a lower value is better.

  Returns:
    int [F], indices of runs, the cheapest first.
  """
  gain = sign * np.asarray(values, float)
  both = np.flatnonzero(np.isfinite(cost) & np.isfinite(gain))
  order = both[np.lexsort((-gain[both], np.asarray(cost)[both]))]
  best = np.maximum.accumulate(np.append(-np.inf, gain[order]))[:-1]
  return order[gain[order] > best]
