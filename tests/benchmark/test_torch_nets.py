"""The yardstick trains the same model: PyTorch's losses against ours."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import disentangle_jax as dj
from disentangle_jax.benchmark import forms
from disentangle_jax.engine.plan import group_shapes, planning
from disentangle_jax.ops import per_example

torch = pytest.importorskip('torch')
from disentangle_jax.benchmark import torch_nets  # noqa: E402


def group_of(method, net):
  config = dj.base_config()
  config.methods = (method,)
  config.net.name = net
  config.metrics = ()
  config.net.mlp.encoder_hidden = (24, 16)
  config.net.mlp.decoder_hidden = (16, 24)
  config.net.conv.channels = (4, 6)
  config.net.conv.kernels = (4, 2)
  config.net.conv.hidden = 12
  config.dataset.resolution = 8
  config.static.num_latents = 3
  config.batch_size = 8
  config.hparams.learning_rate = 1e-3
  if method == 'annealed_vae':
    config.hparams.annealed_vae.anneal_steps = 4.0
  if method == 'factor_vae':
    config.static.factor_vae.discriminator_width = 16
    config.static.factor_vae.discriminator_depth = 2
  config.steps = 4
  config.seeds = 1
  return planning.make(config).groups[0]


# Kinds of layers in the order of a forward pass; Flax sorts them by name.
ENCODER = ('Conv', 'MLP', 'Heads')
DECODER = ('MLP', 'Conv', 'Dense')


def channels_first(flat):
  """[2 * 2 * 6, ...] from the order H, W, C to C, H, W."""
  rest = flat.shape[1:]
  moved = np.moveaxis(flat.reshape(2, 2, 6, *rest), 2, 0)
  return moved.reshape(-1, *rest)


def load(module, kinds, params, rows_from=None, rows_to=None):
  """Copies kernels and biases in the order of the forward pass."""
  layers = {}
  for path, leaf in jax.tree_util.tree_leaves_with_path(params):
    *place, name = [entry.key for entry in path]
    layers.setdefault(tuple(place), {})[name] = np.array(leaf)
  kind = lambda place: kinds.index(place[0].rpartition('_')[0])
  head = lambda place: {'mean': 0, 'logvar': 1}.get(place[-1], 0)
  order = sorted(layers, key=lambda place: (kind(place), head(place), place))
  assert len(order) == len(module)
  for layer, place in zip(module, order):
    kernel, bias = layers[place]['kernel'], layers[place]['bias']
    # What Flax flattens as rows, columns, channels, PyTorch has channels first.
    if place == rows_from:
      kernel = channels_first(kernel)
    if place == rows_to:
      kernel, bias = channels_first(kernel.T).T, channels_first(bias)
    if isinstance(layer, torch.nn.Linear):
      kernel = kernel.T
    elif isinstance(layer, torch.nn.Conv2d):
      kernel = kernel.transpose(3, 2, 0, 1)
    else:
      kernel = kernel.transpose(2, 3, 0, 1)
    with torch.no_grad():
      layer.weight.copy_(torch.tensor(kernel.copy()))
      layer.bias.copy_(torch.tensor(bias))


def layers_of(module):
  kinds = (torch.nn.Linear, torch.nn.Conv2d, torch.nn.ConvTranspose2d)
  return [m for m in module.modules() if isinstance(m, kinds)]


@pytest.mark.parametrize(
  ('method', 'net'),
  [(m, 'mlp') for m in torch_nets.METHODS] + [('beta_vae', 'conv')],
)
def test_losses_agree_at_equal_parameters_and_noise(method, net):
  group = group_of(method, net)
  run = group.runs[0]
  hparams = {k: jnp.float32(v) for k, v in run.hparams.items()}
  key = jax.random.key(3)
  sample = group_shapes.sampler(group.contract, group.config, group.dataset)
  index = jnp.arange(group.batch_size)
  batch = sample(jax.random.key(1), group.dataset.arrays, index)
  state = group.method.init(jax.random.key(0), batch, hparams)
  state = state._replace(step=jnp.int32(2))
  _, ours = group.method.update(key, state, batch, hparams)
  if method == 'factor_vae':
    key, _ = jax.random.split(key)
  eps = per_example.normal(key, index, (3,))

  model = torch_nets.VAE(group.config, group.dataset.observation_shape)
  encoder = [*layers_of(model.encoder), model.mean, model.logvar]
  conv = net == 'conv'
  places = [
    ('MLP_0', name) if conv else None for name in ('Dense_0', 'Dense_1')
  ]
  load(encoder, ENCODER, state.params['encoder'], rows_from=places[0])
  load(
    layers_of(model.decoder),
    DECODER,
    state.params['decoder'],
    rows_to=places[1],
  )
  judge = None
  if method == 'factor_vae':
    judge = torch_nets.discriminator(group.config)
    load(layers_of(judge), DECODER, state.discriminator)
  x = torch.tensor(np.array(batch['observation']).transpose(0, 3, 1, 2))
  with torch.no_grad():
    mean, logvar, z, logits = model(x, torch.tensor(np.array(eps)))
    reconstruction = torch_nets.reconstruction_of(logits, x)
    size = int(np.prod(group.dataset.factor_sizes))
    loss = torch_nets.loss_of(
      method, run.hparams, torch.tensor(2.0), mean, logvar, z,
      reconstruction, size, judge,
    )  # fmt: skip
  np.testing.assert_allclose(
    reconstruction.item(), ours['reconstruction'], rtol=1e-4
  )
  np.testing.assert_allclose(loss.item(), ours['loss'], rtol=1e-4)


@pytest.mark.parametrize('method', ['annealed_vae', 'factor_vae'])
def test_a_step_changes_every_parameter(method):
  group = group_of(method, 'mlp')
  form = forms.Torch(group, compiled=False)
  nets = [form.step.model]
  if form.step.judge is not None:
    nets.append(form.step.judge)
  before = [p.detach().clone() for net in nets for p in net.parameters()]
  assert form.rate() > 0
  after = [p for net in nets for p in net.parameters()]
  assert all((a != b).any() for a, b in zip(after, before))


def test_what_has_no_counterpart_is_refused():
  group = group_of('joint_vae', 'mlp')
  with pytest.raises(dj.ConfigError, match='--method'):
    forms.Torch(group, compiled=False)
