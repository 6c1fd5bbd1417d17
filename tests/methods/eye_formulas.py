"""Losses of eyes that are trained before an agent acts, in NumPy.

Each takes a `test_losses.Step` and gives the addends of the loss.
"""

from formulas import decode, encode, kl_terms, sigmoid
import jax.numpy as jnp
import numpy as np

from disentangle_jax.ops import noise, per_example


def shown(params, code, shape):
  return sigmoid(decode(params, code, shape))


def squares(a, b):
  """Sum over all but the first axis, mean over it."""
  return np.sum((a - b) ** 2) / len(a)


def dae(s):
  most = s.made.config.largest_rectangle
  image = jnp.asarray(s.batch['observation'])
  seen = noise.rectangle(s.key, s.index, image, most)
  code = np.tanh(encode(s.params, np.asarray(seen, np.float64))['code'])
  return [squares(shown(s.params, code, s.x.shape[1:]), s.x)]


def perceptual_vae(s):
  heads = encode(s.params, s.x)
  mean, logvar = heads['mean'], heads['logvar']
  eps = np.asarray(per_example.normal(s.key, s.index, mean.shape[1:]), float)
  picture = shown(s.params, mean + np.exp(logvar / 2) * eps, s.x.shape[1:])
  fixed = s.params['dae']
  features = lambda x: np.tanh(encode(fixed, x)['code'])
  if s.made.config.feature == 'reconstruction':
    code = features
    features = lambda x: shown(fixed, code(x), x.shape[1:])
  error = squares(features(picture), features(s.x))
  return [error, s.hparams['beta'] * kl_terms(mean, logvar).sum()]


REFERENCES = {f.__name__: f for f in (dae, perceptual_vae)}
