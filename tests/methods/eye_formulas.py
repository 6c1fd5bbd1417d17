"""Losses of eyes that are trained before an agent acts, in NumPy.

Each takes a `test_losses.Step` and gives the addends of the loss.
"""

import functools

from formulas import decode, dense, encode, kl_terms, sigmoid
import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax.data import factorial
from disentangle_jax.methods.control import hands
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


@functools.cache
def player(made):
  """What was done is the package's own draw."""
  config, sizes = made.config, made.data.factor_sizes
  task = made.data.extras['task']
  module = hands.Hands(task.source.num_actions, config.hidden)

  def play(key, params, codes, copies):
    def choose(key, point):
      seen = codes[factorial.flat_index(point, sizes)]
      told = module.apply({'params': params}, seen)['preferences']
      return jax.random.categorical(key, told).astype(jnp.int32)

    key = jax.random.split(key)[0]
    return hands.play(
      key,
      task.source,
      copies,
      choose,
      config.unroll,
      task.episode,
      task.discount,
    )[1]

  return made.jit(play)


def darla(s):
  made, memory, p = s.made, s.state.memory, s.params['hands']
  single = lambda tree: jax.tree.map(np.float32, tree)
  copies = hands.Copies(
    np.int32(memory['copies'].point),
    np.float32(memory['copies'].earned),
    np.int32(memory['copies'].clock),
    np.float32(memory['copies'].last),
  )
  turn = player(made)(s.key, single(p), single(memory['codes']), copies)
  turn = jax.tree.map(np.asarray, turn)
  sizes, gamma = made.data.factor_sizes, s.hparams['gamma']

  def network(point):
    code = memory['codes'][np.ravel_multi_index(point, sizes)]
    h = np.tanh(dense(p['MLP_0']['Dense_0'], code))
    heads = p['Heads_0']
    x = dense(heads['preferences'], h)
    return np.exp(x) / np.exp(x).sum(), dense(heads['value'], h)[0]

  steps, count = turn.action.shape
  gain = error = entropy = 0.0
  for n in range(count):
    aim = network(turn.after[-1, n])[1]
    for t in reversed(range(steps)):
      aim = turn.reward[t, n] + gamma * aim
      policy, value = network(turn.point[t, n])
      gain += (aim - value) * np.log(policy[turn.action[t, n]])
      error += (aim - value) ** 2
      entropy -= np.sum(policy * np.log(policy))
  weights = -1.0, s.hparams['value_weight'], -s.hparams['entropy']
  return [
    w * total / (steps * count)
    for w, total in zip(weights, (gain, error, entropy))
  ]


REFERENCES = {f.__name__: f for f in (dae, perceptual_vae, darla)}
