"""Dynamics and content: plans for pictures whose actions nobody recorded."""
