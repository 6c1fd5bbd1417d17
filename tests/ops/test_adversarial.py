"""Losses of two players against closed forms, on one shard and on two."""

import jax
import jax.numpy as jnp
import meshes
import numpy as np
import pytest

from disentangle_jax.ops import adversarial

REAL = np.float32([2.0, -1.0, 0.5, 3.0])
FAKE = np.float32([-2.0, 0.25, 1.0, -0.5])


def _sigmoid(x):
  return 1 / (1 + np.exp(-x.astype(np.float64)))


def test_a_blind_critic():
  blind = jnp.zeros(4)
  two = 2 * np.log(2)
  assert adversarial.critic_loss(blind, blind) == pytest.approx(two)
  half = adversarial.non_saturating_generator_loss(blind)
  assert half == pytest.approx(np.log(2))
  half = adversarial.saturating_generator_loss(blind)
  assert half == pytest.approx(-np.log(2))


def test_cross_entropies_are_those_of_probabilities():
  real, fake = _sigmoid(REAL), _sigmoid(FAKE)
  want = -np.log(real).mean() - np.log(1 - fake).mean()
  assert adversarial.critic_loss(REAL, FAKE) == pytest.approx(want, rel=1e-6)
  got = adversarial.non_saturating_generator_loss(FAKE)
  assert got == pytest.approx(-np.log(fake).mean(), rel=1e-6)
  got = adversarial.saturating_generator_loss(FAKE)
  assert got == pytest.approx(np.log(1 - fake).mean(), rel=1e-6)


def test_sure_critics_stay_finite():
  sure = jnp.full((3,), 1e4)
  assert adversarial.critic_loss(sure, -sure) == 0
  assert adversarial.non_saturating_generator_loss(-sure) == 1e4
  assert adversarial.saturating_generator_loss(sure) == -1e4
  slope = jax.grad(adversarial.non_saturating_generator_loss)(-sure)
  np.testing.assert_allclose(slope, -1 / 3, rtol=1e-6)


def test_the_two_generators_have_opposite_slopes_where_they_should():
  # d/dl softplus(-l) = -D(-l), d/dl -softplus(l) = -D(l).
  slope = jax.grad(adversarial.non_saturating_generator_loss)(FAKE)
  np.testing.assert_allclose(slope, -_sigmoid(-FAKE) / 4, rtol=1e-5)
  slope = jax.grad(adversarial.saturating_generator_loss)(FAKE)
  np.testing.assert_allclose(slope, -_sigmoid(FAKE) / 4, rtol=1e-5)


def test_wasserstein():
  got = adversarial.wasserstein_critic_loss(REAL[:, None], FAKE[:, None])
  assert got == pytest.approx(FAKE.mean() - REAL.mean())
  got = adversarial.wasserstein_generator_loss(FAKE)
  assert got == pytest.approx(-FAKE.mean())


def _pair(*shape):
  rng = np.random.default_rng(0)
  return rng.normal(size=(2, *shape)).astype(np.float32)


@pytest.mark.parametrize('target', [1.0, 0.0])
def test_penalty_of_a_linear_judge(target):
  a = np.float32([[1.0, -2.0], [0.5, 2.0]])
  real, fake = _pair(4, 2, 2)
  got = adversarial.gradient_penalty(
    lambda v: jnp.sum(v * a, (1, 2)),
    jax.random.key(0),
    jnp.arange(4),
    real,
    fake,
    target,
  )
  want = (np.linalg.norm(a) - target) ** 2
  assert got == pytest.approx(want, rel=1e-5)


def test_penalty_of_a_flat_judge_has_a_finite_gradient():
  real, fake = _pair(4, 3)

  def penalty(a):
    judge = lambda v: v @ a
    key, index = jax.random.key(0), jnp.arange(4)
    return adversarial.gradient_penalty(judge, key, index, real, fake)

  value, slope = jax.value_and_grad(penalty)(jnp.zeros(3))
  assert value == pytest.approx(1.0, abs=1e-5)
  np.testing.assert_array_equal(slope, np.zeros(3))


def test_penalty_is_taken_between_the_two():
  # l = |v|^2 / 2 has the slope v: the target is met where v has length 1, and
  # with data at 0 and generated examples at 2 the weight is |v| / 2.
  real, fake = np.zeros((4000, 1), np.float32), np.full((4000, 1), 2.0, 'f')
  got = adversarial.gradient_penalty(
    lambda v: jnp.sum(v**2, 1) / 2,
    jax.random.key(0),
    jnp.arange(4000),
    real,
    fake,
  )
  # E (2 e - 1)^2 = 1 / 3 for uniform e.
  assert got == pytest.approx(1 / 3, abs=0.02)


def test_gradient_of_the_penalty_is_that_of_its_formula():
  a = np.float32([1.0, -2.0, 0.5])
  real, fake = _pair(4, 3)

  def penalty(a):
    judge = lambda v: v @ a
    key, index = jax.random.key(0), jnp.arange(4)
    return adversarial.gradient_penalty(judge, key, index, real, fake)

  length = np.linalg.norm(a)
  want = 2 * (length - 1) * a / length
  np.testing.assert_allclose(jax.jit(jax.grad(penalty))(a), want, rtol=1e-5)


def test_penalty_on_data_is_the_squared_slope_there():
  a = np.float32([[1.0, -2.0], [0.5, 2.0]])
  real, _ = _pair(4, 2, 2)
  linear = lambda v: jnp.sum(v * a, (1, 2))
  got = adversarial.real_gradient_penalty(linear, real)
  assert got == pytest.approx(np.sum(a**2), rel=1e-5)
  # l = |v|^2 / 2 has the slope v; its flat place has a gradient, 0.
  square = lambda v: jnp.sum(v**2, (1, 2)) / 2
  got = adversarial.real_gradient_penalty(square, real)
  assert got == pytest.approx(np.mean(np.sum(real**2, (1, 2))), rel=1e-5)
  of_scale = lambda c: adversarial.real_gradient_penalty(
    lambda v: c * square(v), real
  )
  assert jax.grad(of_scale)(0.0) == 0


def test_critics_train_alike_on_one_shard_and_on_two():
  rng = np.random.default_rng(1)
  params = {
    'first': rng.normal(size=(2, 3, 5)).astype(np.float32),
    'second': rng.normal(size=(2, 5)).astype(np.float32),
  }
  real, fake = _pair(4, 3)

  def loss(params, index, real, fake):
    judge = lambda v: jnp.tanh(v @ params['first']) @ params['second']
    penalty = adversarial.gradient_penalty(
      judge, jax.random.key(3), index, real, fake
    )
    return (
      adversarial.critic_loss(judge(real), judge(fake))
      + adversarial.wasserstein_critic_loss(judge(real), judge(fake))
      + 10 * penalty
    )

  step = jax.value_and_grad(loss)
  got = [
    meshes.run(step, shape, params, jnp.arange(4), real, fake, check_vma=check)
    for shape, check in (((1, 1), False), ((1, 1), True), ((1, 2), True))
  ]
  for other in got[1:]:
    for a, b in zip(jax.tree.leaves(got[0]), jax.tree.leaves(other)):
      np.testing.assert_allclose(b, a, rtol=1e-5, atol=1e-5)
  # Central differences along one direction.
  along = jax.tree.map(lambda p: np.sign(p[0]), params)
  first = jax.tree.map(lambda p: p[0], params)
  at = lambda h: loss(
    jax.tree.map(lambda p, d: p + h * d, first, along),
    jnp.arange(4),
    real,
    fake,
  )
  wanted = (at(1e-2) - at(-1e-2)) / 2e-2
  slopes = jax.tree.map(lambda g, d: np.sum(g[0] * d), got[0][1], along)
  assert sum(slopes.values()) == pytest.approx(float(wanted), rel=1e-2)


def test_began():
  real, fake = np.float32([1.0, 3.0]), np.float32([0.5, 1.5])
  k = jnp.float32(0.25)
  loss = adversarial.began_critic_loss(real, fake, k)
  assert loss == pytest.approx(2.0 - 0.25 * 1.0)
  assert adversarial.began_generator_loss(fake) == pytest.approx(1.0)
  k, measure = adversarial.began_balance(k, real, fake, 0.75, 0.1)
  assert k == pytest.approx(0.25 + 0.1 * (0.75 * 2.0 - 1.0))
  assert measure == pytest.approx(2.0 + 0.5)
  # A perfect autoencoder lowers k, but never below 0; a poor one ends at 1.
  low, _ = adversarial.began_balance(k, 0 * real, fake, 0.5, 10.0)
  high, _ = adversarial.began_balance(k, 9 * real, fake, 0.5, 10.0)
  assert (low, high) == (0.0, 1.0)
