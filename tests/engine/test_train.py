"""Large groups are one program, in which runs do not speak to one another."""

import json
import math
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiers

import disentangle_jax as dj
from disentangle_jax import platforms
from disentangle_jax.engine.plan import (
  declare,
  group_shapes,
  planning,
  survival,
)
from disentangle_jax.engine.programs import devices, train
from disentangle_jax.methods import METHODS, contract


def lowered(group, mesh, count):
  """StableHLO of the training of `count` runs."""
  init, segment = train.functions(group, mesh, window=5)
  inputs = train.make_inputs(group.runs[:count], count)
  index = jnp.arange(group.batch_size, dtype=jnp.int32)
  arrays = group.dataset.arrays
  frozen = train.frozen_shapes(group, count)
  state = jax.eval_shape(init, inputs, arrays, index, frozen)
  start, never = jnp.zeros((), jnp.int32), jnp.full(count, 1, jnp.int32)
  return segment.lower(inputs, start, state, never, arrays, index).as_text()


@pytest.mark.parametrize('name', tiers.few(METHODS))
def test_sixty_four_runs_are_one_program_without_collectives(
  name, config, monkeypatch
):
  # Of every method it is tested in tests/methods.
  monkeypatch.setattr(survival, 'check', lambda *given: None)
  config.methods = (name,)
  module = METHODS[name]
  described = contract.read(module, name)
  strength = described.strength or next(iter(module.HPARAMS), None)
  if 'learning_rate' not in module.HPARAMS:
    config.hparams.learning_rate = None
  config.sweep, config.seeds = None, 64
  if strength:
    low, high = described.bounds.get(strength, (0.0, 2.25))
    high = min(high, low + 2.25)
    values = [high - 0.1 * i * (high - low) for i in range(8)]
    config.sweep = dj.product({f'hparams.{strength}': values})
    config.seeds = 8
  config.metrics = ()
  takes = declare.static_fields(module)
  if name == 'capacity_generator' or 'num_latents' not in takes:
    config.static.num_latents = None  # the data set says how many
  if 'patch' in takes:
    config.static.patch = 4  # images of 8 x 8
  test = described.test
  if 'dataset' in test:
    dataset, options = test['dataset']
    for field in config.dataset:
      config.dataset[field] = None
    config.dataset.name = dataset
    config.dataset.update(options)
  for field, value in test.get('static', {}).items():
    config.static[field] = value
  if 'identities' in takes:
    # A batch of eight.
    config.static.identities, config.static.per_identity = 2, 4
  if 'pretraining' in takes:
    config.static.pretraining = False  # one group, without an earlier phase
  # Groups of earlier phases come first.
  group = planning.make(config).groups[-1]
  assert group.method_name == name and len(group.runs) == 64
  method, traced = group.method, []

  def update(*arguments):
    traced.append(1)
    return method.update(*arguments)

  group = group._replace(method=method._replace(update=update))
  mesh = devices.mesh()
  text = lowered(group, mesh, 64)
  assert len(traced) == 1
  for groups in collectives(text, mesh):
    # The batch mean over a 'data' axis of one.
    assert all(len(devices) == 1 for devices in groups), groups


def collectives(text: str, mesh: jax.sharding.Mesh) -> list[list[list[int]]]:
  """The groups of devices of every collective of a program.

  Up to JAX 0.11 a program lists them, from 0.12 on it names axes of the mesh.
  """
  listed = re.findall(
    r'replica_groups = dense<(.*?)> : tensor<(\d+)x(\d+)xi64>', text
  )
  named = re.findall(
    r'replica_groups = #stablehlo.replica_group_mesh_axes<.*?axes = \[(.*?)\]',
    text,
  )
  kinds = ('all_reduce', 'all_gather', 'reduce_scatter', 'all_to_all')
  mentioned = sum(text.count(f'stablehlo.{kind}') for kind in kinds)
  assert mentioned == len(listed) + len(named)
  found = []
  for groups, count, size in listed:
    # One number stands for all of a tensor that holds it alone.
    numbers = np.array(json.loads(groups)).reshape(int(count), int(size))
    found.append(numbers.tolist())
  for axes in named:
    over = re.findall(r'name = "(\w+)"', axes)
    kept = [axis for axis in mesh.axis_names if axis not in over]
    shape = [mesh.shape[axis] for axis in mesh.axis_names]
    order = [mesh.axis_names.index(axis) for axis in (*kept, *over)]
    size = math.prod(mesh.shape[axis] for axis in over)
    numbers = np.arange(math.prod(shape)).reshape(shape).transpose(order)
    found.append(numbers.reshape(-1, size).tolist())
  return found


def test_a_split_batch_is_summed_over_its_own_run_alone(config):
  group = planning.make(config).groups[0]
  mesh = devices.mesh(data_shards=2)
  found = collectives(lowered(group, mesh, 4), mesh)
  assert found
  for groups in found:
    # Devices 0 and 1 hold one half of the runs, 2 and 3 the other.
    assert groups == [[0, 1], [2, 3]]


@pytest.fixture(scope='module')
def convolving():
  config = dj.base_config()
  config.study, config.methods = 'parts', ('beta_vae',)
  config.dataset.name, config.dataset.resolution = 'dsprites', 8
  config.net.name = 'conv'
  config.net.conv.channels, config.net.conv.kernels = (4,), (4,)
  config.net.conv.hidden, config.net.conv.conv_form = 8, 'lax'
  config.static.num_latents, config.metrics = 2, ()
  config.sweep = None
  config.seeds, config.steps, config.batch_size = 6, 6, 4
  return planning.make(config).groups[0]


def test_runs_in_parts_train_as_they_do_together(convolving):
  mesh = jax.sharding.Mesh(
    np.array(jax.devices()[:1]).reshape(1, 1), (devices.RUNS, devices.DATA)
  )
  inputs = train.make_inputs(convolving.runs, 6)
  index = jnp.arange(4, dtype=jnp.int32)
  arrays = convolving.dataset.arrays

  def trained(together):
    init, segment = train.functions(convolving, mesh, 6, together)
    state = init(inputs, arrays, index, ())
    never = jnp.full(6, train.NEVER, jnp.int32)
    return segment(inputs, jnp.int32(0), state, never, arrays, index)

  whole, parts = trained(6), trained(2)
  assert len(jax.tree.leaves(whole)) == len(jax.tree.leaves(parts)) > 10
  for a, b in zip(jax.tree.leaves(whole), jax.tree.leaves(parts)):
    assert a.shape == b.shape and a.shape[0] == 6
    np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5)


def test_a_tpu_takes_convolving_runs_one_by_one(convolving, config):
  config.methods, config.metrics, config.sweep = ('beta_vae',), (), None
  dense = planning.make(config).groups[0]
  assert train.runs_at_once(convolving, 64) == 64
  # A trace for this machine that JAX keeps.
  shapes = group_shapes.state_shapes(convolving)
  batch = group_shapes.example_batch(convolving)
  hparams = {k: jnp.float32(0) for k in convolving.contract.hparams}
  kept = jax.make_jaxpr(convolving.method.update)
  kept(jax.random.key(0), shapes, batch, hparams)
  with platforms.traced_for('tpu'):
    assert train.runs_at_once(convolving, 64) == 1
    assert train.runs_at_once(dense, 64) == 64
