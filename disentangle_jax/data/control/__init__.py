"""Worlds to act in, each also a data set of its states."""
