"""Draws what a run has learnt; see `disentangle_jax.commands`."""

from disentangle_jax.commands import traverse

__doc__ = traverse.__doc__

if __name__ == '__main__':
  traverse.run()
