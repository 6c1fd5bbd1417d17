"""A hundred labels beside four unsupervised losses, against none."""
