"""A handler in memory: its process runs for real, and what it calls is a fake."""
