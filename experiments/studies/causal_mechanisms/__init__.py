"""Experts that compete for mechanisms: does each find one of its own?"""
