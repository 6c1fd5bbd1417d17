"""Losses of systems that write sentences, sentence by sentence, word by word.

Each takes a `test_losses.Step` and gives the addends of the loss.
"""

from formulas import dense, sigmoid
import numpy as np

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
