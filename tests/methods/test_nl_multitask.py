"""The multitask autoencoder: routes, masks, greedy writing, what is refused."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import text_formulas

from disentangle_jax import data as data_lib
from disentangle_jax import errors
from disentangle_jax.data import samplers
from disentangle_jax.engine.workdir import shells
from disentangle_jax.methods.text import nl_multitask
from disentangle_jax.ops import tokens as tokens_lib

CONFIG = nl_multitask.Config(representation=5, hidden=6, embedding=4)
BATCH = 3
# The programs are tiny: compiling them is what takes the time.
quick_jit = functools.partial(
  jax.jit, compiler_options={'xla_backend_optimization_level': 0}
)


def built(decoders, **weights):
  """Method, batch and hyper-parameters on words."""
  data = data_lib.load('parallel_sentences')
  config = dataclasses.replace(CONFIG, decoders=decoders)
  method = nl_multitask.make(config, data)
  sample = samplers.make(data, nl_multitask.batch(config))
  batch = quick_jit(sample)(jax.random.key(0), data.arrays, jnp.arange(BATCH))
  hparams = {**nl_multitask.HPARAMS, **weights}
  return method, batch, {k: jnp.float32(v) for k, v in hparams.items()}


@pytest.fixture(scope='module')
def trained():
  """All decoders after two steps, and what one program says of them."""
  method, batch, hparams = built('rep+g+f+pos')
  first, second = batch['observation'][:2], batch['observation'][1:]
  noisy = jnp.where(
    tokens_lib.mask_of(batch['observation']), batch['observation'], 9
  )

  @quick_jit
  def run(key):
    state = method.init(key, batch, hparams)
    state, _ = method.update(key, state, batch, hparams)
    state, scalars = method.update(key, state, batch, hparams)
    codes = method.represent(state, batch['observation'])
    logs = {
      name: method.extras['log_likelihood'](
        state, codes.vector, batch[field], decoder=name
      )
      for name, field in method.extras['decoders']().items()
    }
    # A decoder that knows nothing: its readout is zero.
    blank = jax.tree.map(jnp.zeros_like, state.params['decoders']['g'])
    own = {**state.params['decoders'], 'g': blank}
    uniform = state._replace(params={**state.params, 'decoders': own})
    return {
      'state': state,
      'scalars': scalars,
      'codes': codes.vector,
      'noisy': method.represent(state, noisy).vector,
      'logs': logs,
      'written': {
        name: method.extras['write'](state, codes.vector, decoder=name)
        for name in logs
      },
      'decoded': method.decode(state, codes.vector),
      'lines': method.extras['interpolate'](state, first, second, 2),
      'texts': method.extras['texts'](key, state, batch['observation']),
      'uniform': method.extras['log_likelihood'](
        uniform, codes.vector, batch['translation_g'], decoder='g'
      ),
    }

  return method, batch, jax.device_get(run(jax.random.key(1)))


def lengths(tokens):
  return np.sum(np.asarray(tokens_lib.mask_of(tokens)), axis=-1)


def test_codes_are_those_of_an_lstm_by_hand(trained):
  _, batch, got = trained
  params = jax.tree.map(lambda x: np.asarray(x, float), got['state'].params)
  for row, sentence in enumerate(np.asarray(batch['observation'])):
    code = text_formulas.read(params['encoder'], sentence)
    np.testing.assert_allclose(got['codes'][row], code, rtol=1e-5, atol=1e-6)
    for name, field in nl_multitask.TARGETS.items():
      own = params['decoders'][name]
      nats = text_formulas.written(own, code, np.asarray(batch[field])[row])
      np.testing.assert_allclose(-got['logs'][name][row], nats, rtol=1e-5)


def test_what_follows_the_end_leaves_the_code_as_it_is(trained):
  _, _, got = trained
  np.testing.assert_array_equal(got['noisy'], got['codes'])


def test_a_uniform_decoder_costs_the_log_of_its_words(trained):
  method, batch, got = trained
  words = got['state'].params['decoders']['g']['readout']['bias'].shape[0]
  want = -lengths(batch['translation_g']) * np.log(words)
  np.testing.assert_allclose(got['uniform'], want, rtol=1e-6)
  assert list(method.extras['decoders']()) == ['rep', 'g', 'f', 'pos']


def test_each_decoder_writes_greedily(trained):
  """By hand: the most likely word, start and padding aside, is fed on."""
  _, batch, got = trained
  params = jax.tree.map(lambda x: np.asarray(x, float), got['state'].params)
  for name, field in nl_multitask.TARGETS.items():
    own, sentences = params['decoders'][name], got['written'][name]
    assert sentences.shape == batch[field].shape
    code = got['codes'][0].astype(float)
    start = text_formulas.dense(own['start'], code)
    h, c = np.split(start, 2)
    before, said = 1, []
    while len(said) < sentences.shape[1] and 2 not in said:
      x = own['embed']['table'][before]
      h, c = text_formulas.lstm(own['lstm']['cell'], h, c, x)
      logits = text_formulas.dense(own['readout'], h)
      logits[[0, 1]] = -np.inf
      before = int(np.argmax(logits))
      said.append(before)
    np.testing.assert_array_equal(sentences[0, : len(said)], said)
    assert not sentences[0, len(said) :].any()
  np.testing.assert_array_equal(got['decoded'], got['written']['rep'])


def test_lines_begin_and_end_at_the_sentences_own_codes(trained):
  _, _, got = trained
  assert got['lines'].shape == (2, 4, 12)
  np.testing.assert_array_equal(got['lines'][:, 0], got['written']['rep'][:2])
  np.testing.assert_array_equal(got['lines'][:, -1], got['written']['rep'][1:])
  texts = got['texts']
  # One pair of three sentences: sentence, five between, sentence.
  assert texts['interpolation'].shape == (7, 12)
  # Four analogies: a, b, c, d and what is written.
  assert texts['arithmetic'].shape == (20, 12)


def test_one_decoder_is_all_of_them_with_the_others_off():
  off = {f'weight_{name}': 0.0 for name in ('g', 'f', 'pos')}
  states = []
  for decoders in ('rep', 'rep+g+f+pos'):
    method, batch, hparams = built(decoders, **off)

    @quick_jit
    def step(key, state, method=method, batch=batch, hparams=hparams):
      made = method.init(key, batch, hparams)
      if state is not None:
        shared = dict(state.params['decoders'])
        own = {**made.params['decoders'], 'rep': shared['rep']}
        params = {'encoder': state.params['encoder'], 'decoders': own}
        made = made._replace(params=params)
      after, scalars = method.update(key, made, batch, hparams)
      return made, after, scalars['loss']

    start, after, loss = step(
      jax.random.key(0), states[0][0] if states else None
    )
    states.append((start, after, loss))
  (_, alone, first), (start, among, second) = states
  np.testing.assert_allclose(first, second, rtol=1e-6)
  same = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)
  jax.tree.map(same, alone.params['encoder'], among.params['encoder'])
  jax.tree.map(
    same, alone.params['decoders']['rep'], among.params['decoders']['rep']
  )
  for name in ('g', 'f', 'pos'):
    jax.tree.map(
      np.testing.assert_array_equal,
      start.params['decoders'][name],
      among.params['decoders'][name],
    )


def test_it_runs_without_its_data_and_at_other_precisions():
  data = data_lib.load('parallel_sentences')
  shell = shells.shell(shells.describe(data), 'gone')
  config = dataclasses.replace(CONFIG, decoders='rep+pos', precision='bfloat16')
  _, batch, hparams = built('rep+pos')
  for held in (data, shell):
    method = nl_multitask.make(config, held)
    state = jax.eval_shape(
      lambda m=method: m.init(jax.random.key(0), batch, hparams)
    )
    after, _ = jax.eval_shape(
      method.update, jax.random.key(0), state, batch, hparams
    )
    assert jax.tree.leaves(after) == jax.tree.leaves(state)
    vector = jnp.zeros((2, 5))
    written = jax.eval_shape(
      lambda s, m=method, v=vector: m.extras['write'](s, v, decoder='pos'),
      state,
    )
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
