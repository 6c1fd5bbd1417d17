"""Losses of systems that rewrite sentences, and of their adversaries.

Each takes a `test_losses.Step` and gives the addends of the loss.
"""

from formulas import dense, sigmoid
import jax
import numpy as np
from pair_formulas import leaky, relu

from disentangle_jax.ops import per_example

END = 2


def normal(key, index, *shape):
  return np.asarray(per_example.normal(key, index, shape), np.float64)


def gru(cell, h, x):
  size = len(h)
  of_x = x @ cell['input'] + cell['bias']
  of_h = h @ cell['state']
  reset = sigmoid(of_x[:size] + of_h[:size])
  update = sigmoid(of_x[size : 2 * size] + of_h[size : 2 * size])
  inner = of_h[2 * size :] + cell['candidate_bias']
  new = np.tanh(of_x[2 * size :] + reset * inner)
  return (1 - update) * new + update * h


def words(tokens):
  """Up to the end and with it."""
  tokens = tokens.astype(int).tolist()
  return tokens[: tokens.index(END) + 1]


def code_of(params, tokens):
  own = params['encoder']
  h = np.zeros(len(own['RNN_0']['cell']['state']))
  for word in words(tokens):
    h = gru(own['RNN_0']['cell'], h, own['Embedding_0']['table'][word])
  code = dense(own['Dense_0'], h)
  return code / np.sqrt(code @ code)


def nats_of(params, code, tokens, label):
  own = params['decoders']
  table = np.split(own['embedding']['table'], 2, axis=-1)[label]
  cell = own[f'rnns_{label}']['cell']
  h, before, nats = np.zeros(len(cell['state'])), 1, 0.0
  for word in words(tokens):
    h = gru(cell, h, np.concatenate([table[before], code]))
    logits = dense(own['readout'], h)
    nats += np.log(np.exp(logits).sum()) - logits[word]
    before = word
  return nats


def rec(s, key):
  """Of every sentence, over their number."""
  labels = np.asarray(s.batch['label'])
  scale = s.hparams['noise'] * 0.5 ** (s.step / s.hparams['noise_half_life'])
  noise = scale * normal(key, s.index, s.made.config.code)
  return [
    nats_of(s.params, code_of(s.params, x) + n, x, label) / len(s.x)
    for x, n, label in zip(s.x, noise, labels)
  ]


def autoencoder(s):
  return rec(s, s.key)


def arae(s):
  return rec(s, keys(s)[0])


def keys(s):
  return jax.random.split(s.key, s.made.config.critic_steps + 2)


def layers(params, x, activation):
  for name in sorted(params['MLP_0']):
    x = activation(dense(params['MLP_0'][name], x))
  return dense(params['Dense_0'], x)


def distance(s):
  """Of the critic's last update, where nothing has moved."""
  config, key = s.made.config, keys(s)[-1]
  number = config.critic_steps - 1
  more = np.asarray(s.batch['more_observations'])[:, number]
  real = [code_of(s.params, x) for x in more]
  zeta = normal(jax.random.split(key)[0], s.index, config.noise_size)
  fake = [layers(s.params['generator'], z, relu) for z in zeta]
  judge = lambda c: layers(s.state.opponents['critic'], c, leaky)[0]
  return np.mean([judge(c) for c in real]) - np.mean([judge(c) for c in fake])


def label_losses(s):
  """Of the labels and of the flipped ones, where nothing has moved."""
  labels = np.asarray(s.batch['label'])
  own = s.state.opponents['classifier']
  chance = [sigmoid(layers(own, code_of(s.params, x), relu)[0]) for x in s.x]
  right = [p if y else 1 - p for p, y in zip(chance, labels)]
  return -np.mean(np.log(right)), -np.mean(np.log(1 - np.array(right)))


REFERENCES = {'arae': arae, 'text_autoencoder': autoencoder}
