"""Attribute inference: guessing a hidden attribute of a known person from what the model answers."""
