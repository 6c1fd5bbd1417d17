"""Networks of locally linear dynamics: a transition, and what infers it."""

from typing import NamedTuple

from flax import linen as nn
import jax
import jax.numpy as jnp

from disentangle_jax.nn import mlp
from disentangle_jax.ops import rank_one

# A hundredth of the usual variance: dynamics begin near the identity. At 0
# itself v and r would have no gradient.
_SMALL_INIT = nn.initializers.variance_scaling(1e-2, 'fan_avg', 'uniform')


class Linear(NamedTuple):
  """z' = A z + B u + c with A = I + v r'.

  Attributes:
    v: float [..., D].
    r: float [..., D].
    b: B, float [..., D, U].
    c: float [..., D].
  """

  v: jax.Array
  r: jax.Array
  b: jax.Array
  c: jax.Array

  def drift(self, action: jax.Array) -> jax.Array:
    """B u + c, float [..., D], of actions [..., U]."""
    return jnp.sum(self.b * action[..., None, :], axis=-1) + self.c

  def forward(self, z: jax.Array, action: jax.Array) -> jax.Array:
    """z' [..., D] of z [..., D] and actions [..., U]."""
    return rank_one.apply(self.v, self.r, z) + self.drift(action)

  def backward(self, after: jax.Array, action: jax.Array) -> jax.Array:
    """z [..., D] of z' [..., D] and actions [..., U]."""
    return rank_one.solve(self.v, self.r, after - self.drift(action))


class Transition(nn.Module):
  """The linear map about a point: (z, u) -> Linear.

  Attributes:
    latents: D.
    actions: U.
    hidden: widths, ReLU.
  """

  latents: int
  actions: int
  hidden: tuple[int, ...]

  @nn.compact
  def __call__(self, given: tuple[jax.Array, jax.Array]) -> Linear:
    """z float [B, D] and u float [B, U] -> v, r, c [B, D] and b [B, D, U]."""
    features = mlp.MLP(self.hidden)(jnp.concatenate(given, axis=-1))
    head = lambda name, size: nn.Dense(
      size, kernel_init=_SMALL_INIT, name=name
    )(features)
    b = head('b', self.latents * self.actions)
    return Linear(
      v=head('v', self.latents),
      r=head('r', self.latents),
      b=b.reshape(-1, self.latents, self.actions),
      c=head('c', self.latents),
    )


class Backward(nn.Module):
  """q(z | z', x, u): where a transition came from, besides x.

  Every input has a first layer of its own.

  Attributes:
    latents: D.
    observation_hidden: width of that of x.
    small_hidden: widths of those of u and z'.
    joint_hidden: width of the layer that joins them.
  """

  latents: int
  observation_hidden: int = 100
  small_hidden: int = 5
  joint_hidden: int = 100

  @nn.compact
  def __call__(
    self, given: tuple[jax.Array, jax.Array, jax.Array]
  ) -> dict[str, jax.Array]:
    """z' [B, D], x [B, ...], u [B, U] -> 'mean' and 'logvar' [B, D]."""
    after, observation, action = given
    own = lambda x, width, name: mlp.MLP((width,), name=name)(x)
    features = [
      own(observation, self.observation_hidden, 'x'),
      own(action, self.small_hidden, 'u'),
      own(after, self.small_hidden, 'z'),
    ]
    joint = own(jnp.concatenate(features, axis=-1), self.joint_hidden, 'joint')
    heads = (('mean', self.latents), ('logvar', self.latents))
    return mlp.Heads(heads)(joint)
