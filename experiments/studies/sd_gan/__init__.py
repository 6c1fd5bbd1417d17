"""Identity and all else in the latents of a GAN, by a critic of pairs."""
