"""The grasping systems: what reaches what, phases, planning, refusals."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import data as data_lib
from disentangle_jax import errors
from disentangle_jax.methods import METHODS, contract, training
from disentangle_jax.methods.control import (
  grasp_cnn,
  grasp_geometry,
  grasping,
)


def one_run(made):
  return jax.tree.map(lambda x: np.asarray(x)[0], made.init(True))


def stepped(made, state=None, **hparams):
  """A step from the first state, or another one."""
  values = {k: jnp.float32(v) for k, v in (made.hparams | hparams).items()}
  state = one_run(made) if state is None else state
  update = made.jit(made.method.update)
  return update(made.keys(0)[1], state, made.batch(0), values)


def moved(before, after):
  pairs = zip(jax.tree.leaves(before), jax.tree.leaves(after))
  return [bool(np.any(np.asarray(a) != np.asarray(b))) for a, b in pairs]


def test_the_cross_entropy_of_a_coin_is_log_two():
  label = jnp.asarray([[1.0, 0.0], [0.0, 1.0]])
  nats, right = grasping.outcome_scalars(jnp.zeros((2, 2)), label)
  np.testing.assert_allclose(nats, np.log(2), rtol=1e-6)
  assert right == 0.5  # 0 is no success
  nats, right = grasping.outcome_scalars(2 * label - 1, label)
  np.testing.assert_allclose(nats, np.log1p(np.exp(-1)), rtol=1e-6)
  assert right == 1


def test_grasps_of_a_step_are_balanced_and_differ_between_steps(harness):
  batch = harness('grasp_cnn').batch(0)
  draw = jax.jit(
    lambda seed: grasping.some_grasps(jax.random.key(seed), batch, 4)
  )
  pose, label = jax.device_get(draw(0))
  np.testing.assert_array_equal(np.asarray(label).mean(1), 0.5)
  assert np.any(np.asarray(draw(1)[0]) != np.asarray(pose))
  # Each with its own label.
  for own, given, text in zip(pose, np.asarray(batch['pose']), label):
    for grasp, success in zip(own, text):
      row = np.argmin(np.abs(given - grasp).sum(1))
      assert success == (row % 2 == 0)


def test_the_outcome_teaches_the_shape_net_where_they_are_joint(harness):
  made = harness('grasp_geometry')
  before = one_run(made)
  after, _ = stepped(made, w_shape=0.0)
  shape = lambda state: state.params['shape']
  assert all(moved(shape(before)['decoder'], shape(after)['decoder']))
  assert any(moved(shape(before)['encoder'], shape(after)['encoder']))


def test_a_shape_net_trained_first_stands_still(harness):
  alone = harness('grasp_geometry', joint=False, stage='shape')
  assert grasp_geometry.after(alone.config) is None
  first, scalars = stepped(alone)
  assert sorted(scalars) == ['depth', 'loss', 'silhouette']
  assert 'outcome' not in first.params

  made = harness('grasp_geometry')
  module = METHODS['grasp_geometry']
  config = module.Config(**{**vars(made.config), 'joint': False})
  phase = contract.read(module).after(config)
  assert (phase.method, phase.name) == ('grasp_geometry', 'shape')
  method = module.make(config, made.data, alone.method)
  hparams = {k: jnp.float32(v) for k, v in made.hparams.items()}
  batch = made.batch(0)
  state = made.jit(method.init)(jax.random.key(0), batch, hparams, first)
  assert not any(moved(state.params['shape'], first.params['shape']))
  after, scalars = made.jit(method.update)(
    jax.random.key(1), state, batch, hparams
  )
  assert not any(moved(state.params['shape'], after.params['shape']))
  assert any(moved(state.params['outcome'], after.params['outcome']))
  assert sorted(scalars) == ['accuracy', 'loss', 'outcome']


def answers(made, observation, pose, occupancy):
  predict = made.method.extras['grasp_logits']
  return np.asarray(
    made.jit(predict)(one_run(made), observation, pose, occupancy)
  )


def test_arms_read_what_they_say(harness):
  geometry = harness('grasp_geometry')
  batch, size = geometry.batch(0), geometry.data.extras['scene'].grid
  x, pose = batch['observation'], batch['pose'][:, :3]
  none, full = (f((len(x), *(size,) * 3)) for f in (jnp.zeros, jnp.ones))
  other = x[::-1]
  for name, options, view, grid in (
    ('grasp_geometry', {}, True, False),
    ('grasp_geometry', {'occupancy': 'true'}, True, True),
    ('grasp_cnn', {}, True, False),
    ('grasp_cnn', {'sees': 'pose'}, False, False),
  ):
    made = harness(name, **options)
    first = answers(made, x, pose, none)
    assert first.shape == (len(x), 3)
    assert np.any(answers(made, other, pose, none) != first) == view
    assert np.any(answers(made, x, pose, full) != first) == grid
    assert np.any(answers(made, x, pose[:, ::-1], none) != first)


def test_pictures_show_the_guess_beside_the_truth(harness):
  made = harness('grasp_geometry')
  x = made.batch(0)['observation']
  shown = made.jit(made.method.extras['pictures'])(
    jax.random.key(0), one_run(made), x
  )
  side, grid = made.data.extras['scene'][:2]
  assert shown['projections'].shape == (len(x), 5, side, side, 3)
  assert shown['layers'].shape == (len(x), grid, grid, grid, 1)
  np.testing.assert_array_equal(shown['projections'][:, 0], x[..., :3])
  for part in shown.values():
    assert part.min() >= 0 and part.max() <= 1
  codes = made.jit(made.method.represent)(one_run(made), x)
  decode = made.jit(made.method.extras['decode_occupancy'])
  decoded = decode(one_run(made), codes.vector)
  np.testing.assert_allclose(decoded, codes.parts['occupancy'], rtol=1e-5)
  np.testing.assert_allclose(
    shown['layers'][..., 0], codes.parts['occupancy'], rtol=1e-5
  )


def test_a_plan_is_better_by_the_nets_own_word(harness):
  made = harness('grasp_cnn', plan_samples=30, plan_elite=5)
  batch = made.batch(0)
  x, start = batch['observation'], batch['pose'][:, 1]
  state = one_run(made)
  predict = made.jit(made.method.extras['grasp_logits'])
  plan = made.jit(made.method.extras['plan_grasp'])
  none = jnp.zeros((len(x), 4, 4, 4))
  found = plan(jax.random.key(0), state, x, start, none)
  assert found.shape == start.shape
  first, best = (predict(state, x, p[:, None], none) for p in (start, found))
  assert np.all(np.asarray(best) > np.asarray(first))
  _, approach, closing = np.split(np.asarray(found), 3, axis=1)
  np.testing.assert_allclose((approach * closing).sum(1), 0, atol=1e-5)


@pytest.mark.parametrize(
  'name, static, said',
  [
    ('grasp_geometry', {'depth_samples': 1}, 'depth_samples'),
    ('grasp_geometry', {'local_samples': 1}, 'local_samples'),
    ('grasp_geometry', {'views': 4}, 'at most 3, the other views'),
    ('grasp_geometry', {'rays': 65}, 'at most 64, the pixels'),
    ('grasp_geometry', {'decoder_channels': (8, 4, 2)}, 'no multiple of 8'),
    ('grasp_geometry', {'silhouette': 'sum'}, 'silhouette'),
    ('grasp_geometry', {'local_window': 1.5}, 'local_window'),
    ('grasp_geometry', {'stage': 'shape', 'occupancy': 'true'}, 'nothing to'),
    ('grasp_cnn', {'sees': 'nothing'}, 'sees'),
    ('grasp_cnn', {'grasps': 3}, 'must be even'),
    ('grasp_cnn', {'plan_elite': 99}, 'plan_elite'),
    ('grasp_cnn', {'outcome_hidden': ()}, 'at least one layer'),
  ],
)
def test_what_cannot_be_is_refused_in_one_line(name, static, said, harness):
  data = harness('grasp_cnn').data
  module = METHODS[name]
  config = module.Config(**{**module.TEST['static'], **static})
  with pytest.raises(errors.ConfigError, match=said) as caught:
    module.make(config, data)
  assert '\n' not in str(caught.value)


def test_other_data_and_too_many_grasps_are_refused(harness):
  with pytest.raises(errors.ConfigError, match="take 'graspable'"):
    grasp_cnn.make(grasp_cnn.Config(), data_lib.load('xor'))
  batch = harness('grasp_cnn').batch(0)
  with pytest.raises(errors.ConfigError, match='at most config'):
    grasping.some_grasps(jax.random.key(0), batch, 10)


def test_adam_is_what_it_says(harness):
  """The rate alone: a step of the first moments' sign."""
  made = harness('grasp_cnn')
  before = one_run(made)
  after, _ = stepped(made, learning_rate=1e-3)
  assert isinstance(after, training.State)
  for a, b in zip(
    jax.tree.leaves(before.params), jax.tree.leaves(after.params)
  ):
    assert np.abs(np.asarray(a) - np.asarray(b)).max() < 1.01e-3
