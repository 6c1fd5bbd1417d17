"""Systems that read and write sentences."""
