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


def cross_aligned(s):
  labels = np.asarray(s.batch['label'])
  nats = [told(s, x, y)[1] for x, y in zip(s.x, labels)]
  return np.array(nats) / len(s.x)


def told(s, x, label):
  """Content, nats and states of a sentence that is read and said again."""
  p, style = s.params, s.made.config.style
  table, tokens = p['embedding']['table'], words(x)
  h = np.append(
    p['read_style']['table'][label], np.zeros(s.made.config.content)
  )
  for word in tokens:
    h = gru(p['reader']['cell'], h, table[word])
  content, nats, states = h[style:], 0.0, []
  h = np.append(p['written_style']['table'][label], content)
  for before, word in zip([1, *tokens], tokens):
    h = gru(p['writer']['cell'], h, table[before])
    logits = dense(p['readout'], h)
    nats += np.log(np.exp(logits).sum()) - logits[word]
    states.append(h)
  return content, nats, np.array(states)


def spoken(s, content, label):
  """States under a label, fed with soft words, and how far each counts."""
  p, states, counts, goes_on = s.params, [], [], 1.0
  table, x = p['embedding']['table'], p['embedding']['table'][1]
  h = np.append(p['written_style']['table'][label], content)
  for _ in range(len(s.x[0])):
    h = gru(p['writer']['cell'], h, x)
    # Neither padding nor the start is a word.
    law = np.exp(dense(p['readout'], h) / s.hparams['tau'])
    law[:2] = 0
    law /= law.sum()
    states.append(h)
    counts.append(goes_on)
    x, goes_on = law @ table, goes_on * (1 - law[END])
  return np.array(states), np.array(counts)


def judged(s, states, counts, label):
  """The logit of the discriminator of a label."""
  own, answers = s.state.discriminators, []
  states = states * counts[:, None]
  for height in s.made.config.heights:
    padded = np.pad(states, ((0, height - 1), (0, 0)))
    windows = [padded[t : t + height].ravel() for t in range(len(states))]
    layer = own[f'windows_{label}'][f'height_{height}']
    values = [relu(dense(layer, w)) * c for w, c in zip(windows, counts)]
    answers.extend(np.max(values, axis=0))
  return dense(own[f'logit_{label}'], np.array(answers))[0]


def cross_aligned_players(s):
  """Losses of the discriminators and of those that fool them, none moved."""
  softplus, own, other = lambda v: np.log1p(np.exp(v)), [], []
  for x, label in zip(s.x, np.asarray(s.batch['label'])):
    content, _, states = told(s, x, label)
    own.append(judged(s, states, np.ones(len(states)), label))
    other.append(judged(s, *spoken(s, content, 1 - label), 1 - label))
  own, other = np.array(own), np.array(other)
  loss = np.mean(softplus(-own)) + np.mean(softplus(other))
  return loss, np.mean(softplus(-other))


REFERENCES = {
  'arae': arae,
  'text_autoencoder': autoencoder,
  'cross_aligned': cross_aligned,
}
