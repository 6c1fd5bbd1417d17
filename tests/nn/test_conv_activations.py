"""Activations of convolutions equal those of jax.nn on every platform."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import platforms
from disentangle_jax.nn import activations

POINTS = jnp.array([-3.0, -0.5, -0.0, 0.0, 1e-30, 0.5, 3.0])
PAIRS = {
  'relu': (activations.relu, jax.nn.relu),
  'leaky': (
    lambda x: activations.leaky_relu(x, 0.2),
    lambda x: jax.nn.leaky_relu(x, 0.2),
  ),
}


@pytest.mark.parametrize('platform', ['tpu', 'cpu', ''])
@pytest.mark.parametrize('kind', PAIRS)
def test_values_and_gradients_in_both_directions(kind, platform):
  ours, theirs = PAIRS[kind]
  with platforms.traced_for(platform):
    value, backwards = jax.vjp(ours, POINTS)
    _, forwards = jax.jvp(ours, (POINTS,), (2 * jnp.ones_like(POINTS),))
  wanted, wanted_backwards = jax.vjp(theirs, POINTS)
  np.testing.assert_allclose(value, wanted, rtol=1e-6)
  cotangent = jnp.arange(1.0, 8.0)
  np.testing.assert_allclose(
    backwards(cotangent)[0], wanted_backwards(cotangent)[0], rtol=1e-6
  )
  np.testing.assert_allclose(
    forwards, 2 * jax.grad(lambda x: theirs(x).sum())(POINTS), rtol=1e-6
  )


@pytest.mark.parametrize('kind', PAIRS)
def test_no_mask_on_a_tpu(kind):
  ours, _ = PAIRS[kind]
  loss = lambda x: jnp.sum(ours(x) ** 2)
  masks = lambda: str(jax.make_jaxpr(jax.grad(loss))(POINTS)).count('bool[')
  assert masks() > 0
  with platforms.traced_for('tpu'):
    assert masks() == 0
