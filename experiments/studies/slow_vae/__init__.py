"""Sparse change in time: SlowVAE against a beta-VAE."""
