"""Figures of codes against factors, on codes whose answer is known."""

import numpy as np
import pytest

from disentangle_jax.report import gallery, style
from disentangle_jax.runs import latents


@pytest.fixture(scope='module')
def table():
  rng = np.random.default_rng(0)
  sizes = (3, 5)
  factors = np.stack([rng.integers(0, s, 3000) for s in sizes], axis=1)
  # z0 is noise, z1 the second factor, z2 the first one with noise.
  mean = np.stack(
    [
      rng.normal(size=3000),
      factors[:, 1] - 2.0,
      factors[:, 0] + 0.1 * rng.normal(size=3000),
    ],
    axis=1,
  ).astype(np.float32)
  order = np.array([1, 2, 0])
  return latents.Table(mean, mean, factors, ('shape', 'x'), sizes, order)


def test_information_and_importances_name_the_right_pairs(table):
  matrix = latents.mutual_information(table)
  np.testing.assert_allclose(matrix[1, 1], np.log(5), atol=0.01)
  np.testing.assert_allclose(matrix[2, 0], np.log(3), atol=0.01)
  assert matrix[0].max() < 0.05 and matrix[1, 0] < 0.05
  weights = latents.importances(table)
  assert weights[1, 1] > 0.95 and weights[2, 0] > 0.9
  weights[1, 1] = weights[2, 0] = 0
  assert weights.max() < 0.05


def test_figures_show_what_the_table_holds(table):
  with style.use():
    drawn = latents.draw(table)
    for figure in drawn.values():
      assert gallery.render(figure).startswith('<svg')
  squares = drawn['importances'].axes[0].patches
  # In the order of the table: rows z1, z2, z0; columns shape, x.
  areas = np.array([p.get_width() * p.get_height() for p in squares])
  areas = areas.reshape(3, 2) / areas.max()
  assert areas[0, 1] > 0.9 and areas[1, 0] > 0.9 and areas[2].max() < 0.1
  response = drawn['responses'].axes[1]  # z1 against x
  line = response.lines[0]
  np.testing.assert_array_equal(line.get_xdata(), range(5))
  np.testing.assert_allclose(line.get_ydata(), np.arange(5) - 2.0)
  titles = [axes.get_title() for axes in drawn['histograms'].axes]
  assert titles[:3] == ['z1', 'z2', 'z0']
