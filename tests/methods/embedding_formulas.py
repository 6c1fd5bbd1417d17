"""Losses of embeddings, pair by pair and triplet by triplet.

Each takes a `test_losses.Step` and gives the addends of the loss.
"""

import itertools

from formulas import dense
import numpy as np
from scipy import stats


def classes(s, unit):
  """Embeddings [C, n, E] of the batch's identities."""
  p, config = s.params['encoder'], s.made.config
  x = np.asarray(s.batch['identity_group'], np.float64).reshape(len(s.x), -1)
  h = np.maximum(dense(p['MLP_0']['Dense_0'], x), 0)
  z = h @ p['Dense_0']['kernel']
  if unit:
    z = z / np.linalg.norm(z, axis=1, keepdims=True)
  return z.reshape(config.identities, config.per_identity, -1)


def pairs(z):
  """(same class, first, second) of all pairs of rows."""
  rows = [(c, row) for c, own in enumerate(z) for row in own]
  for (c, a), (other, b) in itertools.combinations(rows, 2):
    yield c == other, a, b


def f_statistic(s):
  z, losses = classes(s, False), []
  for a, b in itertools.combinations(z, 2):
    ratio, _ = stats.f_oneway(a, b)
    logs = stats.f.logcdf(ratio, 1, 2 * len(a) - 2)
    losses.append(-np.sum(np.sort(logs)[-s.made.config.top_dimensions :]))
  return [np.mean(losses)]


def triplet(s):
  z, terms = classes(s, False), []
  for a, b in itertools.permutations(range(len(z)), 2):
    for i, j in itertools.permutations(range(z.shape[1]), 2):
      for other in z[b]:
        near = np.sum((z[a, i] - z[a, j]) ** 2)
        far = np.sum((z[a, i] - other) ** 2)
        terms.append(max(0, s.hparams['margin'] + near - far))
  return [np.mean(terms)]


def histogram_loss(s):
  counts = {True: np.zeros(201), False: np.zeros(201)}
  for same, a, b in pairs(classes(s, True)):
    place = (a @ b + 1) / 0.01
    low = int(np.floor(place))
    counts[same][low] += 1 - (place - low)
    counts[same][min(low + 1, 200)] += place - low
  positive, negative = (counts[k] / counts[k].sum() for k in (True, False))
  return [np.sum(negative * np.cumsum(positive))]


def binomial_deviance(s):
  similar, different = [], []
  for same, a, b in pairs(classes(s, True)):
    above = a @ b - 0.5
    if same:
      similar.append(np.log1p(np.exp(-2 * above)))
    else:
      cost = s.hparams['negative_cost']
      different.append(np.log1p(np.exp(2 * cost * above)))
  return [np.mean(similar), np.mean(different)]


REFERENCES = {
  f.__name__: f
  for f in (f_statistic, triplet, histogram_loss, binomial_deviance)
}
