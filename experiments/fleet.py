"""A study on machines that are not here; see `disentangle_jax.commands`."""

from disentangle_jax.commands import fleet

__doc__ = fleet.__doc__

if __name__ == '__main__':
  fleet.run()
