"""Model inversion: rebuilding from the model what its classes look like, and asking whether that shows people or only types."""
