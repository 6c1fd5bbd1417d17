"""The networks of a state space model of films, and what a film costs.

Of a factored or an entangled transition; see `independent_prediction`, whose
static choices are meant by `config`.
"""

from collections.abc import Callable
import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from disentangle_jax import types
from disentangle_jax.methods.video import state_space
from disentangle_jax.nn import frame_nets, nets
from disentangle_jax.ops import axis, likelihood

# Ends of all log variances.
LOGVAR_RANGE = (-10.0, 5.0)
# What runs inside of the loop over time.
_LOOPED = ('posterior', 'transition')


@functools.partial(jax.custom_vjp, nondiff_argnums=(1, 2))
def bounded(x: jax.Array, low: float, high: float) -> jax.Array:
  """Clips, and lets gradients pass that lead back inside.

  A plain clip has no gradient outside. Log variances of both p and q beyond the
  upper end are then a trap: the KL is 0, states are noise, and nothing moves
  any more.

  Args:
    x: float [...].
    low: least value.
    high: greatest value.

  Returns:
    float [...], as `jnp.clip`. The gradient of what is outside is that of the
    identity where descending it moves towards the inside, else 0.
  """
  return jnp.clip(x, low, high)


def _bounded_forward(x, low, high):
  return jnp.clip(x, low, high), x


def _bounded_backward(low, high, x, slope):
  # Descent goes against the slope.
  outwards = ((x < low) & (slope > 0)) | ((x > high) & (slope < 0))
  return (jnp.where(outwards, 0.0, slope),)


bounded.defvjp(_bounded_forward, _bounded_backward)


class Networks(NamedTuple):
  """The model as pure functions; `params` are {'nets', 'statistics'}.

  Attributes:
    init: `(key) -> params`.
    features: `(params, film [B, T, H, W, C], train) -> ([B, T, F],
      statistics)` of the frames.
    posterior: `(params, features [B, F], mean, logvar) -> (mean, logvar)`.
    transition: `(params, z [B, Z]) -> (mean, logvar)`.
    decode: `(params, z [..., Z], train) -> (raw [..., H, W, C], statistics)`.
  """

  init: Callable[..., types.PyTree]
  features: Callable[..., tuple[jax.Array, Any]]
  posterior: Callable[..., tuple[jax.Array, jax.Array]]
  transition: Callable[..., tuple[jax.Array, jax.Array]]
  decode: Callable[..., tuple[jax.Array, Any]]


class Terms(NamedTuple):
  """What a batch of films costs.

  Attributes:
    log_likelihood: float32 [B], sum over frames of log p(x_t | z_t), nats.
    kl: float32 [B, Z], summed over time, nats.
    filtered: the pass over time.
    statistics: of the normalisation, after this batch.
  """

  log_likelihood: jax.Array
  kl: jax.Array
  filtered: state_space.Filtered
  statistics: Any


def build(config: Any, frame_shape: tuple[int, ...]) -> Networks:
  """The networks.

  Args:
    config: static choices.
    frame_shape: (H, W, C).

  Returns:
    The functions.

  Raises:
    ConfigError: see `frame_nets.check`.
  """
  looks = (config.architecture, config.normalise, config.net)
  frame_nets.check(*looks, frame_shape)
  latents = config.factors * config.latents_per_factor
  width = config.posterior_hidden or latents
  blocks = config.factors if config.transition == 'factored' else 1
  trunk = frame_nets.trunk(*looks, config.width)
  encoder = frame_nets.Features(trunk, width)
  posterior = frame_nets.Posterior(latents, width)
  transition = frame_nets.Transition(blocks, tuple(config.transition_hidden))
  generator = frame_nets.generator(*looks, frame_shape, config.width)
  clip = lambda mean, logvar: (mean, bounded(logvar, *LOGVAR_RANGE))

  def run(module, params, x, **options):
    return nets.apply(module, params, x, config.precision, **options)

  def init(key):
    keys = jax.random.split(key, 4)
    start = lambda module, own, x: module.init_with_output(own, x)
    state = jnp.zeros((1, latents))
    (seen, seen_by), encoded = start(encoder, keys[0], _blank(frame_shape))
    _, inferred = start(posterior, keys[1], (seen, state, state))
    _, moved = start(transition, keys[2], state)
    (_, shown_by), decoded = start(generator, keys[3], state)
    return {
      'nets': {
        'encoder': encoded['params'],
        'posterior': inferred['params'],
        'transition': moved['params'],
        'decoder': decoded['params'],
      },
      'statistics': {'encoder': seen_by, 'decoder': shown_by},
    }

  def features(params, film, train=False):
    batch, frames = film.shape[:2]
    seen, statistics = run(
      encoder,
      params['nets']['encoder'],
      film.reshape(batch * frames, *film.shape[2:]),
      statistics=params['statistics']['encoder'],
      train=train,
    )
    return seen.reshape(batch, frames, -1), statistics

  def infer(params, seen, mean, logvar):
    return clip(
      *run(posterior, params['nets']['posterior'], (seen, mean, logvar))
    )

  def move(params, z):
    return clip(*run(transition, params['nets']['transition'], z))

  def decode(params, z, train=False):
    raw, statistics = run(
      generator,
      params['nets']['decoder'],
      z.reshape(-1, latents),
      statistics=params['statistics']['decoder'],
      train=train,
    )
    return raw.reshape(*z.shape[:-1], *frame_shape), statistics

  return Networks(init, features, infer, move, decode)


def _blank(frame_shape):
  return jnp.zeros((1, *frame_shape))


def filter_film(
  networks: Networks,
  params: types.PyTree,
  film: jax.Array,
  noise: jax.Array,
  prior_input_gradient: str = 'none',
  train: bool = False,
) -> tuple[state_space.Filtered, Any]:
  """Infers the states of films of any length.

  Args:
    networks: from `build`.
    params: {'nets', 'statistics'}.
    film: float32 [B, T, H, W, C], T >= 1.
    noise: float32 [B, T, Z].
    prior_input_gradient: see the module docstring.
    train: static; whether a batch's own moments normalise.

  Returns:
    The pass, and the encoder's statistics.
  """
  seen, statistics = networks.features(params, film, train)
  # Summed over shards once, not at every step of the loop.
  own = params['nets']
  own = {**own, **axis.spread({n: own[n] for n in _LOOPED}, seen)}
  params = {**params, 'nets': own}
  fixed = jax.lax.stop_gradient(params)

  def told(z, prior):
    if prior_input_gradient == 'state':
      return networks.transition(fixed, z)
    return jax.lax.stop_gradient(prior)

  filtered = state_space.run(
    lambda *x: networks.posterior(params, *x),
    lambda z: networks.transition(params, z),
    told,
    seen,
    noise,
  )
  return filtered, statistics


def terms_of(
  networks: Networks,
  config: Any,
  params: types.PyTree,
  film: jax.Array,
  noise: jax.Array,
  train: bool = False,
) -> Terms:
  """The bound of every film, term by term; one of one frame is a VAE's.

  Args:
    networks: from `build`.
    config: static choices.
    params: {'nets', 'statistics'}.
    film: float32 [B, T, H, W, C], T >= 1.
    noise: float32 [B, T, Z], standard normal.
    train: static; whether a batch's own moments normalise.

  Returns:
    The terms; log_likelihood - sum of kl is the bound on log p(film).
  """
  filtered, seen_by = filter_film(
    networks, params, film, noise, config.prior_input_gradient, train
  )
  raw, shown_by = networks.decode(params, filtered.z, train)
  nats = likelihood.gaussian(
    jax.nn.sigmoid(raw), film, jnp.float32(0.5 * math.log(config.variance))
  )
  return Terms(
    log_likelihood=nats,
    kl=jnp.sum(filtered.kl(), axis=1),
    filtered=filtered,
    statistics={'encoder': seen_by, 'decoder': shown_by},
  )
