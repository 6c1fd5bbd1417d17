"""Losses of systems that act, state by state and embedding by embedding.

What was done is the package's own draw; `test_icf` holds it against the world.
Each takes a `test_losses.Step` and gives the addends of the loss.
"""

import functools
import itertools

from formulas import decode, dense, encode, sigmoid
import jax
import numpy as np

from disentangle_jax.methods.control import icf_fixed, icf_parts


def soft(logits, legal):
  """Probabilities of the legal actions, 0 for others."""
  likely = np.where(legal, np.exp(logits - logits.max()), 0)
  return likely / likely.sum()


def nats(p):
  return -sum(q * np.log(q) for q in p if q > 0)


def network(params, x):
  h = np.maximum(dense(params['MLP_0']['Dense_0'], x), 0)
  return {name: dense(head, h) for name, head in params['Heads_0'].items()}


def code(params, x):
  return np.tanh(encode(params, x)['code'])


def both(config, a, b):
  if config.inputs == 'concatenated':
    return np.concatenate([a, b])
  if config.bilinear_one:
    a, b = np.append(a, 1), np.append(b, 1)
  return np.array([i * j for i in a for j in b])


def policy_of(s, h, phi, legal):
  told = network(s.params['policy'], both(s.made.config, h, phi))
  return soft(told['logits'], legal), told['value'][0]


@functools.cache
def player(made):
  return made.jit(icf_parts.build(made.config, made.data).play)


@functools.cache
def fixed_player(made):
  play = lambda key, index: icf_fixed.play(made.config, made.data, key, index)
  return made.jit(play)


def icf(s):
  config, hparams = s.made.config, s.hparams
  single = jax.tree.map(np.float32, s.params)
  epsilon = np.float32(hparams['epsilon'])
  seen = player(s.made)(single, s.key, s.index, epsilon)
  seen = jax.tree.map(np.asarray, seen)
  totals = {'value': 0, 'entropy': 0, 'transition': 0, 'surrogate': []}
  squares, n = [], config.embeddings
  for row, x in enumerate(seen.observation.astype(np.float64)):
    h = code(s.params, x[None])[0]
    squares.append(
      np.sum((sigmoid(decode(s.params, h[None], x.shape))[0] - x) ** 2)
    )
    phi = []
    for zeta in seen.noise[row].astype(np.float64):
      given = both(config, h, zeta) if config.generator_sees_state else zeta
      raw = network(s.params['generator'], given)['embedding']
      phi.append(
        np.tanh(raw)
        if config.space == 'hypercube'
        else raw / np.linalg.norm(raw)
      )
    of_actors = {}
    for i in range(seen.action.shape[1]):
      outcome = seen.outcomes[row, seen.outcome[row, i]].astype(np.float64)
      after = code(s.params, outcome[None])[0]
      if config.kernel == 'gaussian':
        near = lambda p, d=after - h: np.exp(
          -np.sum((d - p) ** 2) / (2 * hparams['sigma'] ** 2)
        )
      else:
        near = lambda p, d=after - h: max(0, d @ p) + 1e-3
      of_actors[i] = near, after
    for j in range(n):
      i = j if config.acting == 'all' else 0
      near, after = of_actors[i]
      reward = np.log(near(phi[j]) / np.mean([near(p) for p in phi]))
      later = seen.later[row, i].astype(np.float64)
      path = [h, *(code(s.params, x[None])[0] for x in later)]
      log_p, spread, values = 0.0, 0.0, []
      for t, place in enumerate(path):
        p, value = policy_of(s, place, phi[j], seen.legal[row, i, t])
        log_p += np.log(p[seen.action[row, i, t]])
        spread += nats(p) / len(path)
        values.append(value)
      baseline = values[0]
      weight = min(np.exp(log_p - seen.log_behaviour[row, i]), 5)
      gain = weight * (reward + (reward - baseline) * log_p)
      totals['surrogate'].append(gain)
      totals['value'] += weight * (baseline - reward) ** 2
      totals['entropy'] += spread
      if i == j or (config.acting == 'one' and j == 0):
        given = both(config, h, phi[j])
        guess = h + network(s.params['transition'], given)['change']
        share = n if config.acting == 'one' else 1
        totals['transition'] += share * np.sum((after - guess) ** 2)
  count = len(squares) * n
  gone = min(1, s.step / hparams['anneal_steps'])
  w_ent = (1 - gone) * hparams['w_ent'] + gone * hparams['w_ent_end']
  gains = np.array(totals['surrogate']) / count
  w_sel = hparams['w_sel'] * min(1, s.step / hparams['warmup_steps'])
  return [
    hparams['w_ae'] * np.mean(squares),
    *(-w_sel * gains),
    hparams['w_v'] * totals['value'] / count,
    -w_ent * totals['entropy'] / count,
    hparams['w_mb'] * totals['transition'] / count,
  ]


def fixed_heads(s, x):
  heads = encode(s.params, x[None])
  return np.tanh(heads['code'][0]), heads['logits'][0]


def fixed(s):
  config = s.made.config
  seen = jax.tree.map(np.asarray, fixed_player(s.made)(s.key, s.index))
  gains, entropies, squares = [], [], []
  for row, x in enumerate(seen.observation.astype(np.float64)):
    h, logits = fixed_heads(s, x)
    legal = seen.legal[row]
    policies = [soft(p, legal) for p in logits.reshape(len(h), -1)]
    squares.append(
      np.sum((sigmoid(decode(s.params, h[None], x.shape))[0] - x) ** 2)
    )
    entropies.append(np.mean([nats(p) for p in policies]))
    tries = itertools.product(range(seen.action.shape[1]), range(len(h)))
    for number, k in tries:
      outcome = seen.outcomes[row, number].astype(np.float64)
      change = fixed_heads(s, outcome)[0] - h
      rising = sum(max(d, 0) for d in change)
      gain = np.clip(change[k] / (0.01 + rising), -1, 1)
      likely = policies[k][seen.action[row, number]]
      gains.append(
        gain * likely * (legal.sum() if config.acting == 'one' else 1)
      )
  count = len(squares)
  return [
    s.hparams['w_ae'] * np.mean(squares),
    *(-s.hparams['w_sel'] * np.array(gains) / count),
    -s.hparams['w_ent'] * np.mean(entropies),
  ]


REFERENCES = {'icf': icf, 'icf_fixed': fixed}
