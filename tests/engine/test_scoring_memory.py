"""Scoring and pictures hold what they are allowed to, for images and videos."""

import dataclasses
import types as python_types

import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec as P
import numpy as np
import pytest

import disentangle_jax as dj
from disentangle_jax import platforms, types
from disentangle_jax.data import factorial
from disentangle_jax.engine.plan import group_shapes, planning, registry
from disentangle_jax.engine.programs import (
  code_scores,
  devices,
  memory,
  model_scores,
  pictures,
  program_text,
  score_program,
  score_setup,
  scoring,
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
  """Bytes that the compiler counts beside arguments and results."""
  if isinstance(program, score_program.ScoreProgram):
    return program.prepare(*arguments).scratch
  compiled = program.lower(*arguments).compile()
  return program_text.memory_of(compiled).scratch


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


def test_a_tpu_pads_the_last_two_axes():
  """Codes [64, 2, 6] take 21 times their bytes there."""
  of = lambda *shape, dtype=jnp.float32: memory.held_bytes(
    jnp.negative, jax.ShapeDtypeStruct(shape, dtype)
  )
  assert of(64, 2, 6) == 4 * 64 * 2 * 6
  with platforms.traced_for('tpu'):
    assert of(64, 2, 6) == 4 * 64 * 2 * 128
    assert of(64, 2, 6, dtype=jnp.bfloat16) == 2 * 64 * 2 * 128
    assert of(130) == 4 * 256
    # What libtpu says of arguments of these shapes.
    assert of(5, 5) == 4096 and of(3, 5) == 2048 and of(4, 1, 8) == 2048
    assert of(3, 5, dtype=jnp.uint8) == 512 and of(5) == 512
    assert of(5, 5, dtype=jnp.uint8) == 1024
    assert of(5, 5, dtype=jnp.bfloat16) == 2048
  assert of(64, 2, 6) == 4 * 64 * 2 * 6


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
      used[name, mebibytes] = scratch(program, *arguments) / MIB
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


def test_a_budget_is_kept_as_the_compiler_counts():
  """A builder that thinks a run holds a tenth of what it does."""
  runs, side = 16, 256
  tried = []

  def build(budget):
    tried.append(budget)
    at_once = max(1, min(runs, budget // (4 * side**2 // 10)))

    def scores(x):
      # A sorted product cannot be fused away.
      one = lambda row: jnp.sort(row[:, None] * row[None], axis=0)[:, 3].sum()
      return jax.lax.map(one, x, batch_size=at_once)

    return scores

  budget = 3 * 4 * side**2
  mesh = jax.sharding.Mesh(np.array(jax.devices()[:1]), ('runs',))
  make = lambda budget: score_program.ScoreProgram(
    build, mesh, (P('runs'),), P('runs'), budget
  )
  x = jax.random.normal(jax.random.key(0), (runs, side))
  kept = make(budget)
  used = kept.prepare(x)
  assert used.scratch <= 1.1 * budget
  assert len(tried) > 1 and tried[-1] < budget
  assert used.arguments == x.nbytes and used.results == 4 * runs
  whole = make(2**40)
  assert whole.prepare(x).scratch > 4 * budget
  np.testing.assert_allclose(kept(x), whole(x), atol=1e-4)


def test_what_a_compiler_refuses_is_built_with_less():
  tried = []

  def build(budget):
    tried.append(budget)
    if budget > 100:
      message = 'RESOURCE_EXHAUSTED: Ran out of memory on HBM'
      raise jax.errors.JaxRuntimeError(message)
    return lambda x: x + budget

  mesh = jax.sharding.Mesh(np.array(jax.devices()[:1]), ('runs',))
  make = lambda budget: score_program.ScoreProgram(
    build, mesh, (P('runs'),), P('runs'), budget
  )
  assert make(6400)(jnp.zeros(2)).tolist() == [100.0, 100.0]
  assert tried == [6400, 800, 100]
  with pytest.raises(jax.errors.JaxRuntimeError, match='on HBM'):
    make(2**40)(jnp.zeros(2))


def test_all_that_scores_a_chunk_is_compiled_before(group, states, monkeypatch):
  plan, of = group
  evaluator = scoring.Evaluator(plan, devices.mesh())
  needs = list(evaluator.prepare(of, RUNS))
  assert 'reconstruction, kl' in [one.name for one in needs]
  state_bytes = sum(x.nbytes for x in jax.tree.leaves(states))
  over = devices.mesh().shape[devices.RUNS]
  assert all(one.bytes > state_bytes / over for one in needs)
  compiled = []
  fitting = score_program.ScoreProgram.fitted
  monkeypatch.setattr(
    score_program.ScoreProgram,
    'fitted',
    lambda self, arguments: (
      compiled.append(arguments) or fitting(self, arguments)
    ),
  )
  assert len(evaluator.scores(of, states)) >= 6
  assert not compiled
