"""ARAE: codes of sentences that a critic and a classifier cannot tell apart.

Zhao, Kim, Zhang, Rush & LeCun, "Adversarially Regularized Autoencoders", ICML
2018, https://arxiv.org/abs/1706.04223, algorithm 1 (unaligned
transfer). Code c = enc(x), decoders p(x|c, y) of two labels and `rec` as in
`methods.text.two_decoders`; a generator g of codes, zeta ~ N(0, 1); a critic f;
a classifier u of labels by codes. Losses, all minimised, one step in this
order, each against what those before it left:

  1   enc, dec  rec, nats per sentence
  2   critic    mean f(g(zeta)) - mean f(sg c), `critic_steps` times, then its
                weights are clipped to [-weight_limit, weight_limit]
                (critic_form='clip'), or with penalty times the gradient penalty
                of Gulrajani et al. 2017 (critic_form='penalty')
  2b  u         -mean log p_u(y | sg c), nats
  3   enc, g    lambda_w (mean f(c) - mean f(g(zeta))): the encoder lowers what
                the critic says, the generator raises it
  3b  enc       -lambda_c mean log p_u(1 - y | c), nats: labels are flipped. The
                paper's text has -lambda L_class, whose slope dies where u is
                sure

Encoder and decoders have one optimiser each, whose gradient in step 1 is cut at
the global norm `clip` of both together; steps 3 and 3b go through the encoder's
(cut at `clip`, too), so that their lambdas weigh against `rec` in the same
moments, and no step moves another player. Generator and critic have Adam at
`learning_rate_adversary`, u at `learning_rate_classifier`, b1 = 0.5.

The critic and step 3 see fresh sentences each; 1, 2b and 3b, which need labels,
share the batch's.

The paper's text leaves sizes open; those of its authors' public code for Yelp
are the defaults (LSTM 128, codes of length one, noise 0.1, z of 32, layers
128-128, 5 critic steps, penalty 0.1, lambda_w 0.01). Deviations: their order is
1, 2b, 3b, 2, 3; they normalise batches in critic, classifier and generator and
start weights at N(0, 0.02), here nothing is normalised and weights start Glorot
uniform; they take SGD at 1 (optimiser='sgd') for the autoencoder, which
diverges on short batches; their noise falls by 0.9995 every 100 steps, here
smoothly with about the same half life; batches come mixed, not from the two
classes in turn.

Traps: a score of transfer alone rewards a decoder that ignores the code. Where
u is too weak, `classifier_loss` is log 2 while `code_probe` stays at 1: give u
more width, rate or steps before more lambda_c. In few dimensions noise of 0.2
is large beside codes of length one.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from disentangle_jax import requests, types
from disentangle_jax.methods import training
from disentangle_jax.methods.text import arae_players, two_decoders
from disentangle_jax.ops import adversarial, axis, per_example

CITATION = 'Zhao et al. 2018, arXiv:1706.04223, algorithm 1'
DISPLAY = 'ARAE'
HPARAMS = {
  'learning_rate': 3e-3,
  'learning_rate_adversary': 1e-4,
  'learning_rate_classifier': 1e-4,
  'lambda_w': 0.01,
  'lambda_c': 1.0,
  'noise': 0.1,
  'noise_half_life': 140_000.0,
  'penalty': 0.1,
  'clip': 1.0,
}
STRENGTH = 'lambda_c'
BOUNDS = {'clip': (1e-6, float('inf')), 'noise_half_life': (1.0, float('inf'))}
# Both decoders need a sentence.
MIN_BATCH = 2
TEST = {
  'dataset': ('template_sentences', {}),
  'static': {
    'code': 8,
    'hidden': 8,
    'embedding': 4,
    'cell': 'gru',
    'noise_size': 8,
    'adversary_hidden': (8,),
    'classifier_hidden': (8,),
    'critic_steps': 2,
  },
}
Config = arae_players.Config


class State(NamedTuple):
  """Everything that training changes.

  Attributes:
    params: 'encoder', 'decoders', 'generator'.
    opt_state: of 'autoencoder' (by 'encoder' and 'decoders'), 'generator',
      'critic' and 'classifier'.
    step: int32 scalar.
    opponents: 'critic', 'classifier'.
  """

  params: types.PyTree
  opt_state: types.PyTree
  step: jax.Array
  opponents: types.PyTree


def batch(config: Config) -> tuple[requests.Request, ...]:
  """Labelled sentences, and one more batch per update of critic and step 3."""
  return (
    requests.Observation(),
    requests.Field('label'),
    requests.MoreObservations(config.critic_steps + 1),
  )


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: sentences of two classes.

  Returns:
    The method. It reports 'loss' (rec, nats), 'distance' (mean f(c) - mean
    f(g(zeta)) of the critic's last update), 'classifier_loss' and
    'flipped_loss' (nats), each before its update. Beside `two_decoders.parts`
    it offers 'generate' (option label: int [count]; drawn without).

  Raises:
    ConfigError: see `two_decoders.check` and `arae_players.build`.
  """
  networks = two_decoders.build(config, data)
  others = arae_players.build(config)

  def optimisers(hparams):
    step = two_decoders.OPTIMISERS[config.optimiser](hparams['learning_rate'])
    adam = lambda rate: optax.adam(hparams[rate], b1=0.5)
    critic = adam('learning_rate_adversary')
    if config.critic_form == 'clip':
      critic = optax.chain(critic, arae_players.within(config.weight_limit))
    clip = hparams['clip']
    return {
      'autoencoder': arae_players.apart(step, clip, ('encoder', 'decoders')),
      'encoder': arae_players.apart(step, clip, ('encoder',)),
      'generator': adam('learning_rate_adversary'),
      'critic': critic,
      'classifier': adam('learning_rate_classifier'),
    }

  def init(key, batch, hparams):
    del batch
    first, second = jax.random.split(key)
    autoencoder, more = networks.init(first), others.init(second)
    players = {'autoencoder': autoencoder, **more}
    own = optimisers(hparams)
    opt_state = {name: own[name].init(p) for name, p in players.items()}
    return _joined(players, opt_state, jnp.zeros((), jnp.int32))

  def turns(key, step, batch, hparams):
    index, own = batch['index'], optimisers(hparams)
    label, more = batch['label'], batch['more_observations']
    keys = jax.random.split(key, config.critic_steps + 2)
    rec_key, step_key, critic_keys = keys[0], keys[1], keys[2:]
    encode = lambda p, tokens: networks.encode(p['autoencoder'], tokens)
    draw = lambda p, key: others.generate(
      p['generator'], per_example.normal(key, index, (config.noise_size,))
    )

    def rec(p, told):
      del told
      nats = two_decoders.reconstruction(
        networks, p['autoencoder'], rec_key, step, batch, hparams
      )
      return nats, nats

    def critic(number):
      def loss(p, told):
        # The encoder rests meanwhile: all codes of 2 and 2b at once.
        codes = told[1][1] if number else _codes(encode, p, batch, more)
        noise_key, between_key = jax.random.split(critic_keys[number])
        real = codes[:, number]
        fake = jax.lax.stop_gradient(draw(p, noise_key))
        judge = lambda c: others.judge(p['critic'], c)
        value = adversarial.wasserstein_critic_loss(judge(real), judge(fake))
        distance = -value
        if config.critic_form == 'penalty':
          value += hparams['penalty'] * adversarial.gradient_penalty(
            judge, between_key, index, real, fake
          )
        return value, (distance, codes)

      return training.Turn('critic', own['critic'], loss)

    def classifier(p, told):
      codes = told[1][1][:, -1]
      nats = arae_players.label_nats(
        others.classify(p['classifier'], codes), label
      )
      return nats, nats

    def encoder_by_critic(p, told):
      del told
      codes = encode(p, more[:, config.critic_steps])
      said = axis.mean(others.judge(p['critic'], codes))
      return hparams['lambda_w'] * said, said

    def generator(p, told):
      del told
      said = axis.mean(others.judge(p['critic'], draw(p, step_key)))
      return -hparams['lambda_w'] * said, said

    def encoder_by_classifier(p, told):
      del told
      codes = encode(p, batch['observation'])
      logits = others.classify(p['classifier'], codes)
      nats = arae_players.label_nats(logits, 1 - label)
      return hparams['lambda_c'] * nats, nats

    return [
      training.Turn('autoencoder', own['autoencoder'], rec),
      *[critic(number) for number in range(config.critic_steps)],
      training.Turn('classifier', own['classifier'], classifier),
      training.Turn('autoencoder', own['encoder'], encoder_by_critic),
      training.Turn('generator', own['generator'], generator),
      training.Turn('autoencoder', own['encoder'], encoder_by_classifier),
    ]

  def update(key, state, batch, hparams):
    autoencoder = {k: state.params[k] for k in ('encoder', 'decoders')}
    players, opt_states, told = training.alternate(
      {
        'autoencoder': autoencoder,
        'generator': state.params['generator'],
        **state.opponents,
      },
      state.opt_state,
      turns(key, state.step, batch, hparams),
    )
    scalars = {
      'loss': told[0],
      'distance': told[config.critic_steps][0],
      'classifier_loss': told[config.critic_steps + 1],
      'flipped_loss': told[-1],
    }
    return _joined(players, opt_states, state.step + 1), scalars

  represent, decode, extras = two_decoders.parts(networks)

  def generate(key, state, count, label=None):
    zeta_key, label_key = jax.random.split(key)
    zeta = jax.random.normal(zeta_key, (count, config.noise_size))
    if label is None:
      label = jax.random.bernoulli(label_key, shape=(count,))
    codes = others.generate(state.params['generator'], zeta)
    label = jnp.asarray(label, jnp.int32)
    words = networks.write(state.params, codes, label)
    return words, types.Codes(codes, {'code': codes})

  extras['generate'] = generate
  layout = types.Layout(plain=networks.width)
  return types.Method(init, update, represent, decode, extras, layout)


def _codes(encode, players, batch, more):
  """Codes [B, critic_steps + 1, D] without a gradient: fresh ones, then own."""
  tokens = jnp.concatenate(
    [more[:, :-1], batch['observation'][:, None]], axis=1
  )
  codes = encode(players, tokens.reshape(-1, tokens.shape[-1]))
  return jax.lax.stop_gradient(codes.reshape(*tokens.shape[:2], -1))


def _joined(players, opt_state, step):
  """The state of players."""
  params = {**players['autoencoder'], 'generator': players['generator']}
  opponents = {name: players[name] for name in ('critic', 'classifier')}
  return State(params, opt_state, step, opponents)
