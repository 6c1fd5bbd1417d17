"""beta-VAE on Frey faces: losses, covariances and prior against beta."""
