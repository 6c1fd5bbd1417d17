"""What every registered method must keep to; no exceptions by name."""

import dataclasses
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax.data import samplers
from disentangle_jax.methods import METHODS

every_method = pytest.mark.parametrize('name', METHODS)


def _arguments(function):
  return list(inspect.signature(function).parameters)


@every_method
def test_module_declares_what_the_engine_reads(name):
  module = METHODS[name]
  assert module.STRENGTH is None or module.STRENGTH in module.HPARAMS
  assert all(isinstance(v, float) for v in module.HPARAMS.values())
  assert set(module.BATCH) <= {*samplers.BASIC, *samplers.FIELDS}
  assert 'https://' in module.__doc__
  assert hash(module.Config()) == hash(module.Config())
  with pytest.raises(dataclasses.FrozenInstanceError):
    module.Config().net = None
  for low, high in getattr(module, 'BOUNDS', {}).values():
    assert low < high


@every_method
def test_functions_and_shapes(name, harness):
  made = harness(name)
  method, batch = made.method, made.batch(0)
  assert _arguments(method.init) == ['key', 'batch', 'hparams']
  assert _arguments(method.update) == ['key', 'state', 'batch', 'hparams']
  hparams = {k: jnp.float32(v) for k, v in made.hparams.items()}
  key = jax.random.key(0)
  state = jax.eval_shape(method.init, key, batch, hparams)
  after, scalars = jax.eval_shape(method.update, key, state, batch, hparams)
  assert jax.tree.structure(state) == jax.tree.structure(after)
  assert jax.tree.leaves(state) == jax.tree.leaves(after)
  for scalar in scalars.values():
    assert scalar.shape == () and scalar.dtype == jnp.float32
  assert 'loss' in scalars

  observation = batch['observation']
  if method.represent is not None:
    assert _arguments(method.represent) == ['state', 'observation']
    codes = jax.eval_shape(method.represent, state, observation)
    assert codes.vector.shape[0] == len(observation)
    # Gaussian latents have both; networks without a posterior have neither.
    shape_of = lambda part: getattr(codes.parts.get(part), 'shape', None)
    assert shape_of('mean') == shape_of('logvar')
    vector = codes.vector
  else:
    vector = jnp.zeros((len(observation), len(made.data.factor_sizes)))
  if method.decode is not None:
    assert _arguments(method.decode) == ['state', 'vector']
    decoded = jax.eval_shape(method.decode, state, vector)
    assert decoded.shape == observation.shape
    nats = method.extras['log_likelihood']
    nats = jax.eval_shape(nats, state, vector, observation)
    assert nats.shape == (len(observation),)


@every_method
def test_every_hyper_parameter_changes_the_update(name, harness, history):
  made = harness(name)
  states, _ = history(made, False)
  # One trace, although the runs differ in every hyper-parameter.
  assert made.traces == 1
  leaves = [np.asarray(x, np.float64) for x in jax.tree.leaves(states[-1])]
  apart = lambda run: max(np.max(np.abs(x[run] - x[0])) for x in leaves)
  finite = lambda run: all(np.all(np.isfinite(x[run])) for x in leaves)
  assert apart(-1) == 0  # the base, repeated as the last run
  for name in made.hparams:
    runs = [1 + i for i, probe in enumerate(made.probes) if probe[0] == name]
    moved = [run for run in runs if finite(run) and apart(run) > 1e-7]
    assert moved, f'{name} changes nothing'


@every_method
def test_alone_and_on_two_shards_is_the_same(name, harness, history):
  made = harness(name)
  together, scalars = history(made, False)
  alone, other_scalars = history(made, True)
  together, alone = jax.device_get((together, alone))
  for a, b, rtol in (
    (scalars[0], other_scalars[0], 2e-5),
    (scalars[-1], other_scalars[-1], 2e-3),
  ):
    assert sorted(a) == sorted(b)
    for key in a:
      np.testing.assert_allclose(
        b[key][0], a[key][0], rtol=rtol, atol=20 * rtol * 1e-2, err_msg=key
      )
  # After one step the moments hold the gradient itself: a factor in it, which
  # Adam would hide from the parameters, shows.
  first = zip(jax.tree.leaves(together[1]), jax.tree.leaves(alone[1]))
  for a, b in first:
    scale = np.max(np.abs(a[0])) + 1e-12
    if np.max(np.abs(a[0] - b[0])) > 1e-4 * scale:
      # Where a gradient is zero to rounding, Adam makes a full step of either
      # sign out of it; no more than that may differ.
      assert np.mean(np.abs(a[0] - b[0]) > 1e-4 * scale) < 0.02


@every_method
def test_loss_falls(name, harness, history):
  made = harness(name)
  states, _ = history(made, False)
  program, hparams = made.program(False), made.stacked(made.rows(False))
  # After the first steps, when capacities have risen.
  state, losses, start = states[-1], [], len(states) - 1
  for step in range(start, start + 200):
    state, scalars = program(state, step, hparams)
    losses.append(scalars['loss'][0])
  losses = np.array(losses)
  assert np.all(np.isfinite(losses))
  assert losses[-20:].mean() < losses[:20].mean()
  assert made.traces <= 2  # this program and the one for two shards
