"""Pages about documents, and the first page of each role: they know every room."""
