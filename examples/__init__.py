"""Runnable examples; nothing in the product imports them."""
