"""Codes of a GAN with and without the information that InfoGAN adds."""
