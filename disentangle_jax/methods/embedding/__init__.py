"""Embeddings trained on classes of images, without a decoder."""
