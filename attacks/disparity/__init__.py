"""Disparity between groups: of outcomes (who is selected) and of leakage (whom an attack hits harder)."""
