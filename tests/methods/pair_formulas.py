"""Losses of the SD-GANs, pair by pair.

Each takes a `test_losses.Step` and gives the addends of the loss: the critic's
of the step, at the parameters before it.
"""

from formulas import dense, sigmoid
import jax
import numpy as np

from disentangle_jax.ops import per_example


def latents(s, key):
  """[z_I; z_O] of both images of every pair, from the step's draws."""
  config = s.made.config
  keys = jax.random.split(key, 4)
  draw = lambda k, n: (
    2 * np.asarray(per_example.uniform(k, s.index, (n,)), np.float64) - 1
  )
  shared = draw(keys[0], config.identity_latents)
  rest = [draw(k, config.observation_latents) for k in keys[2:]]
  return [np.concatenate([shared, own], axis=1) for own in rest]


def layers(params, x, activation):
  """Dense layers of an MLP, one after the other."""
  for number in range(len(params)):
    x = activation(dense(params[f'Dense_{number}'], x))
  return x


def relu(x):
  return np.maximum(x, 0)


def leaky(x):
  return np.where(x > 0, x, 0.2 * x)


def raw_image(params, vector):
  return dense(params['Dense_0'], layers(params['MLP_0'], vector, np.tanh))


def real_pairs(s):
  """The pairs whose images differ, in [-1, 1]."""
  flat = lambda name: np.asarray(s.batch[name], np.float64).reshape(
    len(s.index), -1
  )
  first, second = flat('observation'), flat('identity_pair')
  differ = [b for b in s.index if (first[b] != second[b]).any()]
  assert 0 < len(differ) < len(s.index), 'the draws should show both kinds'
  return 2 * first[differ] - 1, 2 * second[differ] - 1


def sd_gan(s):
  critic, generator = s.state.critic, s.params['generator']
  images = [
    2 * sigmoid(2 * raw_image(generator, z)) - 1
    for z in latents(s, jax.random.split(s.key)[0])
  ]

  def logits(first, second):
    features = [
      layers(critic['encoder']['MLP_0'], x, relu) for x in (first, second)
    ]
    collate = critic['collate']
    hidden = layers(collate['MLP_0'], np.concatenate(features, 1), leaky)
    return dense(collate['Dense_0'], hidden)[:, 0]

  on_data = np.logaddexp(0, -logits(*real_pairs(s))).mean()
  return [0.5 * on_data, 0.5 * np.logaddexp(0, logits(*images)).mean()]


def sd_began(s):
  critic = s.state.critic
  images = [raw_image(s.params['generator'], z) for z in latents(s, s.key)]

  def error(*pair):
    """Mean |r - x| over all pairs, images and values."""
    codes = []
    for x in pair:
      hidden = layers(critic['encoder']['MLP_0'], x, relu)
      codes.append(dense(critic['encoder']['Heads_0']['code'], hidden))
    narrow = dense(critic['narrow'], np.concatenate(codes, 1))
    wide = dense(critic['wide'], narrow)
    width = codes[0].shape[1]
    parts = (wide[:, :width], wide[:, width:])
    return np.mean(
      [
        np.abs(raw_image(critic['decoder'], y) - x).mean()
        for x, y in zip(pair, parts)
      ]
    )

  return [error(*real_pairs(s)), -s.state.balance * error(*images)]


REFERENCES = {f.__name__: f for f in (sd_gan, sd_began)}
