"""What the grasping systems share: views, draws of grasps, planning."""

from collections.abc import Callable
import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import optax

from disentangle_jax import checks, errors, requests, types
from disentangle_jax.nn import grasp_nets, nets
from disentangle_jax.ops import axis, cem, per_example, poses, projection

# Keys of what a step draws.
GRASPS, VIEWS, RAYS = 0, 1, 2
# First deviations of a search for a grasp: a displacement, a rotation.
_SEARCH = (0.05, 0.05, 0.05, 0.26, 0.26, 0.26)


@dataclasses.dataclass(frozen=True)
class OutcomeConfig:
  """Static choices of the outcome net.

  Attributes:
    precision: of products, one of `nets.PRECISIONS`.
    channels: of the convolutions over a view; () for none.
    state_hidden: widths behind them; the last one is the state's.
    outcome_hidden: widths of the layers that see the grasp.
    grasps: of each object in a step, even; half of them successes.
    plan_samples: grasps per round of the extra 'plan_grasp'.
    plan_elite: of these, how many the next round is drawn around.
    plan_rounds: rounds of it.
  """

  precision: str = 'auto'
  channels: tuple[int, ...] = (64, 128, 256)
  state_hidden: tuple[int, ...] = (1024, 1024, 512)
  outcome_hidden: tuple[int, ...] = (512, 256)
  grasps: int = 8
  plan_samples: int = 40
  plan_elite: int = 8
  plan_rounds: int = 5


def scene_of(data: types.Dataset) -> projection.Scene:
  """Cameras and grid of a data set of graspable objects.

  Raises:
    ConfigError: another data set.
  """
  scene = data.extras.get('scene')
  if not isinstance(scene, projection.Scene) or 'pose' not in data.fields:
    rule = "has no cameras, grids and grasps: take 'graspable'"
    raise errors.value('config.dataset.name', data.name, rule)
  return scene


def check(config: OutcomeConfig) -> None:
  """Raises ConfigError for an option out of range."""
  of = lambda field: f'config.static.{field}'
  if config.precision not in nets.PRECISIONS:
    raise errors.choices(of('precision'), config.precision, nets.PRECISIONS)
  for field in ('state_hidden', 'outcome_hidden'):
    if not getattr(config, field):
      rule = 'needs at least one layer'
      raise errors.value(of(field), getattr(config, field), rule)
  checks.integer(of('grasps'), config.grasps, 2)
  if config.grasps % 2:
    rule = 'must be even: half of the grasps are successes'
    raise errors.value(of('grasps'), config.grasps, rule)
  checks.integer(of('plan_rounds'), config.plan_rounds, 1)
  checks.integer(of('plan_samples'), config.plan_samples, 2)
  checks.integer(of('plan_elite'), config.plan_elite, 1, config.plan_samples)


def see(observation: jax.Array) -> tuple[jax.Array, jax.Array]:
  """A view as networks take it.

  Args:
    observation: float [B, H, W, 5], see the data set.

  Returns:
    Colour and depth float [B, H, W, 4], and sine and cosine of the camera's
    elevation [B, 2].
  """
  elevation = observation[:, 0, 0, 4] * (jnp.pi / 2)
  height = jnp.stack([jnp.sin(elevation), jnp.cos(elevation)], axis=-1)
  return observation[..., :4], height


def some_grasps(
  key: jax.Array, batch: types.PyTree, count: int
) -> tuple[jax.Array, jax.Array]:
  """Grasps of a step: as many successes as failures of each object.

  Args:
    key: a typed PRNG key.
    batch: with 'pose' [B, G, 9], 'label' [B, G], every second a success, and
      'index' [B].
    count: how many of each object, even.

  Returns:
    pose float [B, count, 9] and label float [B, count].

  Raises:
    ConfigError: more than the data set has.
  """
  pairs = batch['label'].shape[1] // 2
  if count // 2 > pairs:
    rule = f'must be at most config.dataset.grasps, {2 * pairs}'
    raise errors.value('config.static.grasps', count, rule)
  key = jax.random.fold_in(key, GRASPS)
  order = per_example.permutation(key, batch['index'], pairs)[:, : count // 2]
  number = jnp.stack([2 * order, 2 * order + 1], -1).reshape(-1, count)
  take = lambda x: jnp.take_along_axis(
    x, number.reshape(*number.shape, *[1] * (x.ndim - 2)), axis=1
  )
  return take(batch['pose']), take(batch['label'])


def outcome_scalars(
  logit: jax.Array, label: jax.Array
) -> tuple[jax.Array, jax.Array]:
  """Cross entropy in nats per grasp, and the share that is told rightly."""
  nats = optax.sigmoid_binary_cross_entropy(logit, label)
  right = (logit > 0) == (label > 0.5)
  per_object = lambda x: jnp.mean(x.astype(jnp.float32), axis=1)
  return axis.mean(per_object(nats)), axis.mean(per_object(right))


def state_encoder(config: OutcomeConfig) -> grasp_nets.ViewEncoder:
  """The encoder of a view for the outcome net."""
  return grasp_nets.ViewEncoder(config.channels, config.state_hidden)


def features(
  per_object: tuple[jax.Array, ...], per_grasp: tuple[jax.Array, ...]
) -> jax.Array:
  """What the outcome net sees of each grasp.

  Args:
    per_object: float [B, F] each, the same for all grasps of an object.
    per_grasp: float [B, G, F] each.

  Returns:
    float [B, G, F], all of them side by side.
  """
  grasps = per_grasp[0].shape[1]
  wide = lambda x: jnp.broadcast_to(x[:, None], (len(x), grasps, x.shape[-1]))
  return jnp.concatenate([*map(wide, per_object), *per_grasp], axis=-1)


def planner(
  config: OutcomeConfig,
  perceive: Callable[..., Any],
  judge: Callable[..., jax.Array],
) -> Callable[..., jax.Array]:
  """The extra 'plan_grasp'.

  Args:
    config: of the search.
    perceive: the method's extra; a view is encoded once, not in every round.
    judge: the method's extra.

  Returns:
    `(key, state, observation [B, H, W, 5], pose [B, 9], occupancy [B, n, n, n])
    -> pose [B, 9]`: each start moved, by the cross-entropy method, to where the
    net predicts success.
  """

  def plan(key, state, observation, pose, occupancy):
    keys = per_example.keys(key, jnp.arange(len(pose)))

    def one(key, observation, start, occupancy):
      percept = perceive(state, observation[None], occupancy[None])

      def score(change):
        moved = poses.move(start[None], change)
        return judge(state, percept, moved[None])[0]

      change, _ = cem.maximise(
        key,
        score,
        jnp.zeros(6),
        jnp.asarray(_SEARCH),
        samples=config.plan_samples,
        elite=config.plan_elite,
        iterations=config.plan_rounds,
        least=0.01,
      )
      return poses.move(start, change)

    return jax.vmap(one)(keys, observation, pose, occupancy)

  return plan


def asked(*names: str) -> tuple[requests.Request, ...]:
  """Observations and fields of the data set."""
  return (requests.Observation(), *(requests.Field(name) for name in names))


def adam(hparams: Any) -> optax.GradientTransformation:
  """Adam at the traced rate."""
  return optax.adam(hparams['learning_rate'])
