"""Losses of the grasping systems, ray by ray.

Each takes a `test_losses.Step` and gives the addends of the loss. Grids are
read by SciPy, cameras are turned by its rotations.
"""

from formulas import dense, sigmoid
import jax
import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from disentangle_jax.ops import per_example

RADIUS = 0.75**0.5


def mlp(params, x):
  for number in range(len(params)):
    x = np.maximum(dense(params[f'Dense_{number}'], x), 0)
  return x


def view_features(params, x):
  """An encoder's output for views [B, H, W, 5]."""
  elevation = x[:, 0, 0, 4] * np.pi / 2
  height = np.stack([np.sin(elevation), np.cos(elevation)], 1)
  flat = x[..., :4].reshape(len(x), -1)
  return mlp(params['MLP_0'], np.concatenate([flat, height], 1))


def drawn_grasps(s, count):
  """Pairs of a success and a failure, by the step's own permutation."""
  pose = np.asarray(s.batch['pose'], np.float64)
  pairs = pose.shape[1] // 2
  key = jax.random.fold_in(s.key, 0)
  order = np.asarray(per_example.permutation(key, s.index, pairs))
  label = np.asarray(s.batch['label'], np.float64)
  rows = [
    [2 * pair + which for pair in row[: count // 2] for which in (0, 1)]
    for row in order
  ]
  take = lambda x: np.stack([x[b][own] for b, own in enumerate(rows)])
  return take(pose), take(label)


def outcome(s, pose, label, *more):
  """Cross entropy of grasps; `more` is [B, F] or [B, G, F] each."""
  total, config = 0.0, s.made.config
  for b in range(len(pose)):
    for g in range(config.grasps):
      own = [x[b, g] if x.ndim == 3 else x[b] for x in more]
      parts = np.concatenate(own)[None]
      hidden = mlp(s.params['outcome']['MLP_0'], parts)
      logit = dense(s.params['outcome']['Dense_0'], hidden)[0, 0]
      total += np.logaddexp(0, -logit if label[b, g] else logit)
  return total / (len(pose) * config.grasps)


def grasp_cnn(s):
  pose, label = drawn_grasps(s, s.made.config.grasps)
  state = view_features(s.params['state'], s.x)
  return [outcome(s, pose, label, state, pose)]


def read(volume, points):
  """The grid [y, z, x] at points x, y, z; nothing around it."""
  n = len(volume)
  place = np.stack([points[..., 1], points[..., 2] + 0.5, points[..., 0] + 0.5])
  padded = np.pad(volume, 4)
  return ndimage.map_coordinates(padded, place * n - 0.5 + 4, order=1)


def seen_by_hand(volume, pose, config):
  """Depths [side * side] of one grasp."""
  c, a, b = pose[:3], pose[3:6], pose[6:]
  across, side = np.cross(a, b), config.local_side
  reach, depths = config.local_reach, []
  at = ((np.arange(side) + 0.5) / side - 0.5) * config.local_window
  samples = (np.arange(config.local_samples) + 0.5) / config.local_samples
  for down in at:
    for right in at:
      start = c - reach / 2 * a - down * b + right * across
      values = read(volume, start + np.outer(samples * reach, a))
      depths.append(expected(values, samples, 1.0))
  return np.array(depths)


def expected(values, depths, far):
  through, total = 1.0, 0.0
  for value, depth in zip(values, depths):
    total += depth * value * through
    through *= 1 - value
  return total + far * through


def ray(scene, camera, pixel):
  """Origin, and the way at depth 1 along the camera's axis."""
  turn = Rotation.from_euler('YX', [camera[0], -camera[1]])
  half = np.tan(scene.field_of_view / 2)
  row, column = divmod(pixel, scene.side)
  right = half * ((column + 0.5) * 2 / scene.side - 1)
  down = half * ((row + 0.5) * 2 / scene.side - 1)
  origin = np.array([0, 0.5, 0]) + turn.apply([0, 0, scene.distance])
  return origin, turn.apply([right, -down, -1.0])


def through_cube(origin, slope, far):
  """Depths at which a ray enters and leaves the cube, or `far` twice."""
  low, high = np.array([-0.5, 0, -0.5]), np.array([0.5, 1, 0.5])
  ends = np.sort(np.stack([(low - origin) / slope, (high - origin) / slope]), 0)
  enter, leave = ends[0].max(), ends[1].min()
  return (enter, leave) if enter < leave else (far, far)


def shape_terms(s, volume):
  config, scene = s.made.config, s.made.data.extras['scene']
  cameras, masks, depths = (
    np.asarray(s.batch[name], np.float64)
    for name in ('cameras', 'masks', 'depths')
  )
  far, count = scene.distance + RADIUS, config.depth_samples
  order = np.asarray(
    per_example.permutation(
      jax.random.fold_in(s.key, 1), s.index, cameras.shape[1] - 1
    )
  )
  pixels = np.asarray(
    per_example.integers(
      jax.random.fold_in(s.key, 2),
      s.index,
      (1 + config.views, config.rays),
      0,
      scene.side**2,
    )
  )
  nats = error = 0.0
  for b in range(len(volume)):
    for place, view in enumerate([0, *(1 + order[b][: config.views])]):
      for pixel in pixels[b, place]:
        origin, slope = ray(scene, cameras[b, view], pixel)
        enter, leave = through_cube(origin, slope, far)
        t = enter + (leave - enter) * (np.arange(count) + 0.5) / count
        values = read(volume[b], origin + t[:, None] * slope)
        left = min(np.prod(1 - values), np.exp(-1e-6))
        lit = masks[b, view].reshape(-1)[pixel]
        nats -= np.log(1 - left) if lit else np.log(left)
        true = depths[b, view].reshape(-1)[pixel]
        error += abs(expected(values, t, far) - true) if lit else 0.0
  number = len(volume) * config.rays
  return nats / number, error / number


def grasp_geometry(s):
  config, scene = s.made.config, s.made.data.extras['scene']
  pose, label = drawn_grasps(s, config.grasps)
  state, more, addends = view_features(s.params['state'], s.x), [], []
  if config.occupancy == 'true':
    volume = np.asarray(s.batch['occupancy'], np.float64)
  else:
    own = s.params['shape']
    code = view_features(own['encoder'], s.x)
    hidden = mlp(own['decoder']['MLP_0'], code)
    logit = dense(own['decoder']['Dense_0'], hidden) - 3
    volume = np.clip(sigmoid(logit), 1e-4, 1 - 1e-4)
    volume = volume.reshape(-1, *[scene.grid] * 3)
    nats, error = shape_terms(s, volume)
    weight = s.hparams['w_shape']
    addends = [weight * nats, weight * s.hparams['w_depth'] * error]
    more = [code]
  local = np.stack(
    [
      [seen_by_hand(volume[b], grasp, config) for grasp in pose[b]]
      for b in range(len(pose))
    ]
  )
  return [outcome(s, pose, label, state, *more, pose, local), *addends]


REFERENCES = {f.__name__: f for f in (grasp_cnn, grasp_geometry)}
