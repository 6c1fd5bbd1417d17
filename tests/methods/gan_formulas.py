"""Losses of the InfoGAN family, image by image.

Each takes a `test_losses.Step` and gives the addends of the loss: the critic's
of the step, at the parameters before it.
"""

import math

from formulas import dense, sigmoid
import jax
import numpy as np

from disentangle_jax.ops import per_example


def softplus(x):
  return np.logaddexp(0, x)


def players(s):
  """The critic's parameters, kernels divided by their singular values."""
  own = {name: s.params[name] for name in ('trunk', 'posterior')}
  own['head'] = s.state.head
  if not getattr(s.made.config, 'spectral', False):
    return own
  return spectral(own, s.params['vectors'])


def spectral(params, vectors):
  """One step of the power iteration, then W / (u' W v)."""
  found = {}
  for name, leaf in params.items():
    if isinstance(leaf, dict):
      found[name] = spectral(leaf, vectors.get(name, {}))
    elif name == 'kernel':
      matrix = leaf.reshape(-1, leaf.shape[-1])
      unit = lambda x: x / np.linalg.norm(x)
      v = unit(matrix.T @ unit(matrix @ vectors[name]))
      found[name] = leaf / (unit(matrix @ v) @ matrix @ v)
    else:
      found[name] = leaf
  return found


def latents(s, key):
  """Codes, classes and the generator's input, from the step's draws."""
  config = s.made.config
  keys = jax.random.split(key, len(config.categories) + 2)
  draw = lambda k, n: (
    2 * np.asarray(per_example.uniform(k, s.index, (n,)), np.float64) - 1
  )
  codes = draw(keys[0], config.num_continuous)
  classes = [
    np.asarray(per_example.integers(k, s.index, (), 0, size))
    for k, size in zip(keys[2:], config.categories)
  ]
  hot = [np.eye(size)[c] for c, size in zip(classes, config.categories)]
  noise = draw(keys[1], config.num_noise)
  return codes, classes, np.concatenate([codes, *hot, noise], axis=1)


def generate(s, x):
  p = s.params['generator']
  raw = dense(p['Dense_0'], np.tanh(dense(p['MLP_0']['Dense_0'], x)))
  return sigmoid(raw)


def features(critic, x):
  return np.maximum(dense(critic['trunk']['MLP_0']['Dense_0'], x), 0)


def logits(critic, x):
  return dense(critic['head']['logit'], features(critic, x))[:, 0]


def code_terms(s, critic, images, codes, classes):
  """Both cross entropies of codes, with their weights."""
  config, posterior = s.made.config, critic['posterior']
  h = dense(posterior['Dense_0'], features(critic, images))
  h = np.where(h > 0, h, 0.01 * h)
  heads = {name: dense(p, h) for name, p in posterior['Heads_0'].items()}
  addends, begin = [], 0
  for size, chosen in zip(config.categories, classes):
    own = heads['class_logits'][:, begin : begin + size]
    right = own[np.arange(len(own)), chosen] - np.log(np.exp(own).sum(1))
    addends.append(-s.hparams['lambda_categorical'] * right.mean())
    begin += size
  if config.num_continuous:
    scale = np.maximum(heads.get('log_scale', 0.0), -3)
    nats = 0.5 * math.log(2 * math.pi) + scale
    nats = nats + (codes - heads['mean']) ** 2 / (2 * np.exp(2 * scale))
    addends.append(s.hparams['lambda_continuous'] * nats.sum(1).mean())
  return addends


def flat(s):
  return np.asarray(s.batch['observation'], np.float64).reshape(len(s.x), -1)


def minimax(s, key):
  """Of a critic that is a classifier."""
  codes, classes, x = latents(s, key)
  images, critic = generate(s, x), players(s)
  return [
    softplus(-logits(critic, flat(s))).mean(),
    softplus(logits(critic, images)).mean(),
    *code_terms(s, critic, images, codes, classes),
  ]


def infogan(s):
  return minimax(s, jax.random.split(s.key)[0])


def infogan_cr(s):
  return minimax(s, jax.random.split(s.key, 7)[2])


def infogan_wgan(s):
  latents_key, between_key = jax.random.split(jax.random.fold_in(s.key, 0))
  codes, classes, x = latents(s, latents_key)
  images, critic = generate(s, x), players(s)
  seen, fake = 2 * flat(s) - 1, 2 * images - 1
  weight = np.asarray(per_example.uniform(between_key, s.index, (1,)))
  between = seen + weight * (fake - seen)
  # d/dv of w' relu(v A + b), row by row.
  first = critic['trunk']['MLP_0']['Dense_0']
  open_units = dense(first, between) > 0
  top = critic['head']['logit']['kernel'][:, 0]
  slope = (open_units * top) @ first['kernel'].T
  excess = np.linalg.norm(slope, axis=1) - 1
  return [
    logits(critic, fake).mean(),
    -logits(critic, seen).mean(),
    s.hparams['gradient_penalty'] * np.mean(excess**2),
    *code_terms(s, critic, fake, codes, classes),
  ]


REFERENCES = {f.__name__: f for f in (infogan, infogan_cr, infogan_wgan)}
