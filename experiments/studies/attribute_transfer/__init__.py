"""Sentences under another label: do back-transfer and nouns keep content?"""
