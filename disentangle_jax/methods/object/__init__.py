"""Scenes as sets of entities: a vector for each, all decoded alike."""
