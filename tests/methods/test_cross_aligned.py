"""Who moves whom in the cross-aligned autoencoder, and when."""

import dataclasses
import math
import types

import arae_formulas
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from disentangle_jax import data as data_lib
from disentangle_jax import errors
from disentangle_jax.methods.text import cross_aligned
from disentangle_jax.ops import tokens as tokens_lib


@pytest.fixture(scope='module')
def steps(harness):
  """Options -> (state, scalars) after one step, in one program."""
  made = harness('cross_aligned')
  opened = {**made.hparams, 'discriminator_limit': 10.0}
  rows = {
    'closed': {**made.hparams, 'discriminator_limit': 0.1},
    'open': opened,
    'alone': {**opened, 'lambda_adv': 0.0},
    'still': {**opened, 'learning_rate': 0.0},
  }
  hparams = {
    k: np.array([row[k] for row in rows.values()], np.float32)
    for k in made.hparams
  }
  method, key = made.method, jax.random.key(3)
  tokens = made.batch(1)['observation']

  @made.jit
  def run(hparams, batch):
    def one(hparams):
      state = method.init(key, batch, hparams)
      state, scalars = method.update(key, state, batch, hparams)
      label = jnp.arange(len(tokens)) % 2
      texts = method.extras['texts'](key, state, tokens)
      transferred = method.extras['transfer'](state, tokens, label)
      return state, scalars, texts, transferred

    return jax.vmap(one)(hparams)

  told = jax.device_get(run(hparams, made.batch(1)))
  return {
    name: jax.tree.map(lambda x, k=k: x[k], told) for k, name in enumerate(rows)
  }


def same(a, b):
  return all(jax.tree.leaves(jax.tree.map(np.array_equal, a, b)))


def test_the_adversarial_term_waits_for_the_discriminators(steps):
  state, scalars, *_ = steps['closed']
  other, without, *_ = steps['alone']
  assert scalars['adversarial'] == 0 < without['adversarial']
  assert same(state.params, other.params)
  assert not same(state.params, steps['open'][0].params)


def test_the_discriminators_learn_all_the_same(steps):
  """From the same sentences, whatever their writer minimises."""
  first = steps['open'][0].discriminators
  for name in ('closed', 'alone'):
    assert same(first, steps[name][0].discriminators)
  assert not same(first, steps['still'][0].discriminators)


def test_both_players_losses_are_their_formulas(steps, harness):
  made = harness('cross_aligned')
  state, scalars, *_ = steps['still']
  to64 = lambda x: np.asarray(x, np.float64)
  state, batch = jax.tree.map(to64, state), made.batch(1)
  step = types.SimpleNamespace(
    made=made,
    state=state,
    params=state.params,
    batch=batch,
    x=to64(batch['observation']),
    hparams=made.hparams,
  )
  told, fooled = arae_formulas.cross_aligned_players(step)
  np.testing.assert_allclose(scalars['discriminator_loss'], told, rtol=1e-4)
  np.testing.assert_allclose(scalars['adversarial'], fooled, rtol=1e-4)
  # New discriminators are nearly blind.
  assert abs(told - 2 * math.log(2)) < 0.2


def test_the_term_reaches_the_encoder_through_soft_words(steps):
  """Both halves of the reader move otherwise with it than without."""
  with_it, without = (steps[k][0].params for k in ('open', 'alone'))
  for name in ('reader', 'read_style', 'written_style', 'readout'):
    assert not same(with_it[name], without[name])


def test_sentences_are_cut_and_rewritten_under_either_label(steps):
  _, _, texts, transferred = steps['open']
  assert set(texts) == {'source', 'reconstruction', 'transferred'}
  for tokens in (*texts.values(), transferred):
    assert tokens.dtype == np.int32
    np.testing.assert_array_equal(tokens, tokens_lib.cut(jnp.asarray(tokens)))
  label = np.arange(len(transferred)) % 2
  own = np.all(transferred == texts['reconstruction'], axis=1)
  other = np.all(transferred == texts['transferred'], axis=1)
  assert np.all(own | other) and len(label) == len(own)


def test_refusals_are_one_line():
  sentences = data_lib.load('template_sentences')
  cases = [
    ({}, data_lib.load('blobs', resolution=8), 'sentences'),
    ({'content': 0}, sentences, r'static\.content'),
    ({'heights': (0,)}, sentences, r'static\.heights'),
    ({'precision': 'half'}, sentences, r'static\.precision'),
  ]
  for options, dataset, said in cases:
    config = dataclasses.replace(cross_aligned.Config(), **options)
    with pytest.raises(errors.ConfigError, match=said) as caught:
      cross_aligned.make(config, dataset)
    assert '\n' not in str(caught.value)
