"""Films split into factors whose futures can be predicted one by one.

Whitney & Fergus 2019, "Disentangling Video with Independent Prediction",
https://arxiv.org/abs/1901.05590. A state z_t = (z_t^1, ..., z_t^k), each of d
numbers; p(z_1) = N(0, 1), p(z_t | z_{t-1}) = prod_i N(mu_i(z_{t-1}^i),
exp(lv_i(z_{t-1}^i))) with a network of its own for each factor, p(x_t | z_t) =
N(dec(z_t), variance), q(z_t | z_{t-1}, x_t) diagonal. Minimised, in nats per
film, with one sample per step carried to the next:

  sum_t 1/2 sum ((x_t - dec(z_t))^2 / variance + log(2 pi variance))
    + KL(q_1 || N(0, 1)) + sum_{t > 1} KL(q_t || p_t)

`transition='entangled'` is the paper's baseline: one network of the same hidden
widths on all of z, all else equal. q is told the predicted mean and log
variance in place of z_{t-1}, and the transition is not updated through that: by
`prior_input_gradient` the gradient still reaches z_{t-1} ('state'), or ends
there ('none', cheaper).

The paper prints bounds per frame: at variance 0.25 the constant alone of a 64 x
64 x 3 frame is -2,775 nats. At that variance a blurred digit costs less than a
nat per pixel. Nothing asks for objects: both coordinates of a bouncing object
are chains of their own, and a factor may hold one of each object.

Deviations: layers that give means, log variances and raw frames are linear (see
`nn.frame_nets`); q is told the log variance where the text has the variance;
log variances are clipped to [-10, 5], as those of a deterministic motion would
fall for ever, with gradients that lead back inside
(`film_networks.bounded`); entries of the gradient are clipped.
Table 1's transition (three layers on all of z) contradicts appendix A (five
layers on one factor), which is taken. d, T and the batch size are not stated.
`decode` would have to make a film of one code and is left out: the extra
'decode_frame' makes a frame.
"""

from collections.abc import Callable
import dataclasses
import math

import jax
import jax.numpy as jnp
import optax

from disentangle_jax import checks, errors, types
from disentangle_jax.methods import training
from disentangle_jax.methods.vae import common
from disentangle_jax.methods.video import film_networks, state_space
from disentangle_jax.nn import nets
from disentangle_jax.ops import axis, per_example

CITATION = 'Whitney & Fergus 2019, arXiv:1901.05590, section 2 and appendix A'
HPARAMS = {'learning_rate': 3e-4}
TRANSITIONS = ('factored', 'entangled')
PRIOR_INPUT_GRADIENTS = ('state', 'none')
TEST = {
  'dataset': ('moving_blobs', {'resolution': 8, 'frames': 4}),
  'static': {
    'architecture': 'net',
    'normalise': 'none',
    'latents_per_factor': 2,
    'variance': 0.1,
    'transition_hidden': (8,),
  },
}
State = training.State


@dataclasses.dataclass(frozen=True)
class Config:
  """Static choices.

  Attributes:
    factors: k.
    latents_per_factor: d; the state has Z = k d latents.
    transition: 'factored' or 'entangled'.
    transition_hidden: widths of each transition network.
    posterior_hidden: width of the layers of q above the frame's net; 0 for Z.
    prior_input_gradient: 'state' or 'none'; see the module docstring.
    variance: of a pixel given the state.
    gradient_clip: largest size of an entry of the gradient.
    architecture: 'dcgan' (the published nets) or 'net' (takes `net`).
    normalise: 'batch' or 'none'; architecture 'net' takes 'none'.
    width: of 'dcgan', channels of the layers next to the frame.
    net: which networks, where the architecture is 'net'.
    precision: of the products in the networks, one of `nets.PRECISIONS`.
  """

  factors: int = 2
  latents_per_factor: int = 16
  transition: str = 'factored'
  transition_hidden: tuple[int, ...] = (128, 128, 128, 128)
  posterior_hidden: int = 0
  prior_input_gradient: str = 'state'
  variance: float = 0.25
  gradient_clip: float = 100.0
  architecture: str = 'dcgan'
  normalise: str = 'batch'
  width: int = 64
  net: nets.NetConfig = nets.mlp.Config()
  precision: str = 'auto'


def check(config: Config, data: types.Dataset) -> None:
  """Raises ConfigError for a static option or data set that cannot be had."""
  static = lambda name: f'config.static.{name}'
  for name in ('factors', 'latents_per_factor', 'width'):
    checks.integer(static(name), getattr(config, name), 1)
  checks.integer(static('posterior_hidden'), config.posterior_hidden, 0)
  for width in config.transition_hidden:
    checks.integer(static('transition_hidden'), width, 1)
  for name, legal in (
    ('transition', TRANSITIONS),
    ('prior_input_gradient', PRIOR_INPUT_GRADIENTS),
    ('precision', nets.PRECISIONS),
  ):
    if getattr(config, name) not in legal:
      raise errors.choices(static(name), getattr(config, name), legal)
  for name in ('variance', 'gradient_clip'):
    size = getattr(config, name)
    if not 0.0 < size < math.inf:
      raise errors.value(static(name), size, 'must be finite and > 0')
  if data.kind != 'video':
    rule = f'independent_prediction needs films, these are of kind {data.kind}'
    raise errors.value('config.dataset.name', data.name, rule)
  frames = data.observation_shape[0]
  if frames < 2:
    rule = 'independent_prediction needs at least 2 frames'
    raise errors.value('config.dataset.frames', frames, rule)


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: films, for the shape of an observation.

  Returns:
    The method, without `decode`. Codes are those of the last frame, with means
    carried from frame to frame; parts are 'mean', 'logvar' [B, Z], 'slots' [B,
    k, d] and, of all frames, 'sequence_mean', 'sequence_logvar' [B, T, Z].
    Extras: see `extras_of`.

  Raises:
    ConfigError: see `check` and `film_networks.build`.
  """
  check(config, data)
  networks = film_networks.build(config, data.observation_shape[1:])
  latents = config.factors * config.latents_per_factor

  def optimiser(hparams):
    return optax.chain(
      optax.clip(config.gradient_clip), optax.adam(hparams['learning_rate'])
    )

  def init(key, batch, hparams):
    del batch
    params = networks.init(key)
    opt_state = optimiser(hparams).init(params['nets'])
    return State(params, opt_state, jnp.zeros((), jnp.int32))

  def update(key, state, batch, hparams):
    film = batch['observation']
    shape = (film.shape[1], latents)
    noise = per_example.normal(key, batch['index'], shape)

    def loss_fn(own):
      params = {**state.params, 'nets': own}
      terms = film_networks.terms_of(
        networks, config, params, film, noise, train=True
      )
      reconstruction = -axis.mean(terms.log_likelihood)
      kl = axis.mean(terms.kl)
      loss = reconstruction + jnp.sum(kl)
      scalars = common.scalars_of(loss, reconstruction, kl)
      return loss, (scalars, terms.statistics)

    own, opt_state, (scalars, statistics) = training.descend(
      loss_fn, optimiser(hparams), state.params['nets'], state.opt_state
    )
    params = {'nets': own, 'statistics': statistics}
    return State(params, opt_state, state.step + 1), scalars

  def represent(state, observation):
    noise = jnp.zeros((*observation.shape[:2], latents))
    filtered, _ = film_networks.filter_film(
      networks, state.params, observation, noise
    )
    mean, logvar = filtered.mean[:, -1], filtered.logvar[:, -1]
    slots = (config.factors, config.latents_per_factor)
    parts = {
      'mean': mean,
      'logvar': logvar,
      'slots': mean.reshape(-1, *slots),
      'sequence_mean': filtered.mean,
      'sequence_logvar': filtered.logvar,
    }
    return types.Codes(mean, parts)

  layout = types.Layout(gaussian=latents)
  extras = extras_of(networks, config, data.observation_shape[0], represent)
  return types.Method(init, update, represent, None, extras, layout)


def extras_of(
  networks: film_networks.Networks,
  config: Config,
  trained_frames: int,
  represent: Callable[..., types.Codes],
) -> dict[str, Callable]:
  """The abilities of a trained model, for films of any length.

  Args:
    networks: from `film_networks.build`.
    config: static choices.
    trained_frames: T of the films that it was trained on.
    represent: of the method.

  Returns:
    'decode_frame' `(state, vector [..., Z]) -> [..., H, W, C]`; 'filter' `(key,
    state, observation [B, T, ...]) -> Filtered`, samples of q; 'bound' `(key,
    state, observation) -> float32 [B]`, nats per film, one sample;
    'predict_film' `(state, vector [B, Z], frames, key=None) -> (observation [B,
    frames, ...], states [B, frames, Z])`, what follows a state by the
    transition, its means without a key; 'independent_generation' `(key, state,
    observation, factor) -> observation`, samples of q with all factors but one
    held from the second frame on; 'partitioned' `() -> bool`, whether each
    factor has a transition of its own; and 'generate', 'pictures' as in
    `types.EXTRAS`.
  """
  slots = (config.factors, config.latents_per_factor)
  latents = math.prod(slots)

  def draw(key, rows, frames):
    return per_example.normal(key, jnp.arange(rows), (frames, latents))

  def transition(state):
    return lambda z: networks.transition(state.params, z)

  def decode_frame(state, vector):
    return jax.nn.sigmoid(networks.decode(state.params, vector)[0])

  def sample(key, state, observation):
    noise = draw(key, *observation.shape[:2])
    return film_networks.filter_film(
      networks, state.params, observation, noise
    )[0]

  def bound(key, state, observation):
    noise = draw(key, *observation.shape[:2])
    terms = film_networks.terms_of(
      networks, config, state.params, observation, noise
    )
    return terms.log_likelihood - jnp.sum(terms.kl, axis=-1)

  def predict(state, vector, frames, key=None):
    noise = jnp.zeros((len(vector), frames, latents))
    if key is not None:
      noise = draw(key, len(vector), frames)
    states = state_space.roll(transition(state), vector, noise)
    return decode_frame(state, states), states

  def held(z, factor):
    """All factors but one at what they are in the second frame, if any."""
    paths = z.reshape(*z.shape[:2], *slots)
    second = min(1, z.shape[1] - 1)
    still = jnp.broadcast_to(paths[:, second : second + 1], paths.shape)
    moves = (jnp.arange(slots[0]) == factor)[:, None]
    return jnp.where(moves, paths, still).reshape(z.shape)

  def independent_generation(key, state, observation, factor):
    z = sample(key, state, observation).z
    return decode_frame(state, held(z, factor))

  def generate(key, state, count, frames=None):
    frames = trained_frames if frames is None else frames
    noise = draw(key, count, frames)
    # The first noise is the first state.
    later = state_space.roll(transition(state), noise[:, 0], noise[:, 1:])
    z = jnp.concatenate([noise[:, :1], later], axis=1)
    film = decode_frame(state, z)
    return film, represent(state, film)

  def pictures(key, state, observation):
    film = observation[:1]
    z = sample(key, state, film).z
    frames = film.shape[1]
    known = max(1, frames // 2)
    seen = represent(state, film[:, :known]).parts['sequence_mean']
    unseen = jnp.zeros((1, frames - known, latents))
    ahead = state_space.roll(transition(state), seen[:, -1], unseen)
    shown = [z, *(held(z, i) for i in range(slots[0]))]
    shown.append(jnp.concatenate([seen, ahead], axis=1))
    *generations, predicted = decode_frame(state, jnp.concatenate(shown))
    return {
      'independent_generation': jnp.stack([film[0], *generations]),
      'prediction': jnp.stack([film[0], predicted]),
    }

  return {
    'decode_frame': decode_frame,
    'filter': sample,
    'bound': bound,
    'predict_film': predict,
    'independent_generation': independent_generation,
    'partitioned': lambda: config.transition == 'factored',
    'generate': generate,
    'pictures': pictures,
  }
