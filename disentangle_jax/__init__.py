"""disentangle_jax: hundreds of disentanglement runs at once, in JAX."""

from disentangle_jax.engine.plan.algebra import chain, product, zipped
from disentangle_jax.engine.plan.declare import base_config
from disentangle_jax.engine.sweep import sweep
from disentangle_jax.errors import ConfigError, StoreError
from disentangle_jax.runs.trained import load_run
from disentangle_jax.types import Phase
from disentangle_jax.version import __version__

__all__ = [
  'ConfigError',
  'Phase',
  'StoreError',
  '__version__',
  'base_config',
  'chain',
  'load_run',
  'product',
  'sweep',
  'zipped',
]
