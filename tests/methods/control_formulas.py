"""Losses of methods that act, term by term.

Each takes a `test_losses.Step` and gives the addends of the loss.
"""

from formulas import dense, log_normal, sigmoid
import jax
import numpy as np

from disentangle_jax.ops import per_example


def relu(x):
  return np.maximum(x, 0)


def layers(params, x):
  for number in range(len(params)):
    x = relu(dense(params[f'Dense_{number}'], x))
  return x


def gaussian(params, x):
  h = layers(params['MLP_0'], x.reshape(len(x), -1))
  heads = params['Heads_0']
  return dense(heads['mean'], h), dense(heads['logvar'], h)


def kl(mean, logvar, other_mean, other_logvar):
  """By the definition with variances, per row."""
  v, u = np.exp(logvar), np.exp(other_logvar)
  terms = np.log(u) - np.log(v) + (v + (mean - other_mean) ** 2) / u - 1
  return 0.5 * terms.sum(1)


def dynamics_content(s):
  p, h, config = s.params, s.hparams, s.made.config
  x, later, y = (
    np.asarray(s.batch[name], np.float64)
    for name in ('observation', 'next_observation', 'other_observation')
  )
  action = np.asarray(s.batch['action'], np.float64) / 3.0

  def draw(number, mean, logvar):
    key = jax.random.fold_in(s.key, number)
    noise = per_example.normal(key, s.index, mean.shape[1:])
    return mean + np.exp(logvar / 2) * np.asarray(noise, np.float64)

  def nats(z, w, image):
    hidden = np.tanh(dense(p['decoder']['MLP_0']['Dense_0'], np.hstack([z, w])))
    rho = sigmoid(dense(p['decoder']['Dense_0'], hidden))
    flat = image.reshape(len(image), -1)
    logs = flat * np.log(rho) + (1 - flat) * np.log(1 - rho)
    return -logs.sum(1)

  mean, logvar = gaussian(p['encoder'], x)
  after_mean, after_logvar = gaussian(p['encoder'], later)
  after = draw(0, after_mean, after_logvar)
  q = p['backward']
  joined = np.hstack(
    [
      layers(q['x'], x.reshape(len(x), -1)),
      layers(q['u'], action),
      layers(q['z'], after),
    ]
  )
  joined = layers(q['joint'], joined)
  back_mean = dense(q['Heads_0']['mean'], joined)
  back_logvar = dense(q['Heads_0']['logvar'], joined)
  before = draw(1, back_mean, back_logvar)
  t = p['transition']
  hidden = layers(t['MLP_0'], np.hstack([before, action]))
  v, r, c = (dense(t[name], hidden) for name in 'vrc')
  b = dense(t['b'], hidden).reshape(len(x), mean.shape[1], 2)
  source = np.zeros_like(after)
  log_det = np.zeros(len(x))
  for n in range(len(x)):
    matrix = np.eye(len(v[n])) + np.outer(v[n], r[n])
    assert abs(np.linalg.det(matrix)) > 0.1
    source[n] = np.linalg.solve(matrix, after[n] - b[n] @ action[n] - c[n])
    log_det[n] = np.log(abs(np.linalg.det(matrix)))
  entropy = 0.5 * (np.log(2 * np.pi * np.e) + after_logvar).sum(1)
  transition = -entropy - log_normal(source, mean, logvar).sum(1)
  if config.log_det:
    transition = transition + log_det
  seen = x if config.content_from == 'current' else later
  w_mean, w_logvar = gaussian(p['content'], seen)
  one = np.ones_like(w_mean)
  y_mean, y_logvar = gaussian(p['encoder'], y)
  prior = 0 * y_mean, 0 * y_logvar
  if config.pairing == 'states':
    paired = np.asarray(s.batch['paired_observation'], np.float64)
    prior = gaussian(p['encoder'], paired)
  wy_mean, wy_logvar = gaussian(p['content'], y)
  share = min(1.0, s.step / h['warm_up_steps'])
  weight = h['warm_up_start'] + (1 - h['warm_up_start']) * share
  price, of_y = h['content_weight'], h['y_weight']
  addends = [
    nats(after, draw(2, w_mean, w_logvar), later),
    weight * kl(back_mean, back_logvar, mean, logvar),
    weight * transition,
    price * kl(w_mean, w_logvar, one, 0 * one),
    of_y * nats(draw(3, y_mean, y_logvar), draw(4, wy_mean, wy_logvar), y),
    of_y * weight * kl(y_mean, y_logvar, *prior),
    of_y * price * kl(wy_mean, wy_logvar, -one, 0 * one),
  ]
  return [rows.mean() for rows in addends]


REFERENCES = {f.__name__: f for f in (dynamics_content,)}
