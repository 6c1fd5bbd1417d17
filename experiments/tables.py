"""See `disentangle_jax.commands.result_tables`."""

from disentangle_jax.commands import result_tables

__doc__ = result_tables.__doc__

if __name__ == '__main__':
  result_tables.run()
