"""InfoGAN-CR: pairs of images that share one code must tell which.

Lin et al., "InfoGAN-CR and ModelCentrality: Self-supervised Model Training and
Selection for Disentangling GANs", ICML 2020, https://arxiv.org/abs/1906.06034,
eq. 4. Beside `infogan` with C continuous codes, Q's deviations 1, a second
critic H looks at two images of equal noise of which one random code i is equal
and all others are drawn apart, and names i:

  critic, Q:  as in `infogan`
  G, twice:   E sp(-l(G)) + generator_information lambda_u CE_u
                + lambda_contrast CE(H)
  H:          CE(H), which the generator minimises as well

A step is one update of H, one of the critic, two of G. The weight is 0 before
step `contrast_start`, where H begins anew. Published for 2D shapes: 5 codes, 5
noise, lambda_u 0.05, lambda_contrast 2 from step 288,000 of 322,560, rates 1e-3
(G) and 2e-3 (critics), spectral normalisation (Miyato et al. 2018) in both
critics but for the last layer of H. 'contrast' is CE(H), log C for an H that
sees nothing.

H is a network of the critic's kind on both images' channels. The noise is
shared, as in the paper: H could read identity from it otherwise. Architecture
'sprites' has the published nets, which the text and the released code give for
64 x 64 images.
"""

import dataclasses

from flax import linen as nn
import jax
import jax.numpy as jnp
import optax

from disentangle_jax import errors, types
from disentangle_jax.methods import training
from disentangle_jax.methods.gan import common, infogan, reading
from disentangle_jax.nn import image_players, nets, norm
from disentangle_jax.ops import axis, per_example

CITATION = 'Lin et al. 2020, arXiv:1906.06034, eq. 4'
DISPLAY = 'InfoGAN-CR'
HPARAMS = {
  'learning_rate': 1e-3,
  'critic_learning_rate': 2e-3,
  'lambda_continuous': 0.05,
  'generator_information': 1.0,
  'lambda_contrast': 2.0,
  'contrast_start': 288_000.0,
}
STRENGTH = 'lambda_contrast'
MIN_BATCH = 2
MAY_BE_ZERO = common.MAY_BE_ZERO
# G moves twice for each step of the critic, whose loss need not fall; H and G
# work together.
PROGRESS = 'contrast'
TEST = {'static': {'architecture': 'net', 'num_continuous': 3}}
State = common.State


@dataclasses.dataclass(frozen=True)
class Config(common.Config):
  """Static choices; `categories` stays empty.

  Attributes:
    spectral: whether kernels of both critics, but for the last of H, are
      divided by their largest singular value.
  """

  architecture: str = 'sprites'
  categories: tuple[int, ...] = ()
  num_continuous: int = 5
  num_noise: int = 5
  code_sigma: str = 'fixed'
  spectral: bool = True


class _Contrast(nn.Module):
  """H: two images -> which code they share."""

  architecture: str
  net: nets.NetConfig
  codes: int

  @nn.compact
  def __call__(self, x):
    trunk = image_players.trunk(self.architecture, self.net)
    features, _ = trunk(x, None, True)
    last = nets.dense.Heads((('code', self.codes),), name='last')
    return last(features)['code']


def paired_latents(
  networks: common.Networks, key: jax.Array, index: jax.Array
) -> tuple[common.Latents, common.Latents, jax.Array]:
  """Latents of pairs: one code and the noise are equal, all else drawn apart.

  Args:
    networks: of the method, with continuous codes alone.
    key: a typed PRNG key.
    index: int32 [B].

  Returns:
    Both latents, and which code they share, int32 [B].
  """
  shared_key, first_key, second_key = jax.random.split(key, 3)
  first = networks.draw(first_key, index)
  other = networks.draw(second_key, index).continuous
  width = other.shape[1]
  shared = per_example.integers(shared_key, index, (), 0, width)
  same = jax.nn.one_hot(shared, width, dtype=bool)
  codes = jnp.where(same, first.continuous, other)
  return first, first._replace(vector=codes, continuous=codes), shared


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: the data set, for its observation shape.

  Returns:
    The method; it also reports 'contrast' (nats), 'generator_loss' and
    'information_continuous'.

  Raises:
    ConfigError: see `common.build`; fewer than two codes; categories.
  """
  if config.categories:
    rule = 'must be (): a pair shares a continuous code'
    raise errors.value('config.static.categories', config.categories, rule)
  if config.num_continuous < 2:
    rule = 'must be at least 2: which of them is shared is the question'
    name = 'config.static.num_continuous'
    raise errors.value(name, config.num_continuous, rule)
  plain = common.build(config, data, centred=False)
  contrast = _Contrast(config.architecture, config.net, config.num_continuous)

  def normalised(params, vectors, train):
    if not config.spectral:
      return params, vectors
    return norm.spectral_normalise(params, vectors, train)

  def normalised_contrast(params, vectors, train):
    """The same for H, whose last layer is free."""
    below = {name: own for name, own in params.items() if name != 'last'}
    below, vectors = normalised(below, vectors, train)
    return {**params, **below}, vectors

  def judging(vectors):
    """The networks with a critic whose kernels are normalised."""

    def judge(critic, statistics, images, train):
      critic, _ = normalised(critic, vectors, False)
      return plain.judge(critic, statistics, images, train)

    return plain._replace(judge=judge)

  def heads(params, images):
    own = {name: params[name] for name in ('trunk', 'posterior')}
    vectors = params['vectors']
    if config.spectral:
      vectors = {name: vectors[name] for name in own}
    own, _ = normalised(own, vectors, False)
    return plain.heads({**params, **own}, images)

  networks = plain._replace(heads=heads)

  def pairs(players, key, index, statistics):
    """Both images of a pair as one, float [B, ..., 2 C]; the shared code."""
    first, second, shared = paired_latents(plain, key, index)
    images = [
      plain.generate(
        players['generator'], statistics['generator'], latents, True
      )[0]
      for latents in (first, second)
    ]
    return jnp.concatenate(images, axis=-1), shared

  def cross_entropy(params, vectors, both, shared):
    params, _ = normalised_contrast(params, vectors, False)
    logits = nets.apply(contrast, params, both, config.precision)
    nats = optax.softmax_cross_entropy_with_integer_labels(logits, shared)
    return axis.mean(nats)

  def start_of_contrast(key, observation):
    net_key, vector_key = jax.random.split(key)
    both = jnp.concatenate([observation[:1]] * 2, axis=-1)
    params = contrast.init(net_key, both)['params']
    below = {name: own for name, own in params.items() if name != 'last'}
    return params, norm.spectral_start(vector_key, below)

  def init(key, batch, hparams):
    key, own_key, vector_key = jax.random.split(key, 3)
    optimisers = {
      'generator': infogan.adam(hparams['learning_rate']),
      'critic': infogan.adam(hparams['critic_learning_rate']),
    }
    state = infogan.init_of(plain, key, batch, optimisers)
    params, vectors = start_of_contrast(own_key, batch['observation'])
    adam = infogan.adam(hparams['critic_learning_rate'])
    critic = common.critic_of(state)
    critic_vectors = norm.spectral_start(vector_key, critic)
    return state._replace(
      params={**state.params, 'vectors': critic_vectors},
      opt_state={**state.opt_state, 'contrast': adam.init(params)},
      more={'contrast': params, 'vectors': vectors},
    )

  def restarted(key, state, batch, hparams):
    """H and its moments, anew at the step where its weight sets in."""
    params, vectors = start_of_contrast(key, batch['observation'])
    adam = infogan.adam(hparams['critic_learning_rate'])
    begins = state.step == hparams['contrast_start']
    choose = lambda new, old: jax.tree.map(
      lambda a, b: jnp.where(begins, a, b), new, old
    )
    more = choose({'contrast': params, 'vectors': vectors}, state.more)
    moments = choose(adam.init(params), state.opt_state['contrast'])
    return more, {**state.opt_state, 'contrast': moments}

  def update(key, state, batch, hparams):
    keys = jax.random.split(key, 7)
    index, statistics = batch['index'], state.params['statistics']
    more, opt_states = restarted(keys[0], state, batch, hparams)
    rate = hparams['critic_learning_rate']
    weight = jnp.where(
      state.step >= hparams['contrast_start'], hparams['lambda_contrast'], 0.0
    )
    _, vectors = normalised_contrast(more['contrast'], more['vectors'], True)
    critic = common.critic_of(state)
    _, critic_vectors = normalised(critic, state.params['vectors'], True)
    given = (
      config,
      judging(critic_vectors),
      {'lambda_categorical': 0.0, **hparams},
    )

    def contrast_loss(players, told):
      del told
      both, shared = pairs(players, keys[1], index, statistics)
      both = jax.lax.stop_gradient(both)
      loss = cross_entropy(players['contrast'], vectors, both, shared)
      return loss, loss

    def further(own_key):
      def term(players):
        both, shared = pairs(players, own_key, index, statistics)
        return weight * cross_entropy(
          players['contrast'], vectors, both, shared
        )

      return term

    generators = [
      infogan.generator_turn(
        *given, keys[n], index, statistics, further(keys[m])
      )
      for n, m in ((3, 4), (5, 6))
    ]
    players, opt_states, told = training.alternate(
      {**infogan.players_of(state), 'contrast': more['contrast']},
      opt_states,
      [
        training.Turn('contrast', infogan.adam(rate), contrast_loss),
        infogan.critic_turn(*given, keys[2], batch, statistics),
        *generators,
      ],
    )
    contrast_nats, (scalars, critic_after), _, (own, generator_after) = told
    statistics = {'generator': generator_after, **critic_after}
    more = {'contrast': players['contrast'], 'vectors': vectors}
    state = infogan.state_after(state, players, opt_states, statistics)
    params = {**state.params, 'vectors': critic_vectors}
    state = state._replace(params=params, more=more)
    scalars = {**scalars, 'generator_loss': own, 'contrast': contrast_nats}
    return state, scalars

  decode, extras = reading.decode_and_extras(config, networks, data.kind)
  represent = reading.represent(config, networks)
  layout = common.layout(config)
  return types.Method(init, update, represent, decode, extras, layout)
