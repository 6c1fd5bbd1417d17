"""Fields of a batch: what they share, and that splits change nothing."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import data, errors
from disentangle_jax.data import distributions, resample, samplers
from disentangle_jax.data import stream as stream_module

COUNT = 32


@functools.cache
def sprites():
  return data.load(
    'dsprites', resolution=8, scales=3, orientations=4, positions=4
  )


@functools.cache
def draw(fields, options=None, key=0):
  dataset = sprites()
  sample = jax.jit(samplers.make(dataset, fields, options))
  batch = sample(jax.random.key(key), dataset.arrays, jnp.arange(COUNT))
  return {name: np.asarray(value) for name, value in batch.items()}, sample


ALL = (
  'second_observation',
  'label',
  'pair',
  'group',
  'identity_pair',
  'sequence',
  'shuffled',
)
OPTIONS = samplers.Options(
  pair_changes=2,
  group_kinds=(('scale',), ('position_x', 'position_y')),
  group_weights=(1.0, 3.0),
  identity=('shape', 'scale'),
  label='scale',
  frames=6,
  moving=('position_x', 'orientation'),
  patch=4,
)


def test_every_field_is_in_the_table():
  assert set(ALL) == set(samplers.FIELDS)


def test_rows_do_not_depend_on_the_split():
  batch, sample = draw(ALL, OPTIONS)
  index = jnp.arange(COUNT)[::-1]
  again = sample(jax.random.key(0), (), index)
  for name, value in again.items():
    np.testing.assert_array_equal(np.asarray(value)[::-1], batch[name])


def test_the_key_changes_every_field():
  batch, sample = draw(ALL, OPTIONS)
  other = sample(jax.random.key(1), (), jnp.arange(COUNT))
  for name in ALL:
    assert (np.asarray(other[name]) != batch[name]).any(), name


def test_asking_for_more_changes_no_other_field():
  batch, _ = draw(ALL, OPTIONS)
  alone, _ = draw(('shuffled',), OPTIONS)
  for name, value in alone.items():
    np.testing.assert_array_equal(value, batch[name])


def test_images_show_their_factors():
  batch, _ = draw(ALL, OPTIONS)
  dataset = sprites()
  render = jax.jit(jax.vmap(dataset.render, (None, 0, None)))
  for field in ('pair', 'group', 'identity_pair'):
    want = render((), batch[f'{field}_factors'], jax.random.key(9))
    np.testing.assert_array_equal(batch[field], want)
  frames = batch['sequence_factors'].transpose(1, 0, 2)
  for t, factors in enumerate(frames):
    want = render((), factors, jax.random.key(9))
    np.testing.assert_array_equal(batch['sequence'][:, t], want)


def test_label_is_one_factor():
  batch, _ = draw(ALL, OPTIONS)
  np.testing.assert_array_equal(batch['label'], batch['factors'][:, 1])
  default, _ = draw(('label',))
  np.testing.assert_array_equal(default['label'], default['factors'][:, 0])


def test_pairs_differ_in_exactly_k_factors():
  batch, _ = draw(ALL, OPTIONS)
  differ = batch['pair_factors'] != batch['factors']
  np.testing.assert_array_equal(differ, batch['pair_changed'])
  np.testing.assert_array_equal(differ.sum(1), 2)
  # Every factor takes its turn.
  assert differ.any(0).all()


def test_groups_share_all_but_one_kind():
  seen = set()
  _, sample = draw(ALL, OPTIONS)
  for key in range(12):
    batch = sample(jax.random.key(key), (), jnp.arange(COUNT))
    factors = np.asarray(batch['group_factors'])
    kind = np.asarray(batch['group_kind'])
    assert (kind == kind[0]).all()
    varies = np.ptp(factors, axis=0) > 0
    want = [[1], [3, 4]][kind[0]]
    np.testing.assert_array_equal(np.flatnonzero(varies), want)
    seen.add(int(kind[0]))
  assert seen == {0, 1}


def test_identity_pairs_share_the_identity():
  batch, _ = draw(ALL, OPTIONS)
  second, first = batch['identity_pair_factors'], batch['factors']
  np.testing.assert_array_equal(second[:, :2], first[:, :2])
  assert (second[:, 2:] != first[:, 2:]).any(0).all()


def test_sequences_step_by_one_and_stay_on_the_grid():
  batch, _ = draw(ALL, OPTIONS)
  factors, sizes = batch['sequence_factors'], sprites().factor_sizes
  assert factors.shape == (COUNT, 6, 5)
  np.testing.assert_array_equal(factors[:, 0], batch['factors'])
  assert (factors >= 0).all() and (factors < sizes).all()
  step = np.abs(np.diff(factors, axis=1))
  np.testing.assert_array_equal(
    step[..., [2, 3]], np.ones_like(step[..., [2, 3]])
  )
  np.testing.assert_array_equal(step[..., [0, 1, 4]], 0)


def test_shuffled_patches_are_a_permutation():
  image = jnp.arange(8 * 12 * 2.0).reshape(8, 12, 2)
  got = np.asarray(samplers.shuffle_patches(jax.random.key(1), image, 4))
  cut = lambda a: [
    a[r : r + 4, c : c + 4].tobytes() for r in (0, 4) for c in (0, 4, 8)
  ]
  assert sorted(cut(got)) == sorted(cut(np.asarray(image)))
  assert cut(got) != cut(np.asarray(image))
  batch, _ = draw(ALL, OPTIONS)
  np.testing.assert_allclose(
    batch['shuffled'].sum((1, 2)), batch['observation'].sum((1, 2))
  )


def test_every_order_of_patches_is_drawn_alike():
  """And so the shuffled image tells nothing of the order before it."""
  image = np.repeat(np.repeat(np.arange(4.0).reshape(2, 2), 4, 0), 4, 1)
  image = image[..., None] + np.linspace(0, 0.5, 64).reshape(8, 8, 1) % 0.1
  keys = jax.random.split(jax.random.key(0), 2400)
  shuffle = jax.jit(
    jax.vmap(lambda k, x: samplers.shuffle_patches(k, x, 4), (0, None))
  )
  seen = []
  for start in (image, np.asarray(shuffle(keys[:1], image))[0]):
    drawn = np.asarray(shuffle(keys, start))
    # Every pixel is kept, in every image.
    pixels = np.sort(drawn.reshape(2400, -1), axis=1)
    want = np.sort(np.float32(image).ravel())
    np.testing.assert_array_equal(pixels, np.broadcast_to(want, pixels.shape))
    orders, counts = np.unique(
      drawn.reshape(2400, -1), axis=0, return_counts=True
    )
    assert len(orders) == 24
    # Chi-square with 23 degrees of freedom.
    assert ((counts - 100) ** 2 / 100).sum() < 23 + 5 * np.sqrt(46)
    seen.append(orders)
  np.testing.assert_array_equal(*seen)


def test_redrawing_keeps_the_distribution_and_its_holes():
  grid = data.load(
    'dsprites', resolution=8, scales=4, orientations=1, positions=4
  )
  dataset = distributions.held_out(
    grid, lambda f: (f[:, 1] >= 2) & (f[:, 3] >= 2)
  )
  again = resample.make(dataset, differ=False)
  count = 6000
  sample = jax.jit(dataset.sample)
  first = sample(jax.random.key(0), dataset.arrays, jnp.arange(count))
  keys = jax.random.split(jax.random.key(1), count)
  mask = jnp.asarray([False, True, False, True, False])
  step = jax.jit(jax.vmap(again, (0, 0, None)))
  second = np.asarray(step(keys, first['factors'], mask))
  assert np.isfinite(np.asarray(dataset.log_density(second))).all()
  cells = np.bincount(second[:, 1] * 4 + second[:, 3], minlength=16)
  kept = cells[cells > 0]
  assert len(kept) == 12
  chi = ((kept - count / 12) ** 2 / (count / 12)).sum()
  assert chi < 11 + 5 * np.sqrt(22)
  differs = jax.jit(jax.vmap(resample.make(dataset, True), (0, 0, None)))
  third = np.asarray(differs(keys, first['factors'], mask))
  changed = third != np.asarray(first['factors'])
  # Orientation has one value only, and was not asked for.
  np.testing.assert_array_equal(
    changed.all(0), [False, True, False, True, False]
  )


@pytest.mark.parametrize(
  'fields, options, said',
  [
    (('pairs',), None, "did you mean 'pair'"),
    (('pair',), samplers.Options(pair_changes=6), 'from 1 to 5'),
    (('shuffled',), samplers.Options(patch=3), 'must divide'),
    (('identity_pair',), None, 'must name factors'),
    (('label',), samplers.Options(label='colour'), 'unknown'),
    (('sequence',), samplers.Options(frames=0), '>= 1'),
    (('group',), samplers.Options(group_weights=(1.0,)), 'one per kind'),
  ],
)
def test_bad_fields_are_one_clear_line(fields, options, said):
  with pytest.raises(errors.ConfigError, match=said) as caught:
    samplers.make(sprites(), fields, options)
  assert '\n' not in str(caught.value)


@pytest.mark.parametrize('field', ['pair', 'group', 'sequence'])
def test_streams_have_no_pairs(field):
  images = np.zeros((4, 8, 8), np.uint8)
  dataset = stream_module.stream(images, np.arange(4)[:, None], ('label',))
  with pytest.raises(errors.ConfigError, match='no grid of factors'):
    samplers.make(dataset, (field,))
  samplers.make(dataset, ('label', 'shuffled', 'second_observation'))
