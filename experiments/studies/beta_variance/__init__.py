"""How much the score of a beta-VAE varies with beta, nets, noise and seeds."""
