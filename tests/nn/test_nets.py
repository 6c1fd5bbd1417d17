"""Nets are modules joined by one dict; what is stored of them stays."""

import dataclasses
import json
import math
import types

from flax import linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import disentangle_jax as dj
from disentangle_jax import data as data_lib
from disentangle_jax.engine.plan import planning, study_plan
from disentangle_jax.metrics.models import image_classifier
from disentangle_jax.nn import nets

HEADS = (('mean', 3), ('logvar', 3))
# What run_ids hash and files of parameters hold: the fields of each net, then
# names and shapes of the kernels for images of 8 x 8 and two channels, four
# latents; biases go with them.
STORED = {
  'mlp': (
    {
      'encoder_hidden': [5, 6],
      'decoder_hidden': [7],
      'encoder_activation': 'relu',
      'decoder_activation': 'tanh',
      'name': 'mlp',
    },
    {
      'MLP_0/Dense_0': (128, 5),
      'MLP_0/Dense_1': (5, 6),
      'Heads_0/mean': (6, 3),
      'Heads_0/logvar': (6, 3),
    },
    {'MLP_0/Dense_0': (4, 7), 'Dense_0': (7, 128)},
  ),
  'conv': (
    {
      'channels': [5, 6],
      'kernels': [4, 2],
      'hidden': 7,
      'conv_form': 'auto',
      'name': 'conv',
    },
    {
      'Conv_0': (4, 4, 2, 5),
      'Conv_1': (2, 2, 5, 6),
      'MLP_0/Dense_0': (24, 7),
      'Heads_0/mean': (7, 3),
      'Heads_0/logvar': (7, 3),
    },
    {
      'MLP_0/Dense_0': (4, 7),
      'MLP_0/Dense_1': (7, 24),
      'Conv_0': (4, 4, 6, 5),
      'Conv_1': (4, 4, 5, 2),
    },
  ),
  'keras_conv': (
    {
      'channels': [5, 6],
      'strides': [1, 2],
      'hidden': 7,
      'decoder_channels': 8,
      'conv_form': 'auto',
      'name': 'keras_conv',
    },
    {
      'Conv_0': (3, 3, 2, 5),
      'Conv_1': (3, 3, 5, 6),
      'MLP_0/Dense_0': (96, 7),
      'Heads_0/mean': (7, 3),
      'Heads_0/logvar': (7, 3),
    },
    {
      'MLP_0/Dense_0': (4, 96),
      'Conv_0': (3, 3, 6, 8),
      'Conv_1': (3, 3, 8, 2),
    },
  ),
  'pooled_conv': (
    {
      'channels': [5, 6],
      'pooled': 1,
      'conv_form': 'auto',
      'name': 'pooled_conv',
    },
    {
      'Conv_0': (3, 3, 2, 5),
      'Conv_1': (3, 3, 5, 6),
      'Heads_0/mean': (96, 3),
      'Heads_0/logvar': (96, 3),
    },
    {
      'MLP_0/Dense_0': (4, 96),
      'Conv_0': (3, 3, 6, 5),
      'Conv_1': (3, 3, 5, 2),
    },
  ),
  'burgess': (
    {
      'channels': [5, 6],
      'hidden': [7, 8],
      'conv_form': 'auto',
      'name': 'burgess',
    },
    {
      'Conv_0': (4, 4, 2, 5),
      'Conv_1': (4, 4, 5, 6),
      'MLP_0/Dense_0': (24, 7),
      'MLP_0/Dense_1': (7, 8),
      'Heads_0/mean': (8, 3),
      'Heads_0/logvar': (8, 3),
    },
    {
      'MLP_0/Dense_0': (4, 8),
      'MLP_0/Dense_1': (8, 7),
      'MLP_0/Dense_2': (7, 24),
      'Conv_0': (4, 4, 6, 5),
      'Conv_1': (4, 4, 5, 2),
    },
  ),
  'montero': (
    {
      'channels': [5, 6],
      'hidden': [7, 8],
      'conv_form': 'auto',
      'name': 'montero',
    },
    {
      'Conv_0': (4, 4, 2, 5),
      'Conv_1': (4, 4, 5, 6),
      'MLP_0/Dense_0': (24, 7),
      'MLP_0/Dense_1': (7, 8),
      'Heads_0/mean': (8, 3),
      'Heads_0/logvar': (8, 3),
    },
    {
      'MLP_0/Dense_0': (4, 8),
      'MLP_0/Dense_1': (8, 7),
      'MLP_0/Dense_2': (7, 24),
      'Conv_0': (4, 4, 6, 5),
      'Conv_1': (4, 4, 5, 2),
    },
  ),
  'spatial_broadcast': (
    {
      'channels': [5, 6],
      'hidden': 7,
      'decoder_channels': [8],
      'kernel': 3,
      'conv_form': 'auto',
      'name': 'spatial_broadcast',
    },
    {
      'Conv_0': (4, 4, 2, 5),
      'Conv_1': (4, 4, 5, 6),
      'MLP_0/Dense_0': (24, 7),
      'Heads_0/mean': (7, 3),
      'Heads_0/logvar': (7, 3),
    },
    {
      'Conv_0': (3, 3, 6, 8),
      'Conv_1': (3, 3, 8, 2),
    },
  ),
}
SHAPE = (8, 8, 2)


def shapes_of(module, x):
  """Layer -> shape of its kernel; every layer has a bias of that width."""
  init = lambda: module.init(jax.random.key(0), x)['params']
  leaves = jax.tree_util.tree_leaves_with_path(jax.eval_shape(init))
  shapes = {'/'.join(p.key for p in path): x.shape for path, x in leaves}
  kernels = {
    name.removesuffix('/kernel'): shape
    for name, shape in shapes.items()
    if name.endswith('/kernel')
  }
  biases = {f'{name}/bias': shape[-1:] for name, shape in kernels.items()}
  assert len(shapes) == 2 * len(kernels)
  assert {k: v for k, v in shapes.items() if k.endswith('/bias')} == biases
  return kernels


@pytest.mark.parametrize('name', list(nets.NETS))
def test_what_is_stored_of_a_net_stays(name):
  described, encoder, decoder = STORED[name]
  options = {k: v for k, v in described.items() if k != 'name'}
  config = nets.make_config(name, options)
  assert json.dumps(study_plan.describe_static(config)) == json.dumps(described)
  nets.check(config, SHAPE)
  made = nets.Encoder(config, HEADS)
  assert shapes_of(made, jnp.zeros((1, *SHAPE))) == encoder
  made = nets.Decoder(config, SHAPE)
  assert shapes_of(made, jnp.zeros((1, 4))) == decoder


@pytest.mark.parametrize('name', list(nets.NETS))
def test_a_net_has_its_key_as_its_name_and_defaults_for_all_options(name):
  config = nets.NETS[name].Config()
  assert config.name == name
  assert nets.make_config(name, {}) == config
  assert hash(config) == hash(nets.make_config(name, nets.options(name)))
  assert 'name' not in nets.options(name)


@pytest.mark.parametrize(
  'make, message',
  [
    (lambda: nets.make_config('mpl', {}), r'config\.net\.name: unknown .mpl'),
    (
      lambda: nets.make_config('mlp', {'channels': (4,)}),
      r'config\.net \(mlp\): unknown .channels.*legal: decoder_activation, ',
    ),
    (
      lambda: nets.mlp.Config(decoder_activation='tan'),
      r'config\.net\.decoder_activation: unknown .tan.*legal: leaky_relu, ',
    ),
    (
      lambda: nets.conv.Config(conv_form='fast'),
      r'config\.net\.conv_form: unknown .fast.; legal: auto, blocks, fused',
    ),
    (
      lambda: nets.keras_conv.Config(conv_form='fast'),
      r'config\.net\.conv_form: unknown .fast.; legal: auto, blocks, fused',
    ),
    (
      lambda: nets.check(nets.conv.Config(), (28, 28, 1)),
      r"config\.dataset\.resolution = 28: net 'conv' halves the image 4 times",
    ),
    (
      lambda: nets.check(nets.conv.Config(), (784,)),
      r"config\.net\.name = 'conv': needs images, got \(784,\)",
    ),
  ],
)
def test_what_is_wrong_is_said_in_one_line(make, message):
  with pytest.raises(dj.ConfigError, match=message) as caught:
    make()
  assert '\n' not in str(caught.value)


@dataclasses.dataclass(frozen=True)
class SineConfig:
  """A net of one layer each way."""

  width: int = 6
  name: str = 'mine'


def check(config, observation_shape):
  del config
  if len(observation_shape) != 3:
    raise dj.ConfigError('config.net.name: mine needs images')


def encode(config, x):
  return jnp.sin(nn.Dense(config.width)(x.reshape(len(x), -1)))


def decode(config, observation_shape, z):
  x = jnp.sin(nn.Dense(config.width)(z))
  x = nn.Dense(math.prod(observation_shape))(x)
  return x.reshape(-1, *observation_shape)


@pytest.fixture
def mine(monkeypatch):
  module = types.SimpleNamespace(
    Config=SineConfig, check=check, encode=encode, decode=decode
  )
  monkeypatch.setitem(nets.NETS, 'mine', module)


def test_another_net_is_a_module_and_a_line_in_the_dict(mine, tmp_path):
  config = dj.base_config()
  config.methods = ('beta_vae',)
  config.dataset.update(
    {'resolution': 8, 'scales': 2, 'orientations': 3, 'positions': 4}
  )
  config.net.name = 'mine'
  config.net.mine.width = 5
  config.static.num_latents = 3
  config.steps, config.batch_size, config.seeds = 3, 4, 1
  config.metrics = ('kl',)
  rows = dj.sweep(config, tmp_path)
  assert (rows['status'] == 'ok').all()
  run = dj.load_run(tmp_path, 0)
  assert run.about['config']['net'] == {'width': 5, 'name': 'mine'}
  params = run.state.params
  assert params['encoder']['Dense_0']['kernel'].shape == (64, 5)
  assert params['encoder']['Heads_0']['mean']['kernel'].shape == (5, 3)
  assert params['decoder']['Dense_0']['kernel'].shape == (3, 5)
  codes = run.represent(run.sample(4)['observation'])
  assert run.decode(codes.vector).shape == (4, 8, 8, 1)
  # The scores are of these very parameters.
  stored = rows[(rows['name'] == 'kl') & (rows['representation'] == 'mean')]
  np.testing.assert_allclose(run.kl(2048).sum(), stored['value'], rtol=0.05)


def test_its_options_and_shapes_are_checked_as_any_others(mine):
  with pytest.raises(dj.ConfigError, match=r'config\.net \(mine\)'):
    nets.make_config('mine', {'widht': 5})
  config = dj.base_config()
  config.dataset.name = 'xor'
  config.net.name = 'mine'
  config.metrics = ()
  with pytest.raises(dj.ConfigError, match='mine needs images'):
    planning.make(config)


@pytest.mark.parametrize('net, layers', [('mlp', 2), ('conv', 6)])
def test_a_judge_of_images_takes_widths_where_its_net_has_them(net, layers):
  data = data_lib.load(
    'dsprites', resolution=16, scales=2, orientations=3, positions=4
  )
  settings = image_classifier.Config(net=net, hidden=(9,), steps=1)
  judge = image_classifier.make(settings, data, 'config.judge')
  params = jax.eval_shape(judge.fit, jax.random.key(0), data.arrays)
  assert len(jax.tree.leaves(params)) == 2 * layers
  wide = any(9 in leaf.shape for leaf in jax.tree.leaves(params))
  assert wide == (net == 'mlp')
