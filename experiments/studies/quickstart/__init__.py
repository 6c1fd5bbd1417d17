"""Quickstart: what beta and capacity do to small sprites, over eight seeds."""
