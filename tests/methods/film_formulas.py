"""Losses of methods that see films, frame by frame.

Each takes a `test_losses.Step`.
"""

import math

from formulas import dense, log_normal, sigmoid
import numpy as np

from disentangle_jax.ops import per_example

SELU = (1.0507009873554805, 1.6732632423543772)


def leaky(x):
  return np.where(x > 0, x, 0.2 * x)


def clipped(logvar):
  return np.minimum(np.maximum(logvar, -10), 5)


def moved(params, z, blocks):
  """Mean and log variance of p(z_t | z_{t-1}), block after block."""
  scale, alpha = SELU
  size, layers = z.shape[1] // blocks, len(params) // 2
  mean, logvar = np.zeros_like(z), np.zeros_like(z)
  for block in range(blocks):
    own = slice(block * size, (block + 1) * size)
    x = z[:, own]
    for layer in range(layers):
      x = x @ params[f'kernel_{layer}'][block] + params[f'bias_{layer}'][block]
      if layer < layers - 1:
        x = scale * np.where(x > 0, x, alpha * (np.exp(x) - 1))
    mean[:, own], logvar[:, own] = x[:, :size], clipped(x[:, size:])
  return mean, logvar


def inferred(params, features, predicted):
  told = [
    leaky(dense(params[f'Dense_{i}'], part)) for i, part in enumerate(predicted)
  ]
  x = leaky(dense(params['Dense_2'], np.concatenate([features, *told], 1)))
  heads = params['Heads_0']
  return dense(heads['mean'], x), clipped(dense(heads['logvar'], x))


def independent_prediction(s):
  """Addends of every frame: -log p(x_t | z_t), and the KL's own ones."""
  nets, config = s.params['nets'], s.made.config
  latents = config.factors * config.latents_per_factor
  frames = s.x.shape[1]
  noise = per_example.normal(s.key, s.index, (frames, latents))
  noise = np.asarray(noise, np.float64)
  blocks = config.factors if config.transition == 'factored' else 1
  encoder, decoder = nets['encoder'], nets['decoder']
  prior = predicted = (np.zeros((len(s.x), latents)),) * 2
  addends = []
  for t in range(frames):
    x = s.x[:, t].reshape(len(s.x), -1)
    hidden = np.maximum(dense(encoder['below']['MLP_0']['Dense_0'], x), 0)
    features = leaky(dense(encoder['Dense_0'], hidden))
    mean, logvar = inferred(nets['posterior'], features, predicted)
    z = mean + np.exp(logvar / 2) * noise[:, t]
    hidden = np.tanh(dense(decoder['MLP_0']['Dense_0'], z))
    shown = sigmoid(dense(decoder['Dense_0'], hidden))
    nats = log_normal(x, shown, math.log(config.variance))
    addends.append(-nats.sum(1).mean())
    # KL of two Gaussians, term by term.
    ratio = np.exp(logvar - prior[1])
    far = (mean - prior[0]) ** 2 / np.exp(prior[1])
    addends.append(0.5 * (prior[1] - logvar).sum(1).mean())
    addends.append(0.5 * (ratio + far - 1).sum(1).mean())
    prior = predicted = moved(nets['transition'], z, blocks)
  return addends


REFERENCES = {'independent_prediction': independent_prediction}
