"""Every loss against NumPy in float64, at trained parameters.

The references are written from the papers with plain loops and share nothing
with the package but the parameters, the batch and the noise.
"""

import math

import arae_formulas
import attribute_formulas
import clip_formulas
import code_formulas
import concept_formulas
import control_formulas
import embedding_formulas
import expert_formulas
import eye_formulas
import film_formulas
from formulas import (
  decode,
  dense,
  encode,
  kl_terms,
  log_normal,
  reconstruction,
  sigmoid,
)
import gan_formulas
import grasp_formulas
import icf_formulas
import jax
import numpy as np
import object_formulas
import pair_formulas
import pytest
import text_formulas
import translation_formulas
import weak_formulas

from disentangle_jax.methods import METHODS
from disentangle_jax.ops import concrete, per_example

# Static options beside the defaults; every one is compared on two shards.
VARIANTS = [
  ('beta_tcvae', {'estimator': 'mss'}),
  ('beta_tcvae', {'kl': 'sampled'}),
  ('factor_vae', {'permuted': 'same_batch', 'discriminator_updates': 2}),
  ('dip_vae_i', {'covariance_decay': 0.8}),
  ('vae', {'likelihood': 'gaussian', 'likelihood_scale': 0.5}),
  ('vae', {'likelihood': 'gaussian_learned', 'likelihood_scale': 0.5}),
  ('vae', {'likelihood': 'discretized_logistic', 'likelihood_scale': 0.1}),
  ('aux_vae', {'auxiliary': False}),
  ('aux_gmvae', {'auxiliary': False}),
  ('dc_ign', {'clamp': 'mean', 'kind_weights': (1.0, 2.0, 3.0)}),
  ('s2_beta_vae', {'supervision': 'l2', 'annealing': 'linear'}),
  ('s2_beta_tcvae', {'supervision': 'embed', 'labeller': 'binned'}),
  ('s2_dip_vae_i', {'supervision': 'cov', 'labeller': 'partial'}),
  ('ada_gvae', {'average': 'mlvae', 'random_changes': True}),
  ('group_vae', {'average': 'product'}),
  ('ml_vae', {'average': 'gvae', 'identities': 4, 'per_identity': 2}),
  ('slow_vae', {'entropy': 'reference', 'pair_transition': 'uniform'}),
  ('info_vae', {'kernel_width': 5.0}),
  ('qlae', {'num_values': 3}),
  ('qlae', {'quantised': False}),
  ('ivae', {'encoder_sees': 'both', 'prior_mean': True}),
  ('icf', {'acting': 'one', 'kernel': 'dot', 'inputs': 'concatenated'}),
  ('icf', {'policy_steps': 2, 'space': 'sphere', 'permissible': False}),
  ('icf_fixed', {'acting': 'all'}),
  ('hfs_vae', {'num_pairs': 2, 'num_points': 7}),
  ('vae', {'likelihood': 'gaussian_linear', 'likelihood_scale': 0.5}),
  ('mvae', {'pool': 'sum', 'downsampling': 'stride', 'head_kernel': 3}),
  ('independent_prediction', {'transition': 'entangled'}),
  ('independent_prediction', {'prior_input_gradient': 'none'}),
  ('grasp_geometry', {'occupancy': 'true'}),
  ('dynamics_content', {'pairing': 'none', 'content_from': 'next'}),
  ('perceptual_vae', {'feature': 'reconstruction'}),
  ('dynamics_content', {'log_det': False, 'stop_prior': True}),
  ('scan', {'direction': 'reverse'}),
  ('scan_operators', {'direction': 'reverse', 'operator_target': 'symbol'}),
  ('trelbo', {'stage': 'joint'}),
  ('nl_multitask', {'decoders': 'rep+g'}),
]
# Methods whose formulas stand in files of their own.
ELSEWHERE = (
  weak_formulas.REFERENCES
  | embedding_formulas.REFERENCES
  | gan_formulas.REFERENCES
  | expert_formulas.REFERENCES
  | pair_formulas.REFERENCES
  | code_formulas.REFERENCES
  | object_formulas.REFERENCES
  | film_formulas.REFERENCES
  | grasp_formulas.REFERENCES
  | control_formulas.REFERENCES
  | clip_formulas.REFERENCES
  | icf_formulas.REFERENCES
  | eye_formulas.REFERENCES
  | concept_formulas.REFERENCES
  | arae_formulas.REFERENCES
  | attribute_formulas.REFERENCES
  | text_formulas.REFERENCES
  | translation_formulas.REFERENCES
)
PLAIN = [(name, {}) for name in METHODS]
STEP = 5


def leaky(x):
  return np.where(x > 0, x, 0.2 * x)


def discriminator(params, z):
  for layer in range(len(params['MLP_0'])):
    z = leaky(dense(params['MLP_0'][f'Dense_{layer}'], z))
  return dense(params['Dense_0'], z)


def log_mean_exp_sums(z, mean, logvar, weights):
  """log q(z_j), log q(z_jd) by loops over code, posterior and latent."""
  batch, latents = z.shape
  joint, each = np.zeros(batch), np.zeros((batch, latents))
  for j in range(batch):
    for i in range(batch):
      density = np.exp(log_normal(z[j], mean[i], logvar[i]))
      joint[j] += weights[j, i] * np.prod(density)
      each[j] += weights[j, i] * density
  return np.log(joint), np.log(each)


def mixture_weights(batch, size, estimator):
  if estimator == 'mws':
    return np.full((batch, batch), 1 / (batch * size))
  m = batch - 1
  weights = np.full((batch, batch), 1 / m)
  for j in range(batch):
    weights[j, j] = 1 / size
    weights[j, (j + 1) % batch] = (size - m) / (size * m)
  return weights


class Step:
  """One step of one run: what the loss depends on, in float64."""

  def __init__(self, name, made, state, run, step, options):
    to64 = lambda x: np.asarray(x, np.float64)[run]
    self.state = jax.tree.map(to64, state)
    self.params = self.state.params
    self.hparams = made.rows(False)[run]
    self.options, self.made, self.step = options, made, step
    self.batch = made.batch(step)
    self.x = np.asarray(self.batch['observation'], np.float64)
    self.index = np.arange(len(self.x))
    self.key = made.keys(step)[1]
    latent_key = self.key
    self.other_key = None
    if name in ('factor_vae', 'joint_vae', 'aux_gmvae', 's2_factor_vae'):
      latent_key, self.other_key = jax.random.split(self.key)
    if name in ('aux_vae', 'aux_gmvae'):
      self.two_encoders(latent_key)
      return
    if 'encoder' not in self.params or name in ELSEWHERE:
      return
    if name == 'dc_ign':
      self.x = np.asarray(self.batch['group'], np.float64)
    heads = encode(self.params, self.x)
    if 'mean' not in heads:
      self.code = heads['code']
      return
    self.mean, self.logvar = heads['mean'], heads['logvar']
    self.logits = heads.get('class_logits')
    self.off = 0.0
    if name == 'dc_ign':
      self.mean, self.logvar = (
        self.clamped(self.mean),
        self.clamped(self.logvar),
      )
    self.eps = self.noise(latent_key)
    self.z = self.mean + np.exp(self.logvar / 2) * self.eps
    self.kl = kl_terms(self.mean, self.logvar)
    if name != 'joint_vae':
      self.rec = reconstruction(self.params, self.z, self.x, options)

  def two_encoders(self, latent_key):
    """z_g from x, z_l from x_hat; costs of both images."""
    options = {
      'likelihood': 'discretized_logistic',
      'likelihood_scale': 0.1,
      **self.options,
    }
    task = self.options.get('auxiliary', True)
    seen = np.asarray(self.batch['shuffled'], np.float64) if task else self.x
    split = {'encoder': self.params['global_encoder']}
    self.heads = encode(split, self.x)
    split = {'encoder': self.params['local_encoder']}
    self.local = encode(split, seen)
    both = lambda name: np.concatenate([self.heads[name], self.local[name]], 1)
    self.mean = both('mean')
    z = self.mean + np.exp(both('logvar') / 2) * self.noise(latent_key)
    self.rec = reconstruction(self.params, z, self.x, options)
    self.second = 0.0
    if task:
      z_local = z[:, self.heads['mean'].shape[1] :]
      own = self.params['auxiliary']
      self.second = reconstruction(own, z_local, seen, options)
    self.kl_local = kl_terms(self.local['mean'], self.local['logvar']).sum()

  def clamped(self, y):
    """DC-IGN's inactive latents set to one value, example by example."""
    config, (kind,) = (
      self.made.config,
      set(np.asarray(self.batch['group_kind'])),
    )
    u, start = y.copy(), sum(config.latents_per_kind[:kind])
    own = range(start, start + config.latents_per_kind[kind])
    for d in range(y.shape[1]):
      if d not in own:
        shared = y[0, d] if config.clamp == 'first' else sum(y[:, d]) / len(y)
        u[:, d] = shared
        self.off += sum((value - shared) ** 2 for value in y[:, d]) / len(y)
    return u

  def noise(self, key):
    shape = (self.mean.shape[1],)
    return np.asarray(per_example.normal(key, self.index, shape), np.float64)


# Each gives the addends of the loss; the tolerance is relative to their sizes.
def vae(s):
  return [s.rec, s.kl.sum()]


def beta_vae(s):
  return [s.rec, s.hparams['beta'] * s.kl.sum()]


def capacity(s, low, high):
  return low + (high - low) * min(1, s.step / s.hparams['anneal_steps'])


def annealed_vae(s):
  sign = np.sign(s.kl.sum() - capacity(s, 0, s.hparams['c_max']))
  weight = sign * s.hparams['gamma']
  c = capacity(s, 0, s.hparams['c_max'])
  return [s.rec, weight * s.kl.sum(), -weight * c]


def factor_vae(s):
  logits = discriminator(s.state.discriminator, s.z)
  p = np.exp(logits[:, 0]) / np.exp(logits).sum(1)
  ratio = np.mean(np.log(p / (1 - p)))
  return [s.rec, s.kl.sum(), s.hparams['gamma'] * ratio]


def beta_tcvae(s):
  batch = len(s.z)
  size = math.prod(s.made.data.factor_sizes)
  estimator = s.options.get('estimator', 'mws')
  weights = mixture_weights(batch, size, estimator)
  joint, each = log_mean_exp_sums(s.z, s.mean, s.logvar, weights)
  own = log_normal(s.z, s.mean, s.logvar).sum(1)
  prior = log_normal(s.z, 0, 0).sum(1)
  mi, tc = np.mean(own - joint), np.mean(joint - each.sum(1))
  dwkl = np.mean(each.sum(1) - prior)
  alpha, beta, gamma = (s.hparams[k] for k in ('alpha', 'beta', 'gamma'))
  if s.options.get('kl') == 'sampled':
    return [s.rec, alpha * mi, beta * tc, gamma * dwkl]
  parts = [(alpha - 1) * mi, (beta - 1) * tc, (gamma - 1) * dwkl]
  return [s.rec, s.kl.sum(), *parts]


def dip_vae_i(s, extra=0.0):
  latents = s.mean.shape[1]
  matrix = np.zeros((latents, latents))
  for i in range(latents):
    for j in range(latents):
      products = np.mean(s.mean[:, i] * s.mean[:, j])
      matrix[i, j] = products - s.mean[:, i].mean() * s.mean[:, j].mean()
  matrix = matrix + extra
  decay = s.options.get('covariance_decay', 0.0)
  if decay:
    matrix = decay * s.state.memory + (1 - decay) * matrix
    matrix = matrix / (1 - decay ** (s.step + 1))
  off = sum(
    matrix[i, j] ** 2 for i in range(latents) for j in range(latents) if i != j
  )
  on = sum((matrix[i, i] - 1) ** 2 for i in range(latents))
  lambda_od = s.hparams['lambda_od']
  lambda_d = s.hparams['lambda_d_factor'] * lambda_od
  return [s.rec, s.kl.sum(), lambda_od * off, lambda_d * on]


def dip_vae_ii(s):
  return dip_vae_i(s, np.diag(np.exp(s.logvar).mean(0)))


def joint_vae(s):
  h = s.hparams
  gumbel = concrete.gumbel(s.other_key, s.index, (s.logits.shape[1],))
  scores = np.exp((s.logits + np.asarray(gumbel)) / h['temperature'])
  relaxed = scores / scores.sum(1, keepdims=True)
  z = np.concatenate([s.z, relaxed], 1)
  rec = reconstruction(s.params, z, s.x, s.options)
  q = np.exp(s.logits) / np.exp(s.logits).sum(1, keepdims=True)
  classes = q.shape[1]
  kl_c = np.mean(np.sum(q * np.log(q * classes), 1))
  c_z = capacity(s, 0, h['c_max_gaussian'])
  c_c = min(capacity(s, 0, h['c_max_categorical']), math.log(classes))
  first = h['gamma'] * abs(s.kl.sum() - c_z)
  # Addends of the differences, so that the tolerance sees the cancellation.
  slack = h['gamma'] * (s.kl.sum() + c_z + kl_c + c_c)
  return [rec, first, h['gamma'] * abs(kl_c - c_c), slack, -slack]


def capacity_generator(s):
  columns = []
  factors = np.asarray(s.batch['factors'])
  for k, values in enumerate(s.made.data.factor_values):
    f = (values - values.mean()) / values.std()
    columns.append(f[factors[:, k]])
  channel = s.params['channel']
  mean = channel['scale'] * np.stack(columns, 1)
  logvar = np.broadcast_to(channel['logvar'], mean.shape)
  s.mean = mean
  z = mean + np.exp(logvar / 2) * s.noise(s.key)
  rec = reconstruction(s.params, z, s.x, s.options)
  kl = kl_terms(mean, logvar).sum()
  c = capacity(s, s.hparams['c_min'], s.hparams['c_max'])
  weight = s.hparams['gamma'] * np.sign(kl - c)
  return [rec, weight * kl, -weight * c]


def untrained_vae(s):
  return vae(s)


def pca(s):
  x = s.x.reshape(len(s.x), -1) - s.params['mean']
  v = s.params['components']
  lost = [row - sum((row @ v[:, d]) * v[:, d] for d in range(3)) for row in x]
  return [np.mean([0.5 * np.sum(row**2) for row in lost])]


def ica(s):
  return pca(s)


def raw_pixels(s):
  # The addends cancel; their size is what the tolerance is relative to.
  size = np.mean(np.sum(np.square(s.x), axis=(1, 2, 3)))
  return [size, -size]


def aux_vae(s):
  beta = s.hparams['beta']
  kl_global = kl_terms(s.heads['mean'], s.heads['logvar']).sum()
  return [s.rec, s.second, beta * kl_global, beta * s.kl_local]


def aux_gmvae(s):
  beta, prior = s.hparams['beta'], s.params['prior']
  logits = s.heads['class_logits']
  gumbel = concrete.gumbel(s.other_key, s.index, (logits.shape[1],))
  scores = np.exp((logits + np.asarray(gumbel)) / s.hparams['temperature'])
  y = scores / scores.sum(1, keepdims=True)
  kl_global = 0.0
  for b in range(len(y)):
    mean = sum(w * m for w, m in zip(y[b], prior['mean']))
    logvar = sum(w * v for w, v in zip(y[b], prior['logvar']))
    for d in range(len(mean)):
      ratio = np.exp(s.heads['logvar'][b, d] - logvar[d])
      shift = (s.heads['mean'][b, d] - mean[d]) ** 2 / np.exp(logvar[d])
      kl_global += 0.5 * (shift + ratio - 1 - np.log(ratio)) / len(y)
  q = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
  kl_class = np.mean(np.sum(q * np.log(q * q.shape[1]), 1))
  return [s.rec, s.second, beta * kl_global, beta * s.kl_local, kl_class]


def covariance(h):
  h = h - h.mean(0)
  pairs = [(i, j) for i in range(h.shape[1]) for j in range(h.shape[1])]
  entries = [abs(np.sum(h[:, i] * h[:, j])) / (len(h) - 1) for i, j in pairs]
  return sum(entries) / len(entries)


def covariance_autoencoder(s):
  shown = sigmoid(decode(s.params, s.code, s.x.shape[1:]))
  price = s.hparams['lambda_code'] * covariance(s.code)
  return [np.mean((shown - s.x) ** 2), price]


def covariance_classifier(s):
  layers, h = s.params['net'], s.x.reshape(len(s.x), -1)
  price = 0.0
  for place in sorted(layers)[:-1]:
    h = sigmoid(dense(layers[place], h))
    price += s.hparams['lambda_code'] * covariance(h)
  scores = dense(layers[sorted(layers)[-1]], h)
  scores = scores - scores.max(1, keepdims=True)
  log_p = scores - np.log(np.exp(scores).sum(1, keepdims=True))
  chosen = [row[label] for row, label in zip(log_p, s.batch['label'])]
  return [-np.mean(chosen), price]


def jade(s):
  h, config, classifier = s.hparams, s.made.config, s.params['classifier']
  domains, addends, contents = ('observation', 'secondary'), [], []
  options = {'likelihood': 'gaussian', 'likelihood_scale': 1.0}
  for key, field in zip(jax.random.split(s.key, 2), domains):
    own = s.params['primary' if field == 'observation' else 'secondary']
    x = np.asarray(s.batch[field], np.float64)
    heads = encode(own, x)
    both = lambda head, heads=heads: np.concatenate(
      [heads[f'content_{head}'], heads[f'style_{head}']], 1
    )
    s.mean = both('mean')
    noise = s.noise(jax.random.fold_in(key, 0))
    z = s.mean + np.exp(both('logvar') / 2) * noise
    hidden = np.maximum(dense(classifier['Dense_0'], z[:, : config.content]), 0)
    keys = jax.random.fold_in(jax.random.fold_in(key, 1), 0)
    stays = per_example.bernoulli(keys, s.index, 0.5, hidden.shape[1:])
    said = dense(classifier['Dense_1'], hidden * np.asarray(stays) / 0.5)
    log_p = said - np.log(np.exp(said).sum(1, keepdims=True))
    right = [row[label] for row, label in zip(log_p, s.batch['label'])]
    addends += [
      -h['label_weight'] * np.mean(right),
      reconstruction(own, z, x, options),
      h['beta'] * kl_terms(s.mean, both('logvar')).sum(),
    ]
    contents.append((heads['content_mean'], np.exp(heads['content_logvar'])))
  (m2, v2), (m4, v4) = contents
  kl = 0.5 * (np.log(v4) - np.log(v2) + (v2 + (m2 - m4) ** 2) / v4 - 1)
  return [*addends, h['match'] * kl.sum(1).mean()]


def dc_ign(s):
  invariance = s.hparams['invariance'] / 2 * s.off
  return [s.rec, s.hparams['beta'] * s.kl.sum(), invariance]


def supervised(s):
  """gamma_supervised times the error on labels, by loops."""
  config, batch = s.made.config, s.batch
  mean = encode(s.params, np.asarray(batch['labelled_observation']))['mean']
  labels = np.asarray(batch['labelled_factors'])
  known = [k for k in range(labels.shape[1]) if labels[:, k].min() >= 0]
  kind, total, own = config.supervision, 0.0, s.params.get('added')
  for d, k in enumerate(known):
    size, y, m = s.made.data.factor_sizes[k], labels[:, k], mean[:, d]
    if kind == 'xent':
      p = sigmoid(m)
      total -= np.mean(y / size * np.log(p) + (1 - y / size) * np.log(1 - p))
    elif kind == 'l2':
      total += np.mean((own['scale'] * m - y) ** 2)
    elif kind == 'embed':
      for label, code in zip(y, m):
        near = np.exp(-(((code - own['values'][d]) * own['sigma']) ** 2))
        total -= np.log(near[label] / near.sum()) / len(m)
    else:
      for other in range(mean.shape[1]):
        if other != d:
          total += np.cov(mean[:, other], y, ddof=0)[0, 1] ** 2
  if config.annealing == 'linear':
    total *= s.step / config.annealing_steps
  return s.hparams['gamma_supervised'] * total


def s2_beta_vae(s):
  return [*beta_vae(s), supervised(s)]


def s2_factor_vae(s):
  return [*factor_vae(s), supervised(s)]


def s2_beta_tcvae(s):
  return [*beta_tcvae(s), supervised(s)]


def s2_dip_vae_i(s):
  return [*dip_vae_i(s), supervised(s)]


def info_vae(s):
  alpha, weight = s.hparams['alpha'], s.hparams['lambda_mmd']
  mismatch = code_formulas.mismatch(s)
  kl = (1 - alpha) * s.kl.sum()
  return [s.rec, kl, (alpha + weight - 1) * mismatch]


def hfs_vae(s):
  return [*beta_vae(s), *code_formulas.factorised(s, s.hparams['gamma'])]


def hfs_tcvae(s):
  gamma = s.hparams['gamma_support']
  return [*beta_tcvae(s), *code_formulas.factorised(s, gamma)]


REFERENCES = {
  f.__name__: f
  for f in (
    vae,
    beta_vae,
    annealed_vae,
    factor_vae,
    beta_tcvae,
    dip_vae_i,
    dip_vae_ii,
    joint_vae,
    capacity_generator,
    raw_pixels,
    pca,
    ica,
    untrained_vae,
    aux_vae,
    aux_gmvae,
    covariance_autoencoder,
    covariance_classifier,
    jade,
    dc_ign,
    s2_beta_vae,
    s2_factor_vae,
    s2_beta_tcvae,
    s2_dip_vae_i,
    info_vae,
    code_formulas.qlae,
    hfs_vae,
    hfs_tcvae,
  )
} | ELSEWHERE


def _moderate(made, run):
  """Whether float32 can be asked for 1e-5 at this run's hyper-parameters."""
  if run in (0, len(made.probes) + 1):
    return True
  name, value = made.probes[run - 1]
  base = made.hparams[name]
  sound = value == 0 or 0.1 <= value <= 3 * base + 1e-9
  return 'rate' not in name and sound


def _compare(name, made, states, scalars, runs, options):
  for run in runs:
    s = Step(name, made, states[STEP], run, STEP, options)
    addends = REFERENCES[name](s)
    scale = sum(abs(a) for a in addends)
    got = float(scalars[STEP]['loss'][run])
    assert abs(got - sum(addends)) < 1e-5 * scale, (run, got, sum(addends))


@pytest.mark.parametrize('name, options', PLAIN)
def test_loss_is_the_formula(name, options, harness, history):
  made = harness(name, **options)
  states, scalars = history(made, False)
  states = jax.device_get(states)
  runs = [i for i in range(len(made.probes) + 2) if _moderate(made, i)]
  # The base twice, and what is swept beside rates.
  assert len(runs) >= 2 + any('rate' not in name for name in made.hparams)
  _compare(name, made, states, scalars, runs, options)


@pytest.mark.parametrize('name, options', VARIANTS)
def test_options_on_two_shards(name, options, harness, history):
  made = harness(name, **options)
  states, scalars = history(made, True)
  _compare(name, made, jax.device_get(states), scalars, [0], options)


# Names of methods come first, for a worker gets all tests of one at once.
@pytest.mark.parametrize('name', ['factor_vae'])
def test_discriminator_is_updated_as_often_as_asked(name, harness, history):
  options = {'permuted': 'same_batch', 'discriminator_updates': 2}
  states, _ = history(harness(name, **options), True)
  state = states[STEP]
  count = lambda opt_state: int(opt_state[0].count[0])
  assert count(state.discriminator_opt_state) == 2 * STEP
  assert count(state.opt_state) == STEP


@pytest.mark.parametrize(
  'permuted', ['second_batch', 'same_batch'], ids='factor_vae-{}'.format
)
def test_discriminator_loss(permuted, harness, history):
  chosen = {'permuted': permuted} if permuted == 'same_batch' else {}
  made = harness('factor_vae', **chosen)
  states, scalars = history(made, True)
  states = jax.device_get(states)
  s = Step('factor_vae', made, states[STEP], 0, STEP, {})
  after = jax.tree.map(lambda x: np.float64(x)[0], states[STEP + 1])
  key, order_key = jax.random.split(jax.random.fold_in(s.other_key, 0))
  z = s.z.copy()
  if permuted == 'second_batch':
    # Algorithm 2: the second batch is encoded by the updated encoder.
    x = np.asarray(s.batch['second_observation'], np.float64)
    heads = encode(after.params, x)
    z = heads['mean'] + np.exp(heads['logvar'] / 2) * s.noise(key)
  for d, k in enumerate(jax.random.split(order_key, z.shape[1])):
    z[:, d] = z[np.asarray(jax.random.permutation(k, len(z))), d]
  own = discriminator(s.state.discriminator, s.z)
  other = discriminator(s.state.discriminator, z)
  p_own = np.exp(own[:, 0]) / np.exp(own).sum(1)
  p_other = np.exp(other[:, 1]) / np.exp(other).sum(1)
  want = -0.5 * np.mean(np.log(p_own)) - 0.5 * np.mean(np.log(p_other))
  got = scalars[STEP]['discriminator_loss'][0]
  np.testing.assert_allclose(got, want, rtol=1e-5)
