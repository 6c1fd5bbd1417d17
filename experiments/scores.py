"""`python -m experiments.tables --kind=scores`, under its older name."""

from disentangle_jax.commands import result_tables

if __name__ == '__main__':
  result_tables.run('scores')
