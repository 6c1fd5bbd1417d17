"""See `disentangle_jax.commands.listing`."""

from disentangle_jax.commands import listing

__doc__ = listing.__doc__

if __name__ == '__main__':
  listing.run()
