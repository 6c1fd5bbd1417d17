"""Pairs against six unsupervised objectives, at equal seeds."""
