"""An autoencoder of sentences with a decoder for each of two labels.

What `arae` and `text_autoencoder` share. A recurrent net reads a sentence x;
its last state goes through a linear layer and is scaled to length one: the code
c = enc(x), |c| = 1. Decoder y, whose words' vectors and recurrent net are its
own, is given the code beside every word before; the layer that says words is
shared by both. With noise n ~ N(0, s^2) in every entry of the code,

  rec = mean_b -log p(x|c + n, y)   nats per sentence, words and end

s = noise 2^(-step / noise_half_life). A sentence is transferred by the other
decoder, greedily.
"""

from collections.abc import Callable, Mapping
import dataclasses
from typing import Any, NamedTuple

from flax import linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from disentangle_jax import checks, errors, types
from disentangle_jax.nn import mlp, nets, recurrent, text
from disentangle_jax.ops import axis, per_example
from disentangle_jax.ops import tokens as tokens_lib

# Names of the decoders, in the order of the labels.
DECODERS = ('0', '1')
OPTIMISERS = {'adam': optax.adam, 'sgd': optax.sgd}
# Under the root of a length: the root has no slope at zero.
_LEAST = 1e-12
# Of the pairs of sentences that are shown with those between them.
_SHOWN, _POINTS = 4, 5


@dataclasses.dataclass(frozen=True)
class Config:
  """Static choices of encoder and decoders.

  Attributes:
    code: D, width of the code.
    hidden: width of the states of encoder and decoders.
    embedding: width of the vectors of words.
    cell: of all three, 'lstm' or 'gru'.
    optimiser: of encoder and decoders, 'adam' or 'sgd'.
    precision: of the products in the networks, one of `nets.PRECISIONS`.
  """

  code: int = 128
  hidden: int = 128
  embedding: int = 128
  cell: str = 'lstm'
  optimiser: str = 'adam'
  precision: str = 'auto'


class Encoder(nn.Module):
  """A sentence -> its code.

  Attributes:
    words: V.
    config: widths.
  """

  words: int
  config: Config

  @nn.compact
  def __call__(self, nothing: tuple[()], *, tokens: jax.Array) -> jax.Array:
    """int32 [B, L] -> float [B, D] of length one; reads up to the end."""
    del nothing
    x = text.Embedding(self.words, self.config.embedding)(tokens)
    rnn = recurrent.RNN(self.config.hidden, self.config.cell)
    _, last = rnn(x, tokens_lib.mask_of(tokens))
    state = recurrent.CELLS[self.config.cell].hidden(last)
    code = nn.Dense(self.config.code, kernel_init=mlp.KERNEL_INIT)(state)
    squares = jnp.sum(jnp.square(code), axis=-1, keepdims=True)
    return code / jnp.sqrt(squares + _LEAST)


class Decoders(nn.Module):
  """Both decoders; a row's label says which of them is heard.

  Attributes:
    words: V.
    config: widths.
  """

  words: int
  config: Config

  def setup(self):
    # A word's vectors by both decoders stand side by side.
    width = len(DECODERS) * self.config.embedding
    self.embedding = text.Embedding(self.words, width)
    self.rnns = [
      recurrent.RNN(self.config.hidden, self.config.cell) for _ in DECODERS
    ]
    self.readout = nn.Dense(self.words, kernel_init=mlp.KERNEL_INIT)

  def __call__(
    self, code: jax.Array, *, tokens: jax.Array, label: jax.Array
  ) -> jax.Array:
    """Teacher-forced: code [B, D], tokens int [B, L], label int [B].

    Returns:
      Logits float [B, L, V].
    """
    x = self.embedding(tokens_lib.inputs(tokens))
    inputs = _beside(x, code[:, None])
    states = [rnn(own)[0] for rnn, own in zip(self.rnns, inputs)]
    return self.readout(_heard(states, label[:, None, None]))

  def step(
    self, given: tuple[Any, jax.Array, jax.Array], *, label: jax.Array
  ) -> tuple[Any, jax.Array]:
    """One word.

    Args:
      given: carries of both; x float [B, 2 F], vectors of the word before by
        both; code float [B, D].
      label: int [B].

    Returns:
      The carries, and logits float [B, V].
    """
    carries, x, code = given
    after = [
      rnn.step(carry, own)
      for rnn, carry, own in zip(self.rnns, carries, _beside(x, code))
    ]
    carries, states = zip(*after)
    return carries, self.readout(_heard(states, label[:, None]))


def _beside(x, code):
  """Vectors [..., 2 F] by decoder, each with the code behind them."""
  code = jnp.broadcast_to(code, (*x.shape[:-1], code.shape[-1]))
  halves = jnp.split(x, len(DECODERS), axis=-1)
  return [jnp.concatenate([half, code], axis=-1) for half in halves]


def _heard(states, label):
  """The state of the decoder of each row's label."""
  return jnp.where(label == 1, states[1], states[0])


class Networks(NamedTuple):
  """Encoder and decoders as pure functions of their parameters.

  Attributes:
    init: `(key) -> {'encoder', 'decoders'}`.
    encode: `(params, tokens int32 [B, L]) -> codes float [B, D]`.
    nll: `(params, codes, tokens, label int [B]) -> float [B]`, nats of words
      and end, teacher-forced.
    write: `(params, codes, label) -> int32 [B, L]`, greedy.
    width: D.
  """

  init: Callable[..., types.PyTree]
  encode: Callable[..., jax.Array]
  nll: Callable[..., jax.Array]
  write: Callable[..., jax.Array]
  width: int


def check_data(data: types.Dataset) -> int:
  """Refuses other data than sentences of two classes.

  Args:
    data: the data set.

  Returns:
    V, words of the vocabulary.

  Raises:
    ConfigError: no sentences, no vocabulary, or other than two classes.
  """
  vocabulary = data.extras.get('vocabulary')
  if data.kind != 'tokens' or vocabulary is None:
    rule = f'must hold sentences with a vocabulary, this set holds {data.kind}'
    raise errors.value('config.dataset.name', data.name, rule)
  classes = data.factor_sizes[0] if data.factor_sizes else 0
  if 'label' in data.fields and classes != 2:
    rule = f'has {classes} classes of sentences; a transfer is between two'
    raise errors.value('config.dataset.name', data.name, rule)
  return len(vocabulary)


def check(config: Config, data: types.Dataset) -> int:
  """Refuses other data and settings out of range; V.

  Args:
    config: static choices.
    data: the data set.

  Returns:
    Words of the vocabulary.

  Raises:
    ConfigError: see `check_data`, or an option out of range.
  """
  words = check_data(data)
  where = 'config.static.{}'.format
  for name in ('code', 'hidden', 'embedding'):
    checks.integer(where(name), getattr(config, name), 1)
  checks.choice(where('cell'), config.cell, recurrent.CELLS)
  checks.choice(where('optimiser'), config.optimiser, OPTIMISERS)
  checks.choice(where('precision'), config.precision, nets.PRECISIONS)
  return words


def build(config: Config, data: types.Dataset) -> Networks:
  """The networks of a data set.

  Args:
    config: static choices.
    data: sentences of two classes.

  Returns:
    Pure functions.

  Raises:
    ConfigError: see `check`.
  """
  words, length = check(config, data), data.observation_shape[0]
  encoder, decoders = Encoder(words, config), Decoders(words, config)
  run = lambda module, params, x, **options: nets.apply(
    module, params, x, config.precision, **options
  )

  def init(key):
    first, second = jax.random.split(key)
    nothing, code = jnp.zeros((1, length), jnp.int32), jnp.zeros(config.code)
    label = jnp.zeros(1, jnp.int32)
    return {
      'encoder': encoder.init(first, (), tokens=nothing)['params'],
      'decoders': decoders.init(
        second, code[None], tokens=nothing, label=label
      )['params'],
    }

  def encode(params, tokens):
    return run(encoder, params['encoder'], (), tokens=tokens)

  def nll(params, code, tokens, label):
    logits = run(decoders, params['decoders'], code, tokens=tokens, label=label)
    return tokens_lib.nll(logits, tokens)

  def write(params, code, label):
    own = params['decoders']
    zeros = recurrent.RNN(config.hidden, config.cell).zeros(len(code))

    def step(carry, x):
      return run(decoders, own, (carry, x, code), label=label, method='step')

    return text.greedy(step, own['embedding']['table'], (zeros, zeros), length)

  return Networks(init, encode, nll, write, config.code)


def noise_scale(step: jax.Array, hparams: Mapping[str, jax.Array]) -> jax.Array:
  """Deviation of the noise on codes, falling by half in every half life."""
  return hparams['noise'] * 2.0 ** (-step / hparams['noise_half_life'])


def reconstruction(
  networks: Networks,
  params: types.PyTree,
  key: jax.Array,
  step: jax.Array,
  batch: Mapping[str, jax.Array],
  hparams: Mapping[str, jax.Array],
) -> jax.Array:
  """The autoencoder's loss, see the module docstring; nats per sentence.

  Args:
    networks: from `build`.
    params: {'encoder', 'decoders'}.
    key: a typed PRNG key, of the noise.
    step: int32 scalar.
    batch: 'observation' int32 [B, L], 'label' and 'index' int32 [B].
    hparams: 'noise' and 'noise_half_life'.
  """
  tokens = batch['observation']
  code = networks.encode(params, tokens)
  noise = per_example.normal(key, batch['index'], code.shape[1:])
  noisy = code + noise_scale(step, hparams) * noise
  return axis.mean(networks.nll(params, noisy, tokens, batch['label']))


def parts(
  networks: Networks,
) -> tuple[Callable, Callable, dict[str, Callable]]:
  """What both methods offer beside `init` and `update`.

  Args:
    networks: from `build`; `state.params` holds their parameters.

  Returns:
    `represent` (part 'code'), `decode` (greedy words of the decoder of label 0)
    and extras: 'transfer', 'write' (decoder: '0' or '1'), 'interpolate' and
    'texts'. The label of a sentence that is shown is that of the decoder that
    finds it likelier.
  """

  def represent(state, observation):
    code = networks.encode(state.params, observation)
    return types.Codes(code, {'code': code})

  def write(state, vector, decoder='0'):
    checks.choice('decoder', decoder, DECODERS)
    label = jnp.full(len(vector), DECODERS.index(decoder), jnp.int32)
    return networks.write(state.params, vector, label)

  def decode(state, vector):
    return write(state, vector)

  def transfer(state, tokens, label):
    code = networks.encode(state.params, tokens)
    return networks.write(state.params, code, label)

  def likelier(state, code, tokens):
    twice = lambda x: jnp.concatenate([x, x])
    label = jnp.repeat(jnp.arange(2), len(tokens))
    nats = networks.nll(state.params, twice(code), twice(tokens), label)
    first, second = jnp.split(nats, 2)
    return (second < first).astype(jnp.int32)

  def line(first, second, points):
    """Codes [B, points + 2, D] on the line between two, of length one."""
    weight = np.linspace(0, 1, points + 2, dtype=np.float32)[:, None]
    codes = (1 - weight) * first[:, None] + weight * second[:, None]
    lengths = jnp.sqrt(jnp.sum(jnp.square(codes), -1, keepdims=True) + _LEAST)
    return codes / lengths

  def interpolate(state, first, second, points):
    """Both ends and points between, by the decoder likelier for the first."""
    ends = [networks.encode(state.params, x) for x in (first, second)]
    label = jnp.repeat(likelier(state, ends[0], first), points + 2)
    codes = line(*ends, points).reshape(-1, networks.width)
    words = networks.write(state.params, codes, label)
    return words.reshape(len(first), points + 2, -1)

  def texts(key, state, observation):
    del key
    code = networks.encode(state.params, observation)
    own = likelier(state, code, observation)
    some = code[:_SHOWN]
    between = line(some, jnp.roll(some, 1, axis=0), _POINTS)
    # One loop over words writes them all.
    written = networks.write(
      state.params,
      jnp.concatenate([code, code, between.reshape(-1, networks.width)]),
      jnp.concatenate([own, 1 - own, jnp.repeat(own[:_SHOWN], _POINTS + 2)]),
    )
    count = len(code)
    return {
      'source': observation,
      'reconstruction': written[:count],
      'transferred': written[count : 2 * count],
      'interpolation': written[2 * count :],
    }

  extras = {
    'transfer': transfer,
    'write': write,
    'interpolate': interpolate,
    'texts': texts,
  }
  return represent, decode, extras
