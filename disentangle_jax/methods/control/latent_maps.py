"""Pictures of a plane and of the codes of its points, with paths in both."""

from collections.abc import Callable

import chex
import jax
import jax.numpy as jnp

from disentangle_jax import types
from disentangle_jax.ops import ilqr

# Of pictures: side, actions of a path, where paths start and end, as shares of
# the plane.
_SIDE, _STEPS = 96, 40
_START = (0.1, 0.1)
_GOALS = ((0.95, 0.95), (0.95, 0.05), (0.05, 0.95))
# Pixels from the border to the outermost point.
_MARGIN = 3


def colours(plane: jax.Array) -> jax.Array:
  """A colour for every point of the unit square.

  Args:
    plane: float [..., 2] in [0, 1].

  Returns:
    float [..., 3]: red along the first axis, blue along the second, green
    where both are low.
  """
  first, second = plane[..., 0], plane[..., 1]
  return jnp.stack([first, 0.8 * (1 - first) * (1 - second), second], -1)


def fit(points: jax.Array, shown: jax.Array) -> tuple[jax.Array, jax.Array]:
  """Scale and shift that bring points into the unit square.

  Args:
    points: float [N, 2].
    shown: bool [N], which of them count.

  Returns:
    low and span, float [2] each: (points - low) / span lies in [0, 1].
  """
  wide = shown[:, None]
  low = jnp.min(jnp.where(wide, points, jnp.inf), axis=0)
  high = jnp.max(jnp.where(wide, points, -jnp.inf), axis=0)
  return low, jnp.maximum(high - low, 1e-6)


def draw(
  points: jax.Array,
  shown: jax.Array,
  colour: jax.Array,
  paths: jax.Array,
  size: int,
) -> jax.Array:
  """Points as pixels on grey, paths over them in black, their ends in red.

  Args:
    points: float [N, 2] in [0, 1], across and down.
    shown: bool [N].
    colour: float [N, 3].
    paths: float [P, T, 2] in the same units; outside of them they are cut.
    size: side of the picture.

  Returns:
    float32 [size, size, 3] in [0, 1].
  """
  chex.assert_shape([points, paths], (..., 2))
  room = size - 1 - 2 * _MARGIN
  image = jnp.full((size, size, 3), 0.5)

  def pixels(at, visible):
    # Codes that are no numbers have no pixel.
    whole = jnp.round(jnp.nan_to_num(at, nan=-9.0) * room) + _MARGIN
    whole = jnp.clip(whole, -1, size).astype(jnp.int32)
    # Counted from the end, -1 would be a pixel.
    inside = visible & jnp.all((whole >= 0) & (whole < size), axis=-1)
    return jnp.where(inside[:, None], whole, size)

  def put(image, at, visible, colour):
    spot = pixels(at, visible)
    return image.at[spot[:, 1], spot[:, 0]].set(colour, mode='drop')

  image = put(image, points, shown, colour)
  # Four points between two of a path, so that it is a line.
  share = jnp.linspace(0.0, 1.0, 5)[:, None, None, None]
  dense = paths[None, :, :-1] * (1 - share) + paths[None, :, 1:] * share
  line = dense.reshape(-1, 2)
  every = jnp.ones(len(line), bool)
  image = put(image, line, every, jnp.zeros(3))
  ends = paths[:, -1]
  last = jnp.ones(len(ends), bool)
  return put(image, ends, last, jnp.array([1.0, 0.0, 0.0]))


def pictures(
  data: types.Dataset, encode: Callable, plans: Callable, first: jax.Array
) -> Callable:
  """The extra 'pictures' of a method that plans in a plane.

  A row for each set. On the left every legal state in a colour of its own, and
  the paths that three plans take through it; on the right the same states and
  paths by the first two numbers of their codes.

  Args:
    data: two factors, an environment whose states are their values, and the
      other set in `extras['other']`.
    encode: `(state, observation [B, ...]) -> codes [B, D]`.
    plans: the extra 'plan'.
    first: float [T, A], the plan that planning begins with.

  Returns:
    `(key, state, observation) -> {'latent_map': float32 [2, 2, H, W, 3]}`.
  """
  values = [jnp.asarray(v, jnp.float32) for v in data.factor_values]
  low = jnp.stack([v[0] for v in values])
  span = jnp.stack([v[-1] - v[0] for v in values])
  index = jnp.stack(
    jnp.meshgrid(*[jnp.arange(len(v)) for v in values], indexing='ij'), -1
  ).reshape(-1, 2)
  where = jnp.stack([v[i] for v, i in zip(values, index.T)], -1)
  place = lambda share: low + span * jnp.asarray(share)

  world, other = (
    data.extras['environment'],
    data.extras['other'].extras['environment'],
  )

  def of_set(key, state, number):
    def observe(position):
      # One trace for both sets: plans take long to compile.
      first, second = (w.observe((), position, key) for w in (world, other))
      return jnp.where(number == 0, first, second)

    def codes(positions):
      return encode(state, jax.vmap(observe)(positions))[:, :2]

    def walk(key, goal):
      seen = observe(goal)[None]

      def replan(key, position, previous):
        now = observe(position)[None]
        return plans(key, state, now, seen, previous[None])[0]

      step = lambda position, action: world.step(key, position, action)[0]
      path, _ = ilqr.follow(replan, step, key, place(_START), first, _STEPS)
      return jnp.concatenate([place(_START)[None], path])

    goals = jnp.stack([place(goal) for goal in _GOALS])
    paths = jax.vmap(walk)(jax.random.split(key, len(goals)), goals)
    shown = jnp.isfinite(data.log_density(index))
    colour = colours((where - low) / span)
    latent, of_paths = codes(where), codes(paths.reshape(-1, 2))
    start, extent = fit(latent, shown)
    fitted = (of_paths.reshape(paths.shape) - start) / extent
    true = ((where - low) / span, shown, colour, (paths - low) / span)
    mapped = ((latent - start) / extent, shown, colour, fitted)
    pair = [draw(*given, _SIDE) for given in (true, mapped)]
    return jnp.stack(pair)

  def draw_all(key, state, observation):
    del observation
    both = jax.vmap(lambda number: of_set(key, state, number))
    return {'latent_map': both(jnp.arange(2))}

  return draw_all
