"""Attribute transfer: sentences rewritten under another label.

Melnyk et al. 2017, "Improved neural text attribute transfer with non-parallel
data", https://arxiv.org/abs/1711.09395, equations 1 to 7. A reader E(x, s) is a
GRU over words that starts from the label s; a writer G looks at its states by
additive attention and starts from the label to write under; C is a CNN over
(soft) words. With s_i the label of x and s_j the other one,

  x^  = G(E(x, s_i), s_j)    the transferred sentence, soft
  x^^ = G(E(x^, s_j), s_i)   that one transferred back, soft

and one joint minimisation over E, G and C of

  lambda_rec  L_rec   -log p_G(x | E(x, s_i), s_i), teacher-forced
  lambda_cnt  L_cnt   -sum_r log p_G(x_r at r') over nouns x_r of x, in the pass
                      that writes x^; r' = argmax_t attention[t, r]
  lambda_back L_back  -log p_G(x | E(x^, s_j), s_i), teacher-forced
  lambda_od   L_od    -log p_C(s_i | x)
  lambda_td   L_td    -log p_C(s_j | x^)
  lambda_btd  L_btd   -log p_C(s_i | x^^)

in nats, summed over words, mean over sentences. Soft words are softmax(logits /
tau), each fed on as the mean of the words' vectors, for a fixed number of
steps; a place of a soft sentence counts as far as the sentence has not ended
before it, prod_{t' < t} (1 - p_t'(end)), in attention, in C and in the choice
of r'. The classifier is collaborative: C, too, learns to call x^ by its target
(`classifier_sees_generated=False` keeps its parameters out of L_td and L_btd).

Deviations. Equation 2 prints the condition s_i for a transferred sentence,
which is written under s_j. The text says "RNN": a GRU. It gives no sizes: those
of a neighbouring system's public code (Shen et al. 2017, "Style transfer from
non-parallel text by cross-alignment", https://arxiv.org/abs/1705.09655) are the
defaults. Attention stands in front of the logits, see `nn.text.Decoder`.
`warmup_steps`: L_rec and L_od alone for so many steps, then the other four rise
linearly over as many; 1 is the paper. `represent` and transfer of sentences
whose label is not given read them under the label that C says.

Traps. (1) At tau 1 soft words are averages that C accepts while the greedy
sentence does not change: see the score `classifier_gap`. (2) C may learn a
secret mark of generated sentences: only a judge that the method does not train
counts. (3) Attention is not aligned at the start, so that L_cnt pushes nouns to
places by chance: warm up. (4) Attention lets L_rec copy, and nothing but L_td
asks for a change: after a warm-up the writer may copy so surely that soft words
at a low temperature pass no gradient on. The study `attribute_transfer` saw (2)
and (4) where labels are noisy.
"""

import dataclasses
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from disentangle_jax import checks, errors, requests, types
from disentangle_jax.methods import training
from disentangle_jax.methods.text import attribute_parts as parts
from disentangle_jax.nn import text
from disentangle_jax.ops import axis
from disentangle_jax.ops import tokens as tokens_lib

CITATION = 'Melnyk et al. 2017, arXiv:1711.09395, equations 1 to 7'
WEIGHTS = ('rec', 'cnt', 'back', 'od', 'td', 'btd')
# What is there before any transferred sentence is.
ALONE = ('rec', 'od')
HPARAMS = {
  'learning_rate': 5e-4,
  **{f'lambda_{name}': 1.0 for name in WEIGHTS},
  'tau': 0.1,
  'warmup_steps': 1.0,
}
STRENGTH = 'lambda_cnt'
BOUNDS = {'tau': (1e-3, math.inf), 'warmup_steps': (1.0, math.inf)}
MAY_BE_ZERO = ('length',)
# The loss grows as its terms come in.
PROGRESS = 'reconstruction'
TEST = {
  'dataset': ('template_sentences', {}),
  'static': {
    'embedding': 4,
    'hidden': 4,
    'attention': 3,
    'heights': (2,),
    'filters': 3,
    'classifier_embedding': 3,
    'dropout': 0.5,
    'length': 4,
  },
}
State = training.State


@dataclasses.dataclass(frozen=True)
class Config:
  """Static choices.

  Attributes:
    hidden: H, width of both GRUs.
    embedding: width of the vectors of words that reader and writer share.
    attention: width of the attention's scores.
    heights: words in a window of the classifier, one kind of filters each.
    filters: of each height.
    classifier_embedding: width of the classifier's own vectors of words.
    dropout: share of the words' vectors in front of both GRUs, and of the
      classifier's answers, that is 0 in a step, the same for all places and
      passes of a sentence; in [0, 1).
    length: T, words of a written sentence at most, its end included; 0 for the
      data's L.
    gradient_norm: gradients are cut to that norm.
    classifier_sees_generated: whether L_td and L_btd train C.
  """

  hidden: int = 500
  embedding: int = 100
  attention: int = 100
  heights: tuple[int, ...] = (1, 2, 3, 4, 5)
  filters: int = 128
  classifier_embedding: int = 100
  dropout: float = 0.5
  length: int = 0
  gradient_norm: float = 30.0
  classifier_sees_generated: bool = True


class Terms(NamedTuple):
  """The six losses of each sentence, float [B], nats, without weights.

  Attributes: as the module docstring names them.
  """

  rec: jax.Array
  cnt: jax.Array
  back: jax.Array
  od: jax.Array
  td: jax.Array
  btd: jax.Array


def batch(config: Config) -> tuple[requests.Request, ...]:
  """Sentences, their labels and where their nouns stand."""
  del config
  return (
    requests.Observation(),
    requests.Field('label'),
    requests.Field('noun_mask'),
  )


def check(config: Config, data: types.Dataset) -> None:
  """Raises ConfigError for a static option or data set that cannot be had."""
  static = lambda name: f'config.static.{name}'
  for name in (
    'hidden',
    'embedding',
    'attention',
    'filters',
    'classifier_embedding',
  ):
    checks.integer(static(name), getattr(config, name), 1)
  if not config.heights:
    rule = 'must be numbers of words of at least 1'
    raise errors.value(static('heights'), config.heights, rule)
  for height in config.heights:
    checks.integer(static('heights'), height, 1)
  if not checks.is_number(config.dropout) or not 0 <= config.dropout < 1:
    rule = 'must be a number from 0 to below 1'
    raise errors.value(static('dropout'), config.dropout, rule)
  norm = config.gradient_norm
  if not checks.is_number(norm) or norm <= 0:
    rule = 'must be finite and > 0'
    raise errors.value(static('gradient_norm'), norm, rule)
  if data.kind != 'tokens' or 'vocabulary' not in data.extras:
    rule = f'attribute_transfer needs sentences, this set holds {data.kind}'
    raise errors.value('config.dataset.name', data.name, rule)
  for field, remedy in (
    ('label', 'a set with labels'),
    ('noun_mask', 'config.dataset.nouns of a set of files'),
  ):
    if field not in data.fields:
      rule = f'attribute_transfer needs its field {field!r}: {remedy}'
      raise errors.value('config.dataset.name', data.name, rule)
  labels = data.factor_sizes[0] if data.factor_sizes else 0
  if labels != parts.LABELS:
    rule = f'attribute_transfer needs two classes, this set has {labels}'
    raise errors.value('config.dataset.name', data.name, rule)
  checks.integer(static('length'), config.length, 0, data.observation_shape[0])


def build(config: Config, data: types.Dataset) -> parts.Networks:
  """The networks.

  Args:
    config: static choices.
    data: sentences of two classes with nouns.

  Returns:
    Pure functions.

  Raises:
    ConfigError: see `check`.
  """
  check(config, data)
  words = len(data.extras['vocabulary'])
  return parts.Networks(
    text.Embedding(words, config.embedding),
    parts.Reader(config.hidden),
    text.Decoder(words, config.hidden, config.attention),
    parts.Classifier(
      words, config.classifier_embedding, config.heights, config.filters
    ),
    config.length or data.observation_shape[0],
  )


def objective(
  config: Config,
  networks: parts.Networks,
  params: Any,
  batch: Any,
  tau: jax.Array | float,
  dropout: parts.Dropout = parts.NO_DROPOUT,
) -> Terms:
  """The six losses of a batch.

  Args:
    config: static choices.
    networks: of the method.
    params: of them.
    batch: 'observation' int32 [B, L], 'label' int32 [B], 'noun_mask' bool [B,
      L].
    tau: temperature of soft words, > 0.
    dropout: of this step.

  Returns:
    The losses of each sentence.
  """
  x, own, nouns = (batch[k] for k in ('observation', 'label', 'noun_mask'))
  other = 1 - own
  judging = params
  if not config.classifier_sees_generated:
    frozen = jax.lax.stop_gradient(params['classifier'])
    judging = {**params, 'classifier': frozen}
  memory = networks.read(params, x, own, dropout)
  says, _ = networks.say(params, memory, own, x, dropout)
  there = networks.write(params, memory, other, tau, dropout)
  across = networks.read(params, there.laws, other, dropout)
  again, _ = networks.say(params, across, own, x, dropout)
  back = networks.write(params, across, own, tau, dropout)
  price = lambda of, sentence, label: (
    optax.softmax_cross_entropy_with_integer_labels(
      networks.classify(of, sentence, dropout), label
    )
  )
  return Terms(
    rec=tokens_lib.nll(says, x),
    cnt=parts.aligned_nll(there, x, nouns & tokens_lib.mask_of(x)),
    back=tokens_lib.nll(again, x),
    od=price(params, x, own),
    td=price(judging, there.laws, other),
    btd=price(judging, back.laws, own),
  )


def risen(step: jax.Array, warmup: jax.Array) -> jax.Array:
  """Weight of what waits: 0 up to step `warmup`, 1 from twice that on."""
  return jnp.maximum(training.ramp(step - warmup, warmup), 0.0)


def make(config: Config, data: types.Dataset) -> types.Method:
  """See the module docstring.

  Args:
    config: static choices.
    data: sentences of two classes with fields 'label' and 'noun_mask'.

  Returns:
    The method, without `decode`. The code is the mean of E's states; part
    'states' [B, L, H], 0 behind the end. It reports the six losses without
    their weights as 'reconstruction', 'content', 'back', 'original',
    'transferred' and 'back_transferred', nats. Extras: 'transfer', 'attention'
    `(state, tokens, label) -> float [B, T, L]` of the transferred sentence
    over the source, 'classify' (by C), 'classify_transferred' `(state, tokens,
    label, temperature) -> (logits [B, 2], logits [B, 2])` of C on the soft
    sentence and on the greedy one, 'texts' (source, reconstruction,
    transferred).

  Raises:
    ConfigError: see `check`.
  """
  networks = build(config, data)
  length = data.observation_shape[0]

  def loss_fn(params, key, state, batch, hparams):
    dropout = networks.dropout(key, batch['index'], config.dropout)
    terms = objective(config, networks, params, batch, hparams['tau'], dropout)
    mean = {name: axis.mean(x) for name, x in terms._asdict().items()}
    later = risen(state.step, hparams['warmup_steps'])
    weight = {name: hparams[f'lambda_{name}'] for name in WEIGHTS}
    loss = sum(
      weight[name] * mean[name] * (1.0 if name in ALONE else later)
      for name in WEIGHTS
    )
    told = {
      'loss': loss,
      'reconstruction': mean['rec'],
      'content': mean['cnt'],
      'back': mean['back'],
      'original': mean['od'],
      'transferred': mean['td'],
      'back_transferred': mean['btd'],
    }
    return loss, (told, ())

  def optimiser(hparams):
    return optax.chain(
      optax.clip_by_global_norm(config.gradient_norm),
      optax.adam(hparams['learning_rate']),
    )

  def said(state, tokens):
    logits = networks.classify(state.params, tokens)
    return jnp.argmax(logits, axis=-1).astype(jnp.int32)

  def written(state, tokens, label):
    memory = networks.read(state.params, tokens, said(state, tokens))
    words = networks.greedy(state.params, memory, label)
    return memory, words

  def whole(words):
    return jnp.pad(words, ((0, 0), (0, length - networks.length)))

  def represent(state, observation):
    memory = networks.read(state.params, observation, said(state, observation))
    states = jnp.where(memory.mask[..., None], memory.states, 0)
    count = jnp.sum(memory.mask, axis=-1, keepdims=True)
    vector = jnp.sum(states, axis=1) / jnp.maximum(count, 1)
    return types.Codes(vector, {'states': states})

  def transfer(state, tokens, label):
    return whole(written(state, tokens, label)[1])

  def attention(state, tokens, label):
    memory, words = written(state, tokens, label)
    return networks.say(state.params, memory, label, words)[1]

  def classify_transferred(state, tokens, label, temperature):
    memory, words = written(state, tokens, label)
    there = networks.write(state.params, memory, label, temperature)
    of = lambda sentence: networks.classify(state.params, sentence)
    return of(there.laws), of(words)

  def texts(key, state, observation):
    del key
    own = said(state, observation)
    return {
      'source': observation,
      'reconstruction': transfer(state, observation, own),
      'transferred': transfer(state, observation, 1 - own),
    }

  init, update = training.minimise(
    lambda key, batch: networks.init(key, batch['observation']),
    loss_fn,
    optimiser=optimiser,
  )
  extras = {
    'transfer': transfer,
    'attention': attention,
    'classify': lambda state, observation: networks.classify(
      state.params, observation
    ),
    'classify_transferred': classify_transferred,
    'texts': texts,
  }
  layout = types.Layout(plain=config.hidden)
  return types.Method(init, update, represent, None, extras, layout)
