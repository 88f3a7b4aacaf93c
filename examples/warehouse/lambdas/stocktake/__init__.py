"""Writes the stock of a night into the journal."""
