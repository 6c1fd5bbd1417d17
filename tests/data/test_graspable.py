"""Solids, gripper, pictures and tables of the graspable things, by hand."""

import dataclasses
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import data, errors
from disentangle_jax.data.procedural import (
  graspable,
  gripping,
  raycast,
  signed_distance,
  sphere_tracing,
  vessels,
)
from disentangle_jax.ops import poses, projection

GRIPPER = gripping.Gripper()
MOST = math.atan(GRIPPER.friction)
SMALL = {
  'resolution': 8,
  'grid': 4,
  'instances': 2,
  'novel_instances': 1,
  'views': 2,
  'grasps': 8,
}


def pose_of(position, closing, approach=(0.0, -1.0, 0.0)):
  """Approach made to be across the closing axis."""
  closing = np.asarray(closing, float) / np.linalg.norm(closing)
  approach = np.asarray(approach, float)
  approach = approach - approach @ closing * closing
  approach = approach / np.linalg.norm(approach)
  return np.concatenate([position, approach, closing])


@functools.partial(jax.jit, static_argnums=0)
def judge(solid, pose, centroid):
  return gripping.success(solid, pose, centroid)


def ball(radius):
  return functools.partial(
    signed_distance.sphere, centre=(0.0, 0.5, 0.0), radius=radius
  )


SMALL_BALL, WIDE_BALL = ball(0.1), ball(0.19)


@pytest.mark.parametrize('radius', [0.1, 0.19])
def test_a_sphere_is_held_near_its_middle_line_alone(radius):
  """Success iff asin(e / R) <= atan(mu) and 2 R < w."""
  solid = SMALL_BALL if radius == 0.1 else WIDE_BALL
  offsets = np.linspace(0.0, 0.95, 20) * radius
  centre = np.array([0.0, 0.5, 0.0])
  rows = np.stack(
    [
      pose_of(centre + e * np.array([0.0, 0.0, 1.0]), (1.0, 0.0, 0.0))
      for e in offsets
    ]
  )
  got = np.asarray(judge(solid, jnp.asarray(rows, jnp.float32), centre))
  wanted = (np.arcsin(offsets / radius) <= MOST) & (
    2 * radius < GRIPPER.opening
  )
  np.testing.assert_array_equal(got, wanted)
  assert wanted.any() == (radius == 0.1)


def test_a_box_is_held_as_far_as_friction_goes():
  """Turned by g about the upright axis: iff g <= atan(mu)."""
  angles = np.deg2rad(np.concatenate([np.arange(0, 46, 3), [26, 27]]))
  centre = np.array([0.0, 0.5, 0.0])
  box = functools.partial(
    signed_distance.box, centre=(0.0, 0.5, 0.0), half=(0.05, 0.1, 0.3)
  )
  rows = np.stack(
    [pose_of(centre, (np.cos(g), 0.0, np.sin(g))) for g in angles]
  )
  got = judge(box, jnp.asarray(rows, jnp.float32), centre)
  np.testing.assert_array_equal(np.asarray(got), angles <= MOST)
  assert 0 < np.sum(got) < len(angles)


def test_what_is_in_the_way_far_off_or_under_the_table_fails():
  centre = np.array([0.0, 0.5, 0.0])
  box = functools.partial(
    signed_distance.box, centre=(0.0, 0.5, 0.0), half=(0.05, 0.1, 0.4)
  )
  good = pose_of(centre, (1.0, 0.0, 0.0))
  aside = pose_of(centre + [0.0, 0.0, 0.31], (1.0, 0.0, 0.0))
  # The palm is 0.15 behind the pads; 0.14 over them the box begins.
  deep = pose_of(centre + [0.0, -0.06, 0.0], (1.0, 0.0, 0.0))
  pads = pose_of(centre + [0.14, 0.0, 0.0], (1.0, 0.0, 0.0))
  rows = jnp.asarray(np.stack([good, aside, deep, pads]), jnp.float32)
  got = judge(box, rows, centre)
  np.testing.assert_array_equal(np.asarray(got), [True, False, False, False])
  low = functools.partial(
    signed_distance.box, centre=(0.0, 0.05, 0.0), half=(0.05, 0.05, 0.1)
  )
  heights = np.array([0.02, 0.06])
  rows = np.stack([pose_of([0.0, h, 0.0], (1.0, 0.0, 0.0)) for h in heights])
  got = judge(low, jnp.asarray(rows, jnp.float32), jnp.array([0.0, 0.05, 0.0]))
  # Pads reach 0.03 below their middle.
  np.testing.assert_array_equal(np.asarray(got), [False, True])


def test_thickness_between_the_contacts_counts():
  for half, held in ((0.006, True), (0.004, False)):
    thin = functools.partial(
      signed_distance.box, centre=(0.0, 0.5, 0.0), half=(half, 0.1, 0.1)
    )
    pose = pose_of([0.0, 0.5, 0.0], (1.0, 0.0, 0.0))[None]
    got = judge(thin, jnp.asarray(pose, jnp.float32), jnp.array([0, 0.5, 0]))
    assert bool(got[0]) == held


def test_mirrored_scenes_have_the_same_labels():
  """x -> -x turns cross products round, and labels not."""
  key = jax.random.key(3)
  size = vessels.sizes(key)
  solid = functools.partial(vessels.distance, 6, size)
  flipped = lambda p: vessels.distance(6, size, (-p[0], p[1], p[2]))

  @jax.jit
  def both(key):
    pose, there = gripping.draw(key, solid, 2000)
    mirror = pose * jnp.asarray([-1.0, 1.0, 1.0] * 3)
    centroid = jnp.asarray([0.02, 0.2, 0.0])
    return (
      gripping.success(solid, pose, centroid),
      gripping.success(flipped, mirror, centroid * jnp.array([-1, 1, 1])),
      there,
    )

  labels, mirrored, there = map(np.asarray, both(key))
  assert there.mean() > 0.9 and 5 < labels.sum() < 1000
  # Differences that give normals are not symmetric: at a bound a few turn.
  assert np.sum(labels != mirrored) <= 5


def test_distances_at_points_worked_out_by_hand():
  at = lambda *p: tuple(map(np.float32, p))
  zero = (0.0, 0.0, 0.0)
  sd = signed_distance
  known = lambda: (
    (sd.sphere(at(3, 4, 0), zero, 2.0), 3.0),
    (sd.box(at(4, 5, 0.5), zero, (1.0, 1.0, 1.0)), 5.0),
    (sd.box(at(0.5, 0, 0), zero, (1.0, 1.0, 1.0)), -0.5),
    (sd.cylinder(at(4, 5, 0), zero, 1.0, 1.0), 5.0),
    (sd.cylinder(at(0, 0.5, 0), zero, 3.0, 1.0), -0.5),
    (sd.capsule(at(0, 6, 4), zero, (0.0, 3.0, 0.0), 1.0), 4.0),
    (sd.torus(at(5, 0, 4), zero, 2.0, 1.0), 4.0),
    (sd.torus(at(0, 2, 0), zero, 2.0, 0.5), -0.5),
    (sd.ellipsoid(at(2.5, 0, 0), zero, (2.0, 1.0, 1.0)), 0.5),
    (sd.hollow(jnp.float32(-2.0), jnp.float32(-0.5)), 0.5),
  )
  for got, wanted in jax.jit(known)():
    np.testing.assert_allclose(got, wanted, atol=1e-5)


def test_rays_meet_spheres_and_normals_point_out():
  """Sphere tracing against the closed form of `raycast`."""
  origin, slope = raycast.camera(0.4, 0.6, 2.4, (0.0, 0.5, 0.0), 0.4, 16)
  length = jnp.sqrt(raycast.dot(slope, slope))
  direction = raycast.scale(slope, 1.0 / length)
  centre, radius = (0.1, 0.4, -0.1), 0.3
  solid = functools.partial(
    signed_distance.sphere, centre=centre, radius=radius
  )
  trace = jax.jit(lambda *ray: sphere_tracing.trace(solid, *ray, 5.0, 48))
  way = np.asarray(trace(origin, direction))
  wanted = raycast.hit_sphere(origin, direction, centre, radius)
  met = np.isfinite(wanted)
  assert 50 < met.sum() < 200
  # Rays that graze it may be counted either way.
  assert np.mean(np.isfinite(way) != met) < 0.02
  both = met & np.isfinite(way)
  # A ray that grazes is as near as the tolerance some way before.
  np.testing.assert_allclose(way[both], wanted[both], atol=6e-3)
  point = raycast.along(origin, direction, jnp.where(both, wanted, 0.0))
  normal = jax.jit(lambda point: sphere_tracing.normal(solid, point))
  got = np.stack(normal(point), -1)
  true = jnp.stack(raycast.subtract(point, centre), -1) / radius
  np.testing.assert_allclose(got[both], true[both], atol=2e-3)


@functools.cache
def loaded():
  dataset = data.load('graspable', **SMALL)
  sample = jax.jit(dataset.sample)
  return dataset, sample(jax.random.key(0), dataset.arrays, jnp.arange(16))


def test_labels_are_halves_and_the_oracles_own():
  dataset, _ = loaded()
  arrays = dataset.arrays
  label = np.asarray(arrays['label'])
  np.testing.assert_array_equal(label.mean(1), 0.5)

  def again(number):
    solid = functools.partial(
      vessels.distance, arrays['category'][number], arrays['size'][number]
    )
    pose, centroid = arrays['pose'][number], arrays['centroid'][number]
    return gripping.success(solid, pose, centroid)

  numbers = jnp.arange(len(label))
  got = jax.jit(lambda n: jax.lax.map(again, n))(numbers)
  np.testing.assert_array_equal(np.asarray(got), label)
  # Axes of a gripper are at right angles and of length 1.
  _, approach, closing = map(np.asarray, poses.parts(arrays['pose']))
  np.testing.assert_allclose((approach * closing).sum(-1), 0, atol=1e-5)
  np.testing.assert_allclose((approach**2).sum(-1), 1, atol=1e-5)


def test_objects_stand_in_the_cube_on_the_table():
  @jax.jit
  def reach(number):
    solid = functools.partial(
      vessels.distance,
      number % 7,
      vessels.sizes(jax.random.fold_in(jax.random.key(1), number)),
    )
    share = jnp.linspace(-0.75, 0.75, 61)
    y, z, x = jnp.meshgrid(share + 0.5, share, share, indexing='ij')
    inside = solid((x, y, z)) < 0
    most = lambda part: jnp.max(jnp.where(inside, part, -9.0))
    return jnp.stack(
      [most(jnp.abs(x)), most(jnp.abs(z)), most(y), most(-y)]
    ), jnp.sum(inside)

  got, cells = jax.lax.map(reach, jnp.arange(28))
  x, z, high, low = np.asarray(got).T
  assert (np.asarray(cells) > 30).all()
  assert max(x.max(), z.max()) < 0.5
  # Down to the table, but for what rounding of the points hides.
  assert high.max() < 1.0 and low.max() <= 0.0 and low.min() > -0.03


def test_fields_are_in_the_frame_of_the_observations_camera():
  dataset, batch = loaded()
  arrays, scene = dataset.arrays, dataset.extras['scene']
  batch = jax.tree.map(np.asarray, batch)
  number = batch['factors'][:, 1] * 7 + batch['factors'][:, 0]
  place = (number, batch['factors'][:, 2], batch['factors'][:, 3])
  azimuth = np.asarray(arrays['azimuth'])[place]
  assert (number < 14).all()
  degrees = np.array([15.0, 45.0])[batch['factors'][:, 2]]
  np.testing.assert_allclose(batch['observation'][:, 3, 5, 4], degrees / 90)
  # Its own camera stands first, at azimuth 0.
  np.testing.assert_allclose(batch['cameras'][:, 0, 0], 0, atol=1e-6)
  np.testing.assert_allclose(
    batch['cameras'][:, 0, 1], np.deg2rad(degrees), atol=1e-6
  )
  own = batch['depths'][:, 0]
  share = (own - scene.near) / (scene.far - scene.near)
  np.testing.assert_allclose(batch['observation'][..., 3], share, atol=1e-6)
  assert batch['masks'].mean() > 0.01
  colour = batch['observation'][..., :3]
  np.testing.assert_array_equal(colour[~batch['masks'][:, 0]], 1.0)
  # A turn of the position by minus the azimuth, written out.
  position = np.asarray(arrays['pose'])[number][..., :3]
  sin, cos = np.sin(azimuth)[:, None], np.cos(azimuth)[:, None]
  x = cos * position[..., 0] - sin * position[..., 2]
  z = sin * position[..., 0] + cos * position[..., 2]
  np.testing.assert_allclose(batch['pose'][..., 0], x, atol=1e-5)
  np.testing.assert_allclose(batch['pose'][..., 1], position[..., 1], atol=1e-6)
  np.testing.assert_allclose(batch['pose'][..., 2], z, atol=1e-5)


def test_grids_are_where_pictures_show_the_object():
  """The true grid, projected to every camera, covers what it sees."""
  options = {**SMALL, 'resolution': 48, 'grid': 24, 'views': 1}
  config = graspable.Config(**options)
  scene = projection.Scene(48, 24, config.distance, np.deg2rad(43.0))
  size = jnp.ones(vessels.NUM_SIZES)
  view = {
    'distance': scene.distance,
    'target': projection.CENTRE,
    'field_of_view': scene.field_of_view,
    'side': 48,
  }

  @jax.jit
  def both(azimuth):
    solid = functools.partial(vessels.distance, 6, size)  # no symmetry
    elevation = jnp.deg2rad(30.0)
    other = azimuth + 1.0
    _, depth = sphere_tracing.picture(
      solid, jnp.ones(3), other, elevation, view, scene.far, 48
    )
    grid = graspable.coverage(solid, 24, azimuth)
    camera = projection.rays(scene, jnp.float32(1.0), elevation)
    return depth, *projection.along_rays(grid, *camera, scene, 48)

  depth, silhouette, expected = map(np.asarray, both(jnp.float32(2.0)))
  mask, guess = depth < scene.far, silhouette > 0.5
  assert mask.sum() > 80
  assert (mask & guess).sum() / (mask | guess).sum() > 0.75
  assert np.abs(expected - depth)[mask & guess].mean() < 1 / 24


def test_novel_objects_are_never_drawn_and_seeds_make_other_ones():
  dataset, _ = loaded()
  assert len(dataset.arrays['size']) == 21
  assert dataset.factor_sizes == (7, 2, 2, 2)
  assert dataset.extras['novel']['first'] == 14
  config = graspable.Config(**SMALL)
  assert graspable.tables(config) is graspable.tables(config)
  sizes = np.asarray(dataset.arrays['size'])
  assert len(np.unique(sizes[:, 0])) == 21
  assert sizes.min() >= 0.7 and sizes.max() <= 1.3


@pytest.mark.parametrize(
  'options, said',
  [
    ({'elevations': (0.0,)}, r'elevations = \(0.0,\): must be degrees'),
    ({'elevations': (90.0,)}, 'over 0 and below 90'),
    ({'new_elevations': (-5.0, 30.0)}, 'new_elevations'),
    ({'elevations': ()}, 'elevations'),
    ({'field_of_view': 30.0}, 'does not show the whole grid'),
    ({'distance': 0.5}, 'stands in the grid'),
    ({'grasps': 7}, 'must be even'),
    ({'grid': 2}, 'config.dataset.grid'),
    ({'views': 0}, 'config.dataset.views'),
  ],
)
def test_what_cannot_be_is_refused_in_one_line(options, said):
  with pytest.raises(errors.ConfigError, match=said) as caught:
    data.load('graspable', **{**SMALL, **options})
  assert '\n' not in str(caught.value)


def test_an_object_that_nothing_holds_is_refused(monkeypatch):
  """A gripper that opens less than its thinnest."""
  narrow = dataclasses.replace(GRIPPER, opening=0.012)
  monkeypatch.setattr(gripping, '_MOST_ROUNDS', 1)
  solid = WIDE_BALL
  grasps = gripping.balanced(
    jax.random.key(0), solid, jnp.array([0.0, 0.5, 0.0]), 8, narrow
  )
  assert not grasps.enough
