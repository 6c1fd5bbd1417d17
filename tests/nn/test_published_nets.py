"""Nets named after papers: parameter counts, and the broadcast decoder."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import signal

from disentangle_jax import data, errors, methods
from disentangle_jax.data import samplers
from disentangle_jax.methods import contract
from disentangle_jax.methods.vae import beta_vae
from disentangle_jax.nn import nets
from disentangle_jax.nn.nets import spatial_broadcast

NAMES = ('burgess', 'montero', 'spatial_broadcast')
SMALL = {
  'burgess': {'channels': (4, 4), 'hidden': (6, 5)},
  'montero': {'channels': (4, 6), 'hidden': (6, 5)},
  'spatial_broadcast': {
    'channels': (4, 4),
    'hidden': 6,
    'decoder_channels': (5, 4),
  },
}


def counts(name, shape, codes):
  """Parameters of encoder, heads included, and decoder."""
  config = nets.make_config(name, {})
  heads = (('mean', codes), ('logvar', codes))
  pair = (
    (nets.Encoder(config, heads), jnp.zeros((1, *shape))),
    (nets.Decoder(config, shape), jnp.zeros((1, codes))),
  )
  return tuple(
    nets.count_parameters(jax.eval_shape(net.init, jax.random.key(0), x))
    for net, x in pair
  )


def layer(inputs, outputs, side=1):
  return side * side * inputs * outputs + outputs


def mirrored(channels, hidden, colours, codes):
  """The two counts of a pair at 64 x 64, written out layer by layer."""
  sizes = (colours, *channels)
  flat = 4 * 4 * channels[-1]
  convolutions = [layer(a, b, 4) for a, b in itertools.pairwise(sizes)]
  # The way back has the biases on the other side.
  back = [layer(b, a, 4) for a, b in itertools.pairwise(sizes)]
  dense = zip((flat, *hidden), (*hidden, 2 * codes))
  up = zip((codes, *hidden[::-1]), (*hidden[::-1], flat))
  return (
    sum(convolutions) + sum(layer(a, b) for a, b in dense),
    sum(layer(a, b) for a, b in up) + sum(back),
  )


def test_burgess_has_the_papers_parameters():
  assert counts('burgess', (64, 64, 1), 5) == (249_482, 248_673)
  assert mirrored((32,) * 4, (256, 256), 1, 5) == (249_482, 248_673)


def test_the_larger_pairs_have_the_parameters_of_their_pages():
  larger = mirrored((32, 32, 64, 64), (256, 256), 1, 10)
  assert counts('montero', (64, 64, 1), 10) == larger
  assert larger == (448_724, 447_105)
  painted = layer(12, 64, 3) + layer(64, 64, 3) + layer(64, 3, 3)
  encoder, _ = mirrored((64,) * 4, (256,), 3, 10)
  assert counts('spatial_broadcast', (64, 64, 3), 10) == (encoder, painted)
  assert (encoder, painted) == (467_476, 45_635)


@pytest.mark.parametrize('name', NAMES)
@pytest.mark.parametrize(
  'shape, said',
  [
    ((24, 24, 1), "net '{}' halves the image 4 times; legal: multiples of 16"),
    ((64,), "config.net.name = '{}': needs images"),
  ],
)
def test_sides_that_four_halvings_do_not_divide_are_refused(name, shape, said):
  with pytest.raises(errors.ConfigError) as caught:
    nets.check(nets.make_config(name, {}), shape)
  assert said.format(name) in str(caught.value)
  assert '\n' not in str(caught.value)
  nets.check(nets.make_config(name, {}), (16, 48, 3))


def test_a_pair_without_convolutions_is_refused():
  config = nets.make_config('burgess', {'channels': ()})
  with pytest.raises(errors.ConfigError, match='at least one convolution'):
    nets.check(config, (16, 16, 1))


@pytest.mark.parametrize('name', NAMES)
def test_runs_that_share_a_program_agree_in_both_forms(name):
  """Two runs' parameters at once, in either form of the convolutions."""
  shape, codes = (8, 12, 2), 3
  key = jax.random.key(0)
  x = jax.random.uniform(jax.random.key(1), (2, 3, *shape))

  def both(form):
    config = nets.make_config(name, {**SMALL[name], 'conv_form': form})
    encoder = nets.Encoder(config, (('mean', codes),))
    decoder = nets.Decoder(config, shape)

    def run(key, x):
      there = encoder.init_with_output(key, x)[0]['mean']
      return there, decoder.init_with_output(key, there)[0]

    return jax.jit(jax.vmap(run))(jax.random.split(key), x)

  blocks, lax = both('blocks'), both('lax')
  assert blocks[0].shape == (2, 3, codes)
  assert blocks[1].shape == (2, 3, *shape)
  for ours, theirs in zip(blocks, lax):
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
  assert not np.allclose(blocks[1][0], blocks[1][1])


def test_every_pixel_sees_the_code_and_where_it_is():
  z = np.array([[2.0, -3.0], [0.5, 7.0]], np.float32)
  painted = np.asarray(spatial_broadcast.broadcast(jnp.asarray(z), 3, 5))
  assert painted.shape == (2, 3, 5, 4)
  for row in range(3):
    for column in range(5):
      expected = np.column_stack(
        [z, np.full(2, row - 1.0), np.full(2, column / 2 - 1.0)]
      )
      np.testing.assert_allclose(painted[:, row, column], expected, atol=1e-7)


def test_the_broadcast_decoder_is_a_stack_of_same_convolutions():
  """By SciPy's correlation, channel by channel."""
  config = spatial_broadcast.Config(decoder_channels=(3,))
  shape = (4, 6, 2)
  z = np.array([[0.3, -1.2]], np.float32)
  decoder = nets.Decoder(config, shape)
  image, variables = decoder.init_with_output(jax.random.key(3), z)
  params = jax.tree.map(np.asarray, variables['params'])
  x = np.zeros((4, 6, 4))
  x[..., :2] = z
  x[..., 2] = np.linspace(-1, 1, 4)[:, None]
  x[..., 3] = np.linspace(-1, 1, 6)[None]
  for name, last in (('Conv_0', False), ('Conv_1', True)):
    kernel, bias = params[name]['kernel'], params[name]['bias']
    x = np.stack(
      [
        bias[o]
        + sum(
          signal.correlate2d(x[..., i], kernel[..., i, o], mode='same')
          for i in range(x.shape[-1])
        )
        for o in range(kernel.shape[-1])
      ],
      axis=-1,
    )
    x = x if last else np.maximum(x, 0)
  np.testing.assert_allclose(image[0], x, atol=1e-5)


# 'montero' is 'burgess' here, but for widths.
@pytest.mark.parametrize('name', ['burgess', 'spatial_broadcast'])
def test_an_autoencoder_of_it_tells_images_apart(name):
  """Its error falls far below that of one image for all."""
  dataset = data.load(
    'dsprites', resolution=16, scales=1, orientations=1, positions=4
  )
  widths = {
    field.name: (8, 8) if 'channels' in field.name else (32, 32)
    for field in dataclasses.fields(nets.NETS[name].Config)
    if isinstance(field.default, tuple)
  }
  net = nets.make_config(name, widths)
  method = beta_vae.make(beta_vae.Config(net=net, num_latents=4), dataset)
  key = jax.random.key(0)
  batch = dataset.sample(key, dataset.arrays, jnp.arange(16))
  hparams = {k: jnp.float32(v) for k, v in beta_vae.HPARAMS.items()}
  hparams |= {'learning_rate': jnp.float32(1e-2), 'beta': jnp.float32(0)}
  state = jax.jit(method.init)(key, batch, hparams)

  update = jax.jit(method.update)
  for number in range(250):
    seen = {**batch, 'step': jnp.int32(number)}
    step_key = jax.random.fold_in(key, number)
    state, _ = update(step_key, state, seen, hparams)
  codes = method.represent(state, batch['observation']).vector
  nats = -method.extras['log_likelihood'](state, codes, batch['observation'])
  x = np.asarray(batch['observation'], float)
  p = np.clip(x.mean(0), 1e-9, 1 - 1e-9)
  one_for_all = -(x * np.log(p) + (1 - x) * np.log(1 - p)).sum() / len(x)
  assert nats.mean() < 0.3 * one_for_all


@pytest.mark.slow
@pytest.mark.parametrize('name', NAMES)
def test_every_method_of_images_takes_it_in_a_program_of_runs(name):
  """Shapes alone: start and step of two runs at once, of every such method."""
  dataset = data.load(
    'dsprites', resolution=16, scales=2, orientations=2, positions=4
  )
  net = nets.make_config(name, {})
  tried = 0
  for method_name, module in methods.METHODS.items():
    if not any(part in module.__name__ for part in ('.vae.', '.weak.')):
      continue
    own = (
      {'identity': ('shape', 'position_x')} if method_name == 'ml_vae' else {}
    )
    config = module.Config(net=net, **own)
    described = contract.read(module, method_name)
    if described.after(config) is not None:
      continue  # starts from a phase of another method
    method = module.make(config, dataset)
    sample = samplers.make(dataset, described.batch(config))

    def step(key, hparams, method=method, sample=sample):
      batch = {**sample(key, dataset.arrays, jnp.arange(32))}
      batch['step'] = jnp.int32(0)
      state = method.init(key, batch, hparams)
      state, _ = method.update(key, state, batch, hparams)
      if method.represent is None:
        return state, None
      codes = method.represent(state, batch['observation']).vector
      return state, method.decode(state, codes)

    hparams = {
      key: jax.ShapeDtypeStruct((2,), jnp.float32) for key in module.HPARAMS
    }
    keys = jax.eval_shape(lambda: jax.random.split(jax.random.key(0)))
    state, decoded = jax.eval_shape(jax.vmap(step), keys, hparams)
    assert {leaf.shape[0] for leaf in jax.tree.leaves(state)} == {2}
    if decoded is not None:
      assert decoded.shape == (2, 32, 16, 16, 1), method_name
    tried += 1
  assert tried >= 16
