"""Shows what a data set is; see `disentangle_jax.commands`."""

from disentangle_jax.commands import show_data

__doc__ = show_data.__doc__

if __name__ == '__main__':
  show_data.run()
