"""Attribute transfer: a transferer built by hand, routes of its gradients."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import data as data_lib
from disentangle_jax import errors
from disentangle_jax.data import stream
from disentangle_jax.engine.plan import planning
from disentangle_jax.methods.text import attribute_parts as parts
from disentangle_jax.methods.text import attribute_transfer as method
from disentangle_jax.ops import tokens as tokens_lib
from disentangle_jax.studies import grid

VOCABULARY = ('<pad>', '<bos>', '<eos>', '<unk>', 'soup', 'fish', 'good', 'bad')
BOS, EOS, SOUP, FISH, GOOD, BAD = 1, 2, 4, 5, 6, 7
SENTENCES = np.array(
  [[SOUP, GOOD, EOS], [FISH, GOOD, EOS], [SOUP, BAD, EOS], [FISH, BAD, EOS]],
  np.int32,
)
LABELS = np.array([1, 1, 0, 0], np.int32)
BATCH = {
  'observation': SENTENCES,
  'label': LABELS,
  'noun_mask': SENTENCES < GOOD,
}
BATCH['noun_mask'][:, 2] = False
CONFIG = method.Config(
  hidden=8,
  embedding=8,
  attention=2,
  heights=(1,),
  filters=2,
  classifier_embedding=8,
  dropout=0.0,
)
DATA = stream.sentences(
  SENTENCES,
  VOCABULARY,
  LABELS[:, None],
  ('label',),
  fields={'label': LABELS, 'noun_mask': BATCH['noun_mask']},
  exact=True,
)
NETWORKS = method.build(CONFIG, DATA)
SURE = 30.0
quick = lambda f: jax.jit(
  f, compiler_options={'xla_backend_optimization_level': 0}
)


def blank():
  key = jax.random.key(0)
  params = jax.eval_shape(NETWORKS.init, key, jnp.asarray(SENTENCES))
  return jax.tree.map(lambda a: np.zeros(a.shape, np.float32), params)


def by_hand():
  """It says the noun that it sees, then the label's adjective, then the end.

  Words are unit vectors and the reader's states are those of its words. The
  writer remembers its label (unit 0) and of what kind the word before was
  (units 1 to 3); attention looks at nouns, whatever the writer knows.
  """
  params = blank()
  params['words']['table'] = np.eye(8, dtype=np.float32)
  cell = params['reader']['rnn']['cell']
  cell['input'][:, 16:] = SURE * np.eye(8)
  cell['bias'][8:16] = -SURE
  writer = params['writer']
  writer['start']['kernel'][:, 0] = [-1, 1]
  cell = writer['rnn']['cell']
  cell['bias'][8:16] = [SURE, *[-SURE] * 7]
  for word, unit in ((BOS, 1), (SOUP, 2), (FISH, 2), (GOOD, 3), (BAD, 3)):
    cell['input'][word, 16 + unit] = SURE
  writer['look']['state']['kernel'][[SOUP, FISH]] = 1
  writer['look']['score']['kernel'][:] = SURE
  readout = writer['readout']['kernel']
  readout[1, [SOUP, FISH]] = readout[2, [GOOD, BAD]] = readout[3, EOS] = (
    4 * SURE
  )
  readout[8 + SOUP, SOUP] = readout[8 + FISH, FISH] = SURE
  readout[0, [GOOD, BAD]] = [SURE, -SURE]
  classifier = params['classifier']
  classifier['vectors']['table'] = np.eye(8, dtype=np.float32)
  classifier['cnn']['height_1']['kernel'][[BAD, GOOD], [0, 1]] = 1
  classifier['head']['kernel'] = SURE * np.eye(2, dtype=np.float32)
  return params


def drawn(scale=1.0):
  """Parameters that are nowhere zero."""
  rng = np.random.default_rng(0)
  draw = lambda a: (scale * rng.normal(size=a.shape)).astype(np.float32)
  return jax.tree.map(draw, blank())


@pytest.fixture(scope='module')
def answers():
  """What one program says of parameters: losses, words, attention."""

  static = dataclasses.replace(CONFIG, classifier_sees_generated=False)

  def generated(params, tau, config):
    """L_td + L_btd, and all terms."""
    terms = method.objective(config, NETWORKS, params, BATCH, tau)
    return terms.td.mean() + terms.btd.mean(), terms._asdict()

  @quick
  @jax.vmap
  def run(params, tau):
    label = jnp.asarray(LABELS)
    memory = NETWORKS.read(params, SENTENCES, label)
    of = lambda own: generated({**params, 'classifier': own}, tau, CONFIG)
    frozen, terms = jax.grad(generated, has_aux=True)(params, tau, static)
    return {
      'terms': terms,
      'frozen': frozen,
      'collaborative': jax.grad(of, has_aux=True)(params['classifier'])[0],
      'written': NETWORKS.write(params, memory, 1 - label, tau),
      'greedy': NETWORKS.greedy(params, memory, 1 - label),
    }

  both = jax.tree.map(lambda *a: np.stack(a), by_hand(), drawn(), drawn())
  told = run(both, np.array([0.1, 1e-3, 1.0], np.float32))
  names = ('by hand', 'cold', 'warm')
  of = lambda k: jax.tree.map(lambda a: a[k], told)
  return {name: of(k) for k, name in enumerate(names)}


def test_a_transferer_by_hand_has_no_loss(answers):
  told = answers['by hand']
  flipped = np.where(SENTENCES == GOOD, BAD, SENTENCES)
  flipped[SENTENCES == BAD] = GOOD
  np.testing.assert_array_equal(told['greedy'], flipped)
  for name, nats in told['terms'].items():
    np.testing.assert_allclose(nats, 0, atol=1e-5, err_msg=name)


def test_cold_words_are_the_greedy_ones(answers):
  told = answers['cold']
  counts = np.asarray(tokens_lib.mask_of(told['greedy']))
  likeliest = np.argmax(told['written'].laws, axis=-1)
  np.testing.assert_array_equal(likeliest[counts], told['greedy'][counts])
  assert np.max(told['written'].laws, axis=-1).min() > 0.99
  warm = np.max(answers['warm']['written'].laws, axis=-1)
  assert warm.min() < 0.9


def test_attention_is_a_law_over_the_sentence(answers):
  for told in answers.values():
    looks = told['written'].attention
    np.testing.assert_allclose(looks.sum(-1), 1, rtol=1e-5)


def test_a_noun_is_asked_for_where_it_is_looked_at():
  vocabulary, steps = 8, 4
  attention = np.array(
    [[[0.1, 0.8, 0.1], [0.6, 0.1, 0.3], [0.3, 0.0, 0.7], [0.9, 0.9, 0.9]]],
    np.float32,
  )
  laws = np.full((1, steps, vocabulary), 1e-6, np.float32)
  # It ends at the third step: what the fourth looks at does not count.
  for t, word in enumerate((SOUP, GOOD, EOS, FISH)):
    laws[0, t, word] = 1
  logits = np.random.default_rng(0).normal(size=laws.shape).astype(np.float32)
  written = parts.Written(laws, logits, attention)
  np.testing.assert_array_equal(parts.alignment(written), [[1, 0, 2]])
  tokens = np.array([[FISH, SOUP, EOS]], np.int32)
  nouns = np.array([[True, True, False]])
  logs = logits[0] - np.log(np.exp(logits[0]).sum(-1, keepdims=True))
  wanted = -(logs[1, FISH] + logs[0, SOUP])
  told = parts.aligned_nll(written, tokens, nouns)
  np.testing.assert_allclose(told, [wanted], rtol=1e-5)
  told = parts.aligned_nll(written, tokens, np.zeros_like(nouns))
  np.testing.assert_array_equal(told, [0.0])


def test_the_price_of_transfer_reaches_all_three_networks(answers):
  told = answers['warm']
  size = lambda tree: max(np.abs(a).max() for a in jax.tree.leaves(tree))
  for name in ('reader', 'writer', 'words'):
    assert size(told['frozen'][name]) > 1e-6, name
  assert size(told['collaborative']) > 1e-6
  assert size(told['frozen']['classifier']) == 0


def test_without_transfer_it_is_an_autoencoder_and_a_classifier():
  """The gradient of an update, by Adam's moment, and of two plain losses."""
  made = method.make(CONFIG, DATA)
  hparams = dict(method.HPARAMS)
  hparams |= {f'lambda_{n}': 0.0 for n in ('cnt', 'back', 'td', 'btd')}
  batch = {**BATCH, 'index': jnp.arange(4)}

  @quick
  def both(params):
    state = made.init(jax.random.key(0), batch, hparams)
    state = state._replace(params=params, step=jnp.int32(10))
    state, told = made.update(jax.random.key(1), state, batch, hparams)

    def plain(own):
      label = jnp.asarray(LABELS)
      memory = NETWORKS.read(own, SENTENCES, label)
      logits, _ = NETWORKS.say(own, memory, label, SENTENCES)
      words = jax.nn.log_softmax(logits)
      said = jax.nn.log_softmax(NETWORKS.classify(own, jnp.asarray(SENTENCES)))
      right = jnp.take_along_axis(words, SENTENCES[..., None], -1)
      return -right.sum() / 4 - said[jnp.arange(4), LABELS].mean()

    moment = state.opt_state[1][0].mu
    return told['loss'], moment, jax.value_and_grad(plain)(params)

  loss, moment, (value, slope) = both(drawn(0.3))
  np.testing.assert_allclose(loss, value, rtol=1e-5)
  for a, b in zip(jax.tree.leaves(moment), jax.tree.leaves(slope)):
    np.testing.assert_allclose(a, 0.1 * b, rtol=1e-4, atol=1e-7)


def test_what_waits_and_how_it_rises():
  steps = np.array([0, 50, 100, 125, 150, 200, 999])
  told = method.risen(steps, np.float32(100))
  np.testing.assert_allclose(told, [0, 0, 0, 0.25, 0.5, 1, 1])
  np.testing.assert_allclose(method.risen(steps[:4], 1.0), [0, 1, 1, 1])


def test_dropout_keeps_means_and_rows():
  key, index = jax.random.key(0), np.append(np.arange(400), [7, 250])
  draw = quick(lambda index: NETWORKS.dropout(key, index, 0.5))
  for scales, width in zip(draw(index), (8, 2)):
    assert scales.shape == (402, width)
    assert set(np.unique(scales)) == {0, 2}
    assert abs(np.mean(scales) - 1) < 0.15
    np.testing.assert_array_equal(scales[400:], scales[np.array([7, 250])])
  assert NETWORKS.dropout(key, index, 0.0) == parts.NO_DROPOUT


def test_extras_of_the_transferer_by_hand():
  made = method.make(CONFIG, DATA)
  params = jax.tree.map(jnp.asarray, by_hand())
  state = method.State(params, (), jnp.int32(0))
  label = jnp.asarray(1 - LABELS)

  @quick
  def run(state):
    return {
      **made.extras['texts'](None, state, SENTENCES),
      'attention': made.extras['attention'](state, SENTENCES, label),
      'called': made.extras['classify_transferred'](
        state, SENTENCES, label, 0.1
      ),
      'codes': made.represent(state, SENTENCES).vector,
    }

  told = run(state)
  flipped = np.where(SENTENCES == GOOD, BAD, SENTENCES)
  flipped[SENTENCES == BAD] = GOOD
  np.testing.assert_array_equal(told['source'], SENTENCES)
  np.testing.assert_array_equal(told['reconstruction'], SENTENCES)
  np.testing.assert_array_equal(told['transferred'], flipped)
  np.testing.assert_allclose(told['attention'][..., 0], 1, atol=1e-5)
  for logits in told['called']:
    np.testing.assert_array_equal(np.argmax(logits, -1), label)
  # Shorter ones are filled up.
  short = method.make(dataclasses.replace(CONFIG, length=2), DATA)
  words = jax.eval_shape(short.extras['transfer'], state, SENTENCES, label)
  assert words.shape == SENTENCES.shape
  # The mean of the words' states, which are unit vectors here.
  np.testing.assert_allclose(
    told['codes'], np.eye(8)[SENTENCES].mean(1), atol=1e-5
  )


@pytest.mark.parametrize(
  ('static', 'words'),
  [
    ({'length': 4}, 'config.static.length = 4: .* at most 3'),
    ({'length': -1}, 'config.static.length'),
    ({'hidden': 0}, 'config.static.hidden'),
    ({'heights': ()}, 'config.static.heights'),
    ({'heights': (0,)}, 'config.static.heights'),
    ({'dropout': 1.0}, 'config.static.dropout'),
    ({'gradient_norm': 0.0}, 'config.static.gradient_norm'),
  ],
)
def test_static_options_that_are_refused(static, words):
  with pytest.raises(errors.ConfigError, match=words) as caught:
    method.make(dataclasses.replace(CONFIG, **static), DATA)
  assert '\n' not in str(caught.value)


def test_data_that_are_refused():
  three = np.array([0, 1, 2, 2])
  of = lambda labels, **fields: stream.sentences(
    SENTENCES, VOCABULARY, labels[:, None], ('label',), fields=fields
  )
  nouns = {'noun_mask': BATCH['noun_mask']}
  for dataset, words in (
    (of(LABELS, **nouns), "field 'label'"),
    (of(LABELS, label=LABELS), "field 'noun_mask'.*config.dataset.nouns"),
    (of(three, label=three, **nouns), 'two classes, this set has 3'),
    (data_lib.load('blobs', resolution=8), 'needs sentences'),
  ):
    with pytest.raises(errors.ConfigError, match=words) as caught:
      method.make(CONFIG, dataset)
    assert '\n' not in str(caught.value)


def test_plans_that_are_refused(tmp_path):
  def refused(words, **hparams):
    config = grid.base_config()
    config.methods = ('attribute_transfer',)
    config.dataset.name = 'template_sentences'
    config.metrics = ()
    config.hparams.update(hparams)
    with pytest.raises(errors.ConfigError, match=words) as caught:
      planning.make(config)
    assert '\n' not in str(caught.value)

  refused('tau', tau=0.0)
  refused('tau', tau=-1.0)
  refused('warmup_steps', warmup_steps=0.0)
  for name, word in (('a', 'bad'), ('b', 'good')):
    (tmp_path / name).write_text(f'the soup is {word}\nthe tea is {word}\n')
  config = grid.base_config()
  config.methods = ('attribute_transfer',)
  config.metrics = ()
  config.dataset.name = 'sentences_file'
  config.dataset.path = str(tmp_path / 'a')
  config.dataset.second = str(tmp_path / 'b')
  config.dataset.least_count = 1
  with pytest.raises(errors.ConfigError, match='noun_mask') as caught:
    planning.make(config)
  assert '\n' not in str(caught.value)
