"""A few labelled examples: the same ones always, labels as documented."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny_grids as tiny

from disentangle_jax import data, errors, requests
from disentangle_jax.data import samplers, stream
from disentangle_jax.data.draws import labelled

SIZES = (12, 4, 1, 7)


def draw(dataset, request, key=0, count=600):
  sample = jax.jit(samplers.make(dataset, (request,)))
  batch = sample(jax.random.key(key), dataset.arrays, jnp.arange(count))
  return {name: np.asarray(value) for name, value in batch.items()}


def shown(batch):
  """Numbers of the grid points that the labelled images show."""
  return np.rint(batch['labelled_observation'][:, 0, 0, 0] * 64 - 1).astype(int)


def test_the_same_points_come_in_every_step_with_replacement():
  request = requests.Labelled(5)
  batches = [draw(tiny.grid(), request, key) for key in range(3)]
  seen = {n for batch in batches for n in shown(batch)}
  assert 1 < len(seen) <= 5
  assert all(set(shown(batch)) == seen for batch in batches)
  assert (shown(batches[0]) != shown(batches[1])).any()
  for batch in batches:
    np.testing.assert_array_equal(
      tiny.numbers(tiny.grid(), batch['labelled_factors']), shown(batch)
    )
  other = draw(tiny.grid(), requests.Labelled(5, seed=1))
  assert set(shown(other)) != seen


def test_points_follow_the_distribution():
  """Many points, each about once."""
  dataset = tiny.distributed()['holes']
  batch = draw(dataset, requests.Labelled(5000), count=3000)
  assert (tiny.density(dataset)[shown(batch)] > 0).all()
  once = len(np.unique(shown(batch)))
  assert once == (tiny.density(dataset) > 0).sum()


def test_nuisances_of_a_labelled_example_stay():
  dataset = data.load(
    'dsprites_noisy', resolution=8, scales=2, orientations=2, positions=2
  )
  images = [
    draw(dataset, requests.Labelled(3), key, 40)['labelled_observation']
    for key in (0, 1)
  ]
  assert len(np.unique(np.concatenate(images), axis=0)) == 3


def test_streams_are_labelled_by_their_rows():
  dataset = stream.rows(np.arange(9.0)[:, None], np.arange(9)[:, None], ('x',))
  batch = draw(dataset, requests.Labelled(4, 'permuted'))
  rows = batch['labelled_observation'][:, 0].astype(int)
  labels = batch['labelled_factors'][:, 0]
  assert len(set(rows)) <= 4
  assert len(set(zip(rows, labels))) == len(set(rows)) == len(set(labels))


def points(count=4000):
  rng = np.random.default_rng(0)
  return jnp.asarray(
    np.stack([rng.integers(0, n, count) for n in SIZES], 1), jnp.int32
  )


def label(name, seed=0, count=4000):
  dataset = tiny.grid(SIZES)
  make = labelled.labeller(dataset, requests.Labelled(1, name, seed))
  factors = points(count)
  labels = jax.jit(make)(jax.random.key(0), jnp.arange(count), factors)
  return np.asarray(factors), np.asarray(labels)


def test_perfect_labels_are_the_factors():
  np.testing.assert_array_equal(*label('perfect'))


def test_binned_labels_have_at_most_five_values_of_about_equal_size():
  factors, labels = label('binned')
  values = np.arange(12)
  # Bins of 12 / 5 values: 0-2, 3-4, 5-7, 8-9, 10-11.
  expected = (values // (12 / 5)).astype(int)
  np.testing.assert_array_equal(labels[:, 0], expected[factors[:, 0]])
  np.testing.assert_array_equal(labels[:, 1:3], factors[:, 1:3])
  np.testing.assert_array_equal(labels[:, 3], factors[:, 3] // 1.4)
  assert [len(np.unique(c)) for c in labels.T] == [5, 4, 1, 5]


def test_noisy_labels_are_drawn_anew_one_time_in_ten():
  factors, labels = label('noisy')
  other = labels != factors
  for k, size in enumerate(SIZES):
    # A new draw meets the old value once in `size` times.
    share = 0.1 * (1 - 1 / size)
    error = 5 * np.sqrt(share / 4000) + 1e-9
    assert abs(other[:, k].mean() - share) < error
    assert (labels[:, k] < size).all() and (labels >= 0).all()
  # Fixed by the example's number: no batch has other noise.
  make = labelled.labeller(tiny.grid(SIZES), requests.Labelled(1, 'noisy'))
  order = np.arange(4000)[::-1]
  again = make(jax.random.key(0), jnp.asarray(order), points()[order])
  np.testing.assert_array_equal(again[order], labels)


def test_permuted_labels_are_one_to_one():
  factors, labels = label('permuted')
  for k, size in enumerate(SIZES):
    pairs = np.unique(np.stack([factors[:, k], labels[:, k]]), axis=1)
    assert pairs.shape[1] == size
    np.testing.assert_array_equal(np.sort(pairs[1]), np.arange(size))
  assert (labels[:, 0] != factors[:, 0]).any()
  assert (label('permuted', 1)[1] != labels).any()


def test_partial_labels_tell_two_factors():
  factors, labels = label('partial')
  known = (labels >= 0).all(0)
  assert known.sum() == 2 and not known[2]
  np.testing.assert_array_equal(labels[:, known], factors[:, known])
  assert (labels[:, ~known] == -1).all()
  chosen = {tuple((label('partial', s, 4)[1] >= 0)[0]) for s in range(8)}
  assert len(chosen) > 1


@pytest.mark.parametrize(
  'request_, said',
  [
    (requests.Labelled(0), 'Labelled.count = 0'),
    (requests.Labelled(5, 'good'), 'legal: binned, noisy, partial'),
    (requests.Labelled(seed=-1), 'Labelled.seed = -1'),
    (requests.Labelled(5, 'partial'), 'labels 2 factors, tiny has 1'),
  ],
)
def test_bad_requests_are_refused(request_, said):
  with pytest.raises(errors.ConfigError, match=said) as caught:
    samplers.make(tiny.grid((3, 1)), (request_,))
  assert '\n' not in str(caught.value)
