"""Sentiment by moving codes: does a sentence cross and keep its topic?"""
