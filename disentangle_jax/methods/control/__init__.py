"""Systems that act."""
