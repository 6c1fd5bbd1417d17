"""Scores of grasping on methods whose answers are known."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import data, errors, types
from disentangle_jax.metrics.models import (
  grasp_accuracy,
  grasp_plan,
  grasp_shape,
  graspable_parts,
)
from disentangle_jax.ops import projection

OPTIONS = {
  'resolution': 8,
  'grid': 4,
  'instances': 2,
  'novel_instances': 1,
  'views': 2,
  'grasps': 8,
}
KEY = jax.random.key(0)


@functools.cache
def loaded():
  return data.load('graspable', **OPTIONS)


@functools.cache
def views():
  """Views of all novel objects at all elevations, and a good grasp of each."""
  dataset = loaded()
  novel = graspable_parts.Novel(dataset, 'test')
  places = [(n, e) for n in range(14, 21) for e in range(4)]
  rows = [
    novel.view(dataset.arrays, jnp.int32(n), jnp.int32(e)) for n, e in places
  ]
  return {
    'observation': jnp.stack([row['observation'][0] for row in rows]),
    'pose': jnp.stack([row['pose'][0] for row in rows]),
    'label': jnp.stack([row['label'] for row in rows]),
    'occupancy': jnp.stack([row['occupancy'][0] for row in rows]),
  }


def which(observation):
  """Number of the known view that an observation [H, W, 5] is."""
  known = views()['observation']
  return jnp.argmin(jnp.sum(jnp.abs(known - observation), axis=(1, 2, 3)))


def scored(module, method, **constants):
  dataset, _ = loaded(), views()  # made before anything is traced
  probe = module.make(module.Config(**constants), dataset)
  run = jax.jit(lambda arrays: probe.score(KEY, (), method, (), arrays, None))
  return jax.tree.map(float, run(dataset.arrays))


def knows(answer):
  """Predicts from the known labels."""

  def predict(state, observation, pose, occupancy):
    del state, occupancy
    label = views()['label'][jax.vmap(which)(observation)]
    return jnp.broadcast_to(answer(label), pose.shape[:2])

  return types.Method(None, None, None, None, {'grasp_logits': predict})


def test_accuracy_of_the_truth_of_its_opposite_and_of_a_constant():
  sign = lambda label: jnp.where(label, 1.0, -1.0)
  right = scored(grasp_accuracy, knows(sign))
  assert right['grasp_accuracy'] == 1 and right['grasp_label_share'] == 0.5
  assert right['grasp_accuracy_drop'] == 0
  cells = [name for name in right if '/' in name]
  assert len(cells) == 7 * 4 and 'grasp_accuracy/teapot_60' in cells
  wrong = scored(grasp_accuracy, knows(lambda label: -sign(label)))
  assert wrong['grasp_accuracy'] == 0
  same = scored(grasp_accuracy, knows(lambda label: jnp.ones(label.shape)))
  assert same['grasp_accuracy'] == 0.5


def test_accuracy_by_elevation_is_where_the_net_is_right():
  """Right from 15 and 45 degrees alone, and of bottles from 30 as well."""

  def predict(state, observation, pose, occupancy):
    del state, occupancy
    number = jax.vmap(which)(observation)
    label = views()['label'][number]
    category, elevation = number // 4, number % 4
    knows = (elevation < 2) | ((category == 0) & (elevation == 2))
    return jnp.where(label == knows[:, None], 1.0, -1.0)

  method = types.Method(None, None, None, None, {'grasp_logits': predict})
  got = scored(grasp_accuracy, method)
  assert got['grasp_accuracy_seen'] == 1
  assert got['grasp_accuracy/bottle_30'] == 1
  assert got['grasp_accuracy/mug_30'] == 0
  np.testing.assert_allclose(got['grasp_accuracy_new'], 1 / 14, rtol=1e-5)
  np.testing.assert_allclose(got['grasp_accuracy_drop'], 13 / 14, rtol=1e-5)


def shapes(change):
  """A method whose guess is the true grid, changed."""

  def represent(state, observation):
    del state
    truth = views()['occupancy'][jax.vmap(which)(observation)]
    code = jnp.zeros((len(observation), 1))
    return types.Codes(code, {'occupancy': change(truth)})

  def local(state, occupancy, pose):
    del state
    look = lambda v, p: projection.local_view(v, p, 4, 0.45, 0.4, 6)
    return jax.vmap(look)(occupancy, pose)

  return types.Method(None, None, represent, None, {'local': local})


def test_overlap_of_the_truth_of_nothing_and_of_everything():
  right = scored(grasp_shape, shapes(lambda v: v))
  assert right['occupancy_iou'] == 1 and right['local_depth_error'] == 0
  none = scored(grasp_shape, shapes(jnp.zeros_like))
  truth = np.asarray(views()['occupancy']) > 0.5
  empty = ~truth.any((1, 2, 3))  # with so few cells some are
  np.testing.assert_allclose(none['occupancy_iou'], empty.mean(), rtol=1e-5)
  assert none['local_depth_error'] > 0
  full = scored(grasp_shape, shapes(jnp.ones_like))
  share = truth.mean((1, 2, 3))
  np.testing.assert_allclose(full['occupancy_iou'], share.mean(), rtol=1e-5)
  bowls = share.reshape(7, 4)[1].mean()
  np.testing.assert_allclose(full['occupancy_iou/bowl'], bowls, rtol=1e-5)


def searcher(sign):
  """A net that likes what is near to a grasp that holds."""

  def good(observation):
    # Every second grasp holds, the first one too.
    return views()['pose'][which(observation), 0]

  def perceive(state, observation, occupancy):
    del state, occupancy
    return jax.vmap(good)(observation)

  def judge(state, goal, pose):
    del state
    return -sign * jnp.sum(jnp.square(pose - goal[:, None]), axis=-1)

  def plan(key, state, observation, pose, occupancy):
    del key, state, occupancy
    return jax.vmap(good)(observation) if sign > 0 else pose

  extras = {'perceive': perceive, 'judge': judge, 'plan_grasp': plan}
  return types.Method(None, None, None, None, extras)


def test_a_search_that_knows_the_way_gets_there():
  # So many directions that some lead straight there.
  many = {'starts': 4, 'directions': 300}
  right = scored(grasp_plan, searcher(1.0), **many)
  assert right['grasp_plan_cem'] == 1
  assert right['grasp_plan'] > 0.6 > right['grasp_plan_random'] + 0.2
  means = [right[f'grasp_plan/{name}'] for name in graspable_parts.CATEGORIES]
  np.testing.assert_allclose(np.mean(means), right['grasp_plan'], rtol=1e-5)
  wrong = scored(grasp_plan, searcher(-1.0), **many)
  # Starts fail, and a plan that stays there fails with them.
  assert wrong['grasp_plan_cem'] == 0
  assert wrong['grasp_plan'] <= wrong['grasp_plan_random']
  assert wrong['grasp_plan_random'] == right['grasp_plan_random']


def test_nets_that_broke_score_nothing():
  broken = lambda state, x, pose, v: jnp.full(pose.shape[:2], jnp.nan)
  plan = lambda key, state, x, pose, v: pose
  extras = {'grasp_logits': broken, 'plan_grasp': plan}
  method = types.Method(None, None, None, None, extras)
  assert np.isnan(scored(grasp_accuracy, method)['grasp_accuracy'])


@pytest.mark.parametrize('module', [grasp_accuracy, grasp_shape, grasp_plan])
def test_other_data_and_constants_are_refused(module):
  other = data.load('xor')
  with pytest.raises(errors.ConfigError, match='no novel objects'):
    module.make(module.Config(), other)
  if module is grasp_plan:
    with pytest.raises(errors.ConfigError, match='at most 4'):
      module.make(module.Config(starts=5), loaded())
