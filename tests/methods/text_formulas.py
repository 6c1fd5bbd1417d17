"""Losses of systems that read and write sentences, word by word in loops.

Each takes a `test_losses.Step`.
"""

import math

from formulas import dense, sigmoid
import numpy as np

PAD, BOS, EOS = 0, 1, 2


def words_of(sentence):
  """Its tokens up to the end, which is one of them."""
  sentence = [int(word) for word in sentence]
  return sentence[: sentence.index(EOS) + 1]


def gru(weights, state, x):
  """The next state; gates in the order reset, update, candidate."""
  size = len(state)
  own = x @ weights['input'] + weights['bias']
  past = state @ weights['state']
  reset = sigmoid(own[:size] + past[:size])
  update = sigmoid(own[size : 2 * size] + past[size : 2 * size])
  past = past[2 * size :] + weights['candidate_bias']
  new = np.tanh(own[2 * size :] + reset * past)
  return (1 - update) * new + update * state


def log_softmax(scores):
  scores = scores - scores.max()
  return scores - math.log(sum(np.exp(scores)))


def largest_answers(layers, vectors, heights):
  """Of every filter over all windows that start at a word."""
  features = []
  for height in heights:
    layer, answers = layers[f'height_{height}'], []
    nothing = np.zeros_like(vectors[0])
    for start in range(len(vectors)):
      window = [*vectors[start : start + height]]
      window += [nothing] * (height - len(window))
      answers.append(np.maximum(dense(layer, np.concatenate(window)), 0))
    features.append(np.max(answers, axis=0))
  return np.concatenate(features)


def sentiment_mmd(s):
  net, heights = s.params['net'], s.made.config.heights
  table, writer = net['embedding']['table'], net['writer']
  spoken, named = [], []
  for sentence, label in zip(s.batch['observation'], s.batch['label']):
    words = words_of(sentence)
    layers = net['encoder']['WindowCNN_0']
    z = largest_answers(layers, [table[word] for word in words], heights)
    state, nats = dense(writer['start'], z), 0.0
    for before, word in zip([BOS, *words[:-1]], words):
      state = gru(writer['rnn']['cell'], state, table[before])
      nats -= log_softmax(dense(writer['readout'], state))[word]
    spoken.append(nats)
    named.append(-log_softmax(dense(net['head'], z))[int(label)])
  return [np.mean(spoken), np.mean(named)]


REFERENCES = {'sentiment_mmd': sentiment_mmd}
"""Losses of systems that write sentences, sentence by sentence, word by word.

Each takes a `test_losses.Step` and gives the addends of the loss.
"""


EOS, BOS = 2, 1


def lstm(cell, h, c, x):
  """One step; gates in the order input, forget, candidate, output."""
  size = len(h)
  gates = x @ cell['input'] + h @ cell['state'] + cell['bias']
  i, f, g, o = (gates[k * size : (k + 1) * size] for k in range(4))
  c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
  return sigmoid(o) * np.tanh(c), c


def words_of(sentence):
  """Tokens up to the end, which is the last of them."""
  sentence = [int(token) for token in sentence]
  return sentence[: sentence.index(EOS) + 1]


def read(params, sentence):
  """The code of a sentence."""
  cell = params['RNN_0']['cell']
  h = c = np.zeros(cell['state'].shape[0])
  for token in words_of(sentence):
    h, c = lstm(cell, h, c, params['Embedding_0']['table'][token])
  return dense(params['Dense_0'], np.concatenate([h, c]))


def written(params, code, sentence):
  """Nats of a sentence, each word given those before."""
  start = dense(params['start'], code)
  h, c = start[: len(start) // 2], start[len(start) // 2 :]
  nats, before = 0.0, BOS
  for token in words_of(sentence):
    h, c = lstm(params['lstm']['cell'], h, c, params['embed']['table'][before])
    logits = dense(params['readout'], h)
    nats += np.log(np.sum(np.exp(logits))) - logits[token]
    before = token
  return nats


def nl_multitask(s):
  fields = {
    'rep': 'observation',
    'g': 'translation_g',
    'f': 'translation_f',
    'pos': 'tags',
  }
  sentences = np.asarray(s.batch['observation'])
  codes = [read(s.params['encoder'], sentence) for sentence in sentences]
  addends = []
  for name in s.made.config.decoders.split('+'):
    own = s.params['decoders'][name]
    targets = np.asarray(s.batch[fields[name]])
    nats = [written(own, code, y) for code, y in zip(codes, targets)]
    weight = 1.0 if name == 'rep' else s.hparams[f'weight_{name}']
    addends.append(weight * sum(nats) / len(nats))
  return addends


REFERENCES = {f.__name__: f for f in (nl_multitask,)}
