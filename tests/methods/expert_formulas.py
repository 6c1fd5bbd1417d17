"""Losses of competing experts, expert by expert, with loops over kernels.

Each takes a `test_losses.Step` and gives the addends of the loss.
"""

from formulas import dense, sigmoid
import numpy as np


def conv(x, kernel, bias=0.0):
  """3 x 3 SAME cross correlation, [B, H, W, I] by [3, 3, I, O]."""
  padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
  height, width = x.shape[1:3]
  total = bias
  for i in range(3):
    for j in range(3):
      window = padded[:, i : i + height, j : j + width]
      total = total + window @ kernel[i, j]
  return total


def elu(x):
  return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


def expert(params, number, x):
  """One expert's output, normalised by the batch."""
  own = lambda name, leaf: params[name][leaf][number]
  layers = sorted(name for name in params if name.startswith('norm_'))
  for place, name in enumerate(layers):
    x = conv(x, own(f'Conv_{place}', 'kernel'))
    centred = x - x.mean((0, 1, 2))
    variance = (centred**2).mean((0, 1, 2))
    x = centred / np.sqrt(variance + 1e-5) * own(name, 'gain')
    x = elu(x + own(name, 'bias'))
  last = f'Conv_{len(layers)}'
  return sigmoid(conv(x, own(last, 'kernel'), own(last, 'bias')))


def judge(params, channels, x):
  """The critic's logits [B]."""
  for number, width in enumerate(channels):
    layer = params[f'Conv_{number}']
    x = elu(conv(x, layer['kernel'], layer['bias']))
    if number + 1 == len(channels) or channels[number + 1] != width:
      batch, height, side, _ = x.shape
      x = x[:, : height // 2 * 2, : side // 2 * 2]
      x = x.reshape(batch, height // 2, 2, side // 2, 2, width).mean((2, 4))
  x = elu(dense(params['Dense_0'], x.reshape(len(x), -1)))
  return dense(params['Dense_1'], x)[:, 0]


def causal_mechanisms(s):
  config, seen = s.made.config, np.asarray(s.batch['transformed'], np.float64)
  logits = lambda x: judge(s.params['critic'], config.critic_channels, x)
  addends = [np.logaddexp(0, -logits(s.x)).mean()]
  for number in range(config.experts):
    made = expert(s.params['experts'], number, seen)
    addends.append(np.logaddexp(0, logits(made)).mean() / config.experts)
  return addends


def identity_pretraining(s):
  images = np.asarray(s.batch['more_transformed'], np.float64)
  count = s.made.config.experts
  return [
    np.mean((expert(s.params['experts'], n, images[:, n]) - images[:, n]) ** 2)
    / count
    for n in range(count)
  ]


REFERENCES = {f.__name__: f for f in (causal_mechanisms, identity_pretraining)}
