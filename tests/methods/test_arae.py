"""Two decoders and the adversaries of codes: known answers, who moves whom."""

import dataclasses
import math
from typing import Any, NamedTuple

import arae_formulas
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from disentangle_jax import data as data_lib
from disentangle_jax import errors
from disentangle_jax.data import stream
from disentangle_jax.methods import METHODS
from disentangle_jax.methods.text import arae, arae_players, two_decoders
from disentangle_jax.ops import tokens as tokens_lib

WORDS = 8
SENTENCES = np.array([[4, 5, 6, 2, 0], [7, 5, 2, 0, 0]], np.int32)


def small(**changes):
  config = two_decoders.Config(
    code=2, hidden=WORDS, embedding=WORDS, cell='gru'
  )
  return dataclasses.replace(config, **changes)


def two_sentences(classes=2):
  label = np.resize(np.arange(classes), (max(classes, 2), 1))
  return stream.sentences(
    np.resize(SENTENCES, (max(classes, 2), 5)),
    [str(n) for n in range(WORDS)],
    label,
    ('label',),
    fields={'label': label[:, 0].astype(np.int32)},
  )


def hand_set(params):
  """Decoder 0 says 4 5 6 and ends, decoder 1 says 7 5 and ends.

  A word's vector is one-hot, the state is that of the word that follows it, and
  the readout names it.
  """
  params = jax.tree.map(lambda x: x, params)
  own, eye = params['decoders'], np.eye(WORDS, dtype=np.float32)
  own['embedding']['table'] = jnp.concatenate([eye, eye], axis=1)
  own['readout']['kernel'] = 30.0 * jnp.asarray(eye)
  for number, sentence in enumerate(([4, 5, 6, 2], [7, 5, 2])):
    cell = own[f'rnns_{number}']['cell']
    weight = np.zeros(cell['input'].shape, np.float32)
    for before, after in zip([tokens_lib.BOS, *sentence], sentence):
      weight[before, 2 * WORDS + after] = 10.0
    cell['input'] = jnp.asarray(weight)
    # The state is new at every step.
    bias = np.zeros(3 * WORDS, np.float32)
    bias[WORDS : 2 * WORDS] = -30.0
    cell['bias'] = jnp.asarray(bias)
  return params


class State(NamedTuple):
  params: Any


@pytest.fixture(scope='module')
def by_hand(harness):
  """What the two decoders say, in one program."""
  jit = harness('arae').jit
  networks = two_decoders.build(small(), two_sentences())
  shapes = jax.eval_shape(networks.init, jax.random.key(0))
  zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)
  _, _, extras = two_decoders.parts(networks)
  tokens, label = jnp.asarray(SENTENCES), jnp.array([0, 1])
  code = jnp.zeros((2, 2))

  @jit
  def run(params, zeros):
    state = State(params)
    return {
      'own': networks.write(params, code, label),
      'other': networks.write(params, code, 1 - label),
      'nll': networks.nll(params, code, tokens, label),
      'other_nll': networks.nll(params, code, tokens, 1 - label),
      'uniform': networks.nll(zeros, code, tokens, label),
      'texts': extras['texts'](jax.random.key(0), state, tokens),
      'between': extras['interpolate'](state, tokens, tokens[::-1], 1),
      'named': extras['write'](state, code[:1], decoder='1'),
    }

  return run(hand_set(zeros), zeros)


def test_decoders_set_by_hand_say_their_sentence(by_hand):
  np.testing.assert_array_equal(by_hand['own'], SENTENCES)
  np.testing.assert_array_equal(by_hand['other'], SENTENCES[::-1])
  np.testing.assert_array_equal(by_hand['named'], SENTENCES[1:])
  np.testing.assert_allclose(by_hand['nll'], 0, atol=1e-3)
  assert np.all(by_hand['other_nll'] > 20)


def test_abilities_go_by_the_decoder_that_finds_a_sentence_likelier(by_hand):
  told = by_hand['texts']
  np.testing.assert_array_equal(told['source'], SENTENCES)
  np.testing.assert_array_equal(told['reconstruction'], SENTENCES)
  np.testing.assert_array_equal(told['transferred'], SENTENCES[::-1])
  wanted = np.repeat(SENTENCES[:, None], 3, axis=1)
  np.testing.assert_array_equal(by_hand['between'], wanted)


def test_a_uniform_decoder_costs_length_times_log_words(by_hand):
  # Words and end, no padding.
  wanted = np.array([4, 3]) * math.log(WORDS)
  np.testing.assert_allclose(by_hand['uniform'], wanted, rtol=1e-6)


def test_no_such_decoder():
  networks = two_decoders.build(small(), two_sentences())
  _, _, extras = two_decoders.parts(networks)
  with pytest.raises(errors.ConfigError, match='decoder'):
    extras['write'](State({}), jnp.zeros((1, 2)), decoder='2')


def test_noise_halves_in_every_half_life():
  hparams = {'noise': 0.2, 'noise_half_life': 100.0}
  scales = [
    float(two_decoders.noise_scale(jnp.array(step), hparams))
    for step in (0, 100, 250)
  ]
  np.testing.assert_allclose(scales, [0.2, 0.1, 0.2 * 2**-2.5], rtol=1e-6)


def test_flipped_labels_pull_against_the_classifier():
  label = jnp.array([0, 1, 1, 0])
  own = lambda logits: arae_players.label_nats(logits, label)
  flipped = lambda logits: arae_players.label_nats(logits, 1 - label)
  blind = jnp.zeros(4)
  for loss in (own, flipped):
    np.testing.assert_allclose(loss(blind), math.log(2), rtol=1e-6)
  np.testing.assert_allclose(
    jax.grad(flipped)(blind), -jax.grad(own)(blind), rtol=1e-6
  )
  # Flipped labels pull hardest where u is sure and right.
  sure = jnp.where(label == 1, 8.0, -8.0)
  pull = np.abs(jax.grad(flipped)(sure))
  assert np.all(pull > 0.24) and np.all(np.abs(jax.grad(own)(sure)) < 1e-3)


def test_what_does_not_move_stays_to_the_bit():
  step = arae_players.apart(optax.adam(0.1), jnp.float32(1.0), ('encoder',))
  params = {
    'encoder': jnp.array([1.0, -2.0]),
    'decoders': {'w': jnp.array([0.3, -0.0])},
  }
  both = arae_players.apart(
    optax.adam(0.1), jnp.float32(1.0), ('encoder', 'decoders')
  )
  ones = jax.tree.map(jnp.ones_like, params)
  updates, states = both.update(ones, both.init(params), params)
  moved = optax.apply_updates(params, updates)
  updates, after = step.update(ones, states, moved)
  still = optax.apply_updates(moved, updates)
  for a, b in ((still, moved), (after, states)):
    same = jax.tree.map(np.array_equal, a['decoders'], b['decoders'])
    assert all(jax.tree.leaves(same))
    apart = jax.tree.map(np.array_equal, a['encoder'], b['encoder'])
    assert not all(jax.tree.leaves(apart))
  # The gradient of both together is cut, the encoder's own alone: moments hold
  # what came in, 1 / 2 of each of four entries, then 1 / sqrt 2 of two.
  mean = lambda states, name: jax.tree.leaves(states[name][0].mu)[0][0]
  np.testing.assert_allclose(mean(states, 'encoder'), 0.1 * 0.5, rtol=1e-6)
  np.testing.assert_allclose(mean(states, 'decoders'), 0.1 * 0.5, rtol=1e-6)
  second = 0.9 * 0.05 + 0.1 / math.sqrt(2)
  np.testing.assert_allclose(mean(after, 'encoder'), second, rtol=1e-6)


def rows_after_one_step(harness, history):
  """`(name, value) -> state` of a run after one step, all else equal."""
  made = harness('arae')
  states, _ = history(made, False)
  numbers = {probe: 1 + k for k, probe in enumerate(made.probes)}

  def state(name=None, value=0.0):
    row = numbers[name, value] if name else 0
    return jax.tree.map(lambda x: np.asarray(x[row]), states[1])

  return state


def players(state):
  return {**state.params, **state.opponents}


@pytest.mark.parametrize(
  ('hparam', 'moves'),
  [
    ('lambda_c', {'encoder'}),
    # Adam hides the scale of the generator's own gradient, but for zero.
    ('lambda_w', {'encoder', 'generator'}),
    # What the critic says reaches the encoder and generator, never decoders.
    ('learning_rate_adversary', {'encoder', 'generator', 'critic'}),
    ('learning_rate_classifier', {'encoder', 'classifier'}),
    ('penalty', {'encoder', 'generator', 'critic'}),
  ],
)
def test_gradients_reach_whom_they_may(harness, history, hparam, moves):
  state = rows_after_one_step(harness, history)
  base, other = players(state()), players(state(hparam, 0.0))
  moved = {
    name
    for name in base
    if not all(
      jax.tree.leaves(jax.tree.map(np.array_equal, base[name], other[name]))
    )
  }
  assert moved == moves


def test_the_autoencoder_reaches_all_that_reads_its_codes(harness, history):
  state = rows_after_one_step(harness, history)
  base, still = players(state()), players(state('learning_rate', 0.0))
  start = players(harness('arae').first_state)
  for name in ('encoder', 'decoders'):
    jax.tree.map(np.testing.assert_array_equal, still[name], start[name])
  same = jax.tree.map(np.array_equal, base, still)
  assert not any(all(jax.tree.leaves(same[name])) for name in base)


@pytest.fixture(scope='module')
def clipped(harness):
  """A step with rates of zero, and one with a critic whose weights are cut."""
  made = harness('arae')
  config = dataclasses.replace(
    made.config, critic_form='clip', weight_limit=0.05
  )
  method = arae.make(config, made.data)
  rows = [
    {**made.hparams, 'learning_rate_adversary': 0.5},
    {
      name: 0.0 if name.startswith('learning_rate') else value
      for name, value in made.hparams.items()
    },
  ]
  hparams = {k: np.array([row[k] for row in rows], np.float32) for k in rows[0]}

  @made.jit
  def run(hparams):
    def one(hparams):
      key = made.keys(5)[1]
      state = method.init(jax.random.key(3), made.batch(5), hparams)
      return method.update(key, state, made.batch(5), hparams)

    return jax.vmap(one)(hparams)

  return made, run(hparams)


def test_the_critic_is_clipped(clipped):
  _, (states, _) = clipped
  weights = np.concatenate(
    [np.ravel(x[0]) for x in jax.tree.leaves(states.opponents['critic'])]
  )
  assert np.max(np.abs(weights)) <= 0.05 * (1 + 1e-6)
  # Half a unit of Adam takes nearly all of them there.
  assert np.mean(np.abs(weights) > 0.049) > 0.5


class Still:
  """What the formulas read, of a step in which nothing moved."""

  def __init__(self, made, state):
    to64 = lambda x: np.asarray(x, np.float64)
    self.made, self.state = made, jax.tree.map(to64, state)
    self.params, self.batch = self.state.params, made.batch(5)
    self.x = np.asarray(self.batch['observation'], np.float64)
    self.index, self.key = np.arange(len(self.x)), made.keys(5)[1]


def test_the_other_losses_are_their_formulas(clipped):
  made, (states, scalars) = clipped
  state = jax.tree.map(lambda x: x[1], states)
  step = Still(made, state)
  told = {k: float(v[1]) for k, v in scalars.items()}
  own, flipped = arae_formulas.label_losses(step)
  limit = lambda p: np.clip(p, -0.05, 0.05)
  critic = jax.tree.map(limit, step.state.opponents['critic'])
  step.state = step.state._replace(
    opponents={**step.state.opponents, 'critic': critic}
  )
  np.testing.assert_allclose(told['classifier_loss'], own, rtol=1e-4)
  np.testing.assert_allclose(told['flipped_loss'], flipped, rtol=1e-4)
  np.testing.assert_allclose(
    told['distance'], arae_formulas.distance(step), rtol=1e-3, atol=1e-6
  )


def test_codes_have_length_one_and_padding_changes_nothing(harness, history):
  made = harness('arae')
  states, _ = history(made, False)
  state = jax.tree.map(lambda x: np.asarray(x[0]), states[-1])
  tokens = made.batch(0)['observation']
  noisy = jnp.where(tokens_lib.mask_of(tokens), tokens, 9)
  represent = made.jit(lambda s, x: made.method.represent(s, x).vector)
  code, again = represent(state, tokens), represent(state, noisy)
  np.testing.assert_allclose(np.linalg.norm(code, axis=1), 1, rtol=1e-5)
  np.testing.assert_array_equal(code, again)


@pytest.mark.parametrize('name', ['arae', 'text_autoencoder'])
def test_refusals_are_one_line(name):
  module = METHODS[name]
  sentences = data_lib.load('template_sentences')
  cases = [
    ({}, data_lib.load('blobs', resolution=8), 'sentences'),
    ({}, two_sentences(3), '3 classes'),
    ({'code': 0}, sentences, r'static\.code'),
    ({'cell': 'rnn'}, sentences, r'static\.cell'),
    ({'optimiser': 'lion'}, sentences, r'static\.optimiser'),
  ]
  if name == 'arae':
    cases += [
      ({'critic_form': 'none'}, sentences, r'static\.critic_form'),
      ({'weight_limit': 0.0}, sentences, r'static\.weight_limit'),
      ({'classifier_hidden': (0,)}, sentences, 'classifier_hidden'),
      ({'critic_steps': 0}, sentences, r'static\.critic_steps'),
    ]
  for options, dataset, said in cases:
    with pytest.raises(errors.ConfigError, match=said) as caught:
      module.make(module.Config(**options), dataset)
    assert '\n' not in str(caught.value)
