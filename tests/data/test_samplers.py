"""Requests: what all of them share, and that splits change nothing."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec as P
import numpy as np
import pytest

from disentangle_jax import data, errors, requests
from disentangle_jax.data import factorial, samplers, stream
from disentangle_jax.ops import patches

COUNT = 12

ALL = (
  requests.Observation(),
  requests.SecondBatch(),
  requests.MoreObservations(3),
  requests.Shuffled(4),
  requests.Label('scale'),
  requests.Labelled(5, 'noisy'),
  requests.Pair(2),
  requests.Varying((('scale',), ('position_x', 'position_y')), (1.0, 3.0)),
  requests.IdentityPair(('shape', 'scale')),
  requests.IdentityGroup(('shape', 'scale'), 4, 3),
  requests.Sequence(6, ('position_x', 'orientation')),
)


@functools.cache
def sprites():
  return data.load(
    'dsprites', resolution=8, scales=3, orientations=4, positions=4
  )


@functools.cache
def labelled_rows():
  images = np.random.default_rng(0).integers(0, 256, (12, 8, 8), np.uint8)
  factors = np.stack([np.arange(12) % 3, np.arange(12) // 6], 1)
  return stream.stream(
    images,
    factors,
    ('label', 'set'),
    fields={'weight': np.arange(12) / 12, 'mask': np.ones((12, 2), bool)},
  )


@functools.cache
def sampler(name, wanted):
  dataset = {'sprites': sprites, 'rows': labelled_rows}[name]()
  return dataset, jax.jit(samplers.make(dataset, wanted))


@functools.cache
def draw(wanted, key=0, name='sprites'):
  dataset, sample = sampler(name, wanted)
  batch = sample(jax.random.key(key), dataset.arrays, jnp.arange(COUNT))
  return {field: np.asarray(value) for field, value in batch.items()}


STREAM = (
  requests.SecondBatch(),
  requests.MoreObservations(2),
  requests.Shuffled(4),
  requests.Label('set'),
  requests.Labelled(5, 'permuted'),
  requests.IdentityPair(('label',)),
  requests.IdentityGroup(('label', 'set'), 4, 3),
  requests.Field('weight'),
  requests.Field('mask'),
)
TRANSFORMED = (
  requests.Transformed(('invert', 'noise', 'shift_ne'), shift=2),
  requests.SecondBatch(),
)
CASES = (
  ('sprites', ALL),
  ('rows', STREAM),
  ('sprites', (*TRANSFORMED, requests.Pair(0, 'laplace'))),
  ('rows', (*TRANSFORMED, requests.IdentityPair(('label',)))),
)
# They need a data set of concepts: tests/data/test_concepts.py.
ELSEWHERE = {requests.Symbol, requests.Recombination}
every_case = pytest.mark.parametrize('name, wanted', CASES)


def test_every_request_is_in_both_tables_and_tested():
  legal = set(requests.Request.__args__)
  assert set(samplers.DRAWS) == legal
  assert set(samplers.FIELDS) == legal - {requests.Field}
  tested = {type(r) for _, wanted in CASES for r in wanted}
  assert tested | ELSEWHERE == legal and not tested & ELSEWHERE


@every_case
def test_batches_hold_what_was_asked_for_and_no_more(name, wanted):
  batch = draw(wanted, 0, name)
  expected = {*samplers.BASIC}
  for request in wanted:
    expected |= set(samplers.fields(request))
    documented = type(request).__doc__
    for field in samplers.fields(request):
      if not isinstance(request, requests.Field):
        assert f"'{field}'" in documented
  assert set(batch) == expected
  assert all(len(value) == COUNT for value in batch.values())


@every_case
def test_rows_do_not_depend_on_the_split(name, wanted):
  """In any order, in blocks of any size."""
  batch = draw(wanted, 0, name)
  dataset, sample = sampler(name, wanted)
  for index in (np.arange(COUNT)[::-1], np.array([7, 2, 2])):
    again = sample(jax.random.key(0), dataset.arrays, jnp.asarray(index))
    for field, value in again.items():
      np.testing.assert_array_equal(value, batch[field][index], field)


@every_case
def test_batches_can_be_split_over_devices(name, wanted):
  """What varies over the mesh is tracked; the values are tested above."""
  dataset = {'sprites': sprites, 'rows': labelled_rows}[name]()
  mesh = jax.sharding.Mesh(np.array(jax.devices()[:2]), ('data',))
  sample = jax.shard_map(
    samplers.make(dataset, wanted),
    mesh=mesh,
    in_specs=(P(), P(), P('data')),
    out_specs=P('data'),
  )
  shapes = jax.eval_shape(
    sample, jax.random.key(0), dataset.arrays, jnp.arange(COUNT)
  )
  batch = draw(wanted, 0, name)
  described = lambda tree: {n: (v.shape, v.dtype) for n, v in tree.items()}
  assert described(shapes) == described(batch)


@every_case
def test_the_key_changes_what_is_drawn(name, wanted):
  batch, other = draw(wanted, 0, name), draw(wanted, 1, name)
  constant = {'index', 'identity_number', 'mask', 'weight', 'label'}
  for field in set(batch) - constant:
    if field != 'group_kind':
      assert (other[field] != batch[field]).any(), field


def test_asking_for_more_changes_no_other_field():
  batch = draw(ALL)
  for request in ALL:
    for field, value in draw((request,)).items():
      np.testing.assert_array_equal(value, batch[field], field)


def test_images_show_their_factors():
  batch = draw(ALL)
  dataset = sprites()
  render = jax.jit(jax.vmap(dataset.render, (None, 0, None)))
  for field in ('pair', 'group', 'identity_pair', 'identity_group'):
    expected = render((), batch[f'{field}_factors'], jax.random.key(9))
    np.testing.assert_array_equal(batch[field], expected)
  frames = batch['sequence_factors'].transpose(1, 0, 2)
  for t, factors in enumerate(frames):
    expected = render((), factors, jax.random.key(9))
    np.testing.assert_array_equal(batch['sequence'][:, t], expected)


def test_label_is_one_factor():
  batch = draw(ALL)
  np.testing.assert_array_equal(batch['label'], batch['factors'][:, 1])
  default = draw((requests.Label(),))
  np.testing.assert_array_equal(default['label'], default['factors'][:, 0])


def test_more_observations_are_independent_draws_for_each_row():
  wanted = (requests.SecondBatch(), requests.MoreObservations(3))
  dataset = stream.rows(np.arange(64.0)[:, None])
  sample = jax.jit(samplers.make(dataset, wanted))
  batch = sample(jax.random.key(0), dataset.arrays, jnp.arange(4000))
  more = np.asarray(batch['more_observations'])
  assert more.shape == (4000, 3, 1)
  draws = np.concatenate(
    [more[:, :, 0], batch['observation'], batch['second_observation']], 1
  )
  # Independent: the deviation of a correlation is 1 / sqrt(4000).
  correlation = np.corrcoef(draws.T) - np.eye(5)
  assert np.abs(correlation).max() < 5 / np.sqrt(4000)
  counts = np.bincount(draws.astype(int).ravel(), minlength=64)
  expected = draws.size / 64
  chi = ((counts - expected) ** 2 / expected).sum()
  assert abs(chi - 63) < 5 * np.sqrt(126)


def test_fields_are_those_of_the_row():
  batch = draw(STREAM, 0, 'rows')
  images = np.asarray(labelled_rows().arrays['images'])
  flat = images.reshape(12, -1) / np.float32(255)
  observed = batch['observation'].reshape(COUNT, 1, -1)
  row = np.abs(observed - flat).sum(-1).argmin(-1)
  np.testing.assert_allclose(batch['weight'], row / 12, rtol=1e-6)
  np.testing.assert_array_equal(batch['label'], row // 6)
  assert batch['mask'].shape == (COUNT, 2) and batch['mask'].dtype == bool


def test_fields_of_a_grid_follow_its_distribution():
  """They are functions of the grid point, also behind a table."""
  dataset = factorial.make(
    name='twice',
    factor_names=('a', 'b'),
    factor_values=(np.arange(3.0), np.arange(4.0)),
    observation_shape=(2,),
    render=lambda arrays, factors, key: factors * arrays['scale'],
    arrays={'scale': jnp.float32(0.5)},
    kind='vector',
    fields={
      'sum': lambda arrays, factors, key: factors.sum() * arrays['scale'],
      'coin': lambda arrays, factors, key: jax.random.bernoulli(key),
    },
  )
  keep = factorial.grid(dataset.factor_sizes).sum(1) % 2 == 0
  part = data.distributions.subset(dataset, keep)
  for each in (dataset, part):
    wanted = (requests.Field('sum'), requests.Field('coin'))
    sample = jax.jit(samplers.make(each, wanted))
    batch = sample(jax.random.key(0), each.arrays, jnp.arange(200))
    np.testing.assert_array_equal(batch['sum'], batch['factors'].sum(1) / 2)
    assert 60 < int(batch['coin'].sum()) < 140
  assert (np.asarray(batch['factors']).sum(1) % 2 == 0).all()
  odd = dataset._replace(extras={})
  with pytest.raises(errors.ConfigError, match='another distribution'):
    data.distributions.subset(odd, keep)


def test_groups_share_all_but_one_kind():
  wanted = (ALL[7],)
  seen = set()
  for key in range(8):
    batch = draw(wanted, key)
    kind = batch['group_kind']
    assert (kind == kind[0]).all()
    varies = np.ptp(batch['group_factors'], axis=0) > 0
    expected = [[1], [3, 4]][kind[0]]
    np.testing.assert_array_equal(np.flatnonzero(varies), expected)
    seen.add(int(kind[0]))
  assert seen == {0, 1}


def test_shuffled_patches_are_a_permutation():
  image = jnp.arange(8 * 12 * 2.0).reshape(8, 12, 2)
  got = np.asarray(patches.shuffle(jax.random.key(1), image, 4))
  cut = lambda a: [
    a[r : r + 4, c : c + 4].tobytes() for r in (0, 4) for c in (0, 4, 8)
  ]
  assert sorted(cut(got)) == sorted(cut(np.asarray(image)))
  assert cut(got) != cut(np.asarray(image))
  batch = draw(ALL)
  np.testing.assert_allclose(
    batch['shuffled'].sum((1, 2)), batch['observation'].sum((1, 2))
  )


def test_every_order_of_patches_is_drawn_alike():
  """And so the shuffled image tells nothing of the order before it."""
  image = np.repeat(np.repeat(np.arange(4.0).reshape(2, 2), 4, 0), 4, 1)
  image = image[..., None] + np.linspace(0, 0.5, 64).reshape(8, 8, 1) % 0.1
  keys = jax.random.split(jax.random.key(0), 2400)
  shuffle = jax.jit(jax.vmap(lambda k, x: patches.shuffle(k, x, 4), (0, None)))
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


def refused(dataset, wanted, said):
  with pytest.raises(errors.ConfigError, match=said) as caught:
    samplers.make(dataset, wanted)
  assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
  'wanted, said',
  [
    (('pair',), "did you mean 'Pair'"),
    (('pair',), 'legal: Field, IdentityGroup, .*Varying'),
    (([],), 'unknown'),
    ('pair', 'tuple of requests'),
    (requests.Pair(), 'tuple of requests'),
    ((requests.Pair,), r'is a type, write Pair\('),
    ((requests.Label(), requests.Label('scale')), "both be its 'label'"),
    ((requests.MoreObservations(0),), 'MoreObservations.n = 0'),
    ((requests.MoreObservations(True),), 'MoreObservations.n = True'),
    ((requests.Shuffled(3),), 'must divide'),
    ((requests.Shuffled(0),), 'at least 1'),
    ((requests.Label('colour'),), 'Label.name: unknown'),
    ((requests.Field('label'),), 'legal: none'),
    ((requests.Sequence(0),), 'Sequence.frames = 0'),
    ((requests.Sequence(moving=('color',)),), 'Sequence.moving: unknown'),
    ((requests.Varying(weights=(1.0,)),), 'one per kind'),
    ((requests.Varying((('scale',),), (0.0,)),), 'one per kind'),
    ((requests.Varying(()),), 'none of them empty'),
    ((requests.Varying((('scale',), ())),), 'none of them empty'),
    ((requests.Varying((('scale', 'scale'),)),), 'names scale twice'),
  ],
)
def test_bad_requests_are_one_clear_line(wanted, said):
  refused(sprites(), wanted, said)


def test_equal_requests_are_one():
  twice = (requests.Pair(1), requests.Pair(1), requests.Field('weight'))
  assert samplers.distinct([*twice, twice[2]]) == [twice[0], twice[2]]


def test_a_field_may_not_hide_behind_a_request():
  labels = stream.rows(np.ones((4, 1)), fields={'label': np.arange(4)})
  wanted = (requests.Field('label'), requests.Label())
  refused(labels, wanted, "both be its 'label'")
  batch = draw_from(labels, (requests.Field('label'),))
  assert batch['label'].dtype == jnp.int32
  lacking = labels._replace(fields=('other',))
  refused(lacking, (requests.Field('other'),), 'not in the batches')


def draw_from(dataset, wanted, count=COUNT):
  sample = jax.jit(samplers.make(dataset, wanted))
  return sample(jax.random.key(0), dataset.arrays, jnp.arange(count))


@pytest.mark.parametrize(
  'request_', [requests.Pair(), requests.Varying(), requests.Sequence()]
)
def test_streams_have_no_grid_to_render_from(request_):
  refused(labelled_rows(), (request_,), 'no grid of factors')


def test_what_a_set_lacks_is_refused():
  plain = stream.rows(np.ones((4, 3)))
  for request in (requests.Label(), requests.Labelled()):
    refused(plain, (request,), 'neither labels nor factors')
  refused(plain, (requests.IdentityPair(),), 'none: the set has no factors')
  refused(plain, (requests.Shuffled(),), "kind 'vector'")
  refused(plain, (requests.Transformed(),), "kind 'vector'")
  # A user's own stream says nothing of its rows.
  own = labelled_rows()._replace(extras={})
  for request in (
    requests.IdentityPair(('label',)),
    requests.IdentityGroup(('label',)),
    requests.Transformed(),
  ):
    refused(own, (request,), 'neither a grid of factors nor rows')
  draw_from(own, (requests.Label(), requests.SecondBatch()))
  wide = sprites()._replace(
    factor_sizes=(3, 2**10, 2**10, 4, 4),
  )
  refused(wide, (requests.IdentityGroup(('shape',), 2, 2),), 'are listed')


def test_batches_that_identities_do_not_fill_are_refused():
  wanted = (requests.Label(), requests.IdentityGroup(('shape',), 3, 4))
  samplers.check_batch_size(wanted, 12)
  samplers.check_batch_size(wanted[:1], 11)
  with pytest.raises(errors.ConfigError, match='must be 12, 3 identities x 4'):
    samplers.check_batch_size(wanted, 16)


def test_requests_are_frozen_words():
  for request in samplers.DRAWS:
    assert dataclasses.is_dataclass(request)
    assert request.__dataclass_params__.frozen
