"""Cross-aligned autoencoder: transferred sentences move as real ones do.

Shen, Lei, Barzilay & Jaakkola, "Style Transfer from Non-Parallel Text by
Cross-Alignment", NeurIPS 2017, https://arxiv.org/abs/1705.09655. A recurrent
net that starts from a vector of the label y reads
a sentence x; the part of its last state behind the label's is the content
z = E(x, y). A second one, G, that starts from [vector of y, z] says the
sentence, and from [vector of 1 - y, z] the transferred one, fed with soft words
softmax(logits / tau). For each label a discriminator D_y of sequences of states
of G tells

  h(x, y)    states when x with label y is teacher-forced           (real)
  h'(x, y')  states when G speaks for itself under y' = 1 - y       (generated)

that end up in the same label. Minimised, in this order, D first:

  D     mean_b softplus(-D_y(h)) + softplus(D_y'(h'))
  E, G  mean_b -log p(x|E(x, y), y) + 2 lambda_adv mean_b softplus(-D_y'(h'))

in nats per sentence; 2, for one term stands for each discriminator. As in the
authors' public code the second term is left out in a step where D's loss is
not below `discriminator_limit` (2 log 2 = 1.39 is a blind one's), and the
generator's form is the one that does not saturate.

A sentence whose label is not given is read under the label under which it is
likelier. Sizes that the public code has are the defaults. Deviations: no
dropout; what follows the end is masked in D, and no gradient goes through where
that is; words are not drawn by Gumbel noise; one limit for the mean of both
discriminators.
"""

import dataclasses
from typing import NamedTuple

from flax import linen as nn
import jax
import jax.numpy as jnp
import optax

from disentangle_jax import checks, errors, requests, types
from disentangle_jax.methods import training
from disentangle_jax.methods.text import two_decoders
from disentangle_jax.nn import mlp, nets, recurrent, text
from disentangle_jax.ops import adversarial, axis
from disentangle_jax.ops import tokens as tokens_lib

CITATION = 'Shen et al. 2017, arXiv:1705.09655'
DISPLAY = 'Cross-aligned'
HPARAMS = {
  'learning_rate': 5e-4,
  'lambda_adv': 1.0,
  'tau': 0.1,
  'discriminator_limit': 1.2,
  'clip': 30.0,
}
STRENGTH = 'lambda_adv'
BOUNDS = {'tau': (1e-4, float('inf')), 'clip': (1e-6, float('inf'))}
# Both discriminators need a sentence.
MIN_BATCH = 2
TEST = {
  'dataset': ('template_sentences', {}),
  'static': {
    'style': 3,
    'content': 4,
    'embedding': 4,
    'heights': (1, 2),
    'filters': 3,
  },
}


@dataclasses.dataclass(frozen=True)
class Config:
  """Static choices.

  Attributes:
    style: width of the vector of a label.
    content: D, width of the content; states are style + content wide.
    embedding: width of the vectors of words.
    heights: states in a window of the discriminators.
    filters: of each height.
    precision: of the products in the networks, one of `nets.PRECISIONS`.
  """

  style: int = 200
  content: int = 500
  embedding: int = 100
  heights: tuple[int, ...] = (1, 2, 3, 4, 5)
  filters: int = 128
  precision: str = 'auto'


class State(NamedTuple):
  """Everything that training changes.

  Attributes:
    params: of E and G.
    opt_state: {'sentences', 'discriminators'}.
    step: int32 scalar.
    discriminators: their parameters.
  """

  params: types.PyTree
  opt_state: types.PyTree
  step: jax.Array
  discriminators: types.PyTree


class Sentences(nn.Module):
  """E and G, which share the vectors of words.

  Attributes:
    words: V.
    config: widths.
  """

  words: int
  config: Config

  def setup(self):
    width = self.config.style + self.config.content
    self.embedding = text.Embedding(self.words, self.config.embedding)
    self.read_style = text.Embedding(2, self.config.style)
    self.written_style = text.Embedding(2, self.config.style)
    self.reader = recurrent.RNN(width)
    self.writer = recurrent.RNN(width)
    self.readout = nn.Dense(self.words, kernel_init=mlp.KERNEL_INIT)

  def __call__(self, nothing: tuple[()], *, tokens, label):
    """Teacher-forced: tokens int [B, L], label int [B].

    Returns:
      Content float [B, D], logits [B, L, V] and states [B, L, H] of G.
    """
    content = self.content(nothing, tokens=tokens, label=label)
    x = self.embedding(tokens_lib.inputs(tokens))
    states, _ = self.writer(x, carry=self.begin(content, label=label))
    return content, self.readout(states), states

  def content(self, nothing: tuple[()], *, tokens, label) -> jax.Array:
    """What E keeps: int [B, L], int [B] -> float [B, D]."""
    del nothing
    style = self.read_style(label)
    zeros = jnp.zeros((len(tokens), self.config.content), style.dtype)
    first = jnp.concatenate([style, zeros], axis=-1)
    mask = tokens_lib.mask_of(tokens)
    _, last = self.reader(self.embedding(tokens), mask, carry=first)
    return last[:, self.config.style :]

  def begin(self, content: jax.Array, *, label: jax.Array) -> jax.Array:
    """G's first state: float [B, D], int [B] -> float [B, H]."""
    return jnp.concatenate([self.written_style(label), content], axis=-1)

  def spoken(self, content: jax.Array, *, label, laws) -> jax.Array:
    """States float [B, L, H] of G that read its own soft words [B, L, V]."""
    start = jnp.full((len(content), 1), tokens_lib.BOS)
    words = self.embedding.soft(laws[:, :-1].astype(content.dtype))
    x = jnp.concatenate([self.embedding(start), words], axis=1)
    return self.writer(x, carry=self.begin(content, label=label))[0]

  def step(self, given: tuple[jax.Array, jax.Array]):
    """One word: (carry [B, H], x [B, F]) -> carry, logits [B, V]."""
    carry, state = self.writer.step(*given)
    return carry, self.readout(state)


class Discriminators(nn.Module):
  """One for each label, on states.

  Attributes:
    config: widths.
  """

  config: Config

  @nn.compact
  def __call__(
    self, given: tuple[jax.Array, jax.Array], *, label: jax.Array
  ) -> jax.Array:
    """(states float [B, L, H], mask float [B, L]), int [B] -> logits [B]."""
    logits = []
    for number in range(2):
      cnn = text.WindowCNN(
        self.config.heights, self.config.filters, name=f'windows_{number}'
      )
      dense = nn.Dense(1, kernel_init=mlp.KERNEL_INIT, name=f'logit_{number}')
      logits.append(dense(cnn(*given))[:, 0])
    return jnp.where(label == 1, logits[1], logits[0])


def batch(config: Config) -> tuple[requests.Request, ...]:
  """Sentences and their labels."""
  del config
  return (requests.Observation(), requests.Field('label'))


def check(config: Config, data: types.Dataset) -> int:
  """Refuses other data and settings out of range; V.

  Args:
    config: static choices.
    data: the data set.

  Returns:
    Words of the vocabulary.

  Raises:
    ConfigError: no sentences, other than two classes, an option out of range.
  """
  words = two_decoders.check_data(data)
  where = 'config.static.{}'.format
  for name in ('style', 'content', 'embedding', 'filters'):
    checks.integer(where(name), getattr(config, name), 1)
  heights = config.heights
  if not heights or not all(checks.is_integer(h) and h >= 1 for h in heights):
    rule = 'must be numbers of states of at least 1'
    raise errors.value(where('heights'), heights, rule)
  checks.choice(where('precision'), config.precision, nets.PRECISIONS)
  return words


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: sentences of two classes.

  Returns:
    The method. It reports 'loss' (reconstruction, nats), 'adversarial' (nats,
    E's and G's, 0 where it is left out) and 'discriminator_loss' (nats), each
    before its update. Beside `represent` and `decode` (label 0) it offers
    'transfer', 'write' (decoder: '0' or '1') and 'texts'.

  Raises:
    ConfigError: see `check`.
  """
  words, length = check(config, data), data.observation_shape[0]
  network, judges = Sentences(words, config), Discriminators(config)
  run = lambda params, x, **options: nets.apply(
    network, params, x, config.precision, **options
  )
  judge = lambda params, states, mask, label: nets.apply(
    judges,
    params,
    (states, mask.astype(states.dtype)),
    config.precision,
    label=label,
  )
  adam = lambda hparams: optax.chain(
    optax.clip_by_global_norm(hparams['clip']),
    optax.adam(hparams['learning_rate'], b1=0.5),
  )

  def init(key, batch, hparams):
    del batch
    first, second = jax.random.split(key)
    tokens, label = jnp.zeros((1, length), jnp.int32), jnp.zeros(1, jnp.int32)
    params = network.init(first, (), tokens=tokens, label=label)['params']
    states = jnp.zeros((1, length, config.style + config.content))
    given = states, jnp.ones((1, length))
    others = judges.init(second, given, label=label)['params']
    opt_state = {
      'sentences': adam(hparams).init(params),
      'discriminators': adam(hparams).init(others),
    }
    return State(params, opt_state, jnp.zeros((), jnp.int32), others)

  def speak(params, content, label, tau):
    """States [B, L, H] and laws [B, L, V] of soft words."""
    carry = run(params, content, label=label, method='begin')
    step = lambda carry, x: run(params, (carry, x), method='step')
    table = params['embedding']['table']
    laws = text.soft(step, table, carry, length, tau)
    states = run(params, content, label=label, laws=laws, method='spoken')
    return states, laws

  def terms(params, batch, tau):
    """Content, nats [B], and (states, mask) of both kinds."""
    tokens, label = batch['observation'], batch['label']
    content, logits, states = run(params, (), tokens=tokens, label=label)
    spoken, laws = speak(params, content, 1 - label, tau)
    real = states, tokens_lib.mask_of(tokens)
    fake = spoken, jax.lax.stop_gradient(tokens_lib.soft_mask(laws))
    return tokens_lib.nll(logits, tokens), real, fake

  def update(key, state, batch, hparams):
    del key
    label = batch['label']

    def discriminators(p, told):
      del told
      _, real, fake = jax.lax.stop_gradient(
        terms(p['sentences'], batch, hparams['tau'])
      )
      own = p['discriminators']
      loss = adversarial.critic_loss(
        judge(own, *real, label), judge(own, *fake, 1 - label)
      )
      return loss, loss

    def sentences(p, told):
      nats, _, fake = terms(p['sentences'], batch, hparams['tau'])
      said = judge(p['discriminators'], *fake, 1 - label)
      near = told[0] < hparams['discriminator_limit']
      fooled = adversarial.non_saturating_generator_loss(said)
      fooled = jnp.where(near, fooled, 0.0)
      nats = axis.mean(nats)
      return nats + 2 * hparams['lambda_adv'] * fooled, (nats, fooled)

    players, opt_state, told = training.alternate(
      {'sentences': state.params, 'discriminators': state.discriminators},
      state.opt_state,
      [
        training.Turn('discriminators', adam(hparams), discriminators),
        training.Turn('sentences', adam(hparams), sentences),
      ],
    )
    nats, fooled = told[1]
    scalars = {
      'loss': nats,
      'adversarial': fooled,
      'discriminator_loss': told[0],
    }
    after = State(
      players['sentences'],
      opt_state,
      state.step + 1,
      players['discriminators'],
    )
    return after, scalars

  def read(state, tokens):
    """Content and label of sentences, the likelier one."""
    both = []
    for number in range(2):
      label = jnp.full(len(tokens), number, jnp.int32)
      content, logits, _ = run(state.params, (), tokens=tokens, label=label)
      both.append((content, tokens_lib.nll(logits, tokens)))
    (first, nats), (second, others) = both
    label = (others < nats).astype(jnp.int32)
    return jnp.where(label[:, None] == 1, second, first), label

  def represent(state, observation):
    content, _ = read(state, observation)
    return types.Codes(content, {'content': content})

  def say(state, content, label):
    params = state.params
    carry = run(params, content, label=label, method='begin')
    step = lambda carry, x: run(params, (carry, x), method='step')
    return text.greedy(step, params['embedding']['table'], carry, length)

  def write(state, vector, decoder='0'):
    checks.choice('decoder', decoder, two_decoders.DECODERS)
    number = two_decoders.DECODERS.index(decoder)
    return say(state, vector, jnp.full(len(vector), number, jnp.int32))

  def transfer(state, tokens, label):
    content, _ = read(state, tokens)
    return say(state, content, label)

  def texts(key, state, observation):
    del key
    content, own = read(state, observation)
    return {
      'source': observation,
      'reconstruction': say(state, content, own),
      'transferred': say(state, content, 1 - own),
    }

  extras = {'transfer': transfer, 'write': write, 'texts': texts}
  decode = lambda state, vector: write(state, vector)
  layout = types.Layout(plain=config.content)
  return types.Method(init, update, represent, decode, extras, layout)
