"""See `disentangle_jax.commands.paper`."""

from disentangle_jax.commands import paper

__doc__ = paper.__doc__

if __name__ == '__main__':
  paper.run()
