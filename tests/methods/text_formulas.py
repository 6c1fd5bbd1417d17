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
