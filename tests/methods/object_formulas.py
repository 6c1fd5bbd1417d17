"""Losses of the methods of scenes in NumPy, image by image.

Each takes a `test_losses.Step` and gives the addends of the loss.
"""

from formulas import dense, kl_terms
import numpy as np

from disentangle_jax.ops import per_example


def elu(x):
  return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


def convolved(params, x, stride=1):
  """A SAME convolution of one image [H, W, C], value by value."""
  kernel, bias = params['kernel'], params.get('bias', 0)
  side, (h, w, _) = kernel.shape[0], x.shape
  out = -(-h // stride)
  before = max((out - 1) * stride + side - h, 0) // 2
  image = np.zeros((out, out, kernel.shape[-1]))
  for row in range(out):
    for column in range(out):
      for i in range(side):
        for j in range(side):
          y, z = row * stride + i - before, column * stride + j - before
          if 0 <= y < h and 0 <= z < w:
            image[row, column] += x[y, z] @ kernel[i, j]
  return image + bias


def halved(x):
  """Largest of every 2 x 2 pixels."""
  h, w, _ = x.shape
  rows = [
    [x[i : i + 2, j : j + 2].max((0, 1)) for j in range(0, w, 2)]
    for i in range(0, h, 2)
  ]
  return np.array(rows)


def doubled(x):
  """Bilinear, by interpolation between the centres of pixels."""
  for axis in (0, 1):
    size = x.shape[axis]
    at = (np.arange(2 * size) + 0.5) / 2 - 0.5
    line = lambda y, at=at, size=size: np.interp(at, np.arange(size), y)
    x = np.apply_along_axis(line, axis, x)
  return x


def placed(x):
  side = len(x)
  centres = [(2 * n + 1) / side - 1 for n in range(side)]
  columns, rows = np.meshgrid(centres, centres)
  return np.concatenate([x, columns[..., None], rows[..., None]], axis=-1)


def grid(params, config, image):
  """Means and log variances of the cells, [h w, 2 D]."""
  p, number = params['encoder'], 0
  layers = [p[f'Conv_{n}'] for n in range(len(p))]
  for number, layer in enumerate(layers[: len(config.channels)]):
    halves = number < config.pools
    strides = halves and config.downsampling == 'stride'
    image = elu(convolved(layer, image, 2 if strides else 1))
    if halves and not strides:
      image = halved(image)
  image = placed(image)
  *hidden, last = layers[len(config.channels) :]
  for layer in hidden:
    image = elu(convolved(layer, image))
  image = convolved(last, image)
  return image


def object_map(params, config, z):
  p = params['object']
  for layer in range(len(config.hidden) + 1):
    z = elu(dense(p['MLP_0'][f'Dense_{layer}'], z))
  x = z.reshape(config.base, config.base, config.object_channels)
  for number in range(config.object_layers):
    x = elu(convolved(p[f'Conv_{number}'], x) + p[f'bias_{number}'])
    if number < config.object_doublings:
      x = doubled(x)
  return x


def image_nats(params, config, x, image):
  """-log p of one image given the joined maps."""
  p = params['scene']
  times = int(np.log2(len(image) / len(x)))
  for number in range(len(config.scene_channels)):
    x = elu(convolved(p[f'Conv_{number}'], x))
    if number < times:
      x = doubled(x)
  logits = convolved(p[f'Conv_{len(config.scene_channels)}'], x)
  return np.sum(np.logaddexp(0, logits) - image * logits)


def mvae(s):
  config, nats, price = s.made.config, 0.0, 0.0
  shape = config.slots, config.latents_per_slot
  noise = np.asarray(per_example.normal(s.key, s.index, shape), np.float64)
  for image, eps in zip(s.x, noise):
    cells = grid(s.params, config, image)
    cells = cells.reshape(-1, cells.shape[-1])
    halves = np.split(cells, 2, axis=1)
    kl = [kl_terms(m[None], v[None]).sum() for m, v in zip(*halves)]
    maps = []
    for place, own in zip(np.argsort(kl)[::-1], eps):
      mean, logvar = halves[0][place], halves[1][place]
      z = mean + np.exp(logvar / 2) * own
      maps.append(object_map(s.params, config, z))
      price += kl[place] / len(s.x)
    together = np.max(maps, 0) if config.pool == 'max' else np.sum(maps, 0)
    nats += image_nats(s.params, config, together, image) / len(s.x)
  return [nats, s.hparams['beta'] * price]


def scene_vae(s):
  config, nats = s.made.config, 0.0
  flat = np.array([elu(grid(s.params, config, x)).reshape(-1) for x in s.x])
  mean, logvar = (dense(s.params['heads'][n], flat) for n in ('mean', 'logvar'))
  noise = np.asarray(
    per_example.normal(s.key, s.index, mean.shape[1:]), np.float64
  )
  for image, z in zip(s.x, mean + np.exp(logvar / 2) * noise):
    x = object_map(s.params, config, z)
    nats += image_nats(s.params, config, x, image) / len(s.x)
  return [nats, s.hparams['beta'] * kl_terms(mean, logvar).sum()]


REFERENCES = {f.__name__: f for f in (mvae, scene_vae)}
