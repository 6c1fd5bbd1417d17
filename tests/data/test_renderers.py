"""Renderers against geometry worked out by hand, and what all of them share."""

import colorsys
import functools

import jax
import jax.numpy as jnp
import numpy as np
import PIL.Image
import pytest

from disentangle_jax import data, errors
from disentangle_jax.data import factorial
from disentangle_jax.data.procedural import (
  colours,
  dsprites_triangle,
  glyphs,
  lit_solid,
  moving_digits,
  noise,
  raycast,
  shape_motion,
  sprites,
)

# Options that keep the tests small.
SMALL = {
  'blobs': {'resolution': 16},
  'digits': {'resolution': 12},
  'faces': {},
  'graspable': {
    'resolution': 8,
    'grid': 4,
    'instances': 2,
    'novel_instances': 1,
    'views': 2,
    'grasps': 8,
  },
  'gridworld': {'cells': 4, 'switches': ((1, 1),), 'pixels': 4, 'side': 4},
  'multi_sprites': {'resolution': 16},
  'moving_blobs': {'frames': 3},
  'moving_digits': {'resolution': 32, 'frames': 3},
  'shape_motion': {'resolution': 16, 'frames': 3},
  'lit_solid': {'resolution': 16},
  'rooms': {'resolution': 8, 'hues': 3, 'unseen': 0, 'concepts': 40},
  'shapes3d': {'resolution': 16},
  'two_digits': {'places': 4, 'step': 2, 'side': 8},
}


@functools.cache
def batch_of(name):
  dataset = data.load(name, **SMALL.get(name, {'resolution': 16}))
  sample = jax.jit(dataset.sample)
  key = jax.random.key(7)
  return dataset, sample(key, dataset.arrays, jnp.arange(8)), sample


@pytest.mark.parametrize('name', data.RENDERED)
def test_every_renderer_keeps_the_contract(name):
  dataset, batch, sample = batch_of(name)
  assert dataset.name == name
  images = np.asarray(batch['observation'])
  assert images.shape == (8, *dataset.observation_shape)
  assert images.dtype == np.float32
  assert images.min() >= 0.0 and images.max() <= 1.0 and images.std() > 0.01
  factors = np.asarray(batch['factors'])
  assert factors.dtype == np.int32
  assert (factors >= 0).all() and (factors < dataset.factor_sizes).all()
  sizes = tuple(len(v) for v in dataset.factor_values)
  assert sizes == dataset.factor_sizes
  assert len(set(dataset.factor_names)) == len(sizes)
  # Row b depends on (key, index[b]) alone.
  order = jnp.asarray([5, 3, 1, 0, 2, 4, 6, 7])
  other = sample(jax.random.key(7), dataset.arrays, order)
  np.testing.assert_array_equal(other['factors'], factors[order])
  np.testing.assert_allclose(other['observation'], images[order], atol=1e-6)
  expected = -np.sum(np.log(dataset.factor_sizes))
  np.testing.assert_allclose(
    dataset.log_density(batch['factors']), expected, rtol=1e-5
  )


@pytest.mark.parametrize('name', data.RENDERED)
def test_every_renderer_can_be_trained_on_over_devices(name):
  """Loops must start from what varies over devices as their results do."""
  dataset = data.load(name, **SMALL.get(name, {'resolution': 16}))
  mesh = jax.sharding.Mesh(np.array(jax.devices()[:2]), ('runs',))
  spec = jax.sharding.PartitionSpec('runs')
  draw = lambda keys, arrays: dataset.sample(keys[0], arrays, jnp.arange(2))
  over = jax.shard_map(
    draw,
    mesh=mesh,
    in_specs=(spec, jax.sharding.PartitionSpec()),
    out_specs=spec,
  )
  shapes = jax.eval_shape(
    over, jax.random.split(jax.random.key(0)), dataset.arrays
  )
  assert shapes['observation'].shape == (4, *dataset.observation_shape)


@pytest.mark.parametrize('name', data.RENDERED)
def test_deterministic_says_whether_the_key_is_used(name):
  dataset, batch, _ = batch_of(name)
  traced = jax.make_jaxpr(lambda key, f: dataset.render(dataset.arrays, f, key))
  jaxpr = traced(jax.random.key(0), batch['factors'][0]).jaxpr
  used = any(jaxpr.invars[0] in e.invars for e in jaxpr.eqns)
  assert used != dataset.deterministic


@functools.cache
def plain_sprites():
  plain = data.load('dsprites', resolution=16)
  one = lambda factors: plain.render((), factors, None)[..., 0]
  return jax.jit(jax.vmap(one))


def test_coloured_sprites_are_the_sprite_times_one_colour():
  _, batch, _ = batch_of('dsprites_color')
  sprite = plain_sprites()(batch['factors'])
  images = np.asarray(batch['observation'])
  on = np.asarray(sprite) > 0
  assert (images[~on] == 0).all()
  for image, mask in zip(images, on):
    colour = image[mask]
    assert np.ptp(colour, axis=0).max() == 0
    assert (colour >= 0.5).all() and (colour <= 1).all()


def test_noisy_sprites_are_white_and_the_rest_uniform():
  _, batch, _ = batch_of('dsprites_noisy')
  sprite = plain_sprites()(batch['factors'])
  images, on = np.asarray(batch['observation']), np.asarray(sprite) > 0
  assert (images[on] == 1).all()
  noise = np.sort(images[~on].ravel())
  # Kolmogorov-Smirnov: 1.63 / sqrt(n) is exceeded once in a hundred.
  gap = np.abs(noise - np.arange(len(noise)) / len(noise)).max()
  assert gap < 1.63 / np.sqrt(len(noise))


def test_noise_has_the_moments_of_independent_uniforms():
  keys = jax.random.split(jax.random.key(0), 64)
  drawn = jax.jit(jax.vmap(lambda k: noise.uniform(k, (32, 33))))(keys)
  drawn = np.asarray(drawn, np.float64)
  assert drawn.min() >= 0 and drawn.max() < 1
  flat = drawn.reshape(64, -1) - 0.5
  error = 1 / np.sqrt(flat.size)
  assert abs(flat.mean()) < 4 * error * np.sqrt(1 / 12)
  assert abs((flat**2).mean() - 1 / 12) < 4 * error * np.sqrt(1 / 180)
  # Neighbours along rows, columns and keys are uncorrelated.
  for step in (1, 2, 33):
    product = flat[:, step:] * flat[:, :-step] * 12
    assert abs(product.mean()) < 4 * error
  assert abs((flat[1:] * flat[:-1] * 12).mean()) < 4 * error
  # All bytes equally often: chi-square with 255 degrees of freedom.
  counts = np.bincount((drawn * 256).astype(int).ravel(), minlength=256)
  mean = drawn.size / 256
  assert abs(((counts - mean) ** 2 / mean).sum() - 255) < 5 * np.sqrt(510)


def test_scream_inverts_the_background_on_the_sprite(tmp_path):
  # A picture of one colour: every crop is alike.
  path = tmp_path / 'plain.png'
  PIL.Image.new('RGB', (400, 300), (51, 102, 204)).save(path)
  dataset = data.load('dsprites_scream', background=str(path))
  assert dataset.arrays.shape[1] <= 350 and dataset.arrays.shape[0] <= 274
  factors, key = jnp.asarray([0, 5, 0, 16, 16]), jax.random.key(3)
  image = np.asarray(jax.jit(dataset.render)(dataset.arrays, factors, key))
  inside, outside = image[32, 32], image[2, 2]
  np.testing.assert_allclose(inside, 1 - outside, atol=1e-6)
  # (picture + U(0, 1)) / 2 gives U back.
  tint = 2 * outside - np.asarray([0.2, 0.4, 0.8])
  assert (tint >= 0).all() and (tint < 1).all() and np.ptp(tint) > 0


@pytest.mark.parametrize('made', ['missing', 'foreign', 'small'])
def test_scream_refuses_what_is_no_picture(tmp_path, made):
  path = tmp_path / 'picture.png'
  if made == 'foreign':
    path.write_bytes(b'not a picture')
  if made == 'small':
    PIL.Image.new('RGB', (40, 40)).save(path)
  with pytest.raises(errors.ConfigError, match='background') as caught:
    data.load('dsprites_scream', background=str(path))
  assert '\n' not in str(caught.value)


def test_blob_is_a_gaussian():
  dataset = data.load('blobs', width=4.0)
  factors = jnp.asarray([10, 20])
  image = np.asarray(jax.jit(dataset.render)((), factors, jax.random.key(0)))
  image = image[..., 0]
  x, y = 16 + 32 * 10 / 31, 16 + 32 * 20 / 31
  rows, columns = np.mgrid[:64, :64] + 0.5
  want = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 32)
  np.testing.assert_allclose(image, want, atol=1e-5)


def test_multi_sprites_add_and_clip():
  dataset = data.load('multi_sprites', sprites=2, margin=16.0)
  plain = data.load('dsprites')
  key = jax.random.key(0)
  # Red (hue 0) and yellow (hue 2 of 12), overlapping.
  first, second = [0, 5, 3, 16, 16], [2, 4, 9, 18, 15]
  both = jnp.asarray([1, *first, 0, 1, *second, 2])
  render = jax.jit(dataset.render)
  image = np.asarray(render((), both, key))
  sprite = jax.jit(plain.render)
  a, b = (
    np.asarray(sprite((), jnp.asarray(f), key))[..., 0] for f in (first, second)
  )
  want = a[..., None] * [1, 0, 0] + b[..., None] * [1, 1, 0]
  assert want.max() == 2
  np.testing.assert_allclose(image, np.minimum(want, 1), atol=1e-6)
  gone = np.asarray(render((), both.at[7].set(0), key))
  np.testing.assert_allclose(gone, a[..., None] * [1, 0, 0], atol=1e-6)


def test_multi_shapes_are_squares_and_discs_of_whole_pixels():
  dataset = data.load('multi_shapes', sprites=2)
  assert dataset.factor_sizes == (2, 2, 3, 10, 10, 6) * 2
  assert dataset.extras['entities'] == 2
  render = jax.jit(lambda f: dataset.render((), f, None))
  # A red square of half size 2.5 at pixel (3, 12), and no second sprite.
  square = [1, 0, 2, 0, 9, 0]
  image = np.asarray(render(jnp.asarray([*square, 0, 1, 1, 1, 1, 1])))
  want = np.zeros((16, 16, 3))
  want[10:15, 1:6, 0] = 1
  np.testing.assert_allclose(image, want, atol=1e-6)
  # Half sizes between whole pixels cover half of the outermost ones.
  middle = np.asarray(render(jnp.asarray([*square[:2], 1, *square[3:]] * 2)))
  row = middle[12, :, 0]
  np.testing.assert_allclose(row[:7], [0, 1, 1, 1, 1, 1, 0], atol=1e-6)
  assert np.all(middle[..., 1:] == 0)
  alone = np.asarray(
    render(jnp.asarray([*square[:2], 1, *square[3:], 0, 0, 0, 0, 0, 0]))
  )
  np.testing.assert_allclose(
    alone[12, :7, 0], [0, 0.5, 1, 1, 1, 0.5, 0], atol=1e-6
  )
  # A green disc: as wide, without corners.
  disc = np.asarray(render(jnp.asarray([0] * 6 + [1, 1, 2, 4, 4, 2])))[..., 1]
  assert disc[7, 5:10].min() == 1 and disc[7, 4] == disc[7, 10] == 0
  assert 0 < disc[5, 5] < 0.5 and abs(disc.sum() - np.pi * 2.5**2) < 1
  # Without sprites it is black.
  assert not np.asarray(render(jnp.zeros(12, jnp.int32))).any()


def test_triangle_area_and_symmetry():
  # An equilateral triangle whose corners lie 12.8 from its centre.
  side = 12.8 * np.sqrt(3)
  area = np.sqrt(3) / 4 * side**2
  draw = lambda angle: sprites.draw(
    ('triangle',), 0, 1.0, angle, 32.0, 32.0, 64, 4
  )
  images = jax.jit(jax.vmap(draw))(jnp.asarray([0.0, 2 * np.pi / 3, 0.4]))
  np.testing.assert_allclose(images.sum((1, 2)), area, rtol=0.02)
  np.testing.assert_allclose(images[0], images[1], atol=0.3)
  rows = np.mgrid[:64, :64][0] + 0.5
  centre = (images[0] * rows).sum() / images[0].sum()
  np.testing.assert_allclose(centre, 32, atol=0.1)
  # One corner up.
  assert np.nonzero(np.asarray(images[0]).sum(1))[0][0] == 19


def test_distinct_and_split():
  options = {'resolution': 16, 'scales': 2, 'orientations': 5, 'positions': 3}
  whole = data.load('dsprites_triangle', **options)
  grid = factorial.grid(whole.factor_sizes)
  images = jax.jit(jax.vmap(whole.render, (None, 0, None)))(
    (), grid, jax.random.key(0)
  )
  rows = np.asarray(images).reshape(len(grid), -1)
  _, first = np.unique(rows, axis=0, return_index=True)
  keep = dsprites_triangle.distinct(lambda f: whole.render((), f, None), grid)
  np.testing.assert_array_equal(np.flatnonzero(keep), np.sort(first))
  assert keep.sum() < len(grid)
  part = dsprites_triangle.split(np.arange(len(grid)) // 9, keep)
  assert ((part >= 0) == keep).all()
  share = [np.mean(part[keep] == p) for p in range(3)]
  assert abs(share[0] - 0.7) < 0.1
  for name, number in (('train', 0), ('test', 2)):
    dataset = data.load('dsprites_triangle', part=name, **options)
    density = np.asarray(dataset.log_density(jnp.asarray(grid)))
    np.testing.assert_array_equal(np.isfinite(density), part == number)
    np.testing.assert_allclose(np.exp(density).sum(), 1, rtol=1e-5)


def test_split_is_stratified():
  strata = np.repeat(np.arange(5), 200)
  part = dsprites_triangle.split(strata, np.ones(1000, bool))
  for s in range(5):
    counts = np.bincount(part[strata == s], minlength=3)
    np.testing.assert_array_equal(counts, [140, 30, 30])


def test_hues_are_those_of_colorsys():
  hues = np.linspace(0, 1, 25)
  want = [colorsys.hsv_to_rgb(h, 1, 1) for h in hues]
  got = colours.hue_to_rgb(jnp.asarray(hues, jnp.float32))
  np.testing.assert_allclose(got, want, atol=1e-5)


SOLIDS = {
  'sphere': (
    lambda o, d: raycast.hit_sphere(o, d, (0.1, 0.2, 0.0), 0.8),
    lambda p: np.linalg.norm(p - [0.1, 0.2, 0.0], axis=-1) - 0.8,
    lambda p: raycast.normal_ellipsoid(p, (0.1, 0.2, 0.0), (0.8, 0.8, 0.8)),
  ),
  'ellipsoid': (
    lambda o, d: raycast.hit_ellipsoid(o, d, (0.0, 0.1, 0.0), (1.0, 0.5, 0.7)),
    lambda p: np.linalg.norm((p - [0, 0.1, 0]) / [1.0, 0.5, 0.7], axis=-1) - 1,
    lambda p: raycast.normal_ellipsoid(p, (0.0, 0.1, 0.0), (1.0, 0.5, 0.7)),
  ),
  'box': (
    lambda o, d: raycast.hit_box(o, d, (0.0, 0.1, 0.2), (0.5, 0.7, 0.6)),
    lambda p: np.max(np.abs(p - [0, 0.1, 0.2]) - [0.5, 0.7, 0.6], axis=-1),
    lambda p: raycast.normal_box(p, (0.0, 0.1, 0.2), (0.5, 0.7, 0.6)),
  ),
  'cylinder': (
    lambda o, d: raycast.hit_cylinder(o, d, (0.1, 0.0, 0.0), 0.6, 0.7),
    lambda p: np.maximum(
      np.hypot(p[..., 0] - 0.1, p[..., 2]) - 0.6, np.abs(p[..., 1]) - 0.7
    ),
    lambda p: raycast.normal_cylinder(p, (0.1, 0.0, 0.0), 0.6, 0.7),
  ),
  'capsule': (
    lambda o, d: raycast.hit_capsule(
      o, d, (-0.4, -0.3, 0.0), (0.5, 0.4, 0.2), 0.4
    ),
    lambda p: _to_segment(p, [-0.4, -0.3, 0.0], [0.5, 0.4, 0.2]) - 0.4,
    lambda p: raycast.normal_capsule(p, (-0.4, -0.3, 0.0), (0.5, 0.4, 0.2)),
  ),
}


def _to_segment(point, start, end):
  start, end = np.asarray(start), np.asarray(end)
  axis = end - start
  share = np.clip((point - start) @ axis / (axis @ axis), 0, 1)
  return np.linalg.norm(point - start - share[..., None] * axis, axis=-1)


@pytest.mark.parametrize('name', SOLIDS)
def test_rays_meet_solids_where_marching_finds_them(name):
  hit, field, normal = SOLIDS[name]
  rng = np.random.default_rng(0)
  origin = rng.normal(size=(300, 3))
  origin *= 3 / np.linalg.norm(origin, axis=-1, keepdims=True)
  direction = rng.normal(0, 0.7, (300, 3)) - origin
  columns = lambda a: tuple(jnp.asarray(c, jnp.float32) for c in a.T)
  got = np.asarray(
    jax.jit(hit)(columns(origin), columns(direction)), np.float64
  )
  # Brute force: the first of many points along the ray that lies inside.
  steps = np.linspace(0, 4, 4001)
  points = origin[:, None] + steps[:, None] * direction[:, None]
  inside = field(points) < 0
  met, first = inside.any(1), steps[inside.argmax(1)]
  grazing = np.abs(field(points)).min(1) < 5e-3
  sure = met | ~grazing
  np.testing.assert_array_equal(np.isfinite(got)[sure], met[sure])
  assert 50 < met.sum() < 300
  clear = met & (inside.sum(1) > 20)
  np.testing.assert_allclose(got[clear], first[clear], atol=2.5e-3)
  # Normals: the gradient of the field, away from edges.
  at = (origin + got[:, None] * direction)[clear]
  slope = np.stack(
    [(field(at + e) - field(at - e)) / 2e-5 for e in 1e-5 * np.eye(3)], -1
  )
  slope /= np.linalg.norm(slope, axis=-1, keepdims=True)
  found = np.stack(jax.jit(normal)(columns(at)), -1)
  assert np.median(np.abs((found * slope).sum(-1) - 1)) < 1e-4
  np.testing.assert_allclose(np.linalg.norm(found, axis=-1), 1, atol=1e-4)


def test_settle_is_the_identity():
  plane = jax.random.normal(jax.random.key(0), (5, 7))
  np.testing.assert_array_equal(raycast.settle(plane), plane)


@functools.cache
def _room_render():
  dataset = data.load('shapes3d')
  return jax.jit(lambda row: dataset.render((), row, jax.random.key(0)))


def _room(**factors):
  names = ('floor_hue', 'wall_hue', 'object_hue', 'scale', 'shape')
  row = [factors.get(n, 0) for n in names] + [factors.get('orientation', 7)]
  return np.asarray(_room_render()(jnp.asarray(row)))


def test_room_has_floor_walls_and_object_where_they_belong():
  # Green floor, blue walls, red object: the hues 3, 7 and 0 of 10.
  image = _room(floor_hue=3, wall_hue=7, object_hue=0, scale=4, shape=2)
  strongest = image.argmax(-1)
  assert strongest[60, 32] == 1 and strongest[60, 4] == 1
  assert strongest[4, 32] == 2 and strongest[4, 60] == 2
  assert strongest[40, 32] == 0
  # A larger object covers more, and nothing outside of it changes hue.
  sizes = [
    (_room(floor_hue=3, wall_hue=7, scale=s, shape=2).argmax(-1) == 0).sum()
    for s in (0, 7)
  ]
  assert sizes[1] / sizes[0] > 1.25 / 0.75


def test_room_is_lit_and_shadowed():
  ball = _room(floor_hue=3, wall_hue=7, object_hue=0, scale=4, shape=2)
  mask = ball.argmax(-1) == 0
  lit = ball[..., 0][mask]
  # From ambient to fully lit on one ball, a highlight on top.
  assert lit.max() / lit.min() > 1.8
  floor = ball[..., 1][(ball.argmax(-1) == 1)]
  # The shadow is a dark patch: far below the median, and not everywhere.
  dark = (floor < 0.75 * np.median(floor)).mean()
  assert 0.02 < dark < 0.4


def test_room_turns_with_the_orientation():
  left = _room(floor_hue=3, wall_hue=7, orientation=0, shape=2)
  right = _room(floor_hue=3, wall_hue=7, orientation=14, shape=2)
  assert np.abs(left - right).mean() > 0.02
  # The ball itself stays in the middle.
  for image in (left, right):
    columns = np.nonzero((image.argmax(-1) == 0).any(0))[0]
    assert abs(columns.mean() - 31.5) < 1


def test_antialiased_room_is_the_mean_of_the_fine_one():
  _, batch, _ = batch_of('shapes3d')
  soft = data.load('shapes3d', resolution=8, antialias=2)
  render = jax.jit(jax.vmap(soft.render, (None, 0, None)))
  images = np.asarray(render((), batch['factors'], jax.random.key(0)))
  fine = np.asarray(batch['observation'])
  want = fine.reshape(-1, 8, 2, 8, 2, 3).mean((2, 4))
  # A ray on an edge may fall to either side when sums are reordered.
  off = np.abs(images - want).max(-1) > 1e-4
  assert off.mean() < 0.02


def test_pot_is_seen_from_where_the_camera_stands():
  dataset = data.load(
    'lit_solid', resolution=32, azimuths=4, elevations=3, levels=3
  )
  render = jax.jit(lambda f: dataset.render((), f, jax.random.key(0)))
  front = np.asarray(render(jnp.asarray([0, 0, 2, 0, 0])))
  back = np.asarray(render(jnp.asarray([2, 0, 2, 0, 0])))
  white = lambda image: (image == 1).all(-1)
  # Half a turn mirrors the outline at elevation 0.
  assert (white(front) == white(back)[:, ::-1]).mean() > 0.99
  # Colour: the other channels hold only the highlight.
  pot = front[~white(front)]
  assert pot[:, 0].mean() > 3 * pot[:, 1].mean()
  black = np.asarray(render(jnp.asarray([0, 0, 0, 0, 0])))
  assert black[~white(front)].mean() < 0.2
  above = np.asarray(render(jnp.asarray([0, 2, 2, 0, 0])))
  assert np.abs(above - front).mean() > 0.02


def test_gap_holds_red_pots_from_above_and_nothing_else():
  options = {'resolution': 8, 'azimuths': 2, 'elevations': 5, 'levels': 4}
  parts = {
    part: data.load('lit_solid', part=part, **options)
    for part in lit_solid.PARTS
  }
  grid = factorial.grid(parts['all'].factor_sizes)
  _, elevation, red, green, blue = (
    v[grid[:, k]] for k, v in enumerate(parts['all'].factor_values)
  )
  out = (red > green + 0.15) & (red > blue + 0.15) & (elevation > np.pi / 4)
  for part, want in (('gap', out), ('seen', ~out)):
    density = np.asarray(parts[part].log_density(jnp.asarray(grid)))
    np.testing.assert_array_equal(np.isfinite(density), want)
  # About a tenth of all, as in the paper (20,000 of 200,000).
  fine = data.load('lit_solid')
  rows = np.random.default_rng(0).integers(fine.factor_sizes, size=(20000, 5))
  share = lit_solid.in_gap(rows, fine.factor_values).mean()
  assert 0.08 < share < 0.14


def test_paths_cross_the_frame():
  keys = jax.random.split(jax.random.key(0), 20)
  for motion in range(2):
    x, y = jax.vmap(lambda k, m=motion: shape_motion.path(k, m, 9))(keys)
    ahead, across = (x, y) if motion == 0 else (y, x)
    np.testing.assert_allclose(
      ahead, np.broadcast_to(np.linspace(12, 52, 9), (20, 9)), atol=1e-3
    )
    assert np.asarray(across).min() >= 12 and np.asarray(across).max() <= 52
    assert np.ptp(np.asarray(across), axis=0).min() > 5


def test_colour_of_a_video_is_constant():
  dataset, batch, _ = batch_of('shape_motion')
  for video, hue in zip(
    np.asarray(batch['observation']), batch['factors'][:, 2]
  ):
    assert all((frame.max(-1) > 0).any() for frame in video)
    shown = video[video.max(-1) > 0]
    want = colours.hue_to_rgb(jnp.asarray(dataset.factor_values[2][hue]))
    np.testing.assert_allclose(
      shown, np.broadcast_to(want, shown.shape), atol=1e-5
    )


def test_colours_of_videos_on_three_grids():
  dataset = data.load(
    'shape_motion', resolution=16, frames=3, colours='rgb', levels=4
  )
  assert dataset.factor_names[2:] == ('red', 'green', 'blue', 'motion')
  assert dataset.factor_sizes == (2, 4, 4, 4, 4, 2)
  levels = 0.3 + 0.7 * np.arange(4) / 3
  for values in dataset.factor_values[2:5]:
    np.testing.assert_allclose(values, levels)
  index = jnp.arange(12, dtype=jnp.int32)
  batch = dataset.sample(jax.random.key(0), dataset.arrays, index)
  for video, factors in zip(np.asarray(batch['observation']), batch['factors']):
    shown = video[video.max(-1) > 0]
    want = levels[np.asarray(factors[2:5])]
    np.testing.assert_allclose(
      shown, np.broadcast_to(want, shown.shape), atol=1e-6
    )
  one = data.load('shape_motion', colours='rgb', levels=1)
  assert [float(v[0]) for v in one.factor_values[2:5]] == [1, 1, 1]


def test_a_video_of_one_frame_shows_the_start():
  dataset = data.load('shape_motion', resolution=64, frames=1)
  point = jnp.zeros(4, jnp.int32)
  video = dataset.render(dataset.arrays, point, jax.random.key(0))
  assert video.shape == (1, 64, 64, 3)
  columns = np.flatnonzero(np.asarray(video[0]).max(-1).max(0))
  np.testing.assert_allclose(columns.mean(), 11.5, atol=0.6)


def test_bouncing_matches_a_loop():
  rng = np.random.default_rng(0)
  start, velocity = rng.uniform(0, 36, 50), rng.uniform(-5, 5, 50)
  want, x, v = [], start.copy(), velocity.copy()
  for _ in range(30):
    want.append(x.copy())
    x = x + v
    v = np.where((x < 0) | (x > 36), -v, v)
    x = np.where(x < 0, -x, np.where(x > 36, 72 - x, x))
  got = moving_digits.bounce(
    jnp.asarray(start, jnp.float32), jnp.asarray(velocity, jnp.float32), 36, 30
  )
  np.testing.assert_allclose(got, want, atol=1e-3)


def test_moving_digits_take_images_of_the_user(tmp_path):
  # Each digit a constant image, so that the brightest pixel tells the digit.
  labels = np.repeat(np.arange(10), 2)
  images = np.broadcast_to(
    (20 * (labels + 1)).astype(np.uint8)[:, None, None], (20, 28, 28)
  )
  path = tmp_path / 'digits.npz'
  np.savez(path, images=images, labels=labels)
  dataset = data.load('moving_digits', path=str(path), frames=2, resolution=32)
  batch = jax.jit(dataset.sample)(
    jax.random.key(0), dataset.arrays, jnp.arange(16)
  )
  shown = np.asarray(batch['observation']).max((1, 2, 3))
  want = 20 * (np.asarray(batch['factors']) + 1) / 255
  np.testing.assert_allclose(shown[:, :2], want, atol=1e-6)
  assert (shown[:, 2] == 0).all()
  np.savez(path, images=images[:10], labels=labels[:10])
  with pytest.raises(errors.ConfigError, match='all ten digits'):
    data.load('moving_digits', path=str(path))


@pytest.mark.parametrize(
  'name, options', [('moving_blobs', {}), ('moving_digits', {'resolution': 40})]
)
def test_positions_are_where_things_are_drawn(name, options):
  dataset = data.load(name, frames=6, **options)
  both = lambda f, key: (
    dataset.render(dataset.arrays, f, key),
    dataset.extras['positions'](dataset.arrays, f, key),
  )
  keys = jax.random.split(jax.random.key(3), 5)
  film, places = jax.jit(jax.vmap(both, (None, 0)))(jnp.array([3, 4]), keys)
  film, places = np.asarray(film, np.float64), np.asarray(places)
  assert places.shape == (5, 6, 2, 2)
  # Steps of a straight way that walls fold: never longer than the speed.
  apart = np.linalg.norm(np.diff(places, axis=1), axis=-1)
  side = film.shape[2]
  if name == 'moving_blobs':
    speeds = dataset.factor_values[0][[3, 4]]
    assert (apart <= speeds + 1e-4).all() and (apart.max((0, 1)) > 0.9).all()
    assert places.min() >= 1 and places.max() <= side - 2
  for clip, where in zip(film, places):
    for frame, (first, second) in zip(clip, where):
      for plane, (row, column) in enumerate((first, second)):
        light = frame[..., plane]
        if name == 'moving_digits':
          seen = np.argwhere(light > 0)
          assert (seen >= (row, column)).all()
          assert (seen < (row + 28, column + 28)).all()
          continue
        i, j = np.mgrid[:side, :side]
        far = (i - row) ** 2 + (j - column) ** 2
        np.testing.assert_allclose(light, np.exp(-far / 2), atol=1e-5)


def test_strokes_match_a_distance_loop():
  digit, side, thickness = 2, 14, 0.1
  got = np.asarray(glyphs.draw(digit, 0.0, thickness, 0.9, side))
  ends = (glyphs.segments()[digit].astype(float) - 0.5) * 0.9
  want = np.zeros((side, side))
  for r in range(side):
    for c in range(side):
      point = np.asarray([(c + 0.5) / side - 0.5, (r + 0.5) / side - 0.5])
      near = min(_to_segment(point, a, b) for a, b in ends)
      want[r, c] = np.clip((thickness / 2 - near) * side + 0.5, 0, 1)
  np.testing.assert_allclose(got, want, atol=1e-4)


def test_digits_lie_on_a_darker_background_of_its_own_hue():
  options = {'resolution': 12, 'background_hues': 4, 'background_value': 0.4}
  coloured = data.load('digits', hues=3, **options)
  assert coloured.factor_names[-2:] == ('hue', 'background_hue')
  assert coloured.factor_sizes[-2:] == (3, 4)
  white = data.load('digits', **options)
  assert white.factor_names[-1] == 'background_hue'
  assert 'hue' not in white.factor_names
  for hue, ground in ((0, 1), (2, 0), (1, 3)):
    factors = jnp.asarray([8, 4, 2, 2, hue, ground])
    image = np.asarray(coloured.render((), factors, None))
    factors = jnp.asarray([8, 4, 2, 2, ground])
    plain = np.asarray(white.render((), factors, None))
    share = np.asarray(glyphs.draw(8, 0.0, 0.1, 0.8, 12))[..., None]
    behind = 0.4 * np.array(colorsys.hsv_to_rgb(ground / 4, 1, 1))
    before = np.array(colorsys.hsv_to_rgb(hue / 3, 1, 1))
    for seen, colour in ((image, before), (plain, np.ones(3))):
      want = share * colour + (1 - share) * behind
      np.testing.assert_allclose(seen, want, atol=1e-5)


def test_digits_all_differ():
  draw = lambda d: glyphs.draw(d, 0.0, 0.1, 0.9, 20)
  images = np.asarray(jax.vmap(draw)(jnp.arange(10))).reshape(10, -1)
  gaps = np.abs(images[:, None] - images[None]).mean(-1)
  assert gaps[~np.eye(10, dtype=bool)].min() > 0.02


@pytest.mark.parametrize(
  'name, options',
  [
    ('blobs', {'width': 0.0}),
    ('multi_shapes', {'sprites': 0}),
    ('multi_shapes', {'sizes': 0}),
    ('multi_sprites', {'sprites': 0}),
    ('shapes3d', {'hues': 0}),
    ('rooms', {'hues': 1}),
    ('rooms', {'colour_space': 'lab'}),
    ('rooms', {'unseen': 20_000}),
    ('rooms', {'concepts': 0}),
    ('rooms', {'distribution': 'held_out'}),
    ('lit_solid', {'part': 'gapp'}),
    ('dsprites_triangle', {'part': 'training'}),
    ('moving_blobs', {'resolution': 4}),
    ('moving_blobs', {'frames': 0}),
    ('moving_blobs', {'width': 4.0}),
    ('shape_motion', {'frames': 0}),
    ('shape_motion', {'colours': 'grey'}),
    ('shape_motion', {'levels': 0}),
    ('moving_digits', {'resolution': 16}),
    ('digits', {'hues': -1}),
    ('digits', {'background_value': 1.5}),
  ],
)
def test_bad_options_name_the_field(name, options):
  (field,) = options
  with pytest.raises(errors.ConfigError, match=f'config.dataset.{field}'):
    data.load(name, **options)
