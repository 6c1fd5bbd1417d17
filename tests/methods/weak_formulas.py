"""Losses of the methods that learn from pairs and groups, image by image.

Each takes a `test_losses.Step` and gives the addends of the loss.
"""

import math

from formulas import encode, kl_terms, reconstruction
import jax
import numpy as np
from scipy import stats

from disentangle_jax.ops import per_example


def noise(key, numbers, width):
  return np.asarray(per_example.normal(key, numbers, (width,)), np.float64)


def pair_of(s):
  """Images, means, variances and noise of both, in a list each."""
  pictures = [
    np.asarray(s.batch[n], np.float64) for n in ('observation', 'pair')
  ]
  heads = [encode(s.params, x) for x in pictures]
  means = [h['mean'] for h in heads]
  variances = [np.exp(h['logvar']) for h in heads]
  keys = jax.random.split(s.key)
  draws = [noise(k, s.index, means[0].shape[1]) for k in keys]
  return pictures, means, variances, draws


def kl_pair(m1, v1, m2, v2):
  return 0.5 * (v1 / v2 + (m1 - m2) ** 2 / v2 - 1 - math.log(v1 / v2))


def averaged(m, v, kind):
  """One Gaussian of several numbers m and v."""
  if kind == 'gvae':
    return sum(m) / len(m), sum(v) / len(v)
  variance = 1 / sum(1 / x for x in v)
  mean = variance * sum(a / x for a, x in zip(m, v))
  return mean, variance * (len(v) if kind == 'mlvae' else 1)


def with_shared(s, shared_of):
  """Loss of pairs; `shared_of(row, deltas) -> bool [D]`."""
  pictures, means, variances, draws = pair_of(s)
  kind = s.options.get('average', 'gvae')
  for b in range(len(means[0])):
    deltas = [
      kl_pair(*numbers)
      for numbers in zip(
        means[0][b], variances[0][b], means[1][b], variances[1][b]
      )
    ]
    for d, shared in enumerate(shared_of(b, deltas)):
      if shared:
        both = lambda x, b=b, d=d: [x[0][b, d], x[1][b, d]]
        mean, variance = averaged(both(means), both(variances), kind)
        for i in range(2):
          means[i][b, d], variances[i][b, d] = mean, variance
  addends = []
  for x, mean, variance, eps in zip(pictures, means, variances, draws):
    z = mean + np.sqrt(variance) * eps
    addends.append(0.5 * reconstruction(s.params, z, x, s.options))
    kl = kl_terms(mean, np.log(variance)).sum()
    addends.append(0.5 * s.hparams['beta'] * kl)
  return addends


def ada_gvae(s):
  def shared(b, deltas):
    return [d < (max(deltas) + min(deltas)) / 2 for d in deltas]

  return with_shared(s, shared)


def group_vae(s):
  changed = np.asarray(s.batch['pair_factors'] != s.batch['factors'])

  def shared(b, deltas):
    (which,) = np.flatnonzero(changed[b])
    return [d != which for d in range(len(deltas))]

  return with_shared(s, shared)


def ml_vae(s):
  x = np.asarray(s.batch['identity_group'], np.float64)
  heads = encode(s.params, x)
  m, v = heads['mean'], np.exp(heads['logvar'])
  content = s.made.config.num_content
  per_identity = s.made.config.per_identity
  kind = s.options.get('average', 'product')
  key, content_key = jax.random.split(s.key)
  identities = len(x) // per_identity
  own = noise(key, s.index, m.shape[1] - content)
  common = noise(content_key, np.arange(identities), content)
  z, kl_content, kl_style = np.zeros_like(m), 0.0, 0.0
  for g in range(identities):
    rows = slice(g * per_identity, (g + 1) * per_identity)
    for d in range(content):
      mean, variance = averaged(m[rows, d], v[rows, d], kind)
      z[rows, d] = mean + math.sqrt(variance) * common[g, d]
      kl_content += kl_terms(np.array([mean]), np.log([variance]))
  z[:, content:] = m[:, content:] + np.sqrt(v[:, content:]) * own
  kl_style = kl_terms(m[:, content:], heads['logvar'][:, content:]).sum()
  beta = s.hparams['beta']
  rec = reconstruction(s.params, z, x, s.options)
  return [rec, beta * kl_style, beta * float(kl_content) / len(x)]


def absolute_mean(m, deviation):
  """E |z| of a normal z, by SciPy's folded normal."""
  return stats.foldnorm.mean(abs(m) / deviation, scale=deviation)


def slow_vae(s):
  pictures, means, variances, draws = pair_of(s)
  h, addends = s.hparams, []
  for x, mean, variance, eps in zip(pictures, means, variances, draws):
    z = mean + np.sqrt(variance) * eps
    addends.append(0.5 * reconstruction(s.params, z, x, s.options))
    kl = kl_terms(mean, np.log(variance)).sum()
    addends.append(0.25 * h['beta'] * kl)
  crossed = entropy = 0.0
  for i in range(2):
    deviation = np.sqrt(variances[i])
    distance = absolute_mean(means[i] - means[1 - i], deviation)
    crossed += np.sum(h['rate'] * distance - math.log(h['rate'] / 2), 1).mean()
    entropy += stats.norm.entropy(scale=deviation).sum(1).mean()
  if s.options.get('entropy') == 'reference':
    crossed = 2 * crossed
  weight = 0.25 * h['gamma']
  return [*addends, weight * crossed, -weight * entropy]


REFERENCES = {f.__name__: f for f in (ada_gvae, group_vae, ml_vae, slow_vae)}
