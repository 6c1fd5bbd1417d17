"""Films in factors that are predicted one by one, against one transition."""
