"""When factors open, on curves with known crossings."""

import numpy as np
import pytest

from disentangle_jax.studies.capacity_order import page

STEPS = np.arange(1, 11) * 100


def curves(opens):
  """KL 0 below the k-th logged step and 1 from there on; capacity = step/100.

  Args:
    opens: factor -> k, from 1; 11 for never.
  """
  training = {'train/capacity': {int(s): s / 100 for s in STEPS}}
  for factor, k in opens.items():
    training[f'train/kl/{factor}'] = {
      int(step): float(i >= k) for i, step in enumerate(STEPS, 1)
    }
  return training


def fill(store, opens, seeds=6):
  for seed in range(seeds):
    # Positions differ between seeds: a step earlier in every other one.
    mine = {**opens, 'position_x': opens['position_x'] - seed % 2}
    store.add(
      {},
      method='capacity_generator',
      strength=15.0,
      seed=seed,
      training={'train/loss': {1000: 1.0}, **curves(mine)},
    )
  return store.study()


ORDERED = {
  'position_x': 2,
  'position_y': 2,
  'scale': 4,
  'shape': 7,
  'orientation': 11,
}


def test_openings_are_the_first_step_of_the_last_rise(store):
  training = curves(ORDERED)
  # Above for one step, then closed again: does not count.
  training['train/kl/scale'][100] = 0.5
  store.add({}, training={'train/loss': {1000: 1.0}, **training})
  opened = page.openings(store.study()).set_index('factor')
  assert opened['step']['scale'] == 400 and opened['capacity']['scale'] == 4
  assert np.isnan(opened['step']['orientation'])
  assert opened['capacity']['orientation'] == 10  # that of the end
  assert opened['kl']['orientation'] == 0 and opened['kl']['shape'] == 1


def test_the_published_order_holds_where_it_is_and_not_where_not(store, judged):
  words = judged(page, fill(store, ORDERED))
  assert list(words.values()) == ['holds'] * 3


def test_the_opposite_order_does_not_hold(store, judged):
  opposite = {
    'position_x': 9,
    'position_y': 8,
    'scale': 6,
    'shape': 4,
    'orientation': 3,
  }
  words = judged(page, fill(store, opposite))
  assert list(words.values()) == ['does not hold'] * 3


def test_the_table_stands_in_the_order_of_opening(store):
  table, figure = page.sections(fill(store, ORDERED))
  frame = table.body
  # Position_x opens at step 200 or 100, before position_y at 200.
  assert list(frame['factor']) == list(ORDERED)
  assert list(frame['step'])[:2] == ['100 to 200', '200']
  assert list(frame['step'])[-1] == 'never'
  assert list(frame['never open']) == [0, 0, 0, 0, 6]
  assert figure.body.axes


@pytest.mark.parametrize('kind', ['empty', 'no curves', 'one seed'])
def test_little_is_no_error(store, judged, kind):
  if kind == 'no curves':
    store.add({'train/other': 1.0}, method='capacity_generator')
  if kind == 'one seed':
    fill(store, ORDERED, seeds=1)
  study = store.study()
  sections = list(page.sections(study))
  assert bool(sections) == (kind == 'one seed')
  assert not {'holds', 'does not hold'} & set(judged(page, study).values())
