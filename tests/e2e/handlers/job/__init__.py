"""A job that does what a table says."""
