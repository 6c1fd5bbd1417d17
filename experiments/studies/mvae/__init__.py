"""Entities of scenes: the multi-entity VAE against one vector for all."""
