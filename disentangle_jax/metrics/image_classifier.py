"""A small classifier of images, to judge what models decode.

Dense layers with ReLU on the flattened image, trained by Adam on the cross
entropy with a factor of the data set as the label. Pure functions: whoever
needs a judge (an attack, a swap of attributes) calls `fit` in the `fit` of its
probe and passes the parameters on as the context.
"""

from collections.abc import Sequence
import math

import jax
import jax.numpy as jnp
import optax

from disentangle_jax import errors, types

# One dict of 'kernel' [in, out] and 'bias' [out] per layer.
Params = list[dict[str, jax.Array]]


def check(data: types.Dataset, factor: int, where: str) -> None:
  """Raises ConfigError unless a factor of the data set can be the label.

  Args:
    data: the data set.
    factor: number of the factor.
    where: dotted name of the setting, for the error.
  """
  if not data.factor_sizes:
    rule = f'data set {data.name} has no labels to train a classifier on'
    raise errors.value(where, factor, rule)
  if not 0 <= factor < len(data.factor_sizes):
    legal = [f'{k} ({name})' for k, name in enumerate(data.factor_names)]
    raise errors.value(where, factor, f'must be one of {", ".join(legal)}')
  if data.factor_sizes[factor] < 2:
    rule = f'factor {data.factor_names[factor]} has a single value'
    raise errors.value(where, factor, rule)


def init(key: jax.Array, sizes: Sequence[int]) -> Params:
  """Parameters of dense layers, He-normal kernels, zero biases.

  Args:
    key: typed PRNG key.
    sizes: widths from the flattened image to the number of classes.
  """
  draw = jax.nn.initializers.he_normal()
  keys = jax.random.split(key, len(sizes) - 1)
  return [
    {'kernel': draw(k, (wide, out)), 'bias': jnp.zeros(out)}
    for k, wide, out in zip(keys, sizes[:-1], sizes[1:])
  ]


def logits(params: Params, images: jax.Array) -> jax.Array:
  """Unnormalised log probabilities of the classes.

  Args:
    params: from `fit`.
    images: float32 [B, ...] in [0, 1].

  Returns:
    float32 [B, classes].
  """
  x = images.reshape(len(images), -1)
  for layer in params[:-1]:
    x = jax.nn.relu(x @ layer['kernel'] + layer['bias'])
  return x @ params[-1]['kernel'] + params[-1]['bias']


def predict(params: Params, images: jax.Array) -> jax.Array:
  """The most likely class.

  Args:
    params: from `fit`.
    images: float32 [B, ...] in [0, 1].

  Returns:
    int32 [B]; -1 for an image that is not finite.
  """
  scores = logits(params, images)
  known = jnp.all(jnp.isfinite(scores), axis=-1)
  return jnp.where(known, jnp.argmax(scores, axis=-1), -1).astype(jnp.int32)


def fit(
  key: jax.Array,
  data: types.Dataset,
  arrays: types.PyTree,
  factor: int = 0,
  *,
  steps: int = 1000,
  hidden: Sequence[int] = (256,),
  batch_size: int = 128,
  learning_rate: float = 1e-3,
) -> Params:
  """Trains a classifier on draws of the data set.

  Args:
    key: typed PRNG key.
    data: where images come from; `arrays` are its own.
    arrays: what `data.sample` reads.
    factor: number of the factor that is the label.
    steps: of Adam.
    hidden: widths of the hidden layers.
    batch_size: images per step.
    learning_rate: Adam's.

  Returns:
    The parameters.
  """
  init_key, data_key = jax.random.split(key)
  wide = math.prod(data.observation_shape)
  params = init(init_key, (wide, *hidden, data.factor_sizes[factor]))
  adam = optax.adam(learning_rate)

  def loss(params, batch):
    return jnp.mean(
      optax.softmax_cross_entropy_with_integer_labels(
        logits(params, batch['observation']), batch['factors'][:, factor]
      )
    )

  def step(carry, t):
    params, opt_state = carry
    index = jnp.arange(batch_size, dtype=jnp.int32)
    batch = data.sample(jax.random.fold_in(data_key, t), arrays, index)
    updates, opt_state = adam.update(
      jax.grad(loss)(params, batch), opt_state, params
    )
    return (optax.apply_updates(params, updates), opt_state), None

  (params, _), _ = jax.lax.scan(
    step, (params, adam.init(params)), jnp.arange(steps)
  )
  return params


def accuracy(params: Params, images: jax.Array, labels: jax.Array) -> jax.Array:
  """Share of images whose class is right.

  Args:
    params: from `fit`.
    images: float32 [B, ...] in [0, 1].
    labels: int [B].

  Returns:
    float32 scalar in [0, 1].
  """
  return jnp.mean((predict(params, images) == labels).astype(jnp.float32))
