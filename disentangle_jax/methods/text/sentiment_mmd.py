"""An autoencoder of sentences whose codes are moved to the other sentiment.

Larsson, Nilsson & Kågebäck 2017, "Disentangled representations for manipulation
of sentiment in text", https://arxiv.org/abs/1712.10066. The code z is the
largest answer of each filter over windows of words (Kim 2014); a GRU whose
first state is a linear map of z writes the sentence. Two phases, the second
from where the first one ends:

  'autoencode'  L_gen = -log p(x|z), nats, summed over words and end
  'joint'       L_gen + L_class,  L_class = -log p(label|z) of a linear head

A sentence is rewritten after training: its code is moved along codes of
examples to where the other sentiment's are (`ops.traversal`: the witness of an
MMD and a price of the move, minimised by L-BFGS), and read out greedily.

The examples of `transfer` are the first `examples` training sentences of each
label that the joint phase meets, equally many of each topic, for where topics
are not balanced the topic moves, too. They stand as tokens in `state.params`,
under 'examples', beside the budget: an optimiser sees neither. Topics are the
factor 'topic' of the data set or lists of words (`topics`); a set without
either has one. `traverse_code` takes any examples.

Deviations, most where the source is silent: vectors of words are learnt and
shared with the writer, not word2vec's; Adam, its gradients cut at a norm of 5;
the budget is in units of 1 / s, see `ops.traversal`. lambda_class scales what
reaches the code alone: the head always learns at full rate, so that it can read
the codes of a plain autoencoder (lambda_class 0), too.
"""

from collections.abc import Callable
import dataclasses
from typing import NamedTuple

from flax import linen as nn
import jax
import jax.numpy as jnp
import optax

from disentangle_jax import checks, errors, requests, types
from disentangle_jax.methods import training
from disentangle_jax.methods.text import code_map
from disentangle_jax.methods.text import examples as examples_lib
from disentangle_jax.nn import mlp, nets, text
from disentangle_jax.ops import axis, topics, traversal
from disentangle_jax.ops import tokens as tokens_lib

CITATION = (
  'Larsson, Nilsson & Kågebäck 2017, arXiv:1712.10066, section 3; '
  'Gardner et al. 2015, arXiv:1511.06421'
)
HPARAMS = {'learning_rate': 1e-3, 'lambda_class': 1.0, 'budget': 1e-1}
STRENGTH = 'budget'
STAGES = ('joint', 'autoencode')
SENTIMENTS = 2
_NORM = 5.0
# Codes whose way is shown on the map.
_MOVES = 4
TEST = {
  'dataset': ('template_sentences', {}),
  'static': {
    'vectors': 4,
    'filters': 2,
    'heights': (1, 2),
    'hidden': 6,
    'examples': 4,
    'text_budgets': (1e-2,),
  },
}


@dataclasses.dataclass(frozen=True)
class Config:
  """Static choices.

  Attributes:
    vectors: width of the vectors of words.
    filters: of each height.
    heights: words in a window; the code has a number for each filter of each.
    hidden: width of the writer's state.
    examples: of each label, for `transfer`; a multiple of the topics.
    topics: words of each topic, of two or more; () for the data set's factor
      'topic', or one topic where it has none.
    text_budgets: budgets of the extra 'texts'.
    stage: one of STAGES.
    precision: of the products in the networks, one of `nets.PRECISIONS`.
  """

  vectors: int = 300
  filters: int = 75
  heights: tuple[int, ...] = (1, 2, 3, 4)
  hidden: int = 300
  examples: int = 90
  topics: tuple[tuple[str, ...], ...] = ()
  text_budgets: tuple[float, ...] = (1e-2, 1e-1, 3e-1)
  stage: str = 'joint'
  precision: str = 'auto'

  @property
  def width(self) -> int:
    """D, of the code."""
    return self.filters * len(self.heights)


def batch(config: Config) -> tuple[requests.Request, ...]:
  """Sentences; labels where there is a head."""
  if config.stage == 'autoencode':
    return (requests.Observation(),)
  return (requests.Observation(), requests.Field('label'))


def after(config: Config) -> types.Phase | None:
  """The autoencoder alone comes first."""
  if config.stage == 'autoencode':
    return None
  return types.Phase('sentiment_mmd', {'stage': 'autoencode'}, 'autoencode')


class _Encoder(nn.Module):
  """Vectors of words -> code."""

  heights: tuple[int, ...]
  filters: int

  @nn.compact
  def __call__(self, x, mask):
    return text.WindowCNN(self.heights, self.filters)(x, mask)


class _Writer(text.Decoder):
  """A decoder whose input is one, as `nets.apply` gives it."""

  def __call__(self, given):
    return super().__call__(*given)[0]

  def step(self, given):
    return super().step(*given)[:2]


class _Networks(NamedTuple):
  """The networks as pure functions of one tree of parameters.

  Attributes:
    init: `(key, tokens) -> params`.
    encode: `(params, tokens [B, L]) -> z float [B, D]`.
    nll: `(params, z [B, D], tokens [B, L]) -> float [B]`, nats.
    write: `(params, z [B, D]) -> tokens int32 [B, L]`, greedy.
    classify: `(params, z [B, D]) -> logits [B, 2]`.
  """

  init: Callable[..., types.PyTree]
  encode: Callable[..., jax.Array]
  nll: Callable[..., jax.Array]
  write: Callable[..., jax.Array]
  classify: Callable[..., jax.Array]


def _networks(config: Config, words: int, length: int) -> _Networks:
  embedding = text.Embedding(words, config.vectors)
  encoder = _Encoder(config.heights, config.filters)
  writer = _Writer(words, config.hidden)
  head = nn.Dense(SENTIMENTS, kernel_init=mlp.KERNEL_INIT)
  has_head = config.stage == 'joint'

  def run(module, params, x, **options):
    return nets.apply(module, params, x, config.precision, **options)

  def init(key, tokens):
    keys = jax.random.split(key, 4)
    start = lambda module, own, *given: module.init(own, *given)['params']
    params = {'embedding': start(embedding, keys[0], tokens[:1])}
    x = params['embedding']['table'][tokens[:1]]
    params['encoder'] = start(
      encoder, keys[1], x, tokens_lib.mask_of(tokens)[:1]
    )
    z = jnp.zeros((1, config.width))
    params['writer'] = start(writer, keys[2], (z, x))
    if has_head:
      params['head'] = start(head, keys[3], z)
    return params

  def encode(params, tokens):
    x = params['embedding']['table'][tokens]
    mask = tokens_lib.mask_of(tokens)
    return run(encoder, params['encoder'], x, mask=mask)

  def nll(params, z, tokens):
    x = params['embedding']['table'][tokens_lib.inputs(tokens)]
    logits = run(writer, params['writer'], (z, x))
    return tokens_lib.nll(logits, tokens)

  def write(params, z):
    own = params['writer']
    step = lambda carry, x: run(writer, own, (carry, x), method='step')
    first = run(writer, own, z, method='begin')
    return text.greedy(step, params['embedding']['table'], first, length)

  def classify(params, z):
    return run(head, params['head'], z)

  return _Networks(init, encode, nll, write, classify)


def _check(config: Config, data: types.Dataset) -> tuple[str, ...]:
  """The vocabulary; raises ConfigError for what cannot be done."""
  of = lambda field: f'config.static.{field}'
  vocabulary = data.extras.get('vocabulary')
  if data.kind != 'tokens' or vocabulary is None:
    rule = 'sentiment_mmd needs sentences with a vocabulary'
    raise errors.value('config.dataset.name', data.name, rule)
  checks.choice(of('stage'), config.stage, STAGES)
  checks.choice(of('precision'), config.precision, nets.PRECISIONS)
  for field in ('vectors', 'filters', 'hidden', 'examples'):
    checks.integer(of(field), getattr(config, field), 1)
  heights = config.heights
  if (
    not isinstance(heights, tuple)
    or not heights
    or not all(checks.is_integer(height) and height >= 1 for height in heights)
  ):
    rule = 'must be numbers of words of at least 1, e.g. (1, 2, 3, 4)'
    raise errors.value(of('heights'), heights, rule)
  if len(set(heights)) < len(heights):
    raise errors.value(of('heights'), heights, 'holds a height twice')
  if not isinstance(config.text_budgets, tuple) or not all(
    checks.is_number(budget) and budget >= 0 for budget in config.text_budgets
  ):
    rule = 'must be budgets of at least 0, e.g. (1e-3, 1e-2)'
    raise errors.value(of('text_budgets'), config.text_budgets, rule)
  if not data.factor_sizes or data.factor_sizes[0] != SENTIMENTS:
    sizes = data.factor_sizes[0] if data.factor_sizes else 'no'
    rule = f'sentiment_mmd moves between two labels, this set has {sizes}'
    raise errors.value('config.dataset.name', data.name, rule)
  return vocabulary


def _topics(config: Config, data: types.Dataset) -> tuple[int, Callable]:
  """How many topics, and `(batch) -> topic int32 [B]`, -1 for none."""
  if config.topics:
    words = data.extras['vocabulary']
    table = topics.table(words, config.topics, 'config.static.topics')
    of_batch = lambda batch: topics.of_sentences(batch['observation'], table)
    return len(config.topics), of_batch
  if 'topic' in data.factor_names:
    column = data.factor_names.index('topic')
    return data.factor_sizes[column], lambda batch: batch['factors'][:, column]
  return 1, lambda batch: jnp.zeros_like(batch['label'])


def make(
  config: Config, data: types.Dataset, before: types.Method | None = None
) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: sentences with a vocabulary, whose first factor has two values.
    before: the method of the autoencoder's run.

  Returns:
    The method. The code is z, float32 [B, D], and `decode` and 'write' say the
    greedy sentence of a code. It reports 'reconstruction' (nats per sentence)
    and, in the joint phase, 'cross_entropy' (nats) and 'accuracy' of the head
    on the labels that it is given. Extras of that phase, see `types.EXTRAS`:
    'classify', 'classify_code', 'traverse_code' (budgets in units of 1 / s),
    'transfer' (by the kept examples, at the budget of the hyper-parameters),
    'texts' (sources, reconstructions, and what they become at `text_budgets`,
    on the way to the sentiment that the head does not see in them) and
    'pictures' ('code_map': the kept examples by the first two principal
    components of their codes, and the ways of a few others at the budget, see
    `methods.text.code_map`).

  Raises:
    ConfigError: no sentences, other than two labels, an option out of range,
      topics that cannot be told, or examples that topics do not divide.
  """
  del before
  words = len(_check(config, data))
  length = data.observation_shape[0]
  networks = _networks(config, words, length)
  joint = config.stage == 'joint'
  num_topics, topic_of = _topics(config, data)
  if config.examples % num_topics:
    rule = f'must be a multiple of the {num_topics} topics'
    raise errors.value('config.static.examples', config.examples, rule)
  each = config.examples // num_topics

  def adam(hparams):
    return optax.chain(
      optax.clip_by_global_norm(_NORM), optax.adam(hparams['learning_rate'])
    )

  def init(key, batch, hparams, frozen=None):
    net = networks.init(key, batch['observation'])
    if frozen is not None:
      net |= frozen.params['net']
    params = {'net': net}
    if joint:
      store = examples_lib.empty(SENTIMENTS * num_topics, each, length)
      params |= {'examples': store, 'budget': jnp.float32(hparams['budget'])}
    opt_state = adam(hparams).init(net)
    return training.State(params, opt_state, jnp.zeros((), jnp.int32))

  def loss_of(net, batch, hparams):
    tokens = batch['observation']
    z = networks.encode(net, tokens)
    generation = axis.mean(networks.nll(net, z, tokens))
    scalars = {'loss': generation, 'reconstruction': generation}
    if not joint:
      return generation, scalars
    label, weight = batch['label'], hparams['lambda_class']
    # The head sees z itself; what comes back to the code is weighted.
    fixed = jax.lax.stop_gradient(z)
    seen = fixed + weight * (z - fixed)
    logits = networks.classify(net, seen)
    nats = axis.mean(
      optax.softmax_cross_entropy_with_integer_labels(logits, label)
    )
    right = jnp.argmax(logits, axis=-1) == label
    loss = generation + nats
    scalars |= {
      'loss': loss,
      'cross_entropy': nats,
      'accuracy': axis.mean(right.astype(jnp.float32)),
    }
    return loss, scalars

  def update(key, state, batch, hparams):
    del key
    net, opt_state, scalars = training.descend(
      lambda net: loss_of(net, batch, hparams),
      adam(hparams),
      state.params['net'],
      state.opt_state,
    )
    params = {'net': net}
    if joint:
      topic = topic_of(batch)
      group = jnp.where(topic < 0, -1, num_topics * batch['label'] + topic)
      params['examples'] = examples_lib.with_batch(
        state.params['examples'], batch['observation'], group, batch['index']
      )
      params['budget'] = jnp.float32(hparams['budget'])
    return training.State(params, opt_state, state.step + 1), scalars

  def represent(state, observation):
    return types.Codes(networks.encode(state.params['net'], observation), {})

  def write(state, vector):
    return networks.write(state.params['net'], vector)

  def classify_code(state, vector):
    return networks.classify(state.params['net'], vector)

  def classify(state, observation):
    return classify_code(state, represent(state, observation).vector)

  def traverse_code(state, vector, sources, targets, budget, **options):
    del state
    return traversal.traverse(vector, sources, targets, budget, **options)

  def example_codes(state):
    """Of the kept examples, float [2, topics, n, D]."""
    rows = examples_lib.rows_of(state.params['examples'])
    codes = networks.encode(state.params['net'], rows.reshape(-1, length))
    return codes.reshape(SENTIMENTS, num_topics, each, -1)

  def moved(state, vector, label, budget):
    """Codes on the way to a label."""
    sources, targets = example_codes(state).reshape(
      SENTIMENTS, -1, config.width
    )
    towards = jnp.where(label == 1, 1.0, -1.0)
    return traverse_code(
      state, vector, sources, targets, budget, towards=towards
    ).vector

  def transfer(state, tokens, label):
    vector = represent(state, tokens).vector
    budget = state.params['budget']
    return write(state, moved(state, vector, label, budget))

  def unseen(state, vector):
    """The label that the head does not see in a code."""
    return 1 - jnp.argmax(classify_code(state, vector), axis=-1)

  def texts(key, state, observation):
    del key
    vector = represent(state, observation).vector
    other = unseen(state, vector)
    sentences = {'source': observation, 'reconstruction': write(state, vector)}
    for budget in config.text_budgets:
      new = write(state, moved(state, vector, other, budget))
      sentences[f'traversed_at_{budget:g}'] = new
    return sentences

  def pictures(key, state, observation):
    del key
    vector = represent(state, observation[:_MOVES]).vector
    new = moved(state, vector, unseen(state, vector), state.params['budget'])
    moves = jnp.stack([vector, new], axis=1)
    return {'code_map': code_map.draw(example_codes(state), moves)[None, None]}

  extras = {'write': write}
  if joint:
    extras |= {
      'classify': classify,
      'classify_code': classify_code,
      'traverse_code': traverse_code,
      'transfer': transfer,
      'texts': texts,
      'pictures': pictures,
    }
  layout = types.Layout(plain=config.width)
  return types.Method(init, update, represent, write, extras, layout)
