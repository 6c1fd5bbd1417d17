"""Deterministic networks with a penalty on their activations."""
