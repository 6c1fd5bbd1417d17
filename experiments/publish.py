"""See `disentangle_jax.commands.publish`."""

from disentangle_jax.commands import publish

__doc__ = publish.__doc__

if __name__ == '__main__':
  publish.run()
