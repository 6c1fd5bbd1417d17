"""What policies that are known by hand earn in both domains."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import data as data_lib
from disentangle_jax import errors, types
from disentangle_jax.metrics.models import zero_shot_return

WORLD = data_lib.load('seek_avoid', resolution=8)
TASK = WORLD.extras['task']
# The best policy far from the end of an episode.
BEST = jnp.asarray(TASK.returns.actions[-1])
EPISODES = 512


def policy(state, factors):
  """By the state of the run: the best, staying, or the best in one domain."""
  best = BEST[factors[:, 0], factors[:, 1], factors[:, 2]]
  floor, hue = factors[:, 4], factors[:, 3]
  at_home = jnp.where(floor == 0, hue < 2, (hue == 3) | (hue == 4))
  chosen = jnp.where((state == 0) | (at_home & (state == 2)), best, 4)
  told = jax.nn.one_hot(chosen, 5)
  return jnp.where(state == 3, jnp.nan, told)


@pytest.fixture(scope='module')
def scores():
  preferences = lambda state, observation, factors: policy(state, factors)
  method = types.Method(
    None, None, None, None, {'preferences': preferences}, None
  )
  probe = zero_shot_return.make(
    zero_shot_return.Config(episodes=EPISODES), WORLD
  )
  score = lambda state: probe.score(
    jax.random.key(0), (), method, state, WORLD.arrays, None
  )
  told = jax.jit(jax.vmap(score))(jnp.arange(4))
  return jax.device_get(told)


def test_the_best_policy_earns_one_in_both_domains(scores):
  # It plays as if episodes did not end: within the noise of 512 episodes.
  for domain in ('source', 'target'):
    assert scores[f'return_{domain}'][0] == pytest.approx(1, abs=0.08)
  assert scores['transfer_gap'][0] == pytest.approx(
    scores['return_source'][0] - scores['return_target'][0], abs=1e-6
  )
  assert scores['transfer_ratio'][0] == pytest.approx(
    scores['return_target'][0] / scores['return_source'][0]
  )


def test_staying_earns_what_a_uniform_policy_earns(scores):
  """Both pay for every step; what is met by chance is good as often as bad."""
  for domain in ('source', 'target'):
    assert scores[f'return_{domain}'][1] == pytest.approx(0, abs=1e-5)
  assert np.isnan(scores['transfer_ratio'][1])


def test_a_policy_that_knows_one_domain(scores):
  assert scores['return_source'][2] == scores['return_source'][0]
  assert scores['return_target'][2] == pytest.approx(0, abs=1e-5)
  assert scores['transfer_gap'][2] == pytest.approx(
    scores['return_source'][2], abs=1e-5
  )
  assert scores['transfer_ratio'][2] == pytest.approx(0, abs=1e-5)


def test_a_policy_that_is_no_number_has_no_score(scores):
  assert all(np.isnan(values[3]) for values in scores.values())


def test_what_cannot_be_is_refused():
  config = zero_shot_return.Config()
  with pytest.raises(errors.ConfigError, match="'seek_avoid'"):
    zero_shot_return.make(config, data_lib.load('blobs', resolution=16))
  with pytest.raises(errors.ConfigError, match='episodes'):
    zero_shot_return.make(zero_shot_return.Config(episodes=0), WORLD)
