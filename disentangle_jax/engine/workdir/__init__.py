"""What is on disk: one folder per study, each format in one file."""
