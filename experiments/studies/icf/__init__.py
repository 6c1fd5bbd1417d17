"""Factors that an agent controls on their own: does acting find them?"""
