"""Sources that a label's prior identifies: iVAE against a VAE."""
