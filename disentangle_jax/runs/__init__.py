"""Trained runs as users hold them: load, explore, look at latents."""
