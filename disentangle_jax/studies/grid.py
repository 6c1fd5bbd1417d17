"""The words that a study's config is written in.

A config starts from `base_config()`, which declares every field, and gives
`sweep` as points made by `product`, `zipped` and `chain` over dotted names:

  config.sweep = grid.chain(
    grid.product({'methods': ['beta_vae'], 'hparams.beta': [1, 2, 4]}),
    grid.product({'methods': ['annealed_vae'], 'hparams.c_max': [5, 10, 25]}),
  )
"""

from disentangle_jax import base_config, chain, errors, product, zipped

__all__ = [
  'SMALL_SPRITES',
  'base_config',
  'chain',
  'product',
  'variant',
  'zipped',
]

# The data set of the laptop-sized studies of sprites: 3 x 3 x 8 x 8 x 8 images.
SMALL_SPRITES = {
  'name': 'dsprites',
  'resolution': 16,
  'scales': 3,
  'orientations': 8,
  'drop_duplicate': True,
  'positions': 8,
}


def variant(name: str, legal: tuple[str, ...]) -> str:
  """The part behind ':' in --config=FILE:VARIANT, checked.

  Args:
    name: what was given; '' for the config itself.
    legal: the variants that exist.

  Returns:
    `name`.

  Raises:
    ConfigError: no such variant.
  """
  if name and name not in legal:
    raise errors.choices('--config=...:variant', name, legal)
  return name
