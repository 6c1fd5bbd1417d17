"""Factors that depend on each other: what stays entangled, what repairs it."""
