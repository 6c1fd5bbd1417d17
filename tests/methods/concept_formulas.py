"""Losses of symbols and operators on them, in NumPy.

Each takes a `test_losses.Step` and gives the addends of the loss.
"""

from formulas import dense, encode, kl_terms, reconstruction, sigmoid
import jax
import numpy as np

from disentangle_jax.ops import per_example


def relu_stack(params, x):
  for number in range(len(params)):
    x = np.maximum(dense(params[f'Dense_{number}'], x), 0)
  return x


def heads(params, features):
  own = params['Heads_0']
  return dense(own['mean'], features), dense(own['logvar'], features)


def of_symbol(params, symbol):
  """Mean and log variance of q(z|y)."""
  own = params['symbol_encoder']
  return heads(own, relu_stack(own['MLP_0'], symbol))


def of_picture(params, x):
  told = encode(params, x)
  return told['mean'], told['logvar']


def of_both(params, x, symbol):
  own = params['joint_encoder']
  features = relu_stack(own['MLP_0'], x.reshape(len(x), -1))
  both = np.concatenate([features, symbol], 1)
  return heads(own, relu_stack(own['MLP_1'], both))


def naming(params, z, symbol):
  """Cross entropy of a symbol's places, place by place."""
  own = params['symbol_decoder']
  p = sigmoid(dense(own['Dense_0'], relu_stack(own['MLP_0'], z)))
  nats = symbol * np.log(p) + (1 - symbol) * np.log(1 - p)
  return -nats.sum(1).mean()


def kl(first, second):
  """KL of two Gaussians, summed over latents, mean over rows."""
  (m1, l1), (m2, l2) = first, second
  ratio = (np.exp(l1) + (m1 - m2) ** 2) / np.exp(l2)
  return (0.5 * (l2 - l1 + ratio - 1)).sum(1).mean()


def draw(s, key, posterior):
  mean, logvar = posterior
  eps = np.asarray(per_example.normal(key, s.index, mean.shape[1:]), np.float64)
  return mean + np.exp(logvar / 2) * eps


def pair(s):
  """A symbol and its picture."""
  x = np.asarray(s.batch['symbol_observation'], np.float64)
  return x, np.asarray(s.batch['symbol'], np.float64)


def scan(s):
  x, symbol = pair(s)
  seen, said = of_picture(s.params['eyes'], x), of_symbol(s.params, symbol)
  z = draw(s, s.key, said)
  both = (seen, said)
  if s.options.get('direction') == 'reverse':
    both = (said, seen)
  return [
    naming(s.params, z, symbol),
    s.hparams['beta_symbol'] * kl_terms(*said).sum(),
    s.hparams['lambda_grounding'] * kl(*both),
  ]


def joint_terms(s):
  x, symbol = pair(s)
  both = of_both(s.params, x, symbol)
  z = draw(s, s.key, both)
  return both, [
    reconstruction(s.params, z, x, s.options),
    naming(s.params, z, symbol),
    kl_terms(*both).sum(),
  ]


def jmvae(s):
  (x, symbol), (both, addends) = pair(s), joint_terms(s)
  gaps = [
    kl(both, of_picture(s.params, x)),
    kl(both, of_symbol(s.params, symbol)),
  ]
  return [*addends, *(s.hparams['alpha'] * gap for gap in gaps)]


def trelbo(s):
  if s.options.get('stage') == 'joint':
    return joint_terms(s)[1]
  x, symbol = pair(s)
  picture, said = of_picture(s.params, x), of_symbol(s.params, symbol)
  picture_key, symbol_key = jax.random.split(s.key)
  return [
    reconstruction(s.params, draw(s, picture_key, picture), x, s.options),
    kl_terms(*picture).sum(),
    naming(s.params, draw(s, symbol_key, said), symbol),
    kl_terms(*said).sum(),
  ]


def recombined(params, first, second, operator):
  """The operators' net, latent by latent."""
  means, logvars = np.zeros_like(first[0]), np.zeros_like(first[0])
  for b, place in enumerate(operator):
    for k in range(means.shape[1]):
      seen = [first[0][b, k], second[0][b, k], first[1][b, k], second[1][b, k]]
      hidden = np.maximum(dense(params['Dense_0'], np.array(seen)), 0)
      said = dense(params['Dense_1'], hidden)
      means[b, k], logvars[b, k] = said[2 * place : 2 * place + 2]
  return means, logvars


def operators(s, eyes):
  """`eyes` takes the earlier phase's parameters to those of its encoder."""
  known = s.params['concepts']
  symbol = lambda name: np.asarray(s.batch[f'{name}_symbol'], np.float64)
  result = recombined(
    s.params['operators'],
    of_symbol(known, symbol('first')),
    of_symbol(known, symbol('second')),
    np.asarray(s.batch['operator']),
  )
  if s.options.get('operator_target') == 'symbol':
    target = of_symbol(known, symbol('result'))
  else:
    x = np.asarray(s.batch['result_observation'], np.float64)
    target = of_picture(eyes(known), x)
  both = (target, result)
  if s.options.get('direction') == 'reverse':
    both = (result, target)
  return [kl(*both)]


def scan_operators(s):
  return operators(s, lambda known: known['eyes'])


def jmvae_operators(s):
  return operators(s, lambda known: known)


def trelbo_operators(s):
  return operators(s, lambda known: known)


REFERENCES = {
  f.__name__: f
  for f in (
    scan,
    scan_operators,
    jmvae,
    jmvae_operators,
    trelbo,
    trelbo_operators,
  )
}
