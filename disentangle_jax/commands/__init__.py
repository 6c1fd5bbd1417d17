"""Command lines: flags in, the library called, one line per mistake."""
