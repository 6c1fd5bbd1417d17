"""Scores of codes: a Metric per module."""
