"""Which group of latents names the label: codes of known content."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import data as data_lib
from disentangle_jax import errors, types
from disentangle_jax.metrics.models import label_by_group

DATA = data_lib.load('digits', resolution=12, slants=3)
CONFIG = label_by_group.Config(num_train=300, num_test=100, evidence=4)
NOISE = 0.6


def model(local_knows: bool):
  """Codes are read off the observation: content 0 to 9, style 10 and 11."""

  def represent(state, observation):
    del state
    return types.Codes(observation, {})

  def redraw(columns):
    def resample(key, state, vector):
      del state
      mask = jnp.isin(jnp.arange(vector.shape[1]), jnp.asarray(columns))
      return jnp.where(mask, jax.random.normal(key, vector.shape), vector)

    return resample

  content = list(range(10))
  extras = {
    'resample_global': redraw([10, 11] if local_knows else content),
    'resample_local': redraw(content if local_knows else [10, 11]),
  }
  if not local_knows:
    extras['accumulate'] = lambda state, x: types.Codes(x[..., :10].mean(1), {})
  return types.Method(None, None, represent, None, extras)


def scores(local_knows):
  rng = np.random.default_rng(0)
  label = rng.integers(0, 10, 400)
  content = np.eye(10)[label] + NOISE * rng.normal(size=(400, 10))
  style = rng.normal(size=(400, 2))
  codes = jnp.asarray(np.concatenate([content, style], 1), jnp.float32)
  factors = np.zeros((400, len(DATA.factor_sizes)), np.int32)
  factors[:, 0] = label
  batch = {
    'observation': codes,
    'factors': jnp.asarray(factors),
    'codes': types.Codes(codes, {}),
  }
  probe = label_by_group.make(CONFIG, DATA)
  run = jax.jit(
    lambda batch: probe.score(
      jax.random.key(0), (), model(local_knows), (), (), batch
    )
  )
  return {k: float(v) for k, v in run(batch).items()}


def test_the_label_is_where_it_was_put_and_evidence_adds():
  usual = scores(local_knows=False)
  assert usual['label_from_global'] > 0.4
  assert usual['label_from_local'] < 0.3
  assert usual['label_from_accumulated'] > usual['label_from_global'] + 0.2
  swapped = scores(local_knows=True)
  assert swapped['label_from_local'] == usual['label_from_global']
  assert swapped['label_from_global'] == usual['label_from_local']
  assert np.isnan(swapped['label_from_accumulated'])


def test_groups_hold_one_label():
  label = jnp.asarray([2, 0, 2, 1, 0, 2, 2, 0])
  rows = np.asarray(label_by_group.groups_of_one_label(label, 3, 4))
  np.testing.assert_array_equal(rows[:, 0], np.arange(8))
  np.testing.assert_array_equal(
    np.asarray(label)[rows], np.repeat(label, 3).reshape(8, 3)
  )
  for n in (0, 2, 5, 6, 1, 4, 7):
    assert len(set(rows[n])) == 3
  np.testing.assert_array_equal(rows[3], [3, 3, 3])


@pytest.mark.parametrize('options', [{'factor': 9}, {'evidence': 0}])
def test_bad_constants_are_refused_in_one_line(options):
  config = label_by_group.Config(**options)
  with pytest.raises(errors.ConfigError) as caught:
    label_by_group.make(config, DATA)
  assert '\n' not in str(caught.value)
