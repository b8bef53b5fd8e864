"""Membership inference: guessing whether a record was in the training data."""
