"""The precision of networks: what is rounded, what stays float32."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiers

from disentangle_jax import data as data_lib
from disentangle_jax.data import samplers
from disentangle_jax.methods import METHODS, contract
from disentangle_jax.methods.vae import beta_vae, factor_vae
from disentangle_jax.nn import nets

DATA = data_lib.load(
  'dsprites', resolution=8, scales=2, orientations=3, positions=4
)
HPARAMS = {k: jnp.float32(v) for k, v in beta_vae.HPARAMS.items()}
NETS = {
  'mlp': nets.mlp.Config(encoder_hidden=(16,), decoder_hidden=(16,)),
  'conv': nets.conv.Config(channels=(4,), kernels=(4,), hidden=8),
}


def batch():
  index = jnp.arange(16)
  return DATA.sample(jax.random.key(1), DATA.arrays, index)


def made(net, precision):
  config = beta_vae.Config(net=NETS[net], num_latents=3, precision=precision)
  method = beta_vae.make(config, DATA)
  return method, method.init(jax.random.key(0), batch(), HPARAMS)


def kinds(net, precision):
  """(dtype, precision) of every product of one update, gradients included."""
  method, state = made(net, precision)
  update = lambda s: method.update(jax.random.key(2), s, batch(), HPARAMS)
  found = products(update, state)
  assert len(found) >= 10
  return set(found)


def products(function, *arguments):
  """(dtype, precision) of every product of a traced function."""
  found = []

  def walk(jaxpr):
    for eqn in jaxpr.eqns:
      if eqn.primitive.name in ('dot_general', 'conv_general_dilated'):
        rounded = str(eqn.params['precision'])
        found.append((str(eqn.invars[0].aval.dtype), rounded))
      for inner in jax.tree.leaves(
        eqn.params, is_leaf=lambda x: hasattr(x, 'eqns') or hasattr(x, 'jaxpr')
      ):
        inner = getattr(inner, 'jaxpr', inner)
        if hasattr(inner, 'eqns'):
          walk(inner)

  walk(jax.make_jaxpr(function)(*arguments).jaxpr)
  return found


WITH_PRECISION = [
  name
  for name, module in METHODS.items()
  if 'precision' in {f.name for f in dataclasses.fields(module.Config)}
]


def started(name, data, given=()):
  """A small method in bfloat16 with its phases, a batch, its state's shapes."""
  module = METHODS[name]
  described = contract.read(module, name)
  small = {'net': NETS['mlp'], 'patch': 4, 'precision': 'bfloat16'}
  # Its products are of weights, not of a network.
  small['spectral'] = False
  small |= described.test.get('static', {}) | dict(given)
  small.update({'identities': 4, 'per_identity': 4})  # a batch of sixteen
  fields = {f.name for f in dataclasses.fields(module.Config)}
  config = module.Config(**{k: v for k, v in small.items() if k in fields})
  phase, before, more = described.after(config), None, {}
  if phase is not None:
    shared = {field: getattr(config, field) for field in fields}
    before, _, more['frozen'] = started(
      phase.method, data, {**shared, **phase.static}
    )
  method = described.made(config, data, before)
  hparams = {k: jnp.float32(v) for k, v in module.HPARAMS.items()}
  sample = samplers.make(data, described.batch(config))
  drawn = sample(jax.random.key(1), data.arrays, jnp.arange(16))
  start = lambda key, batch, more: method.init(key, batch, hparams, **more)
  state = jax.eval_shape(start, jax.random.key(0), drawn, more)
  return method, drawn, state


@pytest.mark.parametrize('name', tiers.few(WITH_PRECISION))
def test_every_method_with_the_option_runs_all_its_networks_by_it(name):
  described = contract.read(METHODS[name], name)
  data = DATA
  if 'dataset' in described.test:
    dataset, options = described.test['dataset']
    data = data_lib.load(dataset, **options)
  method, drawn, state = started(name, data)
  found = []
  if method.decode is not None:
    vector = jnp.zeros((4, method.layout.width))
    found += products(method.decode, state, vector)
  if 'experts' in method.extras:
    experts = method.extras['experts']
    found += products(experts, state, drawn['observation'])
  if method.represent is not None:
    found += products(method.represent, state, drawn['observation'])
  for ability in ('classify', 'classify_secondary'):
    if ability in method.extras:
      field = 'secondary' if 'secondary' in ability else 'observation'
      found += products(method.extras[ability], state, drawn[field])
  if 'render_latents' in method.extras:
    # The path of a recurrent net stays float32.
    latents = jax.eval_shape(
      lambda s: method.extras['latents'](jax.random.key(0), s, 4), state
    )
    latents = jax.tree.map(lambda x: jnp.zeros(x.shape), latents)
    found += products(method.extras['render_latents'], state, *latents)
  elif 'generate' in method.extras and not found:
    generate = lambda s: method.extras['generate'](jax.random.key(0), s, 4)
    found += products(generate, state)
  assert found and {kind for kind, _ in found} == {'bfloat16'}


def test_a_critic_is_run_by_it_as_well():
  config = factor_vae.Config(
    net=NETS['mlp'],
    num_latents=3,
    precision='bfloat16',
    discriminator_width=4,
    discriminator_depth=1,
  )
  method = factor_vae.make(config, DATA)
  hparams = {k: jnp.float32(v) for k, v in factor_vae.HPARAMS.items()}
  key, drawn = jax.random.key(0), batch()
  drawn['second_observation'] = drawn['observation']
  state = jax.eval_shape(method.init, key, drawn, hparams)
  update = lambda s: method.update(key, s, drawn, hparams)
  assert {kind for kind, _ in products(update, state)} == {'bfloat16'}
  of_critic = jax.tree.leaves(state.discriminator)
  assert {leaf.dtype for leaf in of_critic} == {jnp.dtype('float32')}


@pytest.mark.parametrize('net', list(NETS))
def test_every_product_has_the_precision_asked_for(net):
  assert kinds(net, 'auto') == {('float32', 'None')}
  (full,) = kinds(net, 'float32')
  assert 'HIGHEST' in full[1]
  (rounded,) = kinds(net, 'tensorfloat32')
  assert rounded[0] == 'float32' and rounded[1] not in ('None', full[1])
  assert {kind for kind, _ in kinds(net, 'bfloat16')} == {'bfloat16'}


@pytest.mark.parametrize('net', list(NETS))
def test_bfloat16_keeps_float32_parameters_and_is_near(net):
  method, state = made(net, 'bfloat16')
  step = lambda m: jax.jit(m.update)(jax.random.key(2), state, batch(), HPARAMS)
  low, scalars = step(method)
  _, exact = step(made(net, 'float32')[0])
  assert {x.dtype for x in jax.tree.leaves((low.params, scalars))} == {
    jnp.dtype('float32')
  }
  np.testing.assert_allclose(scalars['loss'], exact['loss'], rtol=0.01)
  assert scalars['loss'] != exact['loss']
  moved = jax.tree.map(lambda a, b: jnp.any(a != b), low.params, state.params)
  assert all(jax.tree.leaves(moved))
  codes = method.represent(state, batch()['observation'])
  assert codes.vector.dtype == jnp.float32
