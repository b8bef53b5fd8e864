"""Pages about what an organisation holds and by which limits it is judged."""
