"""What is read after training must be what a run leaves behind."""

import types as python_types

import jax
import jax.numpy as jnp
import pytest
from tiny_study import tiny_config

import disentangle_jax as dj
from disentangle_jax import types
from disentangle_jax.engine.plan import planning, registry, survival
from disentangle_jax.methods import training
from disentangle_jax.methods.vae import beta_vae


def scaled(read):
  """beta-VAE with a running scale in its memory; `read` uses it or not."""

  def make(config, data):
    method = beta_vae.make(config, data)

    def init(key, batch, hparams):
      state = method.init(key, batch, hparams)
      return state._replace(memory={'scale': jnp.ones(())})

    def update(key, state, batch, hparams):
      after, scalars = method.update(key, state, batch, hparams)
      return after._replace(memory={'scale': state.memory['scale'] * 1.1}), (
        scalars
      )

    return read(method._replace(init=init, update=update))

  return python_types.SimpleNamespace(**{**vars(beta_vae), 'make': make})


def plan_of(module):
  config = tiny_config()
  declared = dj.base_config(methods={'scaled': module})
  with config.unlocked():
    config.hparams, config.static = declared.hparams, declared.static
  config.static.num_latents = 3
  config.methods, config.sweep = ('scaled',), None
  return planning.make(config, registry.of({'scaled': module}))


def by_encoder(method):
  def represent(state, observation):
    codes = method.represent(state, observation)
    scale = jax.jit(lambda s: s.memory['scale'])(state)
    return codes._replace(vector=codes.vector / scale)

  return method._replace(represent=represent)


def by_generator(method):
  def generate(key, state, count):
    z = jax.random.normal(key, (count, 3)) * state.memory['scale']
    return method.decode(state, z), types.Codes(z, {})

  return method._replace(extras={**method.extras, 'generate': generate})


@pytest.mark.parametrize(
  ('read', 'ability'), [(by_encoder, 'represent'), (by_generator, 'generate')]
)
def test_a_field_that_does_not_survive_is_refused_by_name(read, ability):
  with pytest.raises(dj.ConfigError, match='memory/scale') as caught:
    plan_of(scaled(read))
  text = str(caught.value)
  assert repr(ability) in text and 'state.params' in text
  assert '\n' not in text


def test_what_only_training_reads_is_fine():
  assert plan_of(scaled(lambda method: method)).groups


def test_typed_keys_in_a_state_are_refused():
  def with_key(method):
    def init(*arguments):
      state = method.init(*arguments)
      return state._replace(memory={**state.memory, 'key': jax.random.key(0)})

    def update(key, state, batch, hparams):
      after, scalars = method.update(key, state, batch, hparams)
      memory = {**state.memory, **after.memory}
      return after._replace(memory=memory), scalars

    return method._replace(init=init, update=update)

  with pytest.raises(dj.ConfigError, match='typed PRNG key'):
    plan_of(scaled(with_key))


def test_reads_are_followed_into_calls_and_branches():
  shapes = training.State(
    params={'w': jnp.ones(2)},
    opt_state=jnp.ones(2),
    step=jnp.zeros((), jnp.int32),
    memory={'used': jnp.ones(2), 'passed': jnp.ones(2)},
  )
  # Handed to a jitted function that ignores it: not read.
  inner = jax.jit(lambda w, used, passed: w + used)
  plain = lambda s: inner(s.params['w'], s.memory['used'], s.memory['passed'])
  assert survival.lost(plain, shapes) == ['memory/used']
  branch = lambda s: jax.lax.cond(
    s.step > 3, lambda: s.params['w'], lambda: s.opt_state
  )
  assert survival.lost(branch, shapes) == ['opt_state', 'step']
  loop = lambda s: jax.lax.fori_loop(
    0, 3, lambda i, x: x + s.memory['passed'], s.params['w']
  )
  assert survival.lost(loop, shapes) == ['memory/passed']
  unused = lambda s: (s.params['w'] * 2, s.memory['used'] * 0)[0]
  assert survival.lost(unused, shapes) == []
