"""See `disentangle_jax.commands.claims`."""

from disentangle_jax.commands import claims

__doc__ = claims.__doc__

if __name__ == '__main__':
  claims.run()
