"""One code of a sentence for several tasks: multitask autoencoder.

Brunner, Wang, Wattenhofer & Weigelt, "Natural Language Multitasking: Analyzing
and Improving Syntactic Saliency of Hidden Representations", 2018,
https://arxiv.org/abs/1801.06024, section 3. An LSTM reads the sentence x; its
last (h, c) go through a dense layer to the code R. Each decoder starts its own
LSTM from a dense layer of R and writes its target: 'rep' the sentence itself,
'g' and 'f' two translations, 'pos' a tag per word. Minimised, in nats per
sentence, summed over the tokens of each target and its end:

  sum over decoders t of w_t mean_b -log p_t(y_t | R(x)),  w_rep = 1

The paper weighs all alike (w = 1) and says more decoders make codes that
cluster by syntax. Targets are teacher-forced; writing is greedy. Perplexity is
exp(nats / tokens), ends counted.

Deviations: the paper states neither optimiser, width of the vectors of words,
activation of R nor gradient clipping: Adam at 1e-3, 64, none, and a global norm
of 5 (`clip`). What a token is, a word or a letter (as in the paper), is the
data set's option `unit`; the sizes of R and of the LSTMs are the paper's.
Reader and decoders have vectors of words of their own.

Traps: a model that reconstructs worse may cluster better, so compare at equal
perplexity of 'rep', too. The loss grows with every decoder: losses of different
`decoders` do not compare. Codes are not standardised.
"""

import dataclasses

from flax import linen as nn
import jax
import jax.numpy as jnp
import optax

from disentangle_jax import checks, errors, types
from disentangle_jax.methods import training
from disentangle_jax.nn import mlp, nets, recurrent, text
from disentangle_jax.ops import axis
from disentangle_jax.ops import tokens as tokens_lib
from disentangle_jax.requests import Field, Observation

CITATION = 'Brunner et al. 2018, arXiv:1801.06024, section 3'
DISPLAY = 'NL multitask'
HPARAMS = {
  'learning_rate': 1e-3,
  'clip': 5.0,
  'weight_g': 1.0,
  'weight_f': 1.0,
  'weight_pos': 1.0,
}
STRENGTH = None
# Decoder -> the field of the batch that it writes.
TARGETS = {
  'rep': 'observation',
  'g': 'translation_g',
  'f': 'translation_f',
  'pos': 'tags',
}
TEST = {
  'dataset': ('parallel_sentences', {}),
  'static': {'representation': 5, 'hidden': 6, 'embedding': 4},
}
State = training.State
# Rows of the texts that are shown of a run.
_POINTS, _ANALOGIES = 5, 4


@dataclasses.dataclass(frozen=True)
class Config:
  """Static choices.

  Attributes:
    decoders: names in TARGETS with '+' between, 'rep' the first of them.
    representation: D, width of the code; the paper has 1024 and 256.
    hidden: width of every LSTM.
    embedding: width of the vectors of words.
    precision: of the networks, see `nets.apply`.
  """

  decoders: str = 'rep+g+f+pos'
  representation: int = 1024
  hidden: int = 512
  embedding: int = 64
  precision: str = 'auto'


class Reader(nn.Module):
  """A sentence -> its code.

  Attributes:
    words: V.
    embedding: width of the vectors of words.
    hidden: width of the LSTM.
    representation: D.
  """

  words: int
  embedding: int
  hidden: int
  representation: int

  @nn.compact
  def __call__(self, tokens: jax.Array) -> jax.Array:
    """int32 [B, L] -> float [B, D]; what follows the end is not read."""
    x = text.Embedding(self.words, self.embedding)(tokens)
    lstm = recurrent.RNN(self.hidden, 'lstm')
    _, last = lstm(x, tokens_lib.mask_of(tokens))
    both = jnp.concatenate([last.hidden, last.cell], axis=-1)
    return nn.Dense(self.representation, kernel_init=mlp.KERNEL_INIT)(both)


class Writer(nn.Module):
  """A code -> a law over tokens at each step.

  Attributes:
    words: V.
    embedding: width of the vectors of words.
    hidden: H, width of the LSTM.
  """

  words: int
  embedding: int
  hidden: int

  def setup(self):
    self.embed = text.Embedding(self.words, self.embedding)
    self.start = nn.Dense(2 * self.hidden, kernel_init=mlp.KERNEL_INIT)
    self.lstm = recurrent.RNN(self.hidden, 'lstm')
    self.readout = nn.Dense(self.words, kernel_init=mlp.KERNEL_INIT)

  def begin(self, code: jax.Array) -> recurrent.LSTMCarry:
    """The first state of the LSTM; float [B, D] -> [B, H] twice."""
    hidden, cell = jnp.split(self.start(code), 2, axis=-1)
    return recurrent.LSTMCarry(cell, hidden)

  def __call__(self, given: tuple[jax.Array, jax.Array]) -> jax.Array:
    """Teacher-forced: (float [B, D], int32 [B, L]) -> logits [B, L, V]."""
    code, tokens = given
    x = self.embed(tokens_lib.inputs(tokens))
    states, _ = self.lstm(x, carry=self.begin(code))
    return self.readout(states)

  def step(self, given: tuple) -> tuple[recurrent.LSTMCarry, jax.Array]:
    """One token: (carry, float [B, F]) -> carry, logits [B, V]."""
    carry, state = self.lstm.step(*given)
    return carry, self.readout(state)


def names_of(config: Config) -> tuple[str, ...]:
  """The decoders by name.

  Args:
    config: static choices.

  Returns:
    Keys of TARGETS, 'rep' first.

  Raises:
    ConfigError: unknown names, one twice, or 'rep' not the first.
  """
  names = tuple(config.decoders.split('+'))
  where = 'config.static.decoders'
  for name in names:
    checks.choice(where, name, TARGETS)
  if names[0] != 'rep' or len(set(names)) < len(names):
    rule = "must be different names, 'rep' first, such as 'rep+g+pos'"
    raise errors.value(where, config.decoders, rule)
  return names


def batch(config: Config) -> tuple:
  """Sentences and what the decoders write."""
  others = [Field(TARGETS[name]) for name in names_of(config)[1:]]
  return (Observation(), *others)


def optimiser(hparams) -> optax.GradientTransformation:
  """Adam on gradients that are cut at a global norm of `clip`."""
  return optax.chain(
    optax.clip_by_global_norm(hparams['clip']),
    optax.adam(hparams['learning_rate']),
  )


def _sizes(config, data) -> dict[str, tuple[int, int]]:
  """Decoder -> (words of its vocabulary, length of its target)."""
  vocabulary = data.extras.get('vocabulary')
  if data.kind != 'tokens' or vocabulary is None:
    rule = f'nl_multitask reads sentences, this set holds {data.kind}'
    if data.kind == 'tokens':
      rule = 'nl_multitask needs a vocabulary, this set has none'
    raise errors.value('config.dataset.name', data.name, rule)
  vocabularies = data.extras.get('vocabularies', {})
  lengths = data.extras.get('lengths', {})
  sizes = {'rep': (len(vocabulary), data.observation_shape[0])}
  for name in names_of(config)[1:]:
    field = TARGETS[name]
    if field not in data.fields or field not in vocabularies:
      legal = [k for k, v in TARGETS.items() if v in vocabularies]
      rule = (
        f'{name!r} writes {field!r}, which data set {data.name} does not hold; '
        f'legal: {", ".join(["rep", *legal])}'
      )
      raise errors.value('config.static.decoders', config.decoders, rule)
    sizes[name] = len(vocabularies[field]), lengths[field]
  return sizes


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: of the kind 'tokens', with 'vocabulary' and, for other decoders than
      'rep', the fields in TARGETS, 'vocabularies' and 'lengths' of them.

  Returns:
    The method. It reports 'loss' (nats per sentence, weighted), and per decoder
    'nats/<decoder>' (per sentence) and 'perplexity/<decoder>' (of the batch).
    Extras: `write`, `log_likelihood` (both with `decoder=`), `decoders`,
    `interpolate`, `texts`.

  Raises:
    ConfigError: decoders without targets in the data, sizes below 1, no
      sentences.
  """
  for field in ('representation', 'hidden', 'embedding'):
    checks.integer(f'config.static.{field}', getattr(config, field), 1)
  sizes = _sizes(config, data)
  width = config.representation
  reader = Reader(sizes['rep'][0], config.embedding, config.hidden, width)
  writers = {
    name: Writer(words, config.embedding, config.hidden)
    for name, (words, _) in sizes.items()
  }

  def encode(params, tokens):
    return nets.apply(reader, params['encoder'], tokens, config.precision)

  def nats(params, name, code, target):
    """Per sentence, float32 [B]."""
    own = params['decoders'][name]
    logits = nets.apply(writers[name], own, (code, target), config.precision)
    return tokens_lib.nll(logits, target)

  def init_params(key, batch):
    keys = jax.random.split(key, 1 + len(writers))
    code = jnp.zeros((1, width))
    own = {
      name: writer.init(k, (code, batch[TARGETS[name]][:1]))['params']
      for k, (name, writer) in zip(keys[1:], writers.items())
    }
    encoder = reader.init(keys[0], batch['observation'][:1])['params']
    return {'encoder': encoder, 'decoders': own}

  def loss_fn(params, key, state, batch, hparams):
    del key, state
    code = encode(params, batch['observation'])
    loss, scalars = 0.0, {}
    for name in writers:
      target = batch[TARGETS[name]]
      each = nats(params, name, code, target)
      mean = axis.mean(each)
      count = axis.mean(jnp.sum(tokens_lib.mask_of(target), axis=-1) * 1.0)
      loss += mean * hparams.get(f'weight_{name}', 1.0)
      scalars[f'nats/{name}'] = mean
      scalars[f'perplexity/{name}'] = jnp.exp(mean / count)
    return loss, ({'loss': loss, **scalars}, ())

  def write(state, vector, decoder='rep'):
    checks.choice('decoder', decoder, writers)
    own, writer = state.params['decoders'][decoder], writers[decoder]
    call = lambda given, method: nets.apply(
      writer, own, given, config.precision, method=method
    )
    step = lambda carry, x: call((carry, x), 'step')
    table = own['embed']['table']
    carry = call(vector, 'begin')
    return text.greedy(step, table, carry, sizes[decoder][1])

  def represent(state, observation):
    return types.Codes(encode(state.params, observation), {})

  def decode(state, vector):
    return write(state, vector)

  def interpolate(state, first, second, points):
    codes = [
      encode(state.params, tokens)[:, None] for tokens in (first, second)
    ]
    share = jnp.linspace(0.0, 1.0, points + 2)[:, None]
    between = (1 - share) * codes[0] + share * codes[1]
    flat = write(state, between.reshape(-1, width))
    return flat.reshape(*between.shape[:2], -1)

  def log_likelihood(state, vector, observation, decoder='rep'):
    checks.choice('decoder', decoder, writers)
    return -nats(state.params, decoder, vector, observation)

  analogies = data.extras.get('analogies')

  def texts(key, state, observation):
    """Walks between shown sentences; of each the sentence, walk, sentence."""
    half = len(observation) // 2
    first, second = observation[:half], observation[half : 2 * half]
    walks = interpolate(state, first, second, _POINTS)[:, 1:-1]
    rows = jnp.concatenate([first[:, None], walks, second[:, None]], axis=1)
    rows_of = {'interpolation': rows.reshape(-1, rows.shape[-1])}
    if analogies is not None:
      given = analogies(key, _ANALOGIES)
      a, b, c = (encode(state.params, given[:, k]) for k in range(3))
      written = write(state, a - b + c)
      rows = jnp.concatenate([given, written[:, None]], axis=1)
      rows_of['arithmetic'] = rows.reshape(-1, rows.shape[-1])
    return rows_of

  init, update = training.minimise(init_params, loss_fn, optimiser=optimiser)
  extras = {
    'write': write,
    'log_likelihood': log_likelihood,
    'decoders': lambda: {name: TARGETS[name] for name in writers},
    'interpolate': interpolate,
    'texts': texts,
  }
  layout = types.Layout(plain=width)
  return types.Method(init, update, represent, decode, extras, layout)
