"""Receives parcels of another region."""
