"""Baselines under the beta-VAE score: pixels, PCA, ICA and an untrained VAE."""
