"""Embeddings by the F statistic: single codes for attributes."""
