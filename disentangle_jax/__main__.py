"""`python -m disentangle_jax COMMAND`, the same as `disentangle COMMAND`."""

from disentangle_jax.commands import main

if __name__ == '__main__':
  main.run()
