"""A few labels: to train with them, or to select among unsupervised models."""
