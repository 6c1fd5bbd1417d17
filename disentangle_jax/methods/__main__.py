"""Prints docs/objectives.md: `python -m disentangle_jax.methods`."""

from disentangle_jax import methods
from disentangle_jax.methods import catalogue

print(catalogue.to_markdown(methods.METHODS), end='')
