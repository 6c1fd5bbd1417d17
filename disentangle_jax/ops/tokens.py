"""Sentences as arrays of tokens: their ends, masks, likelihood.

A sentence of L tokens is its words, the end and padding; no start stands in it.
A decoder is given the start as its first input, see `inputs`.
"""

import chex
import jax
import jax.numpy as jnp

PAD, BOS, EOS, UNK = range(4)


def mask_of(tokens: jax.Array) -> jax.Array:
  """Which tokens count: those up to the first end, the end included.

  Args:
    tokens: int [..., L].

  Returns:
    bool [..., L]: a prefix; all of them where no end stands.
  """
  chex.assert_type(tokens, int)
  ends = jnp.cumsum(tokens == EOS, axis=-1)
  inside = (ends == 0) | ((ends == 1) & (tokens == EOS))
  return jnp.cumprod(inside & (tokens != PAD), axis=-1).astype(bool)


def cut(tokens: jax.Array) -> jax.Array:
  """Padding in place of all that follows the first end.

  Args:
    tokens: int [..., L], e.g. what a decoder wrote.

  Returns:
    int [..., L].
  """
  return jnp.where(mask_of(tokens), tokens, PAD)


def soft_mask(probabilities: jax.Array) -> jax.Array:
  """How sure it is that a sentence has not ended before each place.

  Args:
    probabilities: float [..., L, V], a law of words for each place.

  Returns:
    float [..., L] in [0, 1], falling: the product of 1 - P(end) over the places
    before; `mask_of` where every law is certain and no padding is written.
  """
  chex.assert_type(probabilities, float)
  goes_on = 1 - probabilities[..., :-1, EOS]
  first = jnp.ones_like(probabilities[..., :1, EOS])
  return jnp.concatenate([first, jnp.cumprod(goes_on, axis=-1)], axis=-1)


def inputs(tokens: jax.Array) -> jax.Array:
  """What a decoder reads before it says each token: the one before it.

  Args:
    tokens: int [..., L].

  Returns:
    int [..., L], the start first.
  """
  chex.assert_type(tokens, int)
  start = jnp.full_like(tokens[..., :1], BOS)
  return jnp.concatenate([start, tokens[..., :-1]], axis=-1)


def nll(logits: jax.Array, tokens: jax.Array) -> jax.Array:
  """Negative log likelihood of sentences, words and end.

  Args:
    logits: float [..., L, V], unnormalised log probabilities.
    tokens: int [..., L].

  Returns:
    float [...], nats, summed over the tokens that count.
  """
  chex.assert_type([logits, tokens], [float, int])
  chex.assert_equal_shape_prefix([logits, tokens], tokens.ndim)
  logs = jax.nn.log_softmax(logits, axis=-1)
  own = jnp.take_along_axis(logs, tokens[..., None], axis=-1)[..., 0]
  return -jnp.sum(jnp.where(mask_of(tokens), own, 0), axis=-1)
