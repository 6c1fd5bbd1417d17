"""Networks, likelihoods and KL in NumPy, for losses written as formulas."""

import math

import numpy as np


def sigmoid(x):
  return 1 / (1 + np.exp(-x))


def dense(params, x):
  return x @ params['kernel'] + params['bias']


def encode(params, x):
  p = params['encoder']
  h = np.maximum(dense(p['MLP_0']['Dense_0'], x.reshape(len(x), -1)), 0)
  return {name: dense(head, h) for name, head in p['Heads_0'].items()}


def decode(params, z, shape):
  p = params['decoder']
  h = np.tanh(dense(p['MLP_0']['Dense_0'], z))
  return dense(p['Dense_0'], h).reshape(-1, *shape)


def log_normal(x, mean, logvar):
  variance = np.exp(logvar)
  return -((x - mean) ** 2) / (2 * variance) - 0.5 * np.log(
    2 * np.pi * variance
  )


def reconstruction(params, z, x, options):
  raw = decode(params, z, x.shape[1:])
  mean = sigmoid(raw)
  kind = options.get('likelihood', 'bernoulli')
  if kind == 'bernoulli':
    nats = x * np.log(mean) + (1 - x) * np.log(1 - mean)
    return -nats.reshape(len(x), -1).sum(1).mean()
  scale = options['likelihood_scale']
  if kind == 'gaussian_linear':
    mean = raw
  elif kind != 'gaussian':
    scale = math.exp(-6 + math.log1p(math.exp(params['log_scale'])))
  if kind == 'discretized_logistic':
    top = np.where(x > 0.999, 1, sigmoid((x + 1 / 510 - mean) / scale))
    bottom = np.where(x < 0.001, 0, sigmoid((x - 1 / 510 - mean) / scale))
    nats = np.log(top - bottom)
  else:
    nats = log_normal(x, mean, 2 * math.log(scale))
  return -nats.reshape(len(x), -1).sum(1).mean()


def kl_terms(mean, logvar):
  return (0.5 * (mean**2 + np.exp(logvar) - logvar - 1)).mean(0)
