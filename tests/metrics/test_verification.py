"""Verification of pairs, on generators whose answers are known."""

import types as python_types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import data as data_lib
from disentangle_jax import errors
from disentangle_jax.metrics.models import identity_draws, verification

# A digit's size and slant vary inside an identity.
DIGITS = {
  'resolution': 8,
  'slants': 3,
  'thicknesses': 1,
  'sizes': 3,
  'hues': 6,
  'distribution': 'held_out',
  'pair': ('digit', 'hue'),
}
IDENTITY = ('digit', 'hue')
SMALL = {'num_pairs': 600, 'hidden': (64,), 'embedding': 8, 'steps': 200}


@pytest.mark.parametrize(
  ('distance', 'matched', 'expected'),
  [
    ([0.1, 0.2, 0.5, 0.9], [1, 1, 0, 0], 0.35),
    ([0.1, 0.2, 0.5, 0.9], [1, 0, 1, 0], 0.15),
    ([0.1, 0.1, 0.1, 0.4], [1, 1, 0, 0], 0.25),
    ([0.3, 0.4], [0, 0], -0.35),
  ],
)
def test_the_threshold_is_that_of_best_accuracy(distance, matched, expected):
  matched = np.array(matched, bool)
  got = float(verification.best_threshold(jnp.array(distance), matched))
  if expected < 0:
    # Nothing is called matched below the least distance.
    assert got < min(distance)
    assert np.mean((np.array(distance) <= got) == matched) == 1
  else:
    np.testing.assert_allclose(got, expected, rtol=1e-6)


@pytest.fixture(scope='module')
def probe():
  data = data_lib.load('digits', **DIGITS)
  config = verification.Config(identity=IDENTITY, **SMALL)
  probe = verification.make(config, data)
  context = jax.jit(probe.fit)(jax.random.key(0), data.arrays)

  def scores_of(image_of, low=0):
    """Of a generator: `(digit, hue, slant, size, key) -> image`."""

    def sample_pair(key, state, index, same):
      keys = jax.random.split(key, 3)
      # The identities of one corner of the grid: `low` is where it begins.
      number = jax.random.randint(keys[0], index.shape, 0, 15)
      step = jax.random.randint(keys[1], index.shape, 1, 15)
      other = jnp.where(same, number, (number + step) % 15)
      identity = lambda n: (low * 5 + n // 3, low * 3 + n % 3)
      images = jax.vmap(image_of)
      pose = lambda k: jax.random.permutation(k, jnp.arange(9))[:2]
      poses = jax.vmap(pose)(jax.random.split(keys[2], len(index)))
      one, two = poses[:, 0], poses[:, 1]
      first = images(*identity(number), one // 3, one % 3)
      return first, images(*identity(other), two // 3, two % 3)

    method = python_types.SimpleNamespace(extras={'sample_pair': sample_pair})
    scores = probe.score(
      jax.random.key(1), context, method, (), data.arrays, None
    )
    return {name: float(value) for name, value in scores.items()}

  def render(digit, hue, slant, size):
    factors = jnp.stack([digit, slant, jnp.zeros_like(slant), size, hue])
    return data.render(data.arrays, factors, jax.random.key(0))

  return scores_of, render, data


def test_the_identities_are_those_that_the_set_holds_out(probe):
  _, _, data = probe
  part = identity_draws.parts_of(IDENTITY, data, 16, 'identity')
  assert part.columns == [0, 4]
  corner = [6 * d + h for d in range(5, 10) for h in range(3, 6)]
  np.testing.assert_array_equal(part.held_out, corner)
  np.testing.assert_array_equal(
    np.sort(np.concatenate([part.learn, part.tune, part.held_out])),
    np.arange(60),
  )
  np.testing.assert_array_equal(
    np.sort(np.append(part.seen, corner)), np.arange(60)
  )


def test_real_pairs_match_their_identities_and_are_no_copies(probe):
  _, _, data = probe
  draw = identity_draws.Draw(data, [0, 4])
  numbers = np.array([33, 34, 40], np.int32)
  points = draw.points(jax.random.key(0), data.arrays, numbers, 200)
  one, two = map(np.asarray, points)
  number = lambda rows: 6 * rows[:, 0] + rows[:, 4]
  assert set(number(one)) == set(numbers) == set(number(two))
  np.testing.assert_array_equal(
    number(one) == number(two), np.arange(400) < 200
  )
  assert np.any(one[:200] != two[:200], axis=1).all()


def test_pairs_from_the_data_give_the_real_row(probe):
  scores_of, render, _ = probe
  scores = scores_of(render, low=1)
  real = scores['pair_verification_auc_real']
  assert 0.75 < real < 1
  np.testing.assert_allclose(scores['pair_verification_auc'], real, atol=0.08)
  np.testing.assert_allclose(
    scores['pair_verification_accuracy'],
    scores['pair_verification_accuracy_real'],
    atol=0.08,
  )
  np.testing.assert_allclose(scores['pair_diversity'], 1, atol=0.2)


def test_a_generator_that_ignores_the_rest_seems_better_than_real(probe):
  scores_of, render, _ = probe
  scores = scores_of(
    lambda digit, hue, *_: render(digit, hue, *jnp.ones(2, int))
  )
  assert scores['pair_verification_auc'] > scores['pair_verification_auc_real']
  assert scores['pair_diversity'] == 0
  assert scores['identity_diversity'] > 0.3


def test_a_generator_that_ignores_the_identity_is_at_chance(probe):
  scores_of, render, _ = probe
  scores = scores_of(lambda _d, _h, *pose: render(*jnp.ones(2, int), *pose))
  np.testing.assert_allclose(scores['pair_verification_auc'], 0.5, atol=0.08)
  np.testing.assert_allclose(
    scores['pair_verification_accuracy'], 0.5, atol=0.08
  )


def test_a_diverged_generator_has_no_score(probe):
  scores_of, render, _ = probe
  scores = scores_of(lambda *given: render(*given) * jnp.nan)
  assert np.isnan(scores['pair_verification_auc'])
  assert np.isnan(scores['pair_verification_accuracy'])
  assert np.isfinite(scores['pair_verification_auc_real'])


@pytest.mark.parametrize(
  ('dataset', 'settings', 'said'),
  [
    ({}, {'identity': ()}, 'must name factors'),
    ({}, {'identity': ('digits',)}, "did you mean 'digit'"),
    ({'distribution': 'uniform'}, {}, 'needs 4 identities .* got 0'),
    ({'held_out': 0.2}, {}, 'got 2'),
    ({}, {'identities': 60}, 'identities to learn from'),
    ({}, {'identity': ('digit', 'hue', 'slant', 'size')}, 'leaves no factor'),
    ({}, {'num_pairs': 3}, 'num_pairs = 3'),
    ({'share': 0.5, 'distribution': 'uniform'}, {}, 'no grid of factors'),
  ],
)
def test_what_cannot_be_is_refused(dataset, settings, said):
  data = data_lib.load('digits', **{**DIGITS, **dataset})
  config = verification.Config(**{'identity': IDENTITY, **SMALL, **settings})
  with pytest.raises(errors.ConfigError, match=said) as caught:
    verification.make(config, data)
  assert '\n' not in str(caught.value)
