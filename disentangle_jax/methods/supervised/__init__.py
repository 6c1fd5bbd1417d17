"""Methods that are told something about factors: kinds, values."""
