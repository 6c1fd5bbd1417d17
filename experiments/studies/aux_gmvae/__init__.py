"""Clusters of the global latents with and without the auxiliary task."""
