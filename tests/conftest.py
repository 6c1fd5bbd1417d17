"""Four CPU devices, for the meshes, and compiled programs kept between runs."""

import os
import pathlib

import jax

jax.config.update('jax_num_cpu_devices', 4)
_cache = os.environ.get('XDG_CACHE_HOME') or pathlib.Path.home() / '.cache'
jax.config.update(
  'jax_compilation_cache_dir', str(pathlib.Path(_cache, 'disentangle_jax'))
)
jax.config.update('jax_persistent_cache_min_compile_time_secs', 0.2)


def pytest_configure(config):
  """Fast tests are tiny programs: compiling them is what takes the time.

  Commands in processes of their own, and tests marked slow, run with all of
  XLA's optimisations.
  """
  if config.option.markexpr == 'not slow':
    jax.config.update('jax_disable_most_optimizations', True)
