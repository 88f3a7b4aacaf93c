"""Requests: what a gateway has accepted, from the record of a request to its result."""
