"""What is compiled: training, encoding, scores, pictures."""
