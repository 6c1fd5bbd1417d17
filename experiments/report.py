"""Makes the report of a sweep again; see `disentangle_jax.commands`."""

from disentangle_jax.commands import report

__doc__ = report.__doc__

if __name__ == '__main__':
  report.run()
