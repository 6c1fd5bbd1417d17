"""The multitask autoencoder: routes, masks, greedy writing, what is refused."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import translation_formulas

from disentangle_jax import data as data_lib
from disentangle_jax import errors
from disentangle_jax.engine.workdir import shells
from disentangle_jax.methods.text import nl_multitask
from disentangle_jax.ops import tokens as tokens_lib

CONFIG = nl_multitask.Config(representation=5, hidden=6, embedding=4)
BATCH = 3
# The programs are tiny: compiling them is what takes the time.
quick_jit = functools.partial(
  jax.jit, compiler_options={'xla_backend_optimization_level': 0}
)


@functools.cache
def words():
  """The data set, and a batch with all of its fields."""
  data = data_lib.load('parallel_sentences')
  index = jnp.arange(BATCH)
  return data, quick_jit(data.sample)(jax.random.key(0), data.arrays, index)


def built(decoders, **weights):
  """Method and hyper-parameters on words."""
  config = dataclasses.replace(CONFIG, decoders=decoders)
  hparams = {**nl_multitask.HPARAMS, **weights}
  hparams = {name: jnp.float32(value) for name, value in hparams.items()}
  return nl_multitask.make(config, words()[0]), hparams


@pytest.fixture(scope='module')
def trained():
  """Two decoders after a step, and what one program says of them."""
  method, hparams = built('rep+pos')
  batch = words()[1]
  first, second = batch['observation'][:2], batch['observation'][1:]
  noisy = jnp.where(
    tokens_lib.mask_of(batch['observation']), batch['observation'], 9
  )

  @quick_jit
  def run(key):
    state = method.init(key, batch, hparams)
    state, _ = method.update(key, state, batch, hparams)
    # Behind the end stands something else.
    codes = method.represent(
      state, jnp.concatenate([batch['observation'], noisy])
    ).vector
    codes, noisy_codes = jnp.split(codes, 2)
    # A decoder that knows nothing: its readout is zero.
    blank = jax.tree.map(jnp.zeros_like, state.params['decoders']['pos'])
    own = {**state.params['decoders'], 'pos': blank}
    uniform = state._replace(params={**state.params, 'decoders': own})
    nats = lambda state, name: (
      -method.extras['log_likelihood'](
        state, codes, batch[nl_multitask.TARGETS[name]], decoder=name
      )
    )
    return {
      'state': state,
      'codes': codes,
      'noisy': noisy_codes,
      'nats': {name: nats(state, name) for name in ('rep', 'pos')},
      'uniform': nats(uniform, 'pos'),
      'written': {
        'rep': method.decode(state, codes),
        'pos': method.extras['write'](state, codes, decoder='pos'),
      },
      'lines': method.extras['interpolate'](state, first, second, 2),
    }

  return method, batch, jax.device_get(run(jax.random.key(1)))


def lengths(tokens):
  return np.sum(np.asarray(tokens_lib.mask_of(tokens)), axis=-1)


def test_codes_are_those_of_an_lstm_by_hand(trained):
  _, batch, got = trained
  params = jax.tree.map(lambda x: np.asarray(x, float), got['state'].params)
  for row, sentence in enumerate(np.asarray(batch['observation'])):
    code = translation_formulas.read(params['encoder'], sentence)
    np.testing.assert_allclose(got['codes'][row], code, rtol=1e-5, atol=1e-6)
    for name, nats in got['nats'].items():
      target = np.asarray(batch[nl_multitask.TARGETS[name]])[row]
      decoder = params['decoders'][name]
      want = translation_formulas.written(decoder, code, target)
      np.testing.assert_allclose(nats[row], want, rtol=1e-5)


def test_what_follows_the_end_leaves_the_code_as_it_is(trained):
  _, _, got = trained
  np.testing.assert_array_equal(got['noisy'], got['codes'])


def test_a_uniform_decoder_costs_the_log_of_its_words(trained):
  method, batch, got = trained
  tags = got['state'].params['decoders']['pos']['readout']['bias'].shape[0]
  want = lengths(batch['tags']) * np.log(tags)
  np.testing.assert_allclose(got['uniform'], want, rtol=1e-6)
  fields = method.extras['decoders']()
  assert fields == {'rep': 'observation', 'pos': 'tags'}
  for ask in ('write', 'log_likelihood'):
    sentences = (batch['tags'],) * (ask == 'log_likelihood')
    with pytest.raises(
      errors.ConfigError, match="unknown 'g'; legal: pos, rep"
    ):
      method.extras[ask](got['state'], got['codes'], *sentences, decoder='g')


def test_each_decoder_writes_greedily(trained):
  """By hand: the most likely word, start and padding aside, is fed on."""
  _, batch, got = trained
  params = jax.tree.map(lambda x: np.asarray(x, float), got['state'].params)
  for name, sentences in got['written'].items():
    own, field = params['decoders'][name], nl_multitask.TARGETS[name]
    assert sentences.shape == batch[field].shape
    code = got['codes'][0].astype(float)
    start = translation_formulas.dense(own['start'], code)
    h, c = np.split(start, 2)
    before, said = 1, []
    while len(said) < sentences.shape[1] and 2 not in said:
      x = own['embed']['table'][before]
      h, c = translation_formulas.lstm(own['lstm']['cell'], h, c, x)
      logits = translation_formulas.dense(own['readout'], h)
      logits[[0, 1]] = -np.inf
      before = int(np.argmax(logits))
      said.append(before)
    np.testing.assert_array_equal(sentences[0, : len(said)], said)
    assert not sentences[0, len(said) :].any()


def test_lines_begin_and_end_at_the_sentences_own_codes(trained):
  _, _, got = trained
  assert got['lines'].shape == (2, 4, 12)
  np.testing.assert_array_equal(got['lines'][:, 0], got['written']['rep'][:2])
  np.testing.assert_array_equal(got['lines'][:, -1], got['written']['rep'][1:])


def test_one_decoder_is_all_of_them_with_the_others_off():
  batch, key = words()[1], jax.random.key(0)
  alone, _ = built('rep')
  both, hparams = built('rep+g', weight_g=0.0)

  @quick_jit
  def run():
    among = both.init(key, batch, hparams)
    shared = {
      'encoder': among.params['encoder'],
      'decoders': {'rep': among.params['decoders']['rep']},
    }
    first = alone.init(key, batch, hparams)._replace(params=shared)
    first, one = alone.update(key, first, batch, hparams)
    after, two = both.update(key, among, batch, hparams)
    return among.params, first.params, after.params, one['loss'], two['loss']

  before, first, after, one, two = jax.device_get(run())
  np.testing.assert_allclose(one, two, rtol=1e-6)
  jax.tree.map(
    np.testing.assert_array_equal,
    before['decoders'].pop('g'),
    after['decoders'].pop('g'),
  )
  jax.tree.map(
    lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7),
    first,
    after,
  )
  moved = np.abs(
    after['encoder']['Dense_0']['kernel']
    - (before['encoder']['Dense_0']['kernel'])
  )
  assert moved.max() > 1e-4


def test_it_is_built_without_its_data_and_at_other_precisions():
  data, batch = words()
  shell = shells.shell(shells.describe(data), 'gone')
  config = dataclasses.replace(CONFIG, decoders='rep+pos', precision='bfloat16')
  _, hparams = built('rep+pos')
  method = nl_multitask.make(config, shell)

  def run(key):
    state = method.init(key, batch, hparams)
    after, _ = method.update(key, state, batch, hparams)
    vector = jnp.zeros((2, 5))
    return state, after, method.extras['write'](after, vector, decoder='pos')

  state, after, written = jax.eval_shape(run, jax.random.key(0))
  assert jax.tree.leaves(after) == jax.tree.leaves(state)
  assert written.shape == (2, 12) and written.dtype == jnp.int32


def test_what_cannot_be_built_is_refused_in_one_line(tmp_path):
  plain = tmp_path / 'a.txt'
  plain.write_text('a dog\na cat\n')
  few = {'path': str(plain), 'held_out': 0, 'unit': 'word', 'length': 4}

  def refused(said, name='parallel_sentences', options=None, **static):
    with pytest.raises(errors.ConfigError, match=said) as caught:
      config = dataclasses.replace(CONFIG, **static)
      nl_multitask.make(config, data_lib.load(name, **(options or {})))
    assert '\n' not in str(caught.value)

  refused("'g' writes 'translation_g', .*legal: rep", 'aligned_files', few)
  refused("'rep' first", decoders='g+rep')
  refused("'rep' first", decoders='rep+g+g')
  refused("unknown 'de'", decoders='rep+de')
  refused('representation = 0', representation=0)
  refused('reads sentences, this set holds image', 'blobs')
