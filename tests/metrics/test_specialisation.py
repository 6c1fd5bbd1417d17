"""Tables of wins, and experts whose answers are known."""

import types as python_types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import data as data_lib
from disentangle_jax import errors
from disentangle_jax.metrics.models import specialisation

DIGITS = {'resolution': 8, 'slants': 1, 'thicknesses': 1, 'sizes': 1}


def test_a_permutation_is_one_to_one_and_a_double_row_is_not():
  table = jnp.eye(4)[jnp.array([2, 0, 3, 1])]
  assert list(map(float, specialisation.owners(table))) == [1, 4]
  twice = table.at[1].set(table[0])
  assert list(map(float, specialisation.owners(twice))) == [0, 3]
  unsure = table.at[1].set(jnp.array([0.85, 0.15, 0, 0]))
  assert list(map(float, specialisation.owners(unsure))) == [0, 3]
  # More experts than mechanisms: idle ones do no harm; fewer cannot.
  wide = jnp.concatenate([table, jnp.zeros((4, 2))], axis=1)
  assert list(map(float, specialisation.owners(wide))) == [1, 4]
  one = specialisation.owners(jnp.ones((4, 1)))
  assert list(map(float, one)) == [0, 1]


@pytest.fixture(scope='module')
def scores():
  """Of an identity and an inversion judged by their darkness.

  Digits are less than half white, so that the identity wins clean images
  (mechanism 0) and the inversion wins inverted ones (mechanism 1).
  """
  data = data_lib.load('digits', **DIGITS)
  config = specialisation.Config(
    num_points=100, foreign='digits', foreign_options='{"slants": 2}', steps=300
  )
  probe = specialisation.make(config, data)

  def experts(state, images):
    made = jnp.stack([images, 1 - images])[state]
    return made, -jnp.mean(made, axis=(2, 3, 4))

  extras = {
    'experts': experts,
    'mechanisms': lambda key, images: {'none': images, 'invert': 1 - images},
  }
  method = python_types.SimpleNamespace(extras=extras)

  @jax.jit
  def run(order):
    context = probe.fit(jax.random.key(0), data.arrays)
    return jax.vmap(
      lambda state: probe.score(
        jax.random.key(1), context, method, state, data.arrays, None
      )
    )(order)

  both = run(jnp.array([[0, 1], [0, 0]]))
  return [{name: float(x[run]) for name, x in both.items()} for run in (0, 1)]


def test_experts_that_undo_the_mechanisms(scores):
  found, _ = scores
  assert found['one_to_one'] == 1 and found['covered'] == 2
  table = [[found[f'specialisation/{m}_{e}'] for e in (0, 1)] for m in (0, 1)]
  np.testing.assert_array_equal(table, np.eye(2))
  assert found['judge_clean'] > 0.99
  np.testing.assert_allclose(found['judge_after'], found['judge_clean'])
  assert found['judge_before/0'] == found['judge_clean']
  np.testing.assert_allclose(
    found['judge_before'],
    (found['judge_before/0'] + found['judge_before/1']) / 2,
    rtol=1e-6,
  )
  assert found['judge_before/1'] < 0.6
  np.testing.assert_allclose(found['foreign'], found['foreign_clean'])
  assert found['foreign_clean'] > 0.95
  assert found['foreign_before'] < found['foreign'] - 0.2


def test_two_identities_mend_nothing(scores):
  _, found = scores
  # Equal logits: the lowest wins everything.
  assert found['one_to_one'] == 0 and found['covered'] == 1
  assert found['specialisation/1_0'] == 1
  np.testing.assert_allclose(found['judge_after'], found['judge_before'])
  np.testing.assert_allclose(found['foreign'], found['foreign_before'])


@pytest.mark.parametrize(
  ('options', 'said'),
  [
    ({'foreign': 'shapes'}, 'foreign'),
    ({'foreign': 'digits', 'foreign_options': '{"hues": 2}'}, '(8, 8, 3)'),
    ({'foreign': 'digits', 'foreign_options': 'slants'}, 'JSON'),
    ({'factor': 7}, 'factor = 7'),
    ({'num_points': 0}, 'num_points = 0'),
  ],
)
def test_what_cannot_be_is_said_in_one_line(options, said):
  data = data_lib.load('digits', **DIGITS)
  with pytest.raises(errors.ConfigError) as caught:
    specialisation.make(specialisation.Config(**options), data)
  assert said in str(caught.value) and '\n' not in str(caught.value)
