"""Methods that learn from two data sets whose rows are paired."""
