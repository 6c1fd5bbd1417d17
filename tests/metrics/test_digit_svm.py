"""The classifier of codes against scikit-learn's on the same arrays."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import svm as sklearn_svm

from disentangle_jax import data, errors, types
from disentangle_jax.metrics.models import digit_svm

CONFIG = digit_svm.Config(block=64, num_features=300)


@pytest.fixture(scope='module')
def digits():
  options = {'resolution': 14, 'slants': 5, 'thicknesses': 3, 'sizes': 3}
  return data.load('digits', **options, test='held_out', share=0.9)


def _method(vector_of):
  represent = lambda state, x: types.Codes(vector_of(state, x), {})
  return types.Method(None, None, represent, None)


@pytest.fixture(scope='module')
def scored(digits):
  """Scores of three runs whose codes are projections of the pixels."""
  probe = digit_svm.make(CONFIG, digits)
  method = _method(lambda w, x: x.reshape(len(x), -1) @ w)
  # Far apart, as the prior, and not a number.
  base = np.random.default_rng(0).normal(size=(196, 10)).astype(np.float32)
  states = jnp.asarray(np.stack([10 * base, base / 4, np.nan * base]))
  arrays = digits.arrays
  context = probe.fit(jax.random.key(1), arrays)

  @jax.jit
  def score(states):
    one = lambda s: probe.score(
      jax.random.key(2), context, method, s, arrays, None
    )
    return jax.lax.map(one, states)

  return np.asarray(states), score(states)


def _codes(digits, state):
  flat = lambda x: np.asarray(x).reshape(len(x), -1) / 255.0
  a = digits.arrays
  label = lambda x: np.asarray(x)[:, 0]
  return (
    flat(a['images']) @ state,
    label(a['factors']),
    flat(a['test_images']) @ state,
    label(a['test_factors']),
  )


@pytest.mark.parametrize('run', [0, 1])
def test_linear_accuracy_is_that_of_scikit_learn(digits, scored, run):
  states, scores = scored
  train, labels, test, truth = _codes(digits, states[run])
  reference = sklearn_svm.LinearSVC(dual=False, tol=1e-7, max_iter=100_000)
  expected = reference.fit(train, labels).score(test, truth)
  assert 0.3 < expected < 1
  # One test image may lie on a border.
  slack = 1.01 / len(truth)
  assert scores['svm_accuracy'][run] == pytest.approx(expected, abs=slack)


@pytest.mark.parametrize(
  'name', ['svm_accuracy_rbf', 'svm_accuracy_rbf_scaled']
)
@pytest.mark.parametrize('run', [0, 1])
def test_kernel_accuracy_is_near_that_of_scikit_learn(
  digits, scored, name, run
):
  states, scores = scored
  train, labels, test, truth = _codes(digits, states[run])
  if name.endswith('scaled'):
    mean, deviation = train.mean(0), train.std(0)
    train, test = ((x - mean) / deviation for x in (train, test))
  reference = sklearn_svm.SVC(C=1.0, gamma='auto').fit(train, labels)
  expected = reference.score(test, truth)
  assert scores[name][run] == pytest.approx(expected, abs=0.12)


def test_the_scale_of_the_codes_matters_where_it_is_said_to(scored):
  _, scores = scored
  # Codes far apart look all alike to a kernel of the prior's width.
  assert scores['svm_accuracy_rbf'][0] < 0.4 < scores['svm_accuracy_rbf'][1]
  scaled = np.asarray(scores['svm_accuracy_rbf_scaled'])
  assert scaled[0] == pytest.approx(scaled[1], abs=0.01)


def test_codes_that_are_not_finite_score_nan(scored):
  for values in scored[1].values():
    assert np.isfinite(values[:2]).all() and np.isnan(values[2])


def test_every_image_is_encoded_once_and_in_order(digits):
  """Codes that are the image's own number make a perfect classifier."""
  probe = digit_svm.make(digit_svm.Config(block=37, num_features=8), digits)
  every = np.concatenate(
    [digits.arrays['images'], digits.arrays['test_images']]
  ).reshape(-1, 196)
  digit = np.concatenate(
    [digits.arrays['factors'][:, 0], digits.arrays['test_factors'][:, 0]]
  )

  def look_up(state, x):
    del state
    near = jnp.abs(x.reshape(-1, 1, 196) - every / 255.0).sum(-1)
    return jax.nn.one_hot(jnp.asarray(digit)[jnp.argmin(near, axis=1)], 10)

  found = jax.jit(
    lambda: probe.score(
      jax.random.key(0),
      probe.fit(jax.random.key(0), ()),
      _method(look_up),
      (),
      digits.arrays,
      None,
    )
  )()
  assert found['svm_accuracy'] == 1.0


def test_what_it_needs_is_named():
  with pytest.raises(
    errors.ConfigError, match=r'config\.dataset\.test'
  ) as caught:
    digit_svm.make(CONFIG, data.load('digits'))
  assert '\n' not in str(caught.value)
  small = {'slants': 1, 'thicknesses': 1, 'sizes': 1, 'test': 'held_out'}
  divided = data.load('digits', **small)
  with pytest.raises(errors.ConfigError, match=r'digit_svm\.factor'):
    digit_svm.make(digit_svm.Config(factor=4), divided)
  with pytest.raises(errors.ConfigError, match=r'digit_svm\.c'):
    digit_svm.make(digit_svm.Config(c=0.0), divided)
