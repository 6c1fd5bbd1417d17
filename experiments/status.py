"""Says where a study stands; see `disentangle_jax.commands`."""

from disentangle_jax.commands import status

__doc__ = status.__doc__

if __name__ == '__main__':
  status.run()
