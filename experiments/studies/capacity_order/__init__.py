"""In which order a rising capacity switches the factors of dSprites on."""
