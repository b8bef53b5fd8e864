"""Models under test: how each accepted file becomes a `Target`, and the planted and silent targets of gate G2."""
