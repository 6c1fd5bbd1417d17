"""PCA against InfoGAN by disentanglement, completeness, informativeness."""
