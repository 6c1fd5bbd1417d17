"""Prints docs/metrics.md: `python -m disentangle_jax.metrics`."""

from disentangle_jax import metrics
from disentangle_jax.metrics import catalogue

print(catalogue.to_markdown(metrics.METRICS), end='')
