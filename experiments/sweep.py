"""Runs a study; see `disentangle_jax.commands.sweep`."""

from disentangle_jax.commands import sweep

__doc__ = sweep.__doc__

if __name__ == '__main__':
  sweep.run()
