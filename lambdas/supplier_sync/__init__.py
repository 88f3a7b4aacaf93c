"""Stores the price list of a supplier, each time that its schedule says so, one run at a time."""
