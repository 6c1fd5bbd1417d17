"""Sentences under the other label: what do adversaries of the code add?"""
