"""Methods that learn from pairs, groups and time instead of labels."""
