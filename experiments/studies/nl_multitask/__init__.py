"""Sentence codes that several tasks share: natural language multitasking."""
