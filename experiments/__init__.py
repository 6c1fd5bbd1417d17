"""Command-line entry points; all logic lives in disentangle_jax."""
