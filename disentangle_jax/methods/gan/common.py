"""What the InfoGAN family shares: codes, networks, terms of losses.

A generated image is G(c, z): c holds the codes, categorical ones as one-hot
vectors (uniform) and continuous ones (U(-1, 1)), z noise, U(-1, 1) too. The
critic is a trunk with a scalar head; Q(c|x), a head of categories and Gaussians
on the same trunk, reads codes off images. `State.params` has all that is read
later (`reading`): generator, trunk, Q and their running averages.
"""

from collections.abc import Callable, Mapping
import dataclasses
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from disentangle_jax import checks, errors, types
from disentangle_jax.nn import image_players, nets
from disentangle_jax.ops import axis, per_example

SIGMAS = ('learned', 'fixed')
# See `types.MethodModule`.
MAY_BE_ZERO = ('num_continuous', 'num_noise', 'posterior_hidden')
# A deterministic generator would pull a learned scale to zero for ever.
_LEAST_LOG_SCALE = -3.0
_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


@dataclasses.dataclass(frozen=True)
class Config:
  """Static choices.

  Attributes:
    architecture: one of `image_players.PAIRS`; 'net' takes `net`, and so do
      'net_bn_generator' and 'net_bn', which need an 'mlp'.
    net: which networks, where the architecture begins with 'net'.
    categories: numbers of values of the categorical codes; () for none.
    num_continuous: continuous codes.
    num_noise: entries of the noise.
    code_sigma: 'learned' (Q puts out its deviations, at least exp(-3)) or
      'fixed' at 1.
    posterior_hidden: width of Q's layer above the trunk; 0 for none.
    precision: of the products in the networks, one of `nets.PRECISIONS`.
  """

  architecture: str = 'dcgan'
  net: nets.NetConfig = nets.mlp.Config()
  categories: tuple[int, ...] = (10,)
  num_continuous: int = 2
  num_noise: int = 62
  code_sigma: str = 'learned'
  posterior_hidden: int = 128
  precision: str = 'auto'


class State(NamedTuple):
  """Everything that training changes.

  Attributes:
    params: 'generator', 'trunk', 'posterior' and their 'statistics'.
    opt_state: {'generator', 'critic'}: the states of both Adams.
    step: int32 scalar.
    head: the critic's scalar head.
    more: what a variant of the family carries besides; ().
  """

  params: types.PyTree
  opt_state: types.PyTree
  step: jax.Array
  head: types.PyTree
  more: types.PyTree = ()


class Latents(NamedTuple):
  """What images are generated from.

  Attributes:
    vector: float32 [B, D], codes as in `Layout`.
    continuous: float32 [B, C], in [-1, 1).
    classes: int32 [B, number of categorical codes].
    noise: float32 [B, num_noise], in [-1, 1).
  """

  vector: jax.Array
  continuous: jax.Array
  classes: jax.Array
  noise: jax.Array


class Judgement(NamedTuple):
  """What the critic says of a batch.

  Attributes:
    logits: float32 [B].
    heads: Q's outputs, {'class_logits', 'mean', 'log_scale'}.
    statistics: {'trunk', 'posterior'}: running averages after the batch.
  """

  logits: jax.Array
  heads: Mapping[str, jax.Array]
  statistics: Mapping[str, Any]


class Networks(NamedTuple):
  """The players as pure functions of their parameters.

  Attributes:
    init: `(key, observation) -> (params, head)`.
    draw: `(key, index [B]) -> Latents`.
    generate: `(generator, statistics, latents, train) -> (images [B, ...],
      statistics of the generator)`.
    judge: `(critic, statistics, images, train) -> Judgement`, with critic =
      {'trunk', 'posterior', 'head'}.
    score: `(critic, statistics, seen) -> float32 [B]`: the head alone on what
      the critic sees (`see` of images), without batch statistics.
    see: `(images) -> what the critic sees of them`.
    heads: `(params, images) -> Q's heads`, by the running averages.
  """

  init: Callable[..., tuple[types.PyTree, types.PyTree]]
  draw: Callable[..., Latents]
  generate: Callable[..., tuple[jax.Array, Any]]
  judge: Callable[..., Judgement]
  score: Callable[..., jax.Array]
  see: Callable[..., jax.Array]
  heads: Callable[..., Mapping[str, jax.Array]]


def _check(config: Config, data: types.Dataset) -> None:
  """Raises ConfigError for a static option out of range."""
  where = 'config.static.{}'.format
  image_players.check(config.architecture, config.net, data.observation_shape)
  for size in config.categories:
    checks.integer(where('categories'), size, 2)
  checks.integer(where('num_continuous'), config.num_continuous, 0)
  checks.integer(where('num_noise'), config.num_noise, 0)
  checks.integer(where('posterior_hidden'), config.posterior_hidden, 0)
  if not config.categories and not config.num_continuous:
    rule = 'there must be a code: set it, or `categories`'
    raise errors.value(where('num_continuous'), 0, rule)
  if config.code_sigma not in SIGMAS:
    raise errors.choices(where('code_sigma'), config.code_sigma, SIGMAS)
  if config.precision not in nets.PRECISIONS:
    raise errors.choices(where('precision'), config.precision, nets.PRECISIONS)


def has_density(config: Config) -> bool:
  """Whether Q gives continuous codes a distribution of their own width."""
  return bool(config.num_continuous) and config.code_sigma == 'learned'


def layout(config: Config) -> types.Layout:
  """What stands in the code vector."""
  width = config.num_continuous
  if has_density(config):
    return types.Layout(gaussian=width, classes=config.categories)
  return types.Layout(plain=width, classes=config.categories)


def build(config: Config, data: types.Dataset, centred: bool) -> Networks:
  """The players for a data set's images.

  Args:
    config: static choices.
    data: gives the observation shape.
    centred: whether the critic sees 2 x - 1 in place of x in [0, 1].

  Returns:
    The functions.

  Raises:
    ConfigError: an option out of range, or networks that cannot give such
      images.
  """
  _check(config, data)
  shape = data.observation_shape
  generator = image_players.generator(config.architecture, config.net, shape)
  trunk = image_players.trunk(config.architecture, config.net)
  posterior = image_players.Posterior(
    config.categories,
    config.num_continuous,
    has_density(config),
    0 if config.architecture == 'resnet' else config.posterior_hidden,
    config.architecture in image_players.NORMALISED_CRITICS,
  )
  head = nets.dense.Heads((('logit', 1),))
  width = layout(config).width + config.num_noise
  see = lambda images: 2 * images - 1 if centred else images
  run = lambda module, params, x, **options: nets.apply(
    module, params, x, config.precision, **options
  )

  def init(key, observation):
    keys = jax.random.split(key, 4)
    params, statistics = {}, {}

    def start(name, module, own, x):
      (output, after), variables = module.init_with_output(own, x)
      params[name] = variables.get('params', {})
      statistics[name] = after
      return output

    start('generator', generator, keys[0], jnp.zeros((1, width)))
    features = start('trunk', trunk, keys[1], see(observation[:1]))
    start('posterior', posterior, keys[2], features)
    judging = head.init(keys[3], features)['params']
    return {**params, 'statistics': statistics}, judging

  def draw(key, index):
    keys = jax.random.split(key, len(config.categories) + 2)
    uniform = lambda own, size: 2 * per_example.uniform(own, index, (size,)) - 1
    continuous = uniform(keys[0], config.num_continuous)
    classes = [
      per_example.integers(own, index, (), 0, size)
      for own, size in zip(keys[2:], config.categories)
    ]
    hot = [jax.nn.one_hot(c, n) for c, n in zip(classes, config.categories)]
    vector = jnp.concatenate([continuous, *hot], axis=-1)
    classes = (
      jnp.stack(classes, -1) if classes else jnp.zeros((len(index), 0), int)
    )
    noise = uniform(keys[1], config.num_noise)
    return Latents(vector, continuous, classes, noise)

  def generate(params, statistics, latents, train):
    x = jnp.concatenate([latents.vector, latents.noise], axis=-1)
    raw, after = run(generator, params, x, statistics=statistics, train=train)
    return jax.nn.sigmoid(raw), after

  def judge(critic, statistics, images, train):
    features, trunk_after = run(
      trunk,
      critic['trunk'],
      see(images),
      statistics=statistics['trunk'],
      train=train,
    )
    heads, posterior_after = run(
      posterior,
      critic['posterior'],
      features,
      statistics=statistics['posterior'],
      train=train,
    )
    logits = run(head, critic['head'], features)['logit'][:, 0]
    after = {'trunk': trunk_after, 'posterior': posterior_after}
    return Judgement(logits, _bounded(heads), after)

  def score(critic, statistics, seen):
    features, _ = run(
      trunk, critic['trunk'], seen, statistics=statistics['trunk'], train=False
    )
    return run(head, critic['head'], features)['logit'][:, 0]

  def heads_of(params, images):
    statistics = params['statistics']
    features, _ = run(
      trunk, params['trunk'], see(images), statistics=statistics['trunk']
    )
    heads, _ = run(
      posterior,
      params['posterior'],
      features,
      statistics=statistics['posterior'],
    )
    return _bounded(heads)

  return Networks(init, draw, generate, judge, score, see, heads_of)


def _bounded(heads):
  if 'log_scale' not in heads:
    return heads
  return {
    **heads,
    'log_scale': jnp.maximum(heads['log_scale'], _LEAST_LOG_SCALE),
  }


def categorical_cross_entropy(
  config: Config, heads: Mapping[str, jax.Array], latents: Latents
) -> jax.Array:
  """E[-log q(k|x)], summed over the categorical codes.

  Args:
    config: gives the numbers of values.
    heads: Q's outputs for the images of `latents`.
    latents: what the images were generated from.

  Returns:
    float32 scalar, nats; 0 without categorical codes.
  """
  if not config.categories:
    return jnp.zeros(())
  total, begin = 0.0, 0
  for number, size in enumerate(config.categories):
    logits = heads['class_logits'][:, begin : begin + size]
    total += optax.softmax_cross_entropy_with_integer_labels(
      logits, latents.classes[:, number]
    )
    begin += size
  return axis.mean(total)


def continuous_cross_entropy(
  config: Config, heads: Mapping[str, jax.Array], latents: Latents
) -> jax.Array:
  """E sum_j [0.5 log 2 pi + log s_j + (u_j - m_j)^2 / (2 s_j^2)].

  Args:
    config: says whether there are such codes.
    heads: Q's outputs; without 'log_scale' s = 1.
    latents: what the images were generated from.

  Returns:
    float32 scalar, nats; 0 without continuous codes.
  """
  if not config.num_continuous:
    return jnp.zeros(())
  log_scale = heads.get('log_scale', jnp.zeros(()))
  error = (latents.continuous - heads['mean']) * jnp.exp(-log_scale)
  nats = _HALF_LOG_2PI + log_scale + 0.5 * jnp.square(error)
  return axis.mean(jnp.sum(nats, axis=-1))


def information(
  config: Config, categorical: jax.Array, continuous: jax.Array
) -> dict[str, jax.Array]:
  """L_I = H(c) - CE, the bound on the information of codes in images.

  Chen et al. 2016, eq. 5. H is log K for each categorical code and log 2 for
  each continuous one. The bound of continuous codes with a learned scale has no
  ceiling, as a generator may be deterministic: never compare it with H.

  Args:
    config: gives the codes.
    categorical: their cross entropy, nats.
    continuous: the same.

  Returns:
    'information_categorical' and 'information_continuous', nats, of the codes
    that there are.
  """
  bounds = {}
  if config.categories:
    entropy = sum(math.log(size) for size in config.categories)
    bounds['information_categorical'] = entropy - categorical
  if config.num_continuous:
    entropy = config.num_continuous * math.log(2.0)
    bounds['information_continuous'] = entropy - continuous
  return bounds


def critic_of(state: State) -> dict[str, types.PyTree]:
  """The critic's parameters as one player."""
  own = {name: state.params[name] for name in ('trunk', 'posterior')}
  return {**own, 'head': state.head}
