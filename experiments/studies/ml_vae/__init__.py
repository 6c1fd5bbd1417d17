"""Content and style of grouped digits, and what evidence adds to content."""
