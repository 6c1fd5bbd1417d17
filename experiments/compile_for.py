"""Would a study fit devices elsewhere? See `disentangle_jax.commands`."""

from disentangle_jax.commands import compile_for

__doc__ = compile_for.__doc__

if __name__ == '__main__':
  compile_for.run()
