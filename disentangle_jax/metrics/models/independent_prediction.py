"""How much a factor of a film's state says of its own and others' futures.

Source: Whitney & Fergus 2019, "Disentangling Video with Independent
Prediction", https://arxiv.org/abs/1901.05590, section 3.1 and table 2. Of fresh
films one pair of steps (t, t + 1) each, t = floor(2 T / 3) of T >= 4, with
samples of q. M[i, j] is the mutual information of z_{t+1}^i and z_t^j by the
estimator of Kraskov et al. (`ops.kraskov`), nats:

  mutual_information/<i>_<j>   M[i, j]
  mutual_information_same      mean of M[i, i]
  mutual_information_cross     mean of M[i, j], i != j; NaN for one factor
  mutual_information_same_min  least M[i, i]
  elbo_frame                   bound on log p(film) / T, one sample per step
  chain_r2/<i>_<c>             share of the variance of a coordinate (c = 0 for
                               x of the first object at t, 1 for its y, 2 for x
                               of the second, ...) that z_t^i tells, by the 5
                               nearest other films (standardised columns)
  object_purity                share of the objects whose x and y are told best
                               by the same factor
  latent_correlation/<a>_<b>   Pearson's of unit a at t and unit b at t + 1,
                               where asked for (their figure 2)

A model whose transition mixes all units has no factors: of 20 random partitions
of its units into as many blocks the one with the largest same - cross is
scored, as in the paper, and its units are in that order in all tables.

Published (moving digits): same 4.61, cross 0.75, bound -2,902 per frame;
entangled 4.66, 2.61, -2,896.

Deviations: one pair per film, so that rows are independent; the paper does not
say. The chains need a data set with `extras['positions']` and are left out
elsewhere.

Known failure modes: a factor that holds everything makes cross small, and so
does a dead one: read same_min. The estimator is biased low in many dimensions
and ends near ln N - 1: compare at equal N and d. The best of 20 partitions is
chosen on the rows that it is scored on, which favours the entangled model.
Nothing in the model asks for objects: x of one and y of the other are as good a
factor; at chance object_purity is 0.5 of two factors.
"""

import dataclasses

import jax
import jax.numpy as jnp

from disentangle_jax import errors, types
from disentangle_jax.metrics import base
from disentangle_jax.ops import kraskov, per_example

_INFORMATION = 'mutual information by nearest neighbours, nats, of '
SCORES = {
  'mutual_information': types.Score(
    _INFORMATION + "a factor's next state and another's (or its own) state"
  ),
  'mutual_information_same': types.Score(
    _INFORMATION + "a factor's next state and its own state, mean over factors",
    'higher',
  ),
  'mutual_information_cross': types.Score(
    _INFORMATION + "a factor's next state and another's state, mean over pairs",
    'lower',
  ),
  'mutual_information_same_min': types.Score(
    'the least mutual_information_same of a factor', 'higher'
  ),
  'elbo_frame': types.Score(
    'bound on the log likelihood of a film over its frames, nats', 'higher'
  ),
  'chain_r2': types.Score(
    'share of the variance of a coordinate of an object that a factor tells',
    'higher',
    high=1.0,
  ),
  'object_purity': types.Score(
    'share of the objects whose coordinates are told best by one factor',
    'higher',
    0.0,
    1.0,
  ),
  'latent_correlation': types.Score(
    'correlation of a unit and a unit of the next step', low=-1.0, high=1.0
  ),
}
CITATION = (
  'Whitney & Fergus 2019, arXiv:1901.05590, section 3.1; '
  'Kraskov et al. 2004, eq. 8'
)
_FILMS_AT_ONCE = 50
_ROWS_AT_ONCE = 100


@dataclasses.dataclass(frozen=True)
class Config:
  """Constants.

  Attributes:
    num_points: films.
    num_neighbors: of the estimator.
    partitions: of the units of a model without factors.
    num_nearest: films that a coordinate is told by.
    correlations: whether latent_correlation is given, Z x Z scores.
  """

  num_points: int = 2000
  num_neighbors: int = 3
  partitions: int = 20
  num_nearest: int = 5
  correlations: bool = False


def pair_of(frames: int) -> tuple[int, int]:
  """Numbers from 0 of the frames t and t + 1, t = floor(2 T / 3) from 1."""
  first = 2 * frames // 3 - 1
  return first, first + 1


def matrix_of(
  key: jax.Array, before: jax.Array, after: jax.Array, num_neighbors: int
) -> jax.Array:
  """Information of every block's next state with every block's state.

  Args:
    key: a typed PRNG key.
    before: float32 [N, k, d], states at t.
    after: float32 [N, k, d], states at t + 1.
    num_neighbors: of the estimator.

  Returns:
    float32 [k, k], nats; row i is of block i at t + 1.
  """
  blocks = before.shape[1]
  pairs = jnp.arange(blocks * blocks)

  def one(pair):
    after_of, before_of = jnp.divmod(pair, blocks)
    return kraskov.mutual_information(
      jax.random.fold_in(key, pair),
      jnp.take(after, after_of, axis=1),
      jnp.take(before, before_of, axis=1),
      num_neighbors,
    )

  # One after the other: each holds the distances of a block of rows.
  return jax.lax.map(one, pairs).reshape(blocks, blocks)


def same_and_cross(matrix: jax.Array) -> tuple[jax.Array, jax.Array]:
  """Means on and off the diagonal of float32 [k, k]; NaN off that of one."""
  blocks = matrix.shape[0]
  same = jnp.trace(matrix) / blocks
  others = blocks * (blocks - 1)
  if not others:
    return same, jnp.float32(jnp.nan)
  return same, (jnp.sum(matrix) - jnp.trace(matrix)) / others


def best_partition(
  key: jax.Array,
  before: jax.Array,
  after: jax.Array,
  blocks: int,
  config: Config,
) -> jax.Array:
  """The order of units whose blocks keep to themselves most.

  Args:
    key: a typed PRNG key.
    before: float32 [N, Z], states at t.
    after: float32 [N, Z], states at t + 1.
    blocks: how many of equal size.
    config: gives the number of partitions tried and the estimator's k.

  Returns:
    int32 [Z]: the first Z / blocks units are the first block, and so on.
  """
  units = before.shape[1]
  if blocks == 1:
    return jnp.arange(units)
  index = jnp.arange(config.partitions)
  orders = per_example.permutation(key, index, units)

  def gap(order):
    cut = lambda z: z[:, order].reshape(-1, blocks, units // blocks)
    matrix = matrix_of(key, cut(before), cut(after), config.num_neighbors)
    same, cross = same_and_cross(matrix)
    return same - cross

  return orders[jnp.argmax(jax.lax.map(gap, orders))]


def told_by_neighbours(
  codes: jax.Array, targets: jax.Array, num_nearest: int
) -> jax.Array:
  """Share of the variance of targets that the nearest other rows tell.

  Args:
    codes: float32 [N, d]; columns are standardised.
    targets: float32 [N, C].
    num_nearest: rows whose mean is the guess, at most N - 1.

  Returns:
    float32 [C], 1 - squared error / variance, at most 1.
  """
  codes = base.standardize(codes, codes)
  numbers = jnp.arange(len(codes))

  def guess(number):
    apart = jnp.sum(jnp.square(codes - codes[number]), axis=1)
    apart = jnp.where(numbers == number, jnp.inf, apart)
    total = jnp.zeros(targets.shape[1])
    for _ in range(num_nearest):
      nearest = jnp.argmin(apart)
      total += targets[nearest]
      apart = jnp.where(numbers == nearest, jnp.inf, apart)
    return total / num_nearest

  rows = min(_ROWS_AT_ONCE, len(codes))
  guesses = jax.lax.map(guess, numbers, batch_size=rows)
  error = jnp.mean(jnp.square(targets - guesses), axis=0)
  variance = jnp.var(targets, axis=0)
  return 1 - error / jnp.where(variance > 0, variance, jnp.nan)


def purity_of(chain_r2: jax.Array) -> jax.Array:
  """Share of the objects whose coordinates have the same best factor.

  Args:
    chain_r2: float32 [k, objects, 2].

  Returns:
    float32 scalar.
  """
  best = jnp.argmax(chain_r2, axis=0)
  return jnp.mean((best[:, 0] == best[:, 1]).astype(jnp.float32))


def make(config: Config, data: types.Dataset) -> types.Probe:
  """Builds the probe.

  Args:
    config: constants.
    data: films of at least 4 frames.

  Returns:
    The probe.

  Raises:
    ConfigError: no films, too few frames, or a constant out of range.
  """
  base.at_least(
    config, num_points=10, num_neighbors=1, partitions=1, num_nearest=1
  )
  name = 'config.metric_options.independent_prediction.'
  for field in ('num_neighbors', 'num_nearest'):
    wanted = getattr(config, field)
    if wanted >= config.num_points:
      rule = f'must be below num_points, {config.num_points}'
      raise errors.value(name + field, wanted, rule)
  if data.kind != 'video':
    rule = f'independent_prediction scores films, these are of {data.kind}'
    raise errors.value('config.dataset.name', data.name, rule)
  frames = data.observation_shape[0]
  if frames < 4:
    rule = 'the score independent_prediction needs at least 4 frames'
    raise errors.value('config.dataset.frames', frames, rule)
  places = data.extras.get('positions')
  pair = list(pair_of(frames))
  count = config.num_points
  rows = next(n for n in range(_FILMS_AT_ONCE, 0, -1) if count % n == 0)

  def films(key, arrays, index):
    """Observations and, where they are known, positions at t."""
    drawn = data.sample(key, arrays, index)
    if places is None:
      return drawn['observation'], jnp.zeros((len(index), 0, 2))
    # Anew with keys of our own, which the positions are asked with too.
    keys = per_example.keys(jax.random.fold_in(key, count), index)
    of = lambda function: jax.vmap(function, (None, 0, 0))
    arguments = (arrays, drawn['factors'], keys)
    return of(data.render)(*arguments), of(places)(*arguments)[:, pair[0]]

  def score(key, context, method, state, arrays, batch):
    del context, batch
    data_key, draw_key, cut_key = jax.random.split(key, 3)

    def block(number):
      index = number * rows + jnp.arange(rows, dtype=jnp.int32)
      film, position = films(data_key, arrays, index)
      own = jax.random.fold_in(draw_key, number)
      z = method.extras['filter'](own, state, film).z[:, jnp.array(pair)]
      bound = method.extras['bound'](own, state, film)
      return z, position, bound

    blocks = jax.lax.map(block, jnp.arange(count // rows))
    z, position, bound = jax.tree.map(
      lambda x: x.reshape(count, *x.shape[2:]), blocks
    )
    # A diverged run has no neighbours.
    usable = jnp.all(jnp.isfinite(z))
    z = jnp.where(usable, z, 0)
    slots = _slots(method, state, data)
    scores = _scores(cut_key, z, position, slots, method, config)
    scores['elbo_frame'] = jnp.mean(bound) / frames
    return {
      name: jnp.where(usable, value, jnp.nan).astype(jnp.float32)
      for name, value in scores.items()
    }

  return types.Probe(
    fit=None,
    score=score,
    requires=('represent', 'filter', 'bound', 'partitioned'),
    constants=dataclasses.asdict(config),
    kinds=('video',),
    at_once=1,
  )


def _slots(method, state, data):
  """(k, d) of a method's codes."""
  film = jnp.zeros((1, *data.observation_shape))
  codes = jax.eval_shape(method.represent, state, film)
  return codes.parts['slots'].shape[1:]


def _scores(key, z, position, slots, method, config):
  """All but the bound: z [N, 2, Z], position [N, objects, 2]."""
  before, after = z[:, 0], z[:, 1]
  if not method.extras['partitioned']():
    order = best_partition(key, before, after, slots[0], config)
    before, after = before[:, order], after[:, order]
  cut = lambda z: z.reshape(-1, *slots)
  matrix = matrix_of(key, cut(before), cut(after), config.num_neighbors)
  same, cross = same_and_cross(matrix)
  scores = {
    'mutual_information_same': same,
    'mutual_information_cross': cross,
    'mutual_information_same_min': jnp.min(jnp.diagonal(matrix)),
    **_table('mutual_information', matrix),
  }
  if position.shape[1]:
    targets = position.reshape(len(position), -1)
    told = lambda codes: told_by_neighbours(codes, targets, config.num_nearest)
    # One after the other, as above.
    r2 = jax.lax.map(told, jnp.moveaxis(cut(before), 1, 0))
    r2 = r2.reshape(-1, *position.shape[1:])
    scores['object_purity'] = purity_of(r2)
    # Positions are (row, column): y comes before x.
    chains = r2[..., ::-1].reshape(len(r2), -1)
    scores |= _table('chain_r2', chains)
  if config.correlations:
    unit = lambda z: base.standardize(z, z)
    correlation = unit(before).T @ unit(after) / len(before)
    scores |= _table('latent_correlation', jnp.clip(correlation, -1, 1))
  return scores


def _table(name, matrix):
  rows, columns = matrix.shape
  return {
    f'{name}/{i}_{j}': matrix[i, j] for i in range(rows) for j in range(columns)
  }
