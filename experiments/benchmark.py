"""Measures this engine here; see `disentangle_jax.commands`."""

from disentangle_jax.commands import benchmark

__doc__ = benchmark.__doc__

if __name__ == '__main__':
  benchmark.run()
