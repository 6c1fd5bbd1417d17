"""What every registered method must keep to; no exceptions by name."""

import dataclasses
import functools
import inspect
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiers

from disentangle_jax import layouts, requests
from disentangle_jax.engine.workdir import exported
from disentangle_jax.methods import METHODS, contract

every_method = pytest.mark.parametrize('name', METHODS)
on_meshes = pytest.mark.parametrize('name', tiers.few(METHODS))


def _arguments(function):
  return list(inspect.signature(function).parameters)


@every_method
def test_module_declares_what_the_engine_reads(name):
  module = METHODS[name]
  described = contract.read(module, name)
  if described.strength is not None:
    # Maybe of an earlier phase: '<phase>.<hparam>'.
    phase, _, hparam = described.strength.rpartition('.')
    assert hparam in METHODS[phase or name].HPARAMS
  assert all(isinstance(v, float) for v in module.HPARAMS.values())
  for request in described.batch(module.Config()):
    assert isinstance(request, requests.Request)
  assert 'https://' in module.__doc__
  assert hash(module.Config()) == hash(module.Config())
  with pytest.raises(dataclasses.FrozenInstanceError):
    module.Config().net = None
  for low, high in described.bounds.values():
    assert low < high


@every_method
def test_functions_and_shapes(name, harness, history):
  made = harness(name)
  method, batch = made.method, made.batch(0)
  taken = _arguments(method.init)
  assert taken[:3] == ['key', 'batch', 'hparams']
  assert taken[3:] in ([], ['frozen'])
  assert _arguments(method.update) == ['key', 'state', 'batch', 'hparams']
  states, scalars = history(made, False)
  before, after = made.first_state, states[-1]
  assert jax.tree.structure(before) == jax.tree.structure(after)
  for first, last in zip(jax.tree.leaves(before), jax.tree.leaves(after)):
    assert last.shape[1:] == first.shape and last.dtype == first.dtype
    # A weak type that an update leaves or takes would be traced anew.
    assert not (first.weak_type or last.weak_type)
  for scalar in scalars[0].values():
    assert scalar.shape == (len(made.probes) + 2,)
    assert scalar.dtype == np.float32
  assert 'loss' in scalars[0]

  observation = batch['observation']
  read = _readings(made)(_of_first_run(states[-1]))
  if method.represent is not None:
    assert _arguments(method.represent) == ['state', 'observation']
    codes = read['codes']
    assert codes.vector.shape[0] == len(observation)
    # Both or neither: codes with a distribution around them or without.
    given = {n: codes.parts[n] for n in ('mean', 'logvar') if n in codes.parts}
    assert len(given) in (0, 2)
    assert len({part.shape for part in given.values()}) < 2
    # The layout says what stands in the vector; it is checked against it.
    assert method.layout == layouts.layout_of(method, codes)
    rows = len(observation)
  else:
    rows = 2  # codes of ones
  if method.decode is not None:
    assert _arguments(method.decode) == ['state', 'vector']
    assert read['decoded'].shape == (rows, *observation.shape[1:])
    assert read['decoded'].dtype == observation.dtype
  if 'log_likelihood' in method.extras:
    assert read['log_likelihood'].shape == (rows,)


@every_method
def test_what_survives_is_everything_that_is_read(name, harness, history):
  """Codes, reconstructions and draws are those of the exported parameters."""
  made = harness(name)
  states, _ = history(made, False)
  state = _of_first_run(states[-1])
  shapes = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), state)
  arrays = exported.flatten(state.params)
  back = exported.fill(shapes, arrays, pathlib.Path('exported'))
  read = _readings(made)
  jax.tree.map(np.testing.assert_array_equal, read(back), read(state))


def _of_first_run(state):
  return jax.tree.map(lambda x: np.asarray(x)[0], state)


@functools.cache
def _readings(made):
  """State -> what abilities give from it, compiled."""
  observation = made.batch(0)['observation']
  return made.jit(lambda s: _all_that_is_read(made, s, observation))


def _all_that_is_read(made, state, observation):
  """What abilities with known signatures give from a state."""
  method, out, key = made.method, {}, jax.random.key(5)
  vector = jnp.ones((2, method.layout.width)) if method.layout else None
  if method.represent is not None:
    out['codes'] = method.represent(state, observation)
    vector = out['codes'].vector
  if method.decode is not None:
    out['decoded'] = method.decode(state, vector)
  of_state = lambda name, *more: method.extras[name](*more)
  calls = {
    'log_likelihood': (state, vector, observation[: len(vector)])
    if vector is not None
    else (),
    'generate': (key, state, 2),
    'classify': (state, observation),
    'pictures': (key, state, observation),
    'texts': (key, state, observation),
    'resample_global': (key, state, vector),
    'resample_local': (key, state, vector),
    'local_view': (state, observation),
    'decode_local': (state, vector),
    'codes_of_factors': (state, made.batch(0)['factors']),
  }
  for name in method.extras:
    if name in calls:
      out[name] = of_state(name, *calls[name])
  return out


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


@on_meshes
def test_alone_and_on_two_shards_is_the_same(name, harness, history):
  made = harness(name)
  if not made.contract.splits:
    return  # refused by name when planning
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
def test_loss_falls_or_nothing_is_learnt(name, harness, history):
  made = harness(name)
  states, _ = history(made, False)
  program, hparams = made.program(False), made.stacked(made.rows(False))
  progress = made.contract.progress or 'loss'
  # After the first steps, when capacities have risen.
  state, losses, start, traces = states[-1], [], len(states) - 1, 0
  for step in range(start, start + 200):
    state, scalars = program(state, step, hparams)
    traces = made.traces if step == start else traces
    losses.append([np.asarray(scalars[n])[0] for n in ('loss', progress)])
  losses = np.array(losses)
  assert np.all(np.isfinite(losses))
  if made.contract.learns:
    if made.contract.progress is not None:
      assert losses[-20:, 1].mean() < losses[:20, 1].mean()
  else:
    # All but the count of steps is what it was at the start.
    before, after = jax.device_get((states[0], state))
    np.testing.assert_array_equal(after.step, before.step + start + 200)
    same = after._replace(step=before.step)
    jax.tree.map(np.testing.assert_array_equal, same, before)
  assert made.traces == traces  # no later step is traced anew
