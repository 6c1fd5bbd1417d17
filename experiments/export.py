"""A run as one file with a card; see `disentangle_jax.commands`."""

from disentangle_jax.commands import export

__doc__ = export.__doc__

if __name__ == '__main__':
  export.run()
