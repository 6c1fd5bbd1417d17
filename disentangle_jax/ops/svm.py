"""Linear support-vector classifiers, solved to their optimum.

`fit` takes any number of features. `fit_feature` is for one: the points inside
the margin are then a prefix or a suffix of the sorted points, so that prefix
sums give objective, gradient and Hessian of every one-vs-rest problem by a
binary search, whatever the number of points.
"""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax.ops import lbfgs, ranking

NUM_STEPS = 30


def fit(
  x: jax.Array,
  labels: jax.Array,
  num_classes: int,
  c: float,
  num_steps: int = 300,
  tolerance: float = 1e-6,
) -> tuple[jax.Array, jax.Array]:
  """One-vs-rest squared-hinge SVMs of all features.

  Minimises (|w|^2 + b^2) / 2 + c sum_n max(0, 1 - y_n (w x_n + b))^2 for every
  class: scikit-learn's LinearSVC, whose solver penalises the intercept. By
  L-BFGS on features of unit size.

  Args:
    x: float32 [N, D].
    labels: int32 [N], below `num_classes`.
    num_classes: C.
    c: weight of the loss.
    num_steps: most evaluations of the objective.
    tolerance: greatest gradient entry, per point, of a solved problem.

  Returns:
    (w [D, C], b [C]), float32; the decision values are x w + b.
  """
  chex.assert_rank(x, 2)
  chex.assert_shape(labels, x.shape[:1])
  chex.assert_type([x, labels], [float, int])
  num_points = x.shape[0]
  size = jnp.sqrt(jnp.mean(jnp.square(x), axis=0))
  # A feature that is always zero keeps its weight at zero by the penalty.
  size = jnp.where(size > 0, size, 1)
  inputs = jnp.concatenate([x / size, jnp.ones_like(x[:, :1])], axis=1)
  # The unknowns are the weights of `inputs`; the penalty is on those of x.
  penalty = jnp.append(1 / jnp.square(size), 1.0)[:, None]
  sign = jnp.where(labels[:, None] == jnp.arange(num_classes), 1.0, -1.0)
  scale = 1 / (c * num_points)

  def value_and_grad(weights):
    short = jnp.maximum(0, 1 - sign * (inputs @ weights))
    value = jnp.sum(penalty * jnp.square(weights), axis=0) / 2
    value += c * jnp.sum(jnp.square(short), axis=0)
    gradient = penalty * weights - 2 * c * (inputs.T @ (sign * short))
    return scale * value, scale * gradient

  start = jnp.zeros((x.shape[1] + 1, num_classes), x.dtype)
  group = np.arange(num_classes)
  solution = lbfgs.minimize(value_and_grad, start, group, num_steps, tolerance)
  return solution[:-1] / size[:, None], solution[-1]


def random_features(
  key: jax.Array, num_inputs: int, num_features: int, gamma: float
) -> tuple[jax.Array, jax.Array]:
  """Directions and phases whose cosines stand for a Gaussian kernel.

  Rahimi & Recht 2007, "Random features for large-scale kernel machines": with
  f(x) = sqrt(2 / M) cos(x W + p), the mean of f(x) f(y) is
  exp(-gamma |x - y|^2), so that a linear classifier of f is a kernel machine.

  Args:
    key: typed PRNG key.
    num_inputs: D.
    num_features: M.
    gamma: of the kernel.

  Returns:
    (W float32 [D, M], p float32 [M]); see `apply_features`.
  """
  way_key, phase_key = jax.random.split(key)
  ways = jax.random.normal(way_key, (num_inputs, num_features))
  phases = jax.random.uniform(phase_key, (num_features,), maxval=2 * np.pi)
  return ways * np.sqrt(2 * gamma), phases


def apply_features(
  features: tuple[jax.Array, jax.Array], x: jax.Array
) -> jax.Array:
  """f(x) of `random_features`; float [N, D] -> float [N, M]."""
  chex.assert_rank([*features, x], [2, 1, 2])
  chex.assert_shape(features[0], (x.shape[1], len(features[1])))
  ways, phases = features
  return jnp.sqrt(2 / len(phases)) * jnp.cos(x @ ways + phases)


def _prefix(x):
  """Sums of 1, x, x^2 over the first 0 .. N of [..., N]: [3, ..., N + 1]."""
  moments = jnp.stack([jnp.ones_like(x), x, jnp.square(x)])
  return jnp.pad(jnp.cumsum(moments, axis=-1), ((0, 0),) * x.ndim + ((1, 0),))


def _newton(sums_below, sums, c_positive, c_negative, scale, shift):
  """Newton's method for min (w^2 + b^2) / 2 + sum of weighted squared hinges.

  The unknowns are (u, v): the decision value is u t + v with
  t = (x - shift) / scale, that is w = u / scale, b = v - u shift / scale. Each
  iteration evaluates one trial point; one that raises the objective is dropped
  and the step shortened.

  Args:
    sums_below: t [2, C] -> [2, 2, 3, C]: sums of 1, t, t^2 over the points
      below it, for (positives, all points) of every class.
    sums: float [2, 3, C], the same over all t.
    c_positive: float [C], weight of a positive.
    c_negative: float [C], weight of a negative.
    scale: float.
    shift: float.

  Returns:
    (u, v), float [C] each.
  """
  ratio = shift / scale
  penalty_u = 1 / scale**2 + ratio**2
  penalty_uv = -ratio

  def evaluate(point):
    u, v = point
    # Positives count where the decision value is below 1, negatives where it
    # is above -1; a flat classifier has all points on one side.
    target = jnp.array([[1.0], [-1.0]])
    flat = jnp.abs(u) < 1e-12
    at = (target - v) / jnp.where(flat, 1, u)
    at = jnp.where(flat, jnp.where(v < target, jnp.inf, -jnp.inf), at)
    rising = flat | (u > 0)
    below = sums_below(at)
    p = jnp.where(rising, below[0, 0], sums[0] - below[0, 0])
    n_below = below[1, 1] - below[1, 0]
    n = jnp.where(rising, sums[1] - sums[0] - n_below, n_below)
    total = c_positive * p + c_negative * n
    signed = c_positive * p - c_negative * n
    # sum (y - (u t + v))^2 over the active points, y = +-1.
    loss = total[0] * (1 + v**2) + u**2 * total[2]
    loss += 2 * (u * v * total[1] - u * signed[1] - v * signed[0])
    value = 0.5 * (penalty_u * u**2 + 2 * penalty_uv * u * v + v**2) + loss
    gradient_u = penalty_u * u + penalty_uv * v
    gradient_u += 2 * (u * total[2] + v * total[1] - signed[1])
    gradient_v = penalty_uv * u + v
    gradient_v += 2 * (u * total[1] + v * total[0] - signed[0])
    a = penalty_u + 2 * total[2]
    b = penalty_uv + 2 * total[1]
    c = 1 + 2 * total[0]
    determinant = jnp.maximum(a * c - b * b, 1e-12 * a * c)
    step_u = -(c * gradient_u - b * gradient_v) / determinant
    step_v = -(a * gradient_v - b * gradient_u) / determinant
    return value, (step_u, step_v)

  def iterate(_, state):
    point, value, step, length = state
    trial = tuple(p + length * s for p, s in zip(point, step))
    new_value, new_step = evaluate(trial)
    better = new_value <= value + 1e-7 * jnp.abs(value)
    pick = lambda new, old: jnp.where(better, new, old)
    point = tuple(map(pick, trial, point))
    step = tuple(map(pick, new_step, step))
    length = jnp.where(better, 1.0, 0.3 * length)
    return point, jnp.minimum(value, new_value), step, length

  zero = jnp.zeros_like(c_positive)
  infinite = jnp.full_like(zero, jnp.inf)
  state = ((zero, zero), infinite, (zero, zero), zero + 1)
  return jax.lax.fori_loop(0, NUM_STEPS, iterate, state)[0]


def fit_feature(
  x: jax.Array,
  labels: jax.Array,
  sizes: tuple[int, ...],
  c: float,
) -> tuple[jax.Array, jax.Array]:
  """Balanced one-vs-rest squared-hinge SVMs of one feature.

  Minimises (w^2 + b^2) / 2 + c sum_n v_n max(0, 1 - y_n (w x_n + b))^2 for
  every class of every label column: scikit-learn's LinearSVC with
  class_weight='balanced', whose solver penalises the intercept, weights
  positives by N / (size n_class) and, with more than two classes, negatives by
  1. Two classes are one problem with both weights.

  Args:
    x: float32 [N], the feature.
    labels: int32 [N, K].
    sizes: numbers of classes.
    c: weight of the loss.

  Returns:
    (w, b), float32 [C] each, C = sum of sizes; the decision values are
    w x + b. A class that does not occur has w = 0, b = -inf.

  Raises:
    ValueError: N times C does not fit in 32 bits.
  """
  chex.assert_rank(x, 1)
  chex.assert_shape(labels, (len(x), len(sizes)))
  chex.assert_type([x, labels], [float, int])
  num_points, num_columns = labels.shape
  bits = int(num_points).bit_length()
  if sum(sizes) << bits >= 1 << 32:
    raise ValueError(f'{num_points} points of {sum(sizes)} classes: too many')
  shift, scale = jnp.mean(x), jnp.std(x)
  # Below rounding of the mean the feature is a constant.
  constant = (scale <= 1e-6 * jnp.abs(shift)) | jnp.all(x == x[0])
  scale = jnp.where(constant, 1, scale)
  shift = jnp.where(constant, x[0], shift)
  t = jnp.where(constant, 0, (x - shift) / scale)

  keys = ranking.sortable(t)
  ordered_keys = jnp.sort(keys)
  ordered = ranking.unsortable(ordered_keys)
  rank = jnp.searchsorted(ordered_keys, keys).astype(jnp.uint32)
  all_sums = _prefix(ordered)

  # Points sorted by class and then by rank, one number each; every label
  # column holds every point once, so that rows of the reshaped array are the
  # label columns and prefix sums stay short.
  group = np.repeat(np.arange(num_columns), sizes)
  first = np.cumsum(sizes) - np.array(sizes)
  classes = labels.astype(jnp.uint32) + jnp.array(first, jnp.uint32)
  packed = jnp.sort(((classes << bits) | rank[:, None]).reshape(-1))
  by_class = packed & jnp.uint32((1 << bits) - 1)
  class_sums = _prefix(ordered[by_class.reshape(num_columns, num_points)])
  head = jnp.arange(len(group), dtype=jnp.uint32) << bits
  begin = jnp.searchsorted(packed, head)
  end = jnp.append(begin[1:], packed.shape[0])
  read = lambda at: class_sums[:, group, at - group * num_points]
  base = read(begin)

  def sums_below(at):
    position = jnp.searchsorted(ordered, at)
    end = jnp.searchsorted(packed, head | position.astype(jnp.uint32))
    positives = jnp.stack([read(end[0]), read(end[1])]) - base
    everything = jnp.moveaxis(all_sums[:, position], 0, 1)
    return jnp.stack([positives, everything], axis=1)

  count = (end - begin).astype(jnp.float32)
  occurs = count > 0
  member = jnp.array(group[:, None] == np.arange(num_columns))
  present = jnp.sum(occurs[:, None] & member, axis=0)[group]
  positive = num_points / (present * jnp.maximum(count, 1))
  # Two classes are one problem, in which negatives have their own weight.
  both = jnp.sum(jnp.where(occurs, positive, 0)[:, None] * member, axis=0)
  negative = jnp.where(present == 2, both[group] - positive, 1.0)
  sums = jnp.stack(
    [read(end) - base, jnp.broadcast_to(all_sums[:, -1:], base.shape)]
  )
  u, v = _newton(sums_below, sums, c * positive, c * negative, scale, shift)
  w = u / scale
  b = v - w * shift
  return jnp.where(occurs, w, 0), jnp.where(occurs, b, -jnp.inf)


@functools.lru_cache
def linear_accuracy(size: int, c: float, num_points: int) -> float:
  """Accuracy of `fit_feature` where the feature is linear in the label.

  The feature has unit variance and the labels are uniform.

  Args:
    size: number of classes.
    c: weight of the loss.
    num_points: points that the classifier would be fitted to.

  Returns:
    Accuracy on these points.
  """
  label = np.arange(size)
  x = (label - label.mean()) / max(label.std(), 1e-12)
  inputs = np.stack([x, np.ones(size)], axis=1)
  decision = np.empty((size, size))
  for k in range(size):
    y = np.where(label == k, 1.0, -1.0)
    solution = np.zeros(2)
    for _ in range(100):
      rows = inputs[y * (inputs @ solution) < 1]
      targets = y[y * (inputs @ solution) < 1]
      # Uniform classes: one point stands for num_points / size of weight 1.
      cost = 2 * c * num_points / size
      hessian = np.eye(2) + cost * rows.T @ rows
      solution = np.linalg.solve(hessian, cost * rows.T @ targets)
    decision[k] = inputs @ solution
  return float(np.mean(np.argmax(decision, axis=0) == label))
