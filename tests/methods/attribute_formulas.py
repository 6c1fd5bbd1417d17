"""The six losses of attribute transfer, word by word, in NumPy.

`attribute_transfer` takes a `test_losses.Step` and gives the loss's addends.
"""

from formulas import dense, sigmoid
import numpy as np

from disentangle_jax.methods.text import attribute_transfer as method

PAD, BOS, EOS = range(3)


def softmax(x):
  x = np.exp(x - x.max(-1, keepdims=True))
  return x / x.sum(-1, keepdims=True)


def price(p):
  return -np.log(p)


def gru(p, h, x):
  W, U, b = (np.split(p[k], 3, -1) for k in ('input', 'state', 'bias'))
  r = sigmoid(x @ W[0] + b[0] + h @ U[0])
  z = sigmoid(x @ W[1] + b[1] + h @ U[1])
  n = np.tanh(x @ W[2] + b[2] + r * (h @ U[2] + p['candidate_bias']))
  return (1 - z) * n + z * h


class Sentence:
  """One sentence as laws [L, V], and how far its places count [L]."""

  def __init__(self, laws):
    self.laws, self.mask, goes_on = laws, [], 1.0
    for law in laws:
      self.mask.append(goes_on)
      goes_on *= 1 - law[EOS]
    self.mask = np.array(self.mask)


class Networks:
  """E, G and C of one run, one sentence at a time."""

  def __init__(self, params, tau, vectors, features):
    self.params, self.tau = params, tau
    self.table, self.stays = params['words']['table'], vectors
    self.features = features

  def read(self, sentence, label):
    p, states = self.params['reader'], []
    h = p['start']['table'][label]
    for law in sentence.laws:
      h = gru(p['rnn']['cell'], h, (law @ self.table) * self.stays)
      states.append(h)
    return np.array(states), sentence.mask

  def begin(self, label):
    return dense(self.params['writer']['start'], np.eye(2)[label])

  def step(self, h, word, memory):
    """State, law over words and attention after a word's vector."""
    p, (states, mask) = self.params['writer'], memory
    h = gru(p['rnn']['cell'], h, word * self.stays)
    look = p['look']
    hidden = dense(look['query'], h) + states @ look['state']['kernel']
    scores = np.tanh(hidden) @ look['score']['kernel'][:, 0]
    weights = mask * np.exp(scores)
    weights = weights / weights.sum()
    seen = np.concatenate([h, weights @ states])
    return h, dense(p['readout'], seen), weights

  def forced(self, tokens, memory, label):
    """-log p of a sentence's words and end."""
    h, word, nats = self.begin(label), BOS, 0.0
    for token in tokens:
      h, logits, _ = self.step(h, self.table[word], memory)
      nats += price(softmax(logits)[token])
      word = token
      if token == EOS:
        break
    return nats

  def write(self, memory, label, length):
    h, x, laws, all_logits, looks = (
      self.begin(label),
      self.table[BOS],
      [],
      [],
      [],
    )
    for _ in range(length):
      h, logits, weights = self.step(h, x, memory)
      scores = logits.copy()
      scores[[PAD, BOS]] = -np.inf
      laws.append(softmax(scores / self.tau))
      x = laws[-1] @ self.table
      all_logits.append(logits)
      looks.append(weights)
    return Sentence(np.array(laws)), np.array(all_logits), np.array(looks)

  def classify(self, sentence, heights):
    p = self.params['classifier']
    x = (sentence.laws @ p['vectors']['table']) * sentence.mask[:, None]
    answers = []
    for height in heights:
      padded = np.concatenate([x, np.zeros((height - 1, x.shape[1]))])
      windows = [padded[t : t + height].reshape(-1) for t in range(len(x))]
      answer = np.maximum(
        dense(p['cnn'][f'height_{height}'], np.array(windows)), 0
      )
      answers.append((answer * sentence.mask[:, None]).max(0))
    return softmax(dense(p['head'], np.concatenate(answers) * self.features))


def attribute_transfer(s):
  config, total = s.made.config, np.zeros(6)
  networks = method.build(config, s.made.data)
  stays = networks.dropout(s.key, s.index, config.dropout)
  of = lambda scale, b: 1.0 if scale is None else np.asarray(scale[b], float)
  batch, size = s.batch, len(s.params['words']['table'])
  for b in range(len(s.x)):
    own, x = int(batch['label'][b]), np.asarray(batch['observation'][b])
    nets = Networks(
      s.params, s.hparams['tau'], of(stays.vectors, b), of(stays.features, b)
    )
    source = Sentence(np.eye(size)[x])
    memory = nets.read(source, own)
    there, logits, looks = nets.write(memory, 1 - own, networks.length)
    across = nets.read(there, 1 - own)
    back, _, _ = nets.write(across, own, networks.length)
    content = 0.0
    for r in np.flatnonzero(batch['noun_mask'][b]):
      step = np.argmax(looks[:, r] * there.mask)
      content += price(softmax(logits[step])[x[r]])
    total += [
      nets.forced(x, memory, own),
      content,
      nets.forced(x, across, own),
      price(nets.classify(source, config.heights)[own]),
      price(nets.classify(there, config.heights)[1 - own]),
      price(nets.classify(back, config.heights)[own]),
    ]
  warmup = s.hparams['warmup_steps']
  later = min(max((s.step - warmup) / warmup, 0), 1)
  waits = [1, later, later, 1, later, later]
  weights = [s.hparams[f'lambda_{name}'] for name in method.WEIGHTS]
  return [w * k * t / len(s.x) for w, k, t in zip(weights, waits, total)]


REFERENCES = {'attribute_transfer': attribute_transfer}
