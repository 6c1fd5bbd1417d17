"""Scores of models: a Probe per module, and the judge that some ask."""
