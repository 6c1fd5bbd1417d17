"""Readers and writers of sentences: NumPy, masks, loops against each other."""

from flax import linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax.nn import text
from disentangle_jax.ops import tokens as tokens_lib

WORDS, WIDTH, SIZE, LENGTH = 7, 3, 4, 5


def parameters(module, *inputs, method=None, scale=1.0):
  """Parameters that are nowhere zero."""
  init = lambda *given: module.init(*given, method=method)
  params = jax.eval_shape(init, jax.random.key(0), *inputs)['params']
  rng = np.random.default_rng(0)
  fill = lambda a: jnp.asarray(scale * rng.normal(size=a.shape), jnp.float32)
  return jax.tree.map(fill, params)


def draws(*shape, seed=1):
  rng = np.random.default_rng(seed)
  return jnp.asarray(rng.normal(size=shape), jnp.float32)


MASK = jnp.arange(LENGTH) < jnp.asarray([[2], [5], [1]])


def sigmoid(x):
  return 1 / (1 + np.exp(-x))


def gru(p, h, x):
  W, U, b = (np.split(p[k], 3, -1) for k in ('input', 'state', 'bias'))
  r = sigmoid(x @ W[0] + b[0] + h @ U[0])
  z = sigmoid(x @ W[1] + b[1] + h @ U[1])
  n = np.tanh(x @ W[2] + b[2] + r * (h @ U[2] + p['candidate_bias']))
  return (1 - z) * n + z * h


def attending():
  decoder = text.Decoder(WORDS, SIZE, attention=3)
  memory, first, code = draws(3, LENGTH, 2), draws(3, 6), draws(3, 2, seed=2)
  x = draws(3, LENGTH, WIDTH, seed=3)
  params = parameters(decoder, first, x, memory, MASK, code)
  return decoder, params, first, x, memory, code


def test_two_steps_of_a_decoder_by_hand():
  decoder, params, first, x, memory, code = attending()
  p, first, x, memory, code = jax.tree.map(
    lambda a: np.asarray(a, np.float64), (params, first, x, memory, code)
  )
  dense = lambda q, a: a @ q['kernel'] + q.get('bias', 0)
  state = dense(p['start'], first)
  want, looks = [], []
  for t in range(2):
    state = gru(p['rnn']['cell'], state, np.concatenate([x[:, t], code], -1))
    look = p['look']
    hidden = np.tanh(
      dense(look['query'], state)[:, None] + dense(look['state'], memory)
    )
    scores = np.exp(dense(look['score'], hidden)[..., 0]) * np.asarray(MASK)
    weights = scores / scores.sum(axis=1, keepdims=True)
    seen = np.einsum('bl,bls->bs', weights, memory)
    want.append(dense(p['readout'], np.concatenate([state, seen], -1)))
    looks.append(weights)
  run = lambda a, **k: decoder.apply({'params': params}, *a, **k)
  apply = jax.jit(run, static_argnames='method')
  of = lambda *a, **k: apply(a, **k)
  arguments = [jnp.asarray(a, jnp.float32) for a in (first, x, memory)]
  code = jnp.asarray(code, jnp.float32)
  with jax.default_matmul_precision('highest'):
    logits, weights = of(*arguments, MASK, code)
    np.testing.assert_allclose(logits[:, :2], np.stack(want, 1), atol=1e-5)
    np.testing.assert_allclose(weights[:, :2], np.stack(looks, 1), atol=1e-5)
    # Step by step it is the same.
    # With what every step asks of the memory taken once, too.
    for known in (None, of(arguments[2], method='known')):
      carry = of(arguments[0], method='begin')
      for t in range(LENGTH):
        carry, said, look = of(
          carry,
          arguments[1][:, t],
          arguments[2],
          MASK,
          code,
          known,
          method='step',
        )
        np.testing.assert_allclose(said, logits[:, t], atol=1e-5)
        np.testing.assert_allclose(look, weights[:, t], atol=1e-5)


def test_weights_of_attention_sum_to_one_where_something_counts():
  look = text.AdditiveAttention(3)
  query, states = draws(3, 2, 4), draws(3, LENGTH, 2)
  params = parameters(look, query, states, MASK)
  apply = jax.jit(lambda *given: look.apply({'params': params}, *given))
  seen, weights = apply(query, states, MASK)
  np.testing.assert_allclose(np.sum(weights, axis=-1), 1, rtol=1e-6)
  assert (np.asarray(weights)[~np.repeat(MASK[:, None], 2, 1)] == 0).all()
  none = jnp.zeros_like(MASK)
  for values in apply(query, states, none):
    assert (np.asarray(values) == 0).all()
  # Half a mask is half the weight: two halves of one state are one.
  twice = jnp.concatenate([states[:, :1], states[:, :1], states[:, 1:]], 1)
  half = jnp.concatenate([jnp.full((3, 2), 0.5), MASK[:, 1:]], axis=1)
  np.testing.assert_allclose(apply(query, twice, half)[0], seen, atol=1e-6)
  value = lambda mask: jnp.sum(apply(query, states, mask)[0])
  slope = jax.jit(jax.grad(value))(MASK.astype(float))
  assert np.isfinite(slope).all()


def test_padding_changes_nothing():
  x = draws(3, LENGTH, WIDTH)
  longer = jnp.concatenate([x, draws(3, 4, WIDTH, seed=5)], axis=1)
  longer = jnp.where(jnp.arange(9)[None, :, None] < LENGTH, longer, 7.0)
  mask = jnp.pad(MASK, ((0, 0), (0, 4)))
  other = jnp.where(mask[..., None], longer, -longer)
  for module in (text.WindowCNN((1, 2, 3), 4), text.BidirectionalGRU(SIZE)):
    params = parameters(module, x, MASK)
    of = jax.jit(lambda x, m, f=module, p=params: f.apply({'params': p}, x, m))
    last = lambda y: y[1] if isinstance(y, tuple) else y
    want = last(of(x, MASK))
    for padded in (longer, other):
      np.testing.assert_allclose(last(of(padded, mask)), want, atol=1e-6)
  states = of(longer, mask)[0]
  np.testing.assert_allclose(states[:, :LENGTH], of(x, MASK)[0], atol=1e-6)
  assert (np.asarray(states)[~np.asarray(mask)] == 0).all()


def test_windows_by_hand():
  cnn = text.WindowCNN((1, 3), 2)
  x = draws(3, LENGTH, WIDTH)
  params = parameters(cnn, x, MASK)
  got = jax.jit(cnn.apply)({'params': params}, x, MASK)
  p, x = jax.tree.map(lambda a: np.asarray(a, np.float64), (params, x))
  for b, count in enumerate((2, 5, 1)):
    words = np.concatenate([x[b, :count], np.zeros((2, WIDTH))])
    want = []
    for height in (1, 3):
      q = p[f'height_{height}']
      answers = [
        words[t : t + height].reshape(-1) @ q['kernel'] + q['bias']
        for t in range(count)
      ]
      want.append(np.maximum(np.max(answers, axis=0), 0))
    np.testing.assert_allclose(got[b], np.concatenate(want), atol=1e-5)


def test_the_slope_of_a_window_is_at_one_place():
  """At the first of the places that answer most, and whole."""
  cnn = text.WindowCNN((1,), 1)
  x = jnp.array([[[1.0], [3.0], [2.0], [3.0]]])
  params = {'height_1': {'kernel': jnp.full((1, 1), 0.7), 'bias': jnp.zeros(1)}}
  of = lambda x: cnn.apply({'params': params}, x, jnp.ones((1, 4))).sum()
  slope = jax.jit(jax.grad(of))(x)[0, :, 0]
  np.testing.assert_allclose(slope, [0, 0.7, 0, 0], rtol=1e-6)


def test_both_directions_see_all_words_before_and_after():
  reader = text.BidirectionalGRU(SIZE)
  x = draws(3, LENGTH, WIDTH)
  params = parameters(reader, x, MASK)
  states, last = jax.jit(reader.apply)({'params': params}, x, MASK)
  p, x = jax.tree.map(lambda a: np.asarray(a, np.float64), (params, x))
  for b, count in enumerate((2, 5, 1)):
    for name, order, columns in (
      ('forwards', range(count), slice(0, SIZE)),
      ('backwards', reversed(range(count)), slice(SIZE, None)),
    ):
      h = np.zeros(SIZE)
      for t in order:
        h = gru(p[name]['cell'], h, x[b, t])
        np.testing.assert_allclose(states[b, t, columns], h, atol=1e-5)
      np.testing.assert_allclose(last[b, columns], h, atol=1e-5)


def writer(scale=2.0, end=0.0):
  decoder, params, first, _, memory, code = attending()
  params = jax.tree.map(lambda a: scale * a, params)
  bias = params['readout']['bias']
  params['readout']['bias'] = bias.at[tokens_lib.EOS].add(end)
  table = draws(WORDS, WIDTH, seed=4)
  step = lambda carry, x: decoder.apply(
    {'params': params}, carry, x, memory, MASK, code, method='step'
  )[:2]
  begin = lambda first: decoder.apply({'params': params}, first, method='begin')
  carry = jax.jit(begin)(first)

  @jax.jit
  def logits(words):
    x = table[tokens_lib.inputs(words)]
    said = decoder.apply({'params': params}, first, x, memory, MASK, code)[0]
    # Padding and the start are never written.
    return said.at[..., :2].set(-np.inf)

  return step, table, carry, logits


def test_greedy_words_are_the_likeliest_and_soft_ones_end_there():
  step, table, carry, logits = writer(end=5.0)
  words = jax.jit(lambda c: text.greedy(step, table, c, 6))(carry)
  assert words.dtype == jnp.int32
  counts = np.asarray(tokens_lib.mask_of(words))
  assert 0 < np.sum(~counts) < counts.size - 3
  likeliest = np.argmax(logits(words), axis=-1)
  np.testing.assert_array_equal(likeliest[counts], np.asarray(words)[counts])
  assert (np.asarray(words)[~counts] == tokens_lib.PAD).all()
  soft = jax.jit(lambda t: text.soft(step, table, carry, 6, t))
  laws = soft(1e-3)
  np.testing.assert_allclose(np.sum(laws, axis=-1), 1, rtol=1e-5)
  np.testing.assert_array_equal(
    np.argmax(laws, axis=-1)[counts], np.asarray(words)[counts]
  )
  np.testing.assert_allclose(np.max(laws, axis=-1)[counts], 1, atol=1e-3)
  inside = tokens_lib.soft_mask(laws)
  np.testing.assert_allclose(inside, counts, atol=1e-3)
  # Warm ones are laws that carry a gradient to the first state.
  value = lambda c: jnp.sum(text.soft(step, table, c, 6, 1.0)[..., 4])
  gradient = jax.jit(jax.grad(value))(carry)
  assert np.all(np.abs(gradient).sum(axis=-1) > 1e-4)


def test_draws_have_the_law_of_the_decoder():
  step, table, carry, logits = writer(0.7)
  count = 4000
  of = lambda keys: text.sampled(keys, step, table, carry, 3)
  keys = jax.random.split(jax.random.key(0), (count, 3))
  words = np.asarray(jax.jit(jax.vmap(of))(keys))
  law = nn.softmax(logits(jnp.zeros((3, 1), jnp.int32))[:, 0])
  for b in range(3):
    first = np.bincount(words[:, b, 0], minlength=WORDS) / count
    np.testing.assert_allclose(first, law[b], atol=4 / np.sqrt(count) / 2)
  # The second word, given a first one that is often drawn.
  often = int(np.argmax(np.bincount(words[:, 0, 0][words[:, 0, 0] > 2])))
  given = words[words[:, 0, 0] == often][:, 0, 1]
  both = jnp.full((3, 2), often, jnp.int32)
  law = nn.softmax(logits(both)[0, 1])
  got = np.bincount(given, minlength=WORDS) / len(given)
  np.testing.assert_allclose(got, law, atol=2.5 / np.sqrt(len(given)))
  # A cold draw is the likeliest word.
  cold = jax.jit(lambda k: text.sampled(k, step, table, carry, 3, 1e-4))
  greedy = jax.jit(lambda c: text.greedy(step, table, c, 3))
  np.testing.assert_array_equal(cold(keys[0]), greedy(carry))


def test_vectors_of_words_hard_and_soft():
  embed = text.Embedding(WORDS, WIDTH)
  tokens = jnp.asarray([[3, 0], [6, 2]])
  params = parameters(embed, tokens)
  hard = embed.apply({'params': params}, tokens)
  one_hot = jax.nn.one_hot(tokens, WORDS)
  soft = embed.apply({'params': params}, one_hot, method='soft')
  np.testing.assert_allclose(hard, soft, atol=1e-6)
  np.testing.assert_array_equal(hard[1, 0], params['table'][6])


def test_a_uniform_decoder_costs_the_log_of_the_vocabulary():
  tokens = jnp.asarray([[4, 5, 2, 0], [4, 4, 4, 4], [2, 6, 6, 6]])
  nll = tokens_lib.nll(jnp.zeros((3, 4, WORDS)), tokens)
  np.testing.assert_allclose(
    nll, np.array([3, 4, 1]) * np.log(WORDS), rtol=1e-6
  )
  np.testing.assert_array_equal(tokens_lib.inputs(tokens)[0], [1, 4, 5, 2])
  np.testing.assert_array_equal(tokens_lib.cut(tokens)[2], [2, 0, 0, 0])
