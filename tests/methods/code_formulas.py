"""Losses that hold codes together, to values or to labels, by loops.

Each takes a `test_losses.Step`.
"""

import itertools
import math

from formulas import decode, encode, reconstruction, sigmoid
import jax
import numpy as np

from disentangle_jax.ops import per_example, support

FAR = np.iinfo(np.int32).max  # what an objective's own key is folded with


def squared_mmd(x, y, width):
  """Mean over all pairs of rows, each with itself, too."""

  def mean(a, b):
    pairs = itertools.product(a, b)
    return np.mean([math.exp(-sum((p - q) ** 2) / width) for p, q in pairs])

  return mean(x, x) + mean(y, y) - 2 * mean(x, y)


def mismatch(s):
  key = jax.random.fold_in(s.key, FAR)
  prior = np.asarray(per_example.normal(key, s.index, s.z.shape[1:]), float)
  width = s.options.get('kernel_width', s.z.shape[1])
  return squared_mmd(s.z, prior, width)


def factorised(s, gamma):
  """Distance of drawn combinations and cost of a small spread."""
  config, mean = s.made.config, s.mean
  pairs = len(list(itertools.combinations(range(mean.shape[1]), 2)))
  pairs = min(pairs, config.num_pairs)
  drawn = support.draw(
    jax.random.fold_in(s.key, FAR),
    config.num_points,
    pairs,
    mean.shape[1],
    len(mean),
  )
  distances = []
  for p, (a, b) in enumerate(np.asarray(drawn.codes)):
    nearest = []
    for i, j in np.asarray(drawn.rows)[:, p]:
      at = mean[i, a], mean[j, b]
      nearest.append(
        min((row[a] - at[0]) ** 2 + (row[b] - at[1]) ** 2 for row in mean)
      )
    distances.append(max(nearest))
  deviations = np.sqrt(mean.var(0) + 1e-6)
  spread = sum(max(0, 1 - deviation) for deviation in deviations)
  return [gamma * np.mean(distances), s.hparams['delta'] * spread]


def qlae(s):
  y = s.code
  if not s.made.config.quantised:
    shown = sigmoid(decode(s.params, y, s.x.shape[1:]))
    return [-np.mean(s.x * np.log(shown) + (1 - s.x) * np.log(1 - shown))]
  codebook, q = s.params['codebook'], np.zeros_like(y)
  for b, d in np.ndindex(*y.shape):
    q[b, d] = min(codebook[d], key=lambda value, b=b, d=d: abs(value - y[b, d]))
  shown = sigmoid(decode(s.params, q, s.x.shape[1:]))
  entropy = -np.mean(s.x * np.log(shown) + (1 - s.x) * np.log(1 - shown))
  error = np.mean((y - q) ** 2)
  weights = [s.hparams[f'lambda_{name}'] for name in ('quantise', 'commit')]
  return [entropy, *(weight * error for weight in weights)]


def ivae(s):
  config, label = s.made.config, np.asarray(s.batch['label'])
  values = s.made.data.factor_sizes[0]
  seen = s.x
  if config.encoder_sees == 'both':
    seen = np.concatenate([s.x, np.eye(values)[label]], 1)
  heads = encode(s.params, seen)
  mean, logvar = heads['mean'], heads['logvar']
  noise = per_example.normal(s.key, s.index, mean.shape[1:])
  z = mean + np.exp(logvar / 2) * np.asarray(noise, np.float64)
  options = {'likelihood': 'gaussian_linear', 'likelihood_scale': 0.1}
  prior, kl = s.params['prior'], 0.0
  for b, u in enumerate(label):
    for d in range(mean.shape[1]):
      variance = math.exp(prior['logvar'][u, d])
      centre = prior['mean'][u, d] if config.prior_mean else 0.0
      ratio = math.exp(logvar[b, d]) / variance
      shift = (mean[b, d] - centre) ** 2 / variance
      kl += 0.5 * (ratio + shift - 1 - math.log(ratio)) / len(label)
  return [reconstruction(s.params, z, s.x, options), s.hparams['beta'] * kl]


REFERENCES = {'ivae': ivae}
