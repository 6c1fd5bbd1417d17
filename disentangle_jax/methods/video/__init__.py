"""Methods that see films: how a scene changes tells what it is made of."""
