"""The large study: six objectives, six strengths, fifty seeds on dSprites."""
