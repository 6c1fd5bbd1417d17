"""Pairs of images against single ones: Ada-GVAE, Group-VAE and a VAE."""
