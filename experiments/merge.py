"""Puts stores of one study into one; see `disentangle_jax.commands`."""

from disentangle_jax.commands import merge

__doc__ = merge.__doc__

if __name__ == '__main__':
  merge.run()
