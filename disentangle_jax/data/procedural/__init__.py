"""Renderers: observations from factors, on the device."""
