"""The projection layer, poses and the search, against what is known."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.transform import Rotation

from disentangle_jax.data.procedural import raycast
from disentangle_jax.methods.control import grasp_geometry
from disentangle_jax.ops import cem, poses, projection

SCENE = projection.Scene(48, 9, 2.4, float(np.deg2rad(43.0)))
FAR = SCENE.far


@functools.partial(jax.jit, static_argnames=('count', 'side'))
def shown(volume, azimuth, elevation, count=48, side=48):
  scene = SCENE._replace(side=side)
  camera = projection.rays(scene, azimuth, elevation)
  return projection.along_rays(volume, *camera, scene, count)


def middle(cell, n):
  """x, y, z of the middle of a cell (y, z, x)."""
  y, z, x = (np.asarray(cell) + 0.5) / n
  return np.array([x - 0.5, y, z - 0.5])


def ball(n, radius, centre=(0.0, 0.5, 0.0)):
  """Cells of a sphere, sharp but for the cells of its surface."""
  cells = np.stack(np.indices((n, n, n)), -1)
  points = middle(cells.transpose(3, 0, 1, 2), n)
  away = np.linalg.norm(points.T - np.asarray(centre), axis=-1)
  return jnp.asarray(np.clip(0.5 + (radius - away.T) * n, 0, 1), jnp.float32)


def test_rays_are_those_of_raycast():
  for azimuth, elevation in ((0.0, 0.3), (2.0, 1.1)):
    origin, slope = projection.rays(
      SCENE, jnp.float32(azimuth), jnp.float32(elevation)
    )
    wanted = raycast.camera(
      azimuth, elevation, 2.4, (0.0, 0.5, 0.0), SCENE.field_of_view, 48
    )
    np.testing.assert_allclose(origin, jnp.stack(wanted[0]), atol=1e-6)
    np.testing.assert_allclose(slope, jnp.stack(wanted[1], -1), atol=1e-6)


@pytest.mark.parametrize('cell', [(1, 7, 2), (6, 1, 5), (4, 4, 4)])
def test_one_full_cell_lights_the_pixel_that_raycast_predicts(cell):
  """The brightest pixel is the one whose ray passes nearest to its middle."""
  volume = jnp.zeros((9, 9, 9)).at[cell].set(1.0)
  for azimuth, elevation in ((0.0, 0.5), (1.3, 0.8)):
    silhouette, depth = shown(
      volume, jnp.float32(azimuth), jnp.float32(elevation)
    )
    origin, slope = raycast.camera(
      azimuth, elevation, 2.4, (0.0, 0.5, 0.0), SCENE.field_of_view, 48
    )
    origin, slope = np.stack(origin), np.stack(slope, -1)
    way = middle(cell, 9) - origin
    share = (slope @ way) / (slope**2).sum(-1)
    aside = np.linalg.norm(way - share[..., None] * slope, axis=-1)
    at = np.unravel_index(np.argmax(silhouette), (48, 48))
    # A pixel is 0.04 wide there, a cell 0.11.
    assert aside[at] < 0.04
    assert silhouette[at] > 0.9
    assert abs(depth[at] - share[at]) < 1 / 9
    assert (np.asarray(silhouette)[aside > 0.25] == 0).all()


def test_a_sphere_has_the_area_and_the_depth_of_the_closed_form():
  radius, n = 0.4, 80
  silhouette, depth = shown(
    ball(n, radius), jnp.float32(0.7), jnp.float32(0.4), 160
  )
  origin, slope = raycast.camera(
    0.7, 0.4, 2.4, (0.0, 0.5, 0.0), SCENE.field_of_view, 48
  )
  wanted = np.asarray(raycast.hit_sphere(origin, slope, (0, 0.5, 0), radius))
  mask = np.isfinite(wanted)
  area = (np.asarray(silhouette) > 0.5).sum()
  assert abs(area / mask.sum() - 1) < 0.05
  # Away from the outline, where a pixel sees both.
  inner = ndimage.binary_erosion(mask, iterations=2)
  assert inner.sum() > 50
  assert np.abs(np.asarray(depth) - wanted)[inner].max() < 1 / n


def test_an_empty_grid_is_as_far_as_can_be():
  silhouette, depth = shown(
    jnp.zeros((9, 9, 9)), jnp.float32(0.3), jnp.float32(0.4)
  )
  np.testing.assert_array_equal(np.asarray(silhouette), 0.0)
  np.testing.assert_allclose(depth, FAR, rtol=1e-6)


def test_reading_is_trilinear_and_nothing_outside():
  """SciPy's map_coordinates with a constant around."""
  rng = np.random.default_rng(0)
  volume = rng.uniform(size=(5, 5, 5)).astype(np.float32)
  points = rng.uniform(-0.8, 1.2, size=(400, 3)).astype(np.float32)
  place = np.stack([points[:, 1], points[:, 2] + 0.5, points[:, 0] + 0.5])
  wanted = ndimage.map_coordinates(
    np.pad(volume, 3), place * 5 - 0.5 + 3, order=1
  )
  got = projection.read(jnp.asarray(volume), jnp.asarray(points))
  np.testing.assert_allclose(got, wanted, atol=1e-4)


def test_depths_and_silhouettes_of_a_ray_by_loops():
  rng = np.random.default_rng(1)
  values, depths = rng.uniform(size=(7, 5)), np.sort(rng.uniform(size=(7, 5)))
  for v, t in zip(values, depths):
    through, expected = 1.0, 0.0
    for v_k, t_k in zip(v, t):
      expected += t_k * v_k * through
      through *= 1 - v_k
    got = projection.composite(jnp.asarray(v), jnp.asarray(t), 3.0)
    np.testing.assert_allclose(got, (1 - through, expected + 3 * through))
    most = projection.composite(jnp.asarray(v), jnp.asarray(t), 3.0, 'max')[0]
    np.testing.assert_allclose(most, v.max())


def test_losses_of_rays_by_their_definition():
  rng = np.random.default_rng(2)
  values = rng.uniform(0.01, 0.9, size=(6, 5))
  depth = np.sort(rng.uniform(1.0, 2.0, size=(6, 5)))
  mask, true = np.arange(6) % 2 == 0, rng.uniform(1.0, 2.0, size=6)
  for kind in projection.SILHOUETTES:
    lit, expected = projection.composite(
      jnp.asarray(values), jnp.asarray(depth), FAR, kind
    )
    nats, error = grasp_geometry.ray_losses(
      *map(jnp.asarray, (values, depth, mask, true)), FAR, kind
    )
    wanted = -np.log(np.where(mask, lit, 1 - lit))
    np.testing.assert_allclose(nats, wanted, rtol=1e-5)
    expected = np.where(mask, np.abs(expected - true), 0)
    np.testing.assert_allclose(error, expected, rtol=1e-5)


def test_gradients_by_finite_differences():
  """Of the loss of rays and of a local view, by the grid."""
  scene = projection.Scene(4, 4, 2.4, SCENE.field_of_view)
  mask = jnp.arange(16) % 3 == 0

  def loss(volume, true, pose):
    origin, slope = projection.rays(scene, jnp.float32(0.5), jnp.float32(0.6))
    values, depth = projection.values_along(
      volume, origin, slope.reshape(-1, 3), scene, 6
    )
    nats, error = grasp_geometry.ray_losses(
      values, depth, mask, true, scene.far
    )
    local = projection.local_view(volume, pose, 3, 0.45, 0.4, 5)
    weights = jnp.arange(9.0).reshape(3, 3)
    return jnp.sum(nats) + 5 * jnp.sum(error) + jnp.sum(weights * local)

  with jax.enable_x64(True):
    rng = np.random.default_rng(0)
    # Away from 0, where the loss of an empty ray has a corner.
    start = jnp.asarray(rng.uniform(0.1, 0.9, size=(4, 4, 4)))
    true = jnp.linspace(1.5, 3.0, 16)
    pose = jnp.asarray([0.1, 0.4, 0.05, 0.0, -1.0, 0.0, 1.0, 0.0, 0.0])
    gradient = jax.jit(jax.grad(loss))(start, true, pose)
    jitted, step = jax.jit(loss), 1e-5
    for way in rng.normal(size=(4, 4, 4, 4)):
      after, before = (
        jitted(start + s * way, true, pose) for s in (step, -step)
      )
      slope = (after - before) / (2 * step)
      np.testing.assert_allclose(jnp.sum(gradient * way), slope, rtol=1e-5)


def test_the_hand_sees_what_lies_before_it():
  """A full half of the grid: depth where it begins."""
  volume = jnp.zeros((40, 40, 40)).at[:20].set(1.0)  # y below 1/2
  pose = jnp.asarray([0.0, 0.6, 0.0, 0.0, -1.0, 0.0, 1.0, 0.0, 0.0])
  seen = projection.local_view(volume, pose, 4, 0.4, 0.6, 60)
  # The camera is 0.3 over the hand's middle, at 0.9; the top is at 0.5.
  np.testing.assert_allclose(seen, 0.4 / 0.6, atol=0.03)
  # Upright is the closing axis: only x over 0 is full.
  volume = jnp.zeros((40, 40, 40)).at[:20, :, 20:].set(1.0)
  seen = np.asarray(projection.local_view(volume, pose, 4, 0.4, 0.6, 60))
  np.testing.assert_allclose(seen[:2], 0.4 / 0.6, atol=0.03)
  np.testing.assert_allclose(seen[2:], 1.0, atol=1e-6)


def test_rotations_are_scipys_and_moves_keep_right_angles():
  rng = np.random.default_rng(0)
  vectors, turns = rng.normal(size=(2, 20, 3)).astype(np.float32)
  wanted = Rotation.from_rotvec(turns).apply(vectors)
  got = jax.vmap(poses.rotate)(vectors, turns)
  np.testing.assert_allclose(got, wanted, atol=1e-5)
  np.testing.assert_allclose(
    poses.rotate(jnp.ones(3), jnp.zeros(3)), 1.0, atol=1e-6
  )
  pose = jnp.asarray([1.0, 2, 3, 0, -1, 0, 1, 0, 0])
  moved = poses.move(pose, jnp.asarray([0.1, 0.2, 0.3, *turns[0]]))
  position, approach, closing = poses.parts(moved)
  np.testing.assert_allclose(position, [1.1, 2.2, 3.3], rtol=1e-6)
  assert abs(approach @ closing) < 1e-6
  wanted = Rotation.from_rotvec(turns[0]).apply([0, -1, 0])
  np.testing.assert_allclose(approach, wanted, atol=1e-5)


def test_a_turned_frame_is_a_rotation_about_the_upright_axis():
  vectors = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
  wanted = Rotation.from_rotvec([0, -0.7, 0]).apply(vectors)
  got = poses.seen_from(jnp.asarray(vectors), jnp.float32(0.7))
  np.testing.assert_allclose(got, wanted, atol=1e-6)
  # The camera itself comes to azimuth 0.
  camera = jnp.asarray([np.sin(0.7), 0.3, np.cos(0.7)], jnp.float32)
  got = poses.seen_from(camera, jnp.float32(0.7))
  np.testing.assert_allclose(got, [0, 0.3, 1], atol=1e-6)


def test_the_cross_entropy_method_climbs_a_quadratic():
  peak = jnp.asarray([1.0, -2.0, 0.5])
  widths = jnp.asarray([1.0, 4.0, 9.0])
  score = lambda x: -jnp.sum(widths * jnp.square(x - peak), axis=-1)

  @jax.jit
  def search(key, sign):
    return cem.maximise(
      key,
      lambda x: sign * score(x),
      jnp.zeros(3),
      3 * jnp.ones(3),
      samples=200,
      elite=20,
      iterations=15,
    )

  mean, deviation = search(jax.random.key(0), 1.0)
  np.testing.assert_allclose(mean, peak, atol=1e-2)
  assert np.all(deviation < 0.05)
  # The other way round it runs away.
  assert score(search(jax.random.key(0), -1.0)[0]) < score(jnp.zeros(3)) - 100


def test_one_round_of_the_search_is_the_fit_to_the_best():
  mean, deviation = jnp.asarray([0.5, -1.0]), jnp.asarray([2.0, 0.5])
  key = jax.random.key(4)
  got = cem.maximise(
    key,
    lambda x: x[:, 0] + x[:, 1],
    mean,
    deviation,
    samples=30,
    elite=4,
    iterations=1,
    least=0.1,
  )
  noise = jax.random.normal(jax.random.split(key, 1)[0], (30, 2))
  points = np.asarray(mean + deviation * noise)
  best = points[np.argsort(-points.sum(1))[:4]]
  np.testing.assert_allclose(got[0], best.mean(0), rtol=1e-5)
  np.testing.assert_allclose(got[1], np.maximum(best.std(0), 0.1), rtol=1e-5)
