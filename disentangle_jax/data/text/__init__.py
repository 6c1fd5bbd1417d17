"""Sets of sentences: made by rules, and a user's own."""
