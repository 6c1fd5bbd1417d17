"""Published data sets, read from files that the user has or through TFDS."""
