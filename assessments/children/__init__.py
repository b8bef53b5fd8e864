"""Programs run as child processes. They know `attacks` and nothing of Django, the database or any credential."""
