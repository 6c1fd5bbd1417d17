"""The same VAEs in PyTorch, as a yardstick for speed; an optional extra.

Nets, initial scales, optimiser, batch and objectives are those of this package,
so that a ratio of rates compares two frameworks and not two models: a test
copies parameters over and compares losses. Images come from memory, where this
package may render them in every step. Channels come first: on a CPU, PyTorch
2.15 took twice as long with channels last.
"""

import itertools
import math
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from disentangle_jax import errors
from disentangle_jax.data import kinds
from disentangle_jax.engine.plan import study_plan

METHODS = (
  'vae',
  'beta_vae',
  'annealed_vae',
  'factor_vae',
  'beta_tcvae',
  'dip_vae_i',
  'dip_vae_ii',
)
_ACTIVATIONS = {'relu': nn.ReLU, 'tanh': nn.Tanh, 'leaky_relu': nn.LeakyReLU}


def _dense(sizes: list[int], activation: type[nn.Module]) -> list[nn.Module]:
  layers = []
  for before, after in itertools.pairwise(sizes):
    layers += [nn.Linear(before, after), activation()]
  return layers


class VAE(nn.Module):
  """Encoder and decoder of a group's net.

  Args:
    config: the method's static config, with `net` and `num_latents`.
    observation_shape: (H, W, C).

  Raises:
    ConfigError: a net or likelihood that has no counterpart here.
  """

  def __init__(self, config: Any, observation_shape: tuple[int, ...]):
    super().__init__()
    if config.likelihood != 'bernoulli':
      raise errors.choices(
        'config.static.likelihood', config.likelihood, ('bernoulli',)
      )
    if config.net.name not in NETS:
      raise errors.choices('config.net.name', config.net.name, NETS)
    encoder, decoder, width = NETS[config.net.name](
      config.net, config.num_latents, observation_shape
    )
    self.encoder = encoder
    self.mean = nn.Linear(width, config.num_latents)
    self.logvar = nn.Linear(width, config.num_latents)
    self.decoder = decoder
    for module in self.modules():
      if isinstance(module, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)

  def encode(self, x, eps):
    """Images [B, C, H, W] and noise [B, D] -> mean, logvar, z [B, D]."""
    hidden = self.encoder(x)
    mean, logvar = self.mean(hidden), self.logvar(hidden)
    return mean, logvar, mean + torch.exp(0.5 * logvar) * eps

  def forward(self, x, eps):
    """Images [B, C, H, W] and noise [B, D] -> mean, logvar, z, logits."""
    mean, logvar, z = self.encode(x, eps)
    return mean, logvar, z, self.decoder(z)


def _mlp(net, latents, shape):
  size = math.prod(shape)
  encoder = [size, *net.encoder_hidden]
  decoder = [latents, *net.decoder_hidden]
  return (
    nn.Sequential(
      nn.Flatten(), *_dense(encoder, _ACTIVATIONS[net.encoder_activation])
    ),
    nn.Sequential(
      *_dense(decoder, _ACTIVATIONS[net.decoder_activation]),
      nn.Linear(decoder[-1], size),
      nn.Unflatten(1, (shape[2], *shape[:2])),
    ),
    encoder[-1],
  )


def _conv(net, latents, shape):
  height, width, channels = shape
  layers, before = [], channels
  for after, kernel in zip(net.channels, net.kernels):
    layers += [nn.Conv2d(before, after, kernel, 2, kernel // 2 - 1), nn.ReLU()]
    before = after
  factor = 2 ** len(net.channels)
  low = height // factor, width // factor
  flat = math.prod(low) * before
  encoder = nn.Sequential(
    *layers, nn.Flatten(), nn.Linear(flat, net.hidden), nn.ReLU()
  )
  layers = [
    *_dense([latents, net.hidden, flat], nn.ReLU),
    nn.Unflatten(1, (before, *low)),
  ]
  for after in net.channels[-2::-1]:
    layers += [nn.ConvTranspose2d(before, after, 4, 2, 1), nn.ReLU()]
    before = after
  layers.append(nn.ConvTranspose2d(before, channels, 4, 2, 1))
  return encoder, nn.Sequential(*layers), net.hidden


# Name of a net -> (its config, latents, observation shape) -> encoder, decoder
# and the width between encoder and heads.
NETS = {'mlp': _mlp, 'conv': _conv}


def _log_density(z, mean, logvar):
  return -0.5 * (
    math.log(2 * math.pi) + logvar + (z - mean) ** 2 * torch.exp(-logvar)
  )


def _covariance_penalty(matrix, h):
  on = torch.sum((torch.diagonal(matrix) - 1) ** 2)
  off = torch.sum(matrix**2) - torch.sum(torch.diagonal(matrix) ** 2)
  return h['lambda_od'] * (off + h['lambda_d_factor'] * on)


def loss_of(name, h, step, mean, logvar, z, reconstruction, size, judge=None):
  """The loss of one method, nats per image, batch mean.

  Args:
    name: a key of METHODS.
    h: hyper-parameter -> float.
    step: scalar tensor, steps done so far.
    mean: [B, D].
    logvar: [B, D].
    z: [B, D].
    reconstruction: scalar.
    size: N of minibatch weighted sampling.
    judge: discriminator of 'factor_vae'.

  Returns:
    Scalar tensor.
  """
  kl = 0.5 * torch.mean(
    torch.sum(mean**2 + torch.exp(logvar) - 1 - logvar, 1), 0
  )
  if name in ('vae', 'beta_vae'):
    return reconstruction + h.get('beta', 1.0) * kl
  if name == 'annealed_vae':
    capacity = h['c_max'] * torch.clamp(step / h['anneal_steps'], max=1)
    return reconstruction + h['gamma'] * torch.abs(kl - capacity)
  if name == 'factor_vae':
    logits = judge(z)
    return (
      reconstruction + kl + h['gamma'] * torch.mean(logits[:, 0] - logits[:, 1])
    )
  if name == 'beta_tcvae':
    pairs = _log_density(z[:, None], mean[None], logvar[None])
    weight = math.log(len(z) * size)
    joint = torch.logsumexp(pairs.sum(2), 1) - weight
    each = (torch.logsumexp(pairs, 1) - weight).sum(1)
    own = _log_density(z, mean, logvar).sum(1)
    prior = _log_density(z, torch.zeros(()), torch.zeros(())).sum(1)
    terms = (own - joint, joint - each, each - prior)
    weights = h['alpha'], h['beta'], h['gamma']
    extra = sum((w - 1) * t.mean() for w, t in zip(weights, terms))
    return reconstruction + kl + extra
  centred = mean - mean.mean(0)
  matrix = centred.T @ centred / len(mean)
  if name == 'dip_vae_ii':
    matrix = matrix + torch.diag(torch.exp(logvar).mean(0))
  return reconstruction + kl + _covariance_penalty(matrix, h)


def reconstruction_of(logits, x):
  """-log p(x|z) of Bernoulli pixels, nats per image, batch mean."""
  nats = F.binary_cross_entropy_with_logits(logits, x, reduction='none')
  return nats.flatten(1).sum(1).mean()


def discriminator(config: Any) -> nn.Sequential:
  """FactorVAE's classifier of codes."""
  sizes = [config.num_latents] + [
    config.discriminator_width
  ] * config.discriminator_depth
  leaky = lambda: nn.LeakyReLU(0.2)
  return nn.Sequential(*_dense(sizes, leaky), nn.Linear(sizes[-1], 2))


class Step:
  """One training step of a run, as PyTorch users write it.

  Args:
    group: what to train; its first run's hyper-parameters count.
    device: 'cpu' or 'cuda'.
    compiled: through `torch.compile`.
    images: float32 [N, H, W, C], what batches are drawn from.

  Raises:
    ConfigError: a method or net that has no counterpart here.
  """

  def __init__(
    self,
    group: study_plan.Group,
    device: str,
    compiled: bool,
    images: np.ndarray,
  ):
    if group.method_name not in METHODS:
      raise errors.choices('--method (PyTorch)', group.method_name, METHODS)
    self._name, self._h = group.method_name, group.runs[0].hparams
    self._batch, self._device = group.batch_size, device
    self._size = kinds.num_examples(group.dataset)
    torch.manual_seed(0)
    shape = group.dataset.observation_shape
    self.model = VAE(group.config, shape).to(device)
    rate = self._h['learning_rate']
    self._optimiser = torch.optim.Adam(self.model.parameters(), lr=rate)
    self.judge = None
    if self._name == 'factor_vae':
      self.judge = discriminator(group.config).to(device)
      self._judge_optimiser = torch.optim.Adam(
        self.judge.parameters(),
        lr=self._h['discriminator_learning_rate'],
        betas=(0.5, 0.9),
      )
    tensor = torch.tensor(images.transpose(0, 3, 1, 2).copy())
    self._images = tensor.to(device)
    self._latents = group.config.num_latents
    compile_ = torch.compile if compiled else (lambda f: f)
    self._loss = compile_(self._loss_fn)
    self._judge_loss = compile_(self._judge_loss_fn)
    # A tensor: a Python number would compile anew in every step.
    self._step = torch.zeros((), device=device)

  @property
  def num_parameters(self) -> int:
    """Of encoder and decoder."""
    return sum(p.numel() for p in self.model.parameters())

  def _draw(self):
    index = torch.randint(
      len(self._images), (self._batch,), device=self._device
    )
    eps = torch.randn(self._batch, self._latents, device=self._device)
    return self._images[index], eps

  def _loss_fn(self, x, eps):
    mean, logvar, z, logits = self.model(x, eps)
    reconstruction = reconstruction_of(logits, x)
    loss = loss_of(
      self._name,
      self._h,
      self._step,
      mean,
      logvar,
      z,
      reconstruction,
      self._size,
      self.judge,
    )
    return loss, z

  def _judge_loss_fn(self, z, x, eps):
    with torch.no_grad():
      _, _, other = self.model.encode(x, eps)
      order = torch.argsort(torch.rand_like(other), 0)
      other = torch.gather(other, 0, order)
    own = F.log_softmax(self.judge(z), 1)[:, 0]
    permuted = F.log_softmax(self.judge(other), 1)[:, 1]
    return -0.5 * (own + permuted).mean()

  def __call__(self) -> None:
    """Draws a batch and updates all parameters."""
    loss, z = self._loss(*self._draw())
    self._optimiser.zero_grad(set_to_none=True)
    loss.backward()
    self._optimiser.step()
    if self.judge is not None:
      judged = self._judge_loss(z.detach(), *self._draw())
      self._judge_optimiser.zero_grad(set_to_none=True)
      judged.backward()
      self._judge_optimiser.step()
    self._step += 1
