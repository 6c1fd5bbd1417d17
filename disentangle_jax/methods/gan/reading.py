"""What is read of a trained member of the InfoGAN family: codes and images.

The code vector is [means of the continuous codes, one-hot of the most likely
class of each categorical code]. `decode` puts one fixed noise vector beside it,
so that traversals do not flicker. The log likelihood of a code is that of a
normal distribution of unit variance around the decoded image: no likelihood of
the model, which has none.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from disentangle_jax import types
from disentangle_jax.methods.gan import common
from disentangle_jax.ops import concrete, likelihood

# Of a code sheet.
_COLUMNS = 8


def represent(
  config: common.Config, networks: common.Networks
) -> Callable[..., types.Codes]:
  """`represent` of the family, see the docstring of the module."""

  def codes(state, observation):
    heads = networks.heads(state.params, observation)
    pieces, parts = [], {}
    if config.num_continuous:
      pieces.append(heads['mean'])
      if 'log_scale' in heads:
        parts['mean'] = heads['mean']
        parts['logvar'] = 2 * heads['log_scale']
    if config.categories:
      parts['class_logits'] = heads['class_logits']
      ends = np.cumsum(config.categories)[:-1]
      for logits in jnp.split(heads['class_logits'], ends, axis=-1):
        pieces.append(concrete.hard_sample(logits, jnp.zeros_like(logits)))
    return types.Codes(jnp.concatenate(pieces, axis=-1), parts)

  return codes


def decode_and_extras(
  config: common.Config, networks: common.Networks, kind: str
) -> tuple[Callable, dict[str, Callable]]:
  """`decode` and the extras of the family.

  Args:
    config: gives the codes.
    networks: of the method.
    kind: of the data set. Of images there are 'pictures': a sheet for each
      categorical code, its values by rows; each column has noise and other
      codes of its own.

  Returns:
    `decode` and the extras.
  """

  def images(state, vector, noise):
    latents = common.Latents(vector, None, None, noise)
    params = state.params
    statistics = params['statistics']['generator']
    return networks.generate(params['generator'], statistics, latents, False)[0]

  def decode(state, vector):
    fixed = jax.random.key(0)
    noise = jax.random.uniform(fixed, (config.num_noise,), minval=-1, maxval=1)
    rows = jnp.broadcast_to(noise, (len(vector), config.num_noise))
    return images(state, vector, rows)

  def log_likelihood(state, vector, observation):
    return likelihood.gaussian(
      decode(state, vector), observation, jnp.zeros(())
    )

  def generate(key, state, count):
    latents = networks.draw(key, jnp.arange(count, dtype=jnp.int32))
    observation = images(state, latents.vector, latents.noise)
    return observation, types.Codes(latents.vector, {})

  def pictures(key, state, observation):
    del observation
    latents = networks.draw(key, jnp.arange(_COLUMNS, dtype=jnp.int32))
    sheets, begin = {}, config.num_continuous
    for number, size in enumerate(config.categories):
      wide = lambda x, size=size: jnp.tile(x, (size, 1))  # [size COLUMNS, ...]
      values = jnp.repeat(jnp.eye(size), _COLUMNS, axis=0)
      vector = wide(latents.vector).at[:, begin : begin + size].set(values)
      begin += size
      sheet = images(state, vector, wide(latents.noise))
      name = 'code' if len(config.categories) == 1 else f'code_{number}'
      name += '_by_rows_and_noise_by_columns'
      sheets[name] = sheet.reshape(size, _COLUMNS, *sheet.shape[1:])
    return sheets

  extras = {'log_likelihood': log_likelihood, 'generate': generate}
  if config.categories and kind == 'image':
    extras['pictures'] = pictures
  return decode, extras
