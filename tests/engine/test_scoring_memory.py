"""Scoring and pictures hold what they are allowed to, for images and videos."""

import dataclasses
import types as python_types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import disentangle_jax as dj
from disentangle_jax import types
from disentangle_jax.data import factorial
from disentangle_jax.engine.plan import group_shapes, planning, registry
from disentangle_jax.engine.programs import (
  code_scores,
  devices,
  memory,
  model_scores,
  pictures,
  score_setup,
)
from disentangle_jax.methods.vae import beta_vae
from disentangle_jax.nn import nets

RUNS, MIB = 16, 2**20


def videos():
  """[6, 16, 16, 3], a bright bar that moves; 32 grid points."""

  def render(arrays, factors, key):
    place = (factors[0] + jnp.arange(6) * factors[1]) % 16
    bar = (jnp.arange(16) == place[:, None]).astype(jnp.float32)
    return jnp.broadcast_to(bar[:, None, :, None], (6, 16, 16, 3))

  return factorial.make(
    name='videos',
    factor_names=('start', 'speed'),
    factor_values=(np.arange(8), np.arange(4)),
    observation_shape=(6, 16, 16, 3),
    render=render,
    kind='video',
  )


def method_of(data):
  """A convolution over every frame, codes from their mean."""
  shape = data.observation_shape
  frames = types.Dataset(*data)._replace(observation_shape=shape[1:])
  config = beta_vae.Config(
    net=nets.conv.Config(channels=(8, 8), kernels=(4, 4), hidden=16),
    num_latents=3,
  )
  return beta_vae.make(config, frames)


def module():
  """The method on whole videos: each frame goes through the image's nets."""

  def make(config, data):
    inner = method_of(data)
    shape = data.observation_shape
    single = lambda x: x.reshape(-1, *shape[1:])

    def represent(state, observation):
      codes = inner.represent(state, single(observation))
      fold = lambda x: x.reshape(-1, shape[0], x.shape[-1]).mean(1)
      return jax.tree.map(fold, codes)

    def decode(state, vector):
      frame = inner.decode(state, vector)
      return jnp.repeat(frame[:, None], shape[0], axis=1)

    def nats(state, vector, observation):
      each = inner.extras['log_likelihood'](
        state, jnp.repeat(vector, shape[0], axis=0), single(observation)
      )
      return each.reshape(-1, shape[0]).sum(1)

    def of_frames(batch):
      return {**batch, 'observation': batch['observation'][:, 0]}

    return inner._replace(
      init=lambda key, batch, h: inner.init(key, of_frames(batch), h),
      update=lambda key, s, batch, h: inner.update(key, s, of_frames(batch), h),
      represent=represent,
      decode=decode,
      extras={'log_likelihood': nats},
    )

  return python_types.SimpleNamespace(**{**vars(beta_vae), 'make': make})


@pytest.fixture(scope='module')
def group():
  own = {'methods': {'video': module()}, 'datasets': {'videos': videos()}}
  config = dj.base_config(**own)
  config.methods, config.dataset.name, config.seeds = ('video',), 'videos', RUNS
  config.net.name, config.net.mlp.encoder_hidden = 'mlp', (4,)
  config.batch_size, config.metrics = 8, ('reconstruction', 'kl')
  config.metric_options.reconstruction.num_points = 128
  config.metric_options.kl.num_points = 128
  plan = planning.make(config, registry.of(**own))
  return plan, plan.groups[0]


@pytest.fixture(scope='module')
def states(group):
  one = jax.jit(
    lambda key: group[1].method.init(
      key,
      group_shapes.example_batch(group[1]),
      {k: jnp.float32(v) for k, v in group[1].contract.hparams.items()},
    )
  )
  return jax.lax.map(one, jax.random.split(jax.random.key(0), RUNS))


def scoring_setup(plan, mebibytes):
  engine = dataclasses.replace(plan.config.engine, eval_memory_mib=mebibytes)
  config = dataclasses.replace(plan.config, engine=engine)
  plan = plan._replace(config=config)
  return score_setup.ScoreSetup(plan, devices.mesh())


def scratch(program, *arguments):
  return program.lower(*arguments).compile().memory_analysis()


def test_the_walk_says_about_what_the_compiler_needs(group, states):
  _, of = group
  one = jax.tree.map(lambda x: x[0], states)
  observation = jnp.zeros((64, *of.dataset.observation_shape))
  for function, rows in (
    (of.method.represent, observation),
    (of.method.decode, jnp.zeros((64, 3))),
  ):
    said = memory.held_bytes(function, one, rows)
    used = jax.jit(function).lower(one, rows).compile().memory_analysis()
    used = used.temp_size_in_bytes + used.output_size_in_bytes
    assert 0.6 * used < said < 4 * used, (said / MIB, used / MIB)


def test_encoder_scores_and_pictures_keep_to_the_memory(group, states):
  plan, of = group
  key, arrays = jax.random.key(0), of.dataset.arrays
  points = jnp.asarray(np.resize(factorial.grid((8, 4)), (512, 2)))
  used, results = {}, {}
  for mebibytes in (4, 4096):
    setup = scoring_setup(plan, mebibytes)
    encoder = code_scores.Encoder(setup)
    block = encoder.block(of, states, 512)
    blocks = -(-512 // block)
    padded = jnp.asarray(np.resize(points, (blocks * block, 2)))
    encode = encoder.program(of, blocks, block)
    probes = setup.metrics(of, types.Probe)
    means = model_scores.ModelScores(setup).means_program(of, probes, 128)
    contexts = dict.fromkeys(probes, ())
    shown = pictures.program(of, devices.mesh(), mebibytes * MIB)
    programs = {
      'encode': (encode, (states, arrays, padded, key)),
      'means': (means, (key, contexts, states, arrays)),
      'pictures': (shown, (states, arrays)),
    }
    for name, (program, arguments) in programs.items():
      memory_of = scratch(program, *arguments)
      used[name, mebibytes] = memory_of.temp_size_in_bytes / MIB
    results[mebibytes] = encode(states, arrays, padded, key).vector[:, :512]
  for name in ('encode', 'means', 'pictures'):
    assert used[name, 4] < 3 * 4, used
  assert used['encode', 4096] > 10 * used['encode', 4], used
  np.testing.assert_allclose(results[4], results[4096], atol=1e-5)


def test_scores_do_not_depend_on_the_memory(group, states):
  plan, of = group
  scores = {}
  for mebibytes in (4, 1024):
    setup = scoring_setup(plan, mebibytes)
    encoder = code_scores.Encoder(setup)
    scores[mebibytes] = {
      (s.name, s.representation): s.values
      for s in (
        *model_scores.ModelScores(setup).means(of, states),
        *code_scores.CodeScores(setup, encoder).scores(of, states),
      )
    }
  assert len(scores[4]) >= 6
  for name, values in scores[1024].items():
    np.testing.assert_allclose(scores[4][name], values, rtol=1e-5, err_msg=name)
